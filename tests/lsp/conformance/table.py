"""What JSON-RPC and LSP say a server answers, as a table; `test_table` runs it.

A case sends bytes and names every reply that they must cause: `(id, error code)` or
`(id, Result(value))`. It leaves the session as it found it, because cases share a process.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.doubles.raw_client import framed

PARSE, INVALID, UNKNOWN, PARAMS, INTERNAL = -32700, -32600, -32601, -32602, -32603
EARLY = -32002


@dataclass(frozen=True)
class Result:
    value: Any


Reply = tuple[Any, int | Result]


@dataclass(frozen=True)
class Case:
    name: str
    data: bytes
    replies: tuple[Reply, ...] = ()


def case(name: str, sent: Any, *replies: Reply) -> Case:
    """`sent` is bytes as they are, one message, or a tuple of messages."""
    if isinstance(sent, tuple):
        data = b"".join(map(framed, sent))
    else:
        data = sent if isinstance(sent, bytes) else framed(sent)
    return Case(name, data, replies)


def ask(request: Any, method: Any, *params: Any) -> dict[str, Any]:
    message = {"jsonrpc": "2.0", "id": request, "method": method}
    return message | ({"params": params[0]} if params else {})


def tell(method: Any, *params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": method} | ({"params": params[0]} if params else {})


def body(text: str | bytes, header: str = "Content-Length: {}\r\n\r\n") -> bytes:
    data = text if isinstance(text, bytes) else text.encode()
    return header.format(len(data)).encode() + data


URI = "file:///t.py"
NULL = Result(None)
ECHO = ask(1, "codex/echo", {"a": 1})
ECHOED = (1, Result({"a": 1}))
ECHO_BODY = json.dumps(ECHO)
POINT = {"line": 0, "character": 0}
RANGE = {"start": POINT, "end": POINT}
ACTION = {"textDocument": {"uri": URI}, "range": RANGE, "context": {"diagnostics": []}}
OPEN = tell(
    "textDocument/didOpen",
    {"textDocument": {"uri": URI, "languageId": "python", "version": 0, "text": "a\n"}},
)
CLOSE = tell("textDocument/didClose", {"textDocument": {"uri": URI}})
TEXT = ask(1, "codex/text", {"uri": URI})


def change(*changes: Any, version: Any = 7) -> dict[str, Any]:
    document = {"uri": URI, "version": version}
    return tell(
        "textDocument/didChange", {"textDocument": document, "contentChanges": list(changes)}
    )


def shows(text: str, version: int) -> Reply:
    return (1, Result({"text": text, "version": version}))


def deep(levels: int) -> bytes:
    return body(ECHO_BODY.replace('"a": 1', '"a": ' + "[" * levels + "]" * levels))


def nest(levels: int) -> Any:
    return json.loads("[" * levels + "]" * levels)


FRAMES = [
    case("the usual frame", ECHO, ECHOED),
    case("a lower-case header", body(ECHO_BODY, "content-length: {}\r\n\r\n"), ECHOED),
    case("an upper-case header", body(ECHO_BODY, "CONTENT-LENGTH: {}\r\n\r\n"), ECHOED),
    case("no space after the colon", body(ECHO_BODY, "Content-Length:{}\r\n\r\n"), ECHOED),
    case("spaces around the length", body(ECHO_BODY, "Content-Length:   {}  \r\n\r\n"), ECHOED),
    case("leading zeros", body(ECHO_BODY, "Content-Length: 000{}\r\n\r\n"), ECHOED),
    case("line feeds alone", body(ECHO_BODY, "Content-Length: {}\n\n"), ECHOED),
    case(
        "a content type after the length",
        body(
            ECHO_BODY,
            "Content-Length: {}\r\nContent-Type: application/vscode-jsonrpc; charset=utf-8\r\n\r\n",
        ),
        ECHOED,
    ),
    case(
        "a content type before the length",
        body(ECHO_BODY, "Content-Type: x; charset=utf8\r\nContent-Length: {}\r\n\r\n"),
        ECHOED,
    ),
    case("an unknown header", body(ECHO_BODY, "X-A: b\r\nContent-Length: {}\r\n\r\n"), ECHOED),
    case("two frames in one write", (ECHO, ECHO | {"id": 2}), ECHOED, (2, Result({"a": 1}))),
    case("a garbage line before a frame", b"what is this\r\n" + framed(ECHO), ECHOED),
    case("a garbage block before a frame", b"HELLO\r\nTHERE\r\n\r\n" + framed(ECHO), ECHOED),
    case("binary garbage before a frame", bytes(range(256)) + b"\n" + framed(ECHO), ECHOED),
    case("garbage glued to a header", b"}}garbage" + framed(ECHO), ECHOED),
    case("a long garbage line", b"x" * 100_000 + b"\r\n" + framed(ECHO), ECHOED),
    case("blank lines before a frame", b"\r\n\r\n\r\n" + framed(ECHO), ECHOED),
    case("a negative length", b"Content-Length: -5\r\n\r\n" + framed(ECHO), ECHOED),
    case("a length in words", b"Content-Length: five\r\n\r\n" + framed(ECHO), ECHOED),
    case("an empty length", b"Content-Length:\r\n\r\n" + framed(ECHO), ECHOED),
    case("a block without a length", b"Content-Type: x\r\n\r\n" + framed(ECHO), ECHOED),
    case("the later of two lengths", b"Content-Length: 9999\r\n" + framed(ECHO), ECHOED),
    case("a length of 0", b"Content-Length: 0\r\n\r\n" + framed(ECHO), (None, PARSE), ECHOED),
    case(
        "a length that is too short",
        b"Content-Length: 10\r\n\r\n" + ECHO_BODY.encode() + framed(ECHO | {"id": 2}),
        (None, PARSE),
        (2, Result({"a": 1})),
    ),
    case(
        "a length that is too long by a header",
        b"Content-Length: %d\r\n\r\n" % (len(ECHO_BODY) + 21)
        + ECHO_BODY.encode()
        + framed({"swallowed": 1})
        + framed(ECHO),
        (None, PARSE),
        ECHOED,
    ),
]

JSON = [
    case("no JSON", body("{nope"), (None, PARSE)),
    case("half a message", body('{"jsonrpc":"2.0","id":1,'), (None, PARSE)),
    case("two values in one body", body("{}{}"), (None, PARSE)),
    case("white space around a message", body(f"  {ECHO_BODY}\n"), ECHOED),
    case("a body of white space", body("   "), (None, PARSE)),
    case("bytes that are no UTF-8", body(b'{"jsonrpc":"2.0","id":1,"\xff":1}'), (None, PARSE)),
    case("UTF-16", body(ECHO_BODY.encode("utf-16")), (None, PARSE)),
    case("a byte order mark", body(b"\xef\xbb\xbf" + ECHO_BODY.encode()), (None, PARSE)),
    case("NaN", body(ECHO_BODY.replace('"a": 1', '"a": NaN')), (None, PARSE)),
    case("Infinity", body(ECHO_BODY.replace('"a": 1', '"a": -Infinity')), (None, PARSE)),
    case("an absurd number", body(ECHO_BODY.replace("1}}", "1" * 5000 + "}}")), (None, PARSE)),
    case("deep nesting", deep(100_000), (None, PARSE)),
    case(
        "deep nesting that is bearable",
        deep(100),
        (1, Result({"a": nest(100)})),
    ),
    case("a lone surrogate", ask(1, "codex/echo", {"a": "\ud800"}), (1, Result({"a": "\ud800"}))),
    case("astral text", ask(1, "codex/echo", {"a": "😀é"}), (1, Result({"a": "😀é"}))),
    case(
        "raw astral text",
        body(json.dumps(ECHO | {"params": {"a": "😀"}}, ensure_ascii=False)),
        (1, Result({"a": "😀"})),
    ),
    case(
        "line separators",
        ask(1, "codex/echo", {"a": "\u2028\x85"}),
        (1, Result({"a": "\u2028\x85"})),
    ),
    case(
        "a key named jsonrpc inside",
        ask(1, "codex/echo", {"m": {"jsonrpc": "2.0", "id": 3, "method": "x"}}),
        (1, Result({"m": {"jsonrpc": "2.0", "id": 3, "method": "x"}})),
    ),
    case(
        "a key named jsonrpc in arguments",
        ask(
            1,
            "workspace/executeCommand",
            {"command": "probe.echo", "arguments": [{"jsonrpc": "2.0"}]},
        ),
        (1, Result([{"jsonrpc": "2.0"}])),
    ),
    case(
        "keys that are no identifiers",
        ask(1, "codex/echo", {"class": 1, "a-b": 2, "type_name": 3, "_": {}}),
        (1, Result({"class": 1, "a-b": 2, "type_name": 3, "_": {}})),
    ),
    case(
        "the same key twice",
        body('{"jsonrpc":"2.0","id":9,"id":1,"method":"codex/echo","params":{"a":1}}'),
        ECHOED,
    ),
    case(
        "1 MB of text",
        ask(1, "codex/echo", {"a": "x" * 1_000_000}),
        (1, Result({"a": "x" * 1_000_000})),
    ),
]

MESSAGES = [
    case("a string", body('"hello"'), (None, INVALID)),
    case("a number", body("7"), (None, INVALID)),
    case("null", body("null"), (None, INVALID)),
    case("true", body("true"), (None, INVALID)),
    case("an empty batch", body("[]"), (None, INVALID)),
    case("a batch of nonsense", body("[1,2]"), (None, INVALID)),
    case("a batch of a notification", body(json.dumps([tell("codex/note", {})])), (None, INVALID)),
    case("an empty object", {}, (None, INVALID)),
    case("no version", {"id": 1, "method": "codex/echo"}, (1, INVALID)),
    case("another version", ECHO | {"jsonrpc": "1.0"}, (1, INVALID)),
    case("a version that is a number", ECHO | {"jsonrpc": 2.0}, (1, INVALID)),
    case("a notification without a version", {"method": "codex/note"}),
    case("a method that is a number", ask(1, 5), (1, INVALID)),
    case("a method that is null", ask(1, None), (1, INVALID)),
    case("a method that is an object", ask(1, {}), (1, INVALID)),
    case("an empty method", ask(1, ""), (1, UNKNOWN)),
    case("a notification whose method is a number", tell(5), (None, INVALID)),
    case("an id and nothing else", {"jsonrpc": "2.0", "id": 1}, (1, INVALID)),
    case("an id that is null", ask(None, "codex/echo"), (None, INVALID)),
    case("an id that is a float", ask(1.5, "codex/echo"), (None, INVALID)),
    case("an id that is a list", ask([1], "codex/echo"), (None, INVALID)),
    case("an id that is an object", ask({}, "codex/echo"), (None, INVALID)),
    case("an id that is true", ask(True, "codex/echo"), (None, INVALID)),
    case("an id that is a string", ask("a", "codex/echo", {}), ("a", Result({}))),
    case("an id that is an empty string", ask("", "codex/echo", {}), ("", Result({}))),
    case("an id that is 0", ask(0, "codex/echo", {}), (0, Result({}))),
    case("an id that is negative", ask(-7, "codex/echo", {}), (-7, Result({}))),
    case("an id that is huge", ask(2**70, "codex/echo", {}), (2**70, Result({}))),
    case("params that are a number", ask(1, "codex/echo", 5), (1, INVALID)),
    case("params that are a string", ask(1, "codex/echo", "x"), (1, INVALID)),
    case("params that are a list", ask(1, "codex/echo", [1]), (1, PARAMS)),
    case("params that are null", ask(1, "codex/echo", None), (1, Result({}))),
    case("no params", ask(1, "codex/echo"), (1, Result({}))),
    case("an answer to nothing", {"jsonrpc": "2.0", "id": 77, "result": 1}),
    case("an error to nothing", {"jsonrpc": "2.0", "id": "x", "error": {"code": 1, "message": ""}}),
    case("an answer without a version", {"id": 77, "result": 1}),
    case("an answer with an odd id", {"jsonrpc": "2.0", "id": [], "result": 1}),
    case("an error of the wrong shape", {"jsonrpc": "2.0", "id": 77, "error": "no"}),
    case("an unknown method", ask(1, "codex/nothing", {}), (1, UNKNOWN)),
    case("an unknown method with odd params", ask(1, "codex/nothing", [1]), (1, UNKNOWN)),
    case("an LSP method that is not served", ask(1, "textDocument/rename", {}), (1, UNKNOWN)),
    case("an unknown $/ request", ask(1, "$/nothing", {}), (1, UNKNOWN)),
    case("an unknown $/ notification", tell("$/nothing", {})),
    case("an unknown notification", tell("codex/nothing", {})),
    case("a request sent as a notification", tell("textDocument/codeAction", ACTION)),
    case(
        "a command sent as a notification",
        tell("workspace/executeCommand", {"command": "probe.fail"}),
    ),
    case("a second request while the id is free again", (ECHO, ECHO), ECHOED, ECHOED),
]


def at_line(line: Any) -> dict[str, Any]:
    return ACTION | {"range": {"start": {"line": line, "character": 0}, "end": POINT}}


BAD_ACTIONS: dict[str, Any] = {
    "no params": None,
    "a list": [],
    "nothing in it": {},
    "no range": {k: v for k, v in ACTION.items() if k != "range"},
    "no context": {k: v for k, v in ACTION.items() if k != "context"},
    "a document that is a string": ACTION | {"textDocument": URI},
    "a document without a uri": ACTION | {"textDocument": {}},
    "a range that is a list": ACTION | {"range": []},
    "a range without an end": ACTION | {"range": {"start": POINT}},
    "a line in words": at_line("one"),
    "a negative line": at_line(-1),
    "a line that is null": at_line(None),
    "a line that is huge": at_line(2**40),
    "diagnostics that are a number": ACTION | {"context": {"diagnostics": 5}},
    "a diagnostic without a range": ACTION | {"context": {"diagnostics": [{"message": ""}]}},
    "an unknown trigger kind": ACTION | {"context": {"diagnostics": [], "triggerKind": 99}},
}

PARAMS_CASES = [
    case("a code action request", ask(1, "textDocument/codeAction", ACTION), (1, Result([]))),
    *(
        case(f"code action: {name}", ask(1, "textDocument/codeAction", params), (1, PARAMS))
        for name, params in BAD_ACTIONS.items()
    ),
    case(
        "code action: more keys than known",
        ask(1, "textDocument/codeAction", ACTION | {"x": 1}),
        (1, Result([])),
    ),
    case(
        "hover",
        ask(1, "textDocument/hover", {"textDocument": {"uri": URI}, "position": POINT}),
        (1, Result({"contents": {"kind": "plaintext", "value": "é\ud800"}})),
    ),
    case(
        "hover: no position",
        ask(1, "textDocument/hover", {"textDocument": {"uri": URI}}),
        (1, PARAMS),
    ),
    case(
        "a command",
        ask(1, "workspace/executeCommand", {"command": "probe.echo", "arguments": [1, {}]}),
        (1, Result([1, {}])),
    ),
    case(
        "a command without arguments",
        ask(1, "workspace/executeCommand", {"command": "probe.echo"}),
        (1, Result([])),
    ),
    case(
        "a command with null arguments",
        ask(1, "workspace/executeCommand", {"command": "probe.echo", "arguments": None}),
        (1, Result([])),
    ),
    case(
        "an unknown command",
        ask(1, "workspace/executeCommand", {"command": "other.fix", "arguments": [{}]}),
        (1, NULL),
    ),
    case(
        "a command with a token",
        ask(1, "workspace/executeCommand", {"command": "probe.echo", "workDoneToken": "t"}),
        (1, Result([])),
    ),
    case("a command without a name", ask(1, "workspace/executeCommand", {}), (1, PARAMS)),
    case(
        "a command that is a number",
        ask(1, "workspace/executeCommand", {"command": 5}),
        (1, PARAMS),
    ),
    case(
        "arguments that are an object",
        ask(1, "workspace/executeCommand", {"command": "probe.echo", "arguments": {}}),
        (1, PARAMS),
    ),
    case("a command without params", ask(1, "workspace/executeCommand"), (1, PARAMS)),
]

FAILURES = [
    case("a handler that raises", ask(1, "codex/fail", {}), (1, INTERNAL)),
    case("a handler that raises later", ask(1, "codex/failLater", {}), (1, INTERNAL)),
    case("a handler whose task group fails", ask(1, "codex/failGroup", {}), (1, INTERNAL)),
    case("a handler that refuses", ask(1, "codex/refuse", {}), (1, -32803)),
    case("a result that is no JSON", ask(1, "codex/junk", {}), (1, INTERNAL)),
    case("a result that is NaN", ask(1, "codex/nan", {}), (1, INTERNAL)),
    case(
        "a command that raises",
        ask(1, "workspace/executeCommand", {"command": "probe.fail"}),
        (1, INTERNAL),
    ),
    case(
        "a command that raises later",
        ask(1, "workspace/executeCommand", {"command": "probe.failLater"}),
        (1, INTERNAL),
    ),
    case("a notification that raises", tell("codex/fail", {})),
    case("a notification that raises later", tell("codex/failLater", {})),
    case("a spawned task that raises", ask(1, "codex/spawnFailing", {}), (1, NULL)),
    case("printing", ask(1, "codex/print", {}), (1, Result("0"))),
]

LIFE = [
    case("a second initialize", ask(1, "initialize", {"capabilities": {}}), (1, INVALID)),
    case("a second initialized", tell("initialized", {})),
    case("initialized without params", tell("initialized")),
    case("setTrace", tell("$/setTrace", {"value": "verbose"})),
    case("setTrace to nonsense", tell("$/setTrace", {"value": 5})),
    case("shutdown as a notification", tell("shutdown")),
    case("initialize as a notification", tell("initialize", {"capabilities": {}})),
    case("cancelling what is not there", tell("$/cancelRequest", {"id": 12345})),
    case("cancelling what is done", (ECHO, tell("$/cancelRequest", {"id": 1})), ECHOED),
    case("cancelling without an id", tell("$/cancelRequest", {})),
    case("cancelling an odd id", tell("$/cancelRequest", {"id": {}})),
    case("cancelling without params", tell("$/cancelRequest")),
    case(
        "cancelling a request",
        (ask(1, "codex/sleep"), tell("$/cancelRequest", {"id": 1})),
        (1, -32800),
    ),
    case(
        "cancelling a command",
        (
            ask(1, "workspace/executeCommand", {"command": "probe.sleep"}),
            tell("$/cancelRequest", {"id": 1}),
        ),
        (1, -32800),
    ),
    case(
        "cancelling twice",
        (ask(1, "codex/sleep"), *[tell("$/cancelRequest", {"id": 1})] * 2),
        (1, -32800),
    ),
    case(
        "cancelling a request with a string id",
        (ask("s", "codex/sleep"), tell("$/cancelRequest", {"id": "s"})),
        ("s", -32800),
    ),
    case(
        "a request whose id is being served",
        (ask(1, "codex/sleep"), ECHO, tell("$/cancelRequest", {"id": 1})),
        (1, INVALID),
        (1, -32800),
    ),
    case(
        "a handler that answers when cancelled",
        (ask(1, "codex/stubborn"), tell("$/cancelRequest", {"id": 1})),
        (1, Result("finished all the same")),
    ),
    case(
        "adding a folder",
        tell(
            "workspace/didChangeWorkspaceFolders",
            {"event": {"added": [{"uri": "file:///x", "name": "x"}], "removed": []}},
        ),
    ),
    case(
        "removing a folder",
        tell(
            "workspace/didChangeWorkspaceFolders",
            {"event": {"added": [], "removed": [{"uri": "file:///x", "name": "x"}]}},
        ),
    ),
    case(
        "removing an unknown folder",
        tell(
            "workspace/didChangeWorkspaceFolders",
            {"event": {"added": [], "removed": [{"uri": "file:///y", "name": "y"}]}},
        ),
    ),
    case("folders of the wrong shape", tell("workspace/didChangeWorkspaceFolders", {"event": []})),
]

DOCUMENTS = [
    case("open, read, close", (OPEN, TEXT, CLOSE), shows("a\n", 0)),
    case("read after close", (OPEN, CLOSE, TEXT), (1, NULL)),
    case("open twice", (OPEN, OPEN, TEXT, CLOSE), shows("a\n", 0)),
    case("close twice", (OPEN, CLOSE, CLOSE)),
    case("change without open", change({"text": "x"})),
    case("change in full", (OPEN, change({"text": "x"}), TEXT, CLOSE), shows("x", 7)),
    case(
        "change a range",
        (OPEN, change({"range": RANGE, "text": "x"}), TEXT, CLOSE),
        shows("xa\n", 7),
    ),
    case(
        "two changes in one",
        (OPEN, change({"range": RANGE, "text": "x"}, {"range": RANGE, "text": "y"}), TEXT, CLOSE),
        shows("yxa\n", 7),
    ),
    case("a change of nothing", (OPEN, change(), TEXT, CLOSE), shows("a\n", 7)),
    case(
        "a version that goes back",
        (OPEN, change({"text": "x"}), change({"text": "y"}, version=3), TEXT, CLOSE),
        shows("y", 3),
    ),
    case(
        "one bad change spoils all",
        (OPEN, change({"text": "x"}, {"text": 5}), TEXT, CLOSE),
        shows("a\n", 0),
    ),
    case(
        "a change with a bad range",
        (OPEN, change({"range": {"start": POINT}, "text": ""}), TEXT, CLOSE),
        shows("a\n", 0),
    ),
    case(
        "a change with a negative line",
        (
            OPEN,
            change({"range": {"start": {"line": -1, "character": 0}, "end": POINT}, "text": "x"}),
            TEXT,
            CLOSE,
        ),
        shows("a\n", 0),
    ),
    case(
        "changes that are a number",
        (
            OPEN,
            tell(
                "textDocument/didChange",
                {"textDocument": {"uri": URI, "version": 1}, "contentChanges": 5},
            ),
            TEXT,
            CLOSE,
        ),
        shows("a\n", 0),
    ),
    case(
        "open without a text",
        tell(
            "textDocument/didOpen", {"textDocument": {"uri": URI, "languageId": "x", "version": 1}}
        ),
    ),
    case("open without params", tell("textDocument/didOpen")),
    case("close without a uri", tell("textDocument/didClose", {"textDocument": {}})),
    case("save", (OPEN, tell("textDocument/didSave", {"textDocument": {"uri": URI}}), CLOSE)),
    case("save of the wrong shape", tell("textDocument/didSave", {})),
]

RUNNING = [*FRAMES, *JSON, *MESSAGES, *PARAMS_CASES, *FAILURES, *LIFE, *DOCUMENTS]

BEFORE = [
    case("a request", ask(1, "textDocument/codeAction", ACTION), (1, EARLY)),
    case("an unknown request", ask(1, "codex/nothing"), (1, EARLY)),
    case("a command", ask(1, "workspace/executeCommand", {"command": "probe.echo"}), (1, EARLY)),
    case("shutdown", ask(1, "shutdown"), (1, EARLY)),
    case("a notification", tell("textDocument/didOpen", {})),
    case("initialized", tell("initialized", {})),
    case("an answer", {"jsonrpc": "2.0", "id": 1, "result": None}),
    case("cancelling", tell("$/cancelRequest", {"id": 1})),
    case("no JSON", body("nope"), (None, PARSE)),
    case("no message", {}, (None, INVALID)),
    case("initialize without params", ask(1, "initialize"), (1, PARAMS)),
    case("initialize with a list", ask(1, "initialize", []), (1, PARAMS)),
    case("initialize with a string", ask(1, "initialize", "x"), (1, INVALID)),
    case("initialize without a usable id", ask(None, "initialize", {}), (None, INVALID)),
    case("initialize as a notification", tell("initialize", {"capabilities": {}})),
]

AFTER = [
    case("a request", ask(1, "codex/echo", {}), (1, INVALID)),
    case("an unknown request", ask(1, "codex/nothing", {}), (1, INVALID)),
    case("a second shutdown", ask(1, "shutdown"), (1, INVALID)),
    case("initialize", ask(1, "initialize", {"capabilities": {}}), (1, INVALID)),
    case("a notification", OPEN),
    case("cancelling", tell("$/cancelRequest", {"id": 1})),
    case("an answer", {"jsonrpc": "2.0", "id": 1, "result": None}),
    case("no JSON", body("nope"), (None, PARSE)),
]
