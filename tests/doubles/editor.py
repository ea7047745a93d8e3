"""A fake editor: owns documents, lets a person type, and treats a server's requests as real
editors do, down to their faults. It knows no transport, no clock and no threads: messages go
out through `send`, delays through `later`; so a process, a test in memory or a seeded explorer
can drive it. What the server gets wrong is collected in `faults`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.doubles.editor_preview import Preview, opened
from tests.doubles.editor_profiles import Answer, Profile, Refusal, Timing, VersionRule, profile
from tests.doubles.editor_text import Document, Misplaced

Send = Callable[[str, dict[str, Any]], None]
Later = Callable[[float, Callable[[], None]], object]

METHOD_NOT_FOUND = -32601
INTERNAL_ERROR = -32603
MARK = "\ufeff"  # a byte order mark, which editors keep to themselves


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to a request of the server."""

    value: Any


@dataclass(frozen=True, slots=True)
class Failure:
    """An error answer."""

    code: int
    message: str


Reply = Callable[[Result | Failure], None]


class Mood(Enum):
    """What the editor makes of an edit that it could apply."""

    HONEST = auto()
    REFUSES = auto()  # does nothing and says so in its own form
    LIES = auto()  # does nothing and calls it applied
    SILENT = auto()  # does nothing and never answers


class Refused(Exception):
    """An edit is not applied, or not on from the file at `index`."""

    def __init__(self, reason: str, index: int = 0) -> None:
        super().__init__(reason)
        self.reason, self.index = reason, index


@dataclass(slots=True)
class Editor:
    """The editor of `profile` in `workspace`, after `initialize`.

    `before` is called with the method of each request of the server before it is treated: the
    moment for the person to type, or to close a file. `choose` answers a question by the title
    of an action, or by None.
    """

    profile: Profile
    workspace: Path
    send: Send
    later: Later
    encoding: str = "utf-16"
    whole_texts: bool = False
    mood: Mood = Mood.HONEST
    settings: dict[str, Any] = field(default_factory=dict)
    before: Callable[[str], None] = lambda method: None
    choose: Callable[[str, Sequence[str]], str | None] = lambda message, titles: None
    documents: dict[str, Document] = field(default_factory=dict)
    progress: dict[str | int, list[dict[str, Any]]] = field(default_factory=dict)
    diagnostics: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    markers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # other servers'
    shown: list[dict[str, Any]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    edits: list[dict[str, Any]] = field(default_factory=list)  # asked for, in order
    faults: list[str] = field(default_factory=list)
    preview: Preview | None = None  # that opened last
    commands_running: int = 0
    _announcements: int = 0

    # What the person does.

    def open(self, path: Path, text: str | None = None, language: str = "python") -> Document:
        """Open a file, or the unsaved `text` under its name."""
        uri = path.as_uri()
        content = path.read_bytes().decode().removeprefix(MARK) if text is None else text
        first = self.profile.first_version
        document = Document(path, uri, content, first, self.encoding, self.profile.first_step)
        self.documents[uri] = document
        item = {"uri": uri, "languageId": language, "version": first, "text": content}
        self.send("textDocument/didOpen", {"textDocument": item})
        return document

    def type(self, document: Document, offset: int, text: str, erase: int = 0) -> None:
        """Replace `erase` characters at `offset` by `text`, as one keystroke."""
        document.replace([(offset, offset + erase, text)])
        self._announce_soon()

    def undo(self, document: Document) -> None:
        """Press undo once."""
        document.undo()
        self._announce_soon()

    def save(self, document: Document) -> None:
        """Write the file."""
        self.flush()
        document.path.write_bytes(document.text.encode())
        self.send("textDocument/didSave", {"textDocument": {"uri": document.uri}})

    def close(self, document: Document) -> None:
        """Close the document; what was not saved is gone."""
        self.flush()
        del self.documents[document.uri]
        self.send("textDocument/didClose", {"textDocument": {"uri": document.uri}})

    def flush(self) -> None:
        """Announce every change; each editor does before it sends a request."""
        for document in self.documents.values():
            if document.unsent:
                changes, document.unsent = document.unsent, []
                if self.whole_texts:
                    changes = [{"text": document.text}]
                name = {"uri": document.uri, "version": document.version}
                self.send(
                    "textDocument/didChange", {"textDocument": name, "contentChanges": changes}
                )

    def diagnostics_at(self, document: Document, span: dict[str, Any]) -> list[dict[str, Any]]:
        """What the editor sends as context of a code action over `span`."""
        found = list(self.diagnostics.get(document.uri, []))
        if self.profile.sees_foreign_diagnostics:
            found += self.markers.get(document.uri, [])
        return [diagnostic for diagnostic in found if _overlap(diagnostic["range"], span)]

    def unended(self) -> list[str | int]:
        """The tokens of progress that began and has not ended."""
        return [
            token for token, seen in self.progress.items() if seen and seen[-1].get("kind") != "end"
        ]

    # What the server sends.

    def notified(self, method: str, params: dict[str, Any]) -> None:
        """Take a notification of the server."""
        match method:
            case "$/progress":
                self._progress(params["token"], params["value"])
            case "textDocument/publishDiagnostics":
                self.diagnostics[params["uri"]] = params["diagnostics"]
            case "window/showMessage":
                self.messages.append(params)
            case _:
                pass

    def asked(self, method: str, params: dict[str, Any], reply: Reply) -> None:
        """Treat a request of the server; `reply` is called once, now, later or never."""
        self.before(method)
        match method:
            case "workspace/applyEdit":
                self._apply_edit(params, reply)
            case "workspace/configuration":
                reply(Result([self._setting(item.get("section")) for item in params["items"]]))
            case "window/workDoneProgress/create":
                if params["token"] in self.progress:
                    self.faults.append(f"progress token {params['token']!r} used twice")
                self.progress[params["token"]] = []
                reply(Result(None))
            case "window/showMessageRequest":
                self._question(params, reply)
            case "window/showDocument":
                self._show(params, reply)
            case (
                "client/registerCapability"
                | "client/unregisterCapability"
                | "workspace/codeLens/refresh"
                | "workspace/inlayHint/refresh"
                | "workspace/diagnostic/refresh"
                | "workspace/textDocumentContent/refresh"
            ):
                reply(Result(None))
            case "workspace/workspaceFolders":
                reply(Result([{"uri": self.workspace.as_uri(), "name": self.workspace.name}]))
            case _:
                self.faults.append(f"unknown request {method}")
                reply(Failure(METHOD_NOT_FOUND, f"Unknown method {method}"))

    def _progress(self, token: str | int, value: dict[str, Any]) -> None:
        seen = self.progress.setdefault(token, [])
        wanted = {"begin"} if not seen else {"report", "end"}
        if value["kind"] not in wanted or (seen and seen[-1]["kind"] == "end"):
            self.faults.append(f"progress {value['kind']} out of order for {token!r}")
        seen.append(value)

    def _setting(self, section: str | None) -> Any:
        found: Any = self.settings
        for name in section.split(".") if section else []:
            found = found.get(name) if isinstance(found, dict) else None
        return found

    def _question(self, params: dict[str, Any], reply: Reply) -> None:
        self.messages.append(params)
        match self.profile.questions:
            case Answer.NOT_FOUND:
                reply(Failure(METHOD_NOT_FOUND, "window/showMessageRequest"))
            case Answer.GIVEN | Answer.FIRST as given:
                titles = [action["title"] for action in params.get("actions") or []]
                titles = titles[:1] if given is Answer.FIRST else titles
                chosen = self.choose(params["message"], titles)
                reply(Result({"title": chosen} if chosen in titles else None))
            case Answer.NEVER:
                pass

    def _show(self, params: dict[str, Any], reply: Reply) -> None:
        match self.profile.show_document:
            case Answer.NOT_FOUND:
                reply(Failure(METHOD_NOT_FOUND, "window/showDocument"))
            case Answer.GIVEN:
                self.shown.append(params)
                path = _path(params["uri"])
                if path and not params.get("external") and path.as_uri() not in self.documents:
                    self.open(path)
                reply(Result({"success": True}))
            case Answer.NEVER:
                pass

    # Edits.

    def _apply_edit(self, params: dict[str, Any], reply: Reply) -> None:
        self.edits.append(params)
        if self.mood is Mood.SILENT:
            return
        if self.mood is Mood.LIES:
            reply(Result({"applied": True}))
            return
        if self.mood is Mood.REFUSES:
            reply(self._refusal(Refused("the person said no")))
            return
        if self.profile.timing is Timing.DEBOUNCED:
            self.flush()
        try:
            if self.profile.previews and (preview := self._preview(params["edit"], reply)):
                self._check_all(list(preview.changes))
                self.preview = preview
                return
            files = self._files(params["edit"])
            self._check_all(files)
        except Refused as refusal:
            reply(self._refusal(refusal))
            return
        if self.profile.rule is VersionRule.HOLE:
            self.later(self.profile.delay, lambda: self._carry_out(files, reply))
        else:
            self._carry_out(files, reply)

    def _preview(self, edit: dict[str, Any], reply: Reply) -> Preview | None:
        def answer(ticked: list[dict[str, Any]] | None) -> None:
            if ticked is None:
                reply(self._refusal(Refused("the person said no")))
            else:
                self._carry_out(ticked, reply)

        return opened(edit, self.documents, answer)

    def _files(self, edit: dict[str, Any]) -> list[dict[str, Any]]:
        """The text edits by file; resource operations are carried out or refused whole."""
        changes = edit.get("documentChanges")
        if changes is None:
            changes = [
                {"textDocument": {"uri": uri, "version": None}, "edits": edits}
                for uri, edits in (edit.get("changes") or {}).items()
            ]
        if len(changes) > 1 and any("kind" in change for change in changes):
            self.faults.append("a file operation that is not alone in its request")
        for change in changes:
            kind = change.get("kind")
            if kind and kind not in self.profile.resource_operations:
                self.faults.append(f"{kind} of a file, which this editor does not know")
                raise Refused("Internal error")
        return list(changes)

    def _check_all(self, files: list[dict[str, Any]]) -> None:
        if self.profile.all_or_nothing:
            for index, change in enumerate(files):
                self._check(change, index)

    def _check(self, change: dict[str, Any], index: int) -> None:
        """Refuse a change whose version is not the document's."""
        if "kind" in change or self.profile.rule in (VersionRule.NEOVIM, VersionRule.VERSIONLESS):
            return
        name = change["textDocument"]
        document = self.documents.get(name["uri"])
        if document and name.get("version") not in (None, document.version):
            raise Refused("document has changed", index)

    def _carry_out(self, files: list[dict[str, Any]], reply: Reply) -> None:
        outcome: Result | Failure = Result({"applied": True})
        try:
            for index, change in enumerate(files):
                if not self.profile.all_or_nothing:
                    self._check(change, index)
                if "kind" in change:
                    self._file_operation(change)
                elif not self._skipped(change, index):
                    self._edit_document(change)
        except Refused as refusal:
            outcome = self._refusal(refusal)
        except OSError as error:
            outcome = self._refusal(Refused(str(error)))
        if self.profile.timing is Timing.AFTER_REPLY:
            reply(outcome)
            self._announce_soon()
        else:
            self._announce_soon()
            reply(outcome)

    def _skipped(self, change: dict[str, Any], index: int) -> bool:
        """Neovim's rule: an older version is passed over in silence, in the first file only."""
        if self.profile.rule is not VersionRule.NEOVIM or index > 0:
            return False
        document = self.documents.get(change["textDocument"]["uri"])
        version = change["textDocument"].get("version") or 0
        return bool(document and 0 < version < document.version)

    def _edit_document(self, change: dict[str, Any]) -> None:
        uri = change["textDocument"]["uri"]
        path = _path(uri)
        if uri not in self.documents and path is not None:
            self.open(path)
        document = self.documents[uri]
        try:
            pieces = [
                (
                    document.offset(edit["range"]["start"]),
                    document.offset(edit["range"]["end"]),
                    edit["newText"],
                )
                for edit in change["edits"]
            ]
        except Misplaced as error:
            self.faults.append(str(error))
            raise Refused(str(error)) from error
        pieces.sort()
        if self.profile.rule is VersionRule.NEOVIM:
            pieces = [_as_neovim_does(document.text, *piece) for piece in pieces]
        if any(before[1] > after[0] for before, after in pairwise(pieces)):
            self.faults.append("edits overlap")
        document.replace(pieces)

    def _file_operation(self, change: dict[str, Any]) -> None:
        match change["kind"]:
            case "create":
                path = _path(change["uri"])
                if path and not path.exists():
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.touch()
            case "rename":
                old, new = _path(change["oldUri"]), _path(change["newUri"])
                if old and new:
                    self._rename(old, new)
            case "delete":
                path = _path(change["uri"])
                if path and not path.exists():
                    raise Refused("there is no such file")
                if path:
                    path.unlink()
                    self._deleted(path.as_uri())

    def _rename(self, old: Path, new: Path) -> None:
        if new.exists():
            raise Refused("the new name is taken")
        document = self.documents.get(old.as_uri())
        if document is not None and self.profile.saves_renamed:
            mark = MARK if old.read_bytes().startswith(MARK.encode()) else ""
            old.write_bytes(f"{mark}{document.text}".encode())
        old.rename(new)
        if document is not None:
            self.close(document)
            self.open(new, document.text)

    def _deleted(self, uri: str) -> None:
        document = self.documents.get(uri)
        if document is not None and self.profile.closes_deleted:
            self.close(document)

    def _refusal(self, refusal: Refused) -> Result | Failure:
        match self.profile.refusal:
            case Refusal.ERROR:
                return Failure(INTERNAL_ERROR, refusal.reason)
            case Refusal.BARE:
                return Result({"applied": False})
            case Refusal.REASON:
                reason, index = refusal.reason, refusal.index
                return Result({"applied": False, "failureReason": reason, "failedChange": index})

    # When changes are announced.

    def _announce_soon(self) -> None:
        if self.profile.timing in (Timing.AT_ONCE, Timing.AFTER_REPLY):
            self.flush()
            return
        self._announcements += 1
        mine = self._announcements
        self.later(self.profile.delay, lambda: self._announce(mine))

    def _announce(self, mine: int) -> None:
        if self.profile.timing is Timing.IDLE:
            if mine != self._announcements:
                return  # the person has typed since: a later call is on its way
            if self.commands_running:
                self.later(self.profile.delay, lambda: self._announce(mine))
                return
        self.flush()


def editor(name: str, workspace: Path, send: Send, later: Later, **traits: Any) -> Editor:
    """The editor whose captured capabilities begin with `name`; `traits` change its profile."""
    return Editor(profile(name, **traits), workspace, send, later)


def _as_neovim_does(text: str, start: int, end: int, new: str) -> tuple[int, int, str]:
    """Behind the last line it adds lines, and so one more for the end of a line. It knows texts
    with line ends of one kind only.
    """
    line_end = "\r\n" if text.endswith("\r\n") else "\n"
    alike = text.endswith(line_end) and new.endswith(line_end)
    return start, end, f"{new}{line_end}" if alike and start == len(text) else new


def _overlap(a: dict[str, Any], b: dict[str, Any]) -> bool:
    def key(position: dict[str, int]) -> tuple[int, int]:
        return position["line"], position["character"]

    return key(a["start"]) <= key(b["end"]) and key(b["start"]) <= key(a["end"])


def _path(uri: str) -> Path | None:
    parts = urlsplit(uri)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None
