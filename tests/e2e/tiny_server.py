"""A stand-in server: offers one fix which turns `retrun` into `return` in the text it knows.

It exists until the real server can do that, to try the harness on.
"""

from __future__ import annotations

import json
import sys
from typing import Any

text: dict[str, list[Any]] = {}
wanted: dict[str, Any] = {}


def send(**message: Any) -> None:
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    sys.stdout.buffer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    sys.stdout.buffer.flush()


def receive() -> dict[str, Any] | None:
    length = 0
    while line := sys.stdin.buffer.readline().strip():
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    return dict(json.loads(sys.stdin.buffer.read(length))) if length else None


def offset(value: str, position: dict[str, int]) -> int:
    lines = value.splitlines(keepends=True)
    return sum(map(len, lines[: position["line"]])) + position["character"]


def change(uri: str, version: int, changes: list[dict[str, Any]]) -> None:
    value = text[uri][1]
    for item in changes:
        if "range" in item:
            start, end = (offset(value, item["range"][k]) for k in ("start", "end"))
            value = value[:start] + item["text"] + value[end:]
        else:
            value = item["text"]
    text[uri] = [version, value]


def fix(uri: str) -> None:
    send(id="p", method="window/workDoneProgress/create", params={"token": "t"})
    for value in (
        {"kind": "begin", "title": "Codex: fix"},
        {"kind": "report", "message": "Thinking"},
    ):
        send(method="$/progress", params={"token": "t", "value": value})
    version, value = text[uri]
    edits = []
    for number, line in enumerate(value.splitlines()):
        at = line.find("retrun")
        if at >= 0:
            ends = {"line": number, "character": at}, {"line": number, "character": at + 6}
            edits.append({"range": {"start": ends[0], "end": ends[1]}, "newText": "return"})
    document = {"uri": uri, "version": version}
    edit = {"documentChanges": [{"textDocument": document, "edits": edits}]}
    send(id="e", method="workspace/applyEdit", params={"label": "Codex", "edit": edit})


def main() -> None:
    while message := receive():
        params: dict[str, Any] = message.get("params") or {}
        match message.get("method"):
            case "initialize":
                offered = params["capabilities"].get("general", {}).get("positionEncodings", [])
                capabilities = {
                    "positionEncoding": offered[0] if offered else "utf-16",
                    "textDocumentSync": {"openClose": True, "change": 2},
                    "codeActionProvider": True,
                    "executeCommandProvider": {"commands": ["codex.fix"]},
                }
                send(id=message["id"], result={"capabilities": capabilities})
            case "textDocument/didOpen":
                item = params["textDocument"]
                text[item["uri"]] = [item["version"], item["text"]]
                where = {"line": 1, "character": 4}, {"line": 1, "character": 10}
                problem = {
                    "range": {"start": where[0], "end": where[1]},
                    "message": "`retrun` is no word of Python",
                    "severity": 1,
                    "source": "codex",
                }
                published = {"uri": item["uri"], "diagnostics": [problem]}
                send(method="textDocument/publishDiagnostics", params=published)
            case "textDocument/didChange":
                document = params["textDocument"]
                change(document["uri"], document["version"], params["contentChanges"])
            case "textDocument/codeAction":
                title = 'Codex: fix "`retrun` is no word of Python"'
                argument = {"uri": params["textDocument"]["uri"]}
                command = {"title": title, "command": "codex.fix", "arguments": [argument]}
                action = {"title": title, "kind": "quickfix.codex", "command": command}
                send(id=message["id"], result=[action])
            case "workspace/executeCommand":
                send(id=message["id"], result={"taskId": "1"})
                fix(params["arguments"][0]["uri"])
            case "shutdown":
                send(id=message["id"], result=None)
            case "exit":
                return
            case None if message.get("id") == "e":
                done = {"kind": "end", "message": "Fixed"}
                send(method="$/progress", params={"token": "t", "value": done})
            case _:
                pass


main()
