"""Drives one turn at a time: of our server, with a fake editor before it, or of the app-server.

Both say how long it took, in milliseconds, from the words of the person to what they wait for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.peer import DEADLINE, Json, Peer
from benchmarks.programs import Program
from tests.doubles.editor import Failure, Result, editor
from tests.doubles.editor_text import Document


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds: to the first words or the first piece of the edit, and to the end of all."""

    first: float
    whole: float


class _Awaited:
    """When things happened first, since the last `clear`."""

    def __init__(self) -> None:
        self._seen: dict[str, float] = {}
        self._changed = threading.Condition()

    def clear(self) -> None:
        with self._changed:
            self._seen.clear()

    def saw(self, what: str, came: float) -> None:
        with self._changed:
            self._seen.setdefault(what, came)
            self._changed.notify_all()

    def when(self, what: str) -> float:
        """When it happened; waits for it."""
        with self._changed:
            if not self._changed.wait_for(lambda: what in self._seen, DEADLINE):
                raise RuntimeError(f"it never came to: {what}; there was {sorted(self._seen)}")
            return self._seen[what]


class EditorSession:
    """A fake editor in `folder` on a language server that was initialized by `begin`."""

    def __init__(self, peer: Peer, folder: Path, profile: str) -> None:
        self.peer = peer
        self._lock = threading.RLock()
        self._awaited = _Awaited()
        self.editor = editor(profile, folder, peer.notify, self._later)
        peer.handle = self._take

    def begin(self, program: Program) -> None:
        """Open the session."""
        answer = self.peer.call("initialize", program.initialize)
        self.editor.encoding = answer["capabilities"].get("positionEncoding", "utf-16")
        self.peer.notify("initialized", {})

    def open(self, name: str, text: str) -> Document:
        """Open an unsaved text."""
        with self._lock:
            return self.editor.open(self.editor.workspace / name, text)

    def close(self, document: Document) -> None:
        """Close it."""
        with self._lock:
            self.editor.close(document)

    def type(self, document: Document, offset: int, text: str) -> None:
        """One keystroke."""
        with self._lock:
            self.editor.type(document, offset, text)

    def actions(self, document: Document, line: int) -> float:
        """Milliseconds until the menu is there."""
        return self.peer.timed("textDocument/codeAction", action_params(document.uri, line))

    def run(self, command: str, argument: Json) -> Timing:
        """Run a command; the first thing is the first edit that it asks for."""
        task = self.start(command, argument)
        return self.ended(task)

    def start(self, command: str, argument: Json) -> tuple[str, float]:
        """Start a task; its id and when it was asked for."""
        self._awaited.clear()
        begin = perf_counter()
        params = {"command": command, "arguments": [argument]}
        task: str = self.peer.call("workspace/executeCommand", params)["taskId"]
        return task, begin

    def ended(self, task: tuple[str, float]) -> Timing:
        """Wait for its end."""
        name, begin = task
        whole = self._awaited.when(f"end of {name}")
        first = self._awaited.when("edit")
        return Timing((first - begin) * 1000, (whole - begin) * 1000)

    def cancel(self, task: tuple[str, float]) -> None:
        """Cancel it, and wait for its end."""
        params = {"command": "codex.task.cancel", "arguments": [{"taskId": task[0]}]}
        self.peer.call("workspace/executeCommand", params)
        self._awaited.when(f"end of {task[0]}")

    def is_over(self, task: tuple[str, float]) -> bool:
        """Whether it has ended."""
        with self._lock:
            return task[0] not in self.editor.unended()

    def _take(self, message: Json, came: float) -> None:
        method, params = message["method"], message.get("params") or {}
        with self._lock:
            if "id" in message:
                self.editor.asked(method, params, lambda said: self._reply(message["id"], said))
            else:
                self.editor.notified(method, params)
        if method == "workspace/applyEdit":
            self._awaited.saw("edit", came)
        elif method == "$/progress" and params["value"]["kind"] == "end":
            self._awaited.saw(f"end of {params['token']}", came)

    def _reply(self, request: object, outcome: Result | Failure) -> None:
        if isinstance(outcome, Failure):
            error = {"code": outcome.code, "message": outcome.message}
            self.peer.send({"jsonrpc": "2.0", "id": request, "error": error})
        else:
            self.peer.reply(request, outcome.value)

    def _later(self, seconds: float, call: Callable[[], object]) -> None:
        def run() -> None:
            with self._lock:
                call()

        timer = threading.Timer(seconds, run)
        timer.daemon = True
        timer.start()


class AppServerSession:
    """A thread of the Codex app-server, which may do what it likes in `folder`."""

    def __init__(self, peer: Peer, folder: Path) -> None:
        self.peer = peer
        self._folder = folder
        self._awaited = _Awaited()
        self._thread = ""
        peer.handle = self._take

    def begin(self, program: Program) -> None:
        """Open the session and a thread."""
        self.peer.call("initialize", program.initialize)
        self.peer.notify("initialized", None)

    def start_thread(self) -> None:
        """Begin a conversation."""
        params = {
            "cwd": str(self._folder),
            "approvalPolicy": "never",
            "sandbox": "danger-full-access",
        }
        self._thread = self.peer.call("thread/start", params)["thread"]["id"]

    def turn(self, text: str) -> Timing:
        """One turn; the first thing is the first delta of a message, or the first change."""
        self._awaited.clear()
        begin = perf_counter()
        said = [{"type": "text", "text": text}]
        self.peer.call("turn/start", {"threadId": self._thread, "input": said})
        whole = self._awaited.when("turn/completed")
        return Timing((self._awaited.when("first") - begin) * 1000, (whole - begin) * 1000)

    def _take(self, message: Json, came: float) -> None:
        method = message["method"]
        self._awaited.saw(method, came)
        item: Any = (message.get("params") or {}).get("item") or {}
        changes = method == "item/started" and item.get("type") == "fileChange"
        if changes or method == "item/agentMessage/delta":
            self._awaited.saw("first", came)


def action_params(uri: str, line: int) -> Json:
    """The params of a code action that a person asks for at the start of a line."""
    place = {"line": line, "character": 0}
    return {
        "textDocument": {"uri": uri},
        "range": {"start": place, "end": place},
        "context": {"diagnostics": [], "triggerKind": 1},
    }
