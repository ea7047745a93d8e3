"""Has the person choose among changes of open and closed files in the editor's own preview, where
each has a tick box, and finds out which were made.

All go in one request, without a lock on their files: a view may stay open for hours, and what is
changed under it makes the client refuse. What was made is read from the texts that come back, never
from the answer; that only tells a decision from an accident where nothing was made. What is moved,
made or deleted whole is not shown here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from codex_lsp.agent.ports import Applied, ChangeFile, LeftOut, NotApplied
from codex_lsp.edits.chosen import chosen
from codex_lsp.edits.lines import BOM
from codex_lsp.edits.rebase import Conflict, landed, rebase
from codex_lsp.edits.text import TextEdit, apply_edits, invert
from codex_lsp.lsp.capabilities import Client
from codex_lsp.lsp.connection.client import ClientFailure, ClientTimeout
from codex_lsp.lsp.editing.proof import OVERTAKEN, Buffers, Edits, computed, verdict
from codex_lsp.lsp.person.progress import Wire
from codex_lsp.workspace import disk
from codex_lsp.workspace.disk import DiskText
from codex_lsp.workspace.ledger import Reversal

LOOKING = 24 * 60 * 60.0  # seconds that the person may look
TYPED = "it was typed in while the preview was open"
_OPENS = "codex.preview"
Outcome = Applied | NotApplied | LeftOut


@dataclass(slots=True)
class _File:
    """A file as it was sent. `parts`: by the number of a change, its edits of `text`.

    `made`: which of them are proven to be made. `alone`: nothing else happened to the text;
    `crossed`: something had, when the client answered. `heard`: it changed since then.
    """

    path: Path
    uri: str
    version: int | None
    text: str
    parts: dict[int, Edits] = field(default_factory=dict)
    made: tuple[bool, ...] = ()
    alone: bool = True
    crossed: bool = False
    heard: bool = False
    last: str = ""

    @property
    def boxes(self) -> list[TextEdit]:
        """One edit for each change, as it is shown."""
        return [_one(self.text, edits) for edits in self.parts.values()]

    def hear(self, text: str) -> None:
        """It has another text now, the last that came from the client."""
        self.heard |= text != self.last
        self.last = text
        if self.alone:
            found = chosen(self.boxes, self.text, text)
            self.alone = found is not None
            self.made = found or self.made


class Preview:
    """One per window."""

    def __init__(self, wire: Wire, client: Client, buffers: Buffers) -> None:
        self._wire = wire
        self._client = client
        self._buffers = buffers

    async def choose(self, changes: Sequence[ChangeFile], *, label: str) -> list[Outcome]:
        """What became of each of `changes`, once the person has chosen."""
        outcomes: dict[int, Outcome] = {}
        files: dict[Path, _File] = {}
        for number, change in enumerate(changes):
            if (problem := await self._place(number, change, files)) is not None:
                outcomes[number] = problem
        shown = [file for file in files.values() if file.parts]
        if shown:
            outcomes |= await self._shown(shown, label)
        return [outcomes[number] for number in range(len(changes))]

    async def _place(
        self, number: int, change: ChangeFile, files: dict[Path, _File]
    ) -> Outcome | None:
        """Find where a change belongs; the outcome of one that cannot be shown."""
        path = change.path
        file = files.get(path) or await self._now(path)
        if file is None:
            return NotApplied(path, "it cannot be read")
        files[path] = file
        base = change.base.text
        hidden = len(BOM) if base.startswith(BOM) else 0  # editors do not count it
        wanted = tuple(TextEdit(e.start - hidden, e.end - hidden, e.new) for e in change.edits)
        if wanted[0].start < 0:
            return NotApplied(path, "an editor cannot change the byte order mark of a file")
        edits = await computed(file.text, rebase, wanted, base[hidden:], file.text)
        if isinstance(edits, Conflict):
            return NotApplied(path, edits.text, changed_meanwhile=True)
        if not edits:
            return Applied(path, file.text, Reversal(path, file.text, ()))
        own = _one(file.text, edits)
        if any(own.start <= one.end and one.start <= own.end for one in file.boxes):
            return NotApplied(path, "it is about the same place as another change")
        file.parts[number] = edits
        file.parts = dict(sorted(file.parts.items(), key=lambda part: part[1]))
        return None

    async def _now(self, path: Path) -> _File | None:
        if (document := self._buffers.at(path)) is not None:
            text = document.text
            return _File(path, document.uri, document.version, text, last=text)
        seen = await asyncio.to_thread(disk.read, path)
        if not isinstance(seen, DiskText):
            return None
        text = seen.text.removeprefix(BOM)
        return _File(path, path.as_uri(), None, text, last=text)

    async def _shown(self, files: Sequence[_File], label: str) -> dict[int, Outcome]:
        """Ask, and look what came of it."""
        saved = _saved(files)
        if not saved:
            problem = "it is not saved yet, so that it cannot be previewed"
            return {n: NotApplied(file.path, problem) for file in files for n in file.parts}
        asked = {"label": label, "edit": self._edit(files, saved[0].uri, label)}
        with ExitStack() as watching:
            for file in files:
                watching.callback(self._buffers.watch(file.path, file.hear))
                now = self._buffers.at(file.path)
                if now is not None and (now.version, now.text) != (file.version, file.text):
                    file.alone = False  # a key came while the others were looked up
            said = await self._ask(asked)
            await self._settle(files, said)
        return {n: one for file in files for n, one in _outcomes(file, files, said).items()}

    async def _ask(self, asked: Mapping[str, object]) -> bool | str:
        """Whether the client says that it made some; or why it says nothing."""
        try:
            answer = await self._wire.ask("workspace/applyEdit", asked, timeout=LOOKING)
        except ClientTimeout:
            return "the preview was never answered"
        except ClientFailure as error:
            return f"the editor refused it ({error or 'it has gone'})"
        applied, _ = verdict(answer)
        return applied

    async def _settle(self, files: Sequence[_File], said: bool | str) -> None:
        """Wait for the texts to come back, and take in what was told in no clear steps."""
        for file in files:
            file.crossed, file.heard = not file.alone, any(file.made)
        patience = self._client.quirks.patience
        await self._buffers.until(
            lambda: all(file.heard for file in files),
            patience if said is True else min(patience, OVERTAKEN),
        )
        for file in files:
            now = await self._now(file.path)
            if now is None:
                file.crossed = True
            elif now.text != file.text and self._buffers.at(file.path) is None:
                file.hear(now.text)  # saved and closed, or changed by others
                file.crossed = not file.alone
            elif not (file.alone or any(file.made)):
                fates = [
                    await computed(now.text, landed, [box], file.text, now.text)
                    for box in file.boxes
                ]
                file.made = tuple(fate == ("landed",) for fate in fates)

    def _edit(self, files: Sequence[_File], saved: str, label: str) -> Mapping[str, object]:
        """VS Code opens its preview if anything in it needs confirmation, and leaves that unticked:
        here, to make a file that there is, which is nothing to do and is not shown. So the changes
        come ticked, and a client that knows no preview does nothing worse than to make them.
        """
        nothing = {
            "kind": "create",
            "uri": saved,
            "options": {"ignoreIfExists": True},
            "annotationId": _OPENS,
        }
        edits = [
            {
                "textDocument": {"uri": file.uri, "version": file.version},
                "edits": self._buffers.ranges(file.text, tuple(file.boxes)),
            }
            for file in files
        ]
        return {
            "documentChanges": [nothing, *edits],
            "changeAnnotations": {_OPENS: {"label": label, "needsConfirmation": True}},
        }


def _saved(files: Sequence[_File]) -> list[_File]:
    return [file for file in files if file.path.exists()]


def _outcomes(file: _File, files: Sequence[_File], said: bool | str) -> dict[int, Outcome]:
    """By the number of each change of `file`; what is not made is left out only by a decision."""
    made = file.made or (False,) * len(file.parts)
    applied = _applied(file, made)
    problem = said if isinstance(said, str) else None
    if any(one.crossed for one in files):
        problem = TYPED
    elif problem is None and said != any(any(one.made) for one in files):
        problem = "what the editor said is not what the text shows"
    found: dict[int, Outcome] = {}
    for number, done in zip(file.parts, made, strict=True):
        if done:
            found[number] = applied[number]
        elif problem is None:
            found[number] = LeftOut(file.path)
        else:
            found[number] = NotApplied(file.path, problem)
    return found


def _applied(file: _File, made: Sequence[bool]) -> dict[int, Applied]:
    """Of what was made, all on the text that it made together."""
    done = [n for n, is_made in zip(file.parts, made, strict=True) if is_made]
    edits = [edit for number in done for edit in file.parts[number]]
    text = apply_edits(file.text, edits)
    back = iter(invert(edits, file.text))
    return {
        number: Applied(
            file.path,
            text,
            Reversal(file.path, text, tuple(islice(back, len(file.parts[number])))),
        )
        for number in done
    }


def _one(text: str, edits: Edits) -> TextEdit:
    """The edits as one, with what stands between them."""
    start, end = edits[0].start, edits[-1].end
    own = [TextEdit(edit.start - start, edit.end - start, edit.new) for edit in edits]
    return TextEdit(start, end, apply_edits(text[start:end], own))
