"""A day in Kakoune with kakoune-lsp, which no package of Debian has: run where both are installed.

`python -m tests.e2e.kakoune_day`, with `kak` and `kak-lsp` on PATH, says what was shown. It is
the day of `test_features`, but for what Kakoune has not: it opens no page that a server names, and
shows a server the problems of that server only.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path

from tests.doubles.authority import authority_process
from tests.doubles.minted import ALICE
from tests.doubles.model_script import Patch, Turn
from tests.e2e.kakoune import SETTINGS, kakoune
from tests.e2e.scene import BROKEN, FIXED, LINE, scene
from tests.e2e.test_features import (
    BOTH,
    CLOSED_AFTER,
    DOS_AFTER,
    SOURCE,
    THREE_FILES,
    Day,
    Script,
    signed_out,
)
from tests.e2e.touring import until

FIX = "Codex: fix this"


class KakouneDay(Day):
    """Problems of other servers are not told here."""

    async def signs_in(self) -> None:
        await self.person.go_to(LINE)
        await self.person.choose_action(FIX)
        await self.tourist.answer("Sign in with a code")
        await self.tourist.read(f"Signed in as {ALICE.email}")

    async def has_a_problem_fixed(self) -> None:
        """The fix of both faults is there as two changes that wait."""
        self.script.answer = Turn((Patch(BOTH),))
        await self.person.go_to(LINE)
        await self.person.choose_action(FIX)
        await self.tourist.read("2 changes to review")
        await self.person.wait_for(SOURCE)

    async def changes_a_crlf_file_and_one_that_is_not_open(self) -> None:
        """kakoune-lsp writes what it changes, where the file was saved before."""
        dos, closed = self.here.folder / "dos.py", self.here.folder / "closed.py"
        await self.tourist.open(dos)
        self.script.answer = Turn((Patch(THREE_FILES),))
        await self.tourist.ask("edit", 'count "one" up')
        await self.tourist.read("3 changes to review")
        assert 'count \\"one\\" up' in json.dumps(self.here.model.requests[-1].body["input"])
        await self.tourist.run("turn.accept")
        await self.person.wait_for(DOS_AFTER.replace("\r\n", "\n"))
        await until(lambda: closed.read_text() == CLOSED_AFTER, closed.read_text)
        await self.person.save()
        assert dos.read_bytes() == DOS_AFTER.encode()


async def plain() -> None:
    """A fix that is made at once, as one step of undo."""
    with tempfile.TemporaryDirectory() as place:
        async with scene(Path(place)) as here, kakoune(here) as kak:
            await kak.go_to(LINE)
            await kak.choose_action(FIX)
            await kak.read("Changed twice.py.")
            await kak.wait_for(FIXED)
            await kak.undo()
            await kak.wait_for(BROKEN)
    print("a fix at once, undone by one key")


async def day() -> None:
    """From signing in to a crash."""
    script = Script()
    with authority_process() as authority, tempfile.TemporaryDirectory() as place:
        authority.set(device_answers=["pending"])
        async with scene(Path(place), script) as bare:
            here = signed_out(bare, authority)
            async with kakoune(here, SETTINGS) as kak:
                one = KakouneDay(kak, here, script)
                for part in (
                    one.signs_in,
                    one.has_a_problem_fixed,
                    one.keeps_one_and_undoes_another,
                    one.undoes_the_turn_after_typing,
                    one.changes_a_crlf_file_and_one_that_is_not_open,
                    one.cancels,
                ):
                    await part()
                    print(part.__name__.replace("_", " "))
                command = await one.allows_a_command()
                print("allows a command")
                await one.crashes(command)
                print("crashes")


if __name__ == "__main__":
    asyncio.run(plain())
    asyncio.run(day())
