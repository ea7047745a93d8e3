"""A day in each real editor, from signing in to a crash, noted for the table in `docs/editors.md`.

One start of each editor: the steps build on each other, and each is noted when it is proven.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.authority import RemoteAuthority, authority_process
from tests.doubles.minted import ALICE
from tests.doubles.model_script import Call, Gate, Patch, Refusal, Step, Text, Turn
from tests.e2e.conftest import Shows
from tests.e2e.scene import BROKEN, LINE, NAME, PROBLEM, Scene, scene
from tests.e2e.touring import NAMES, Tourist, servers, tourist, until

HALF = '\n\ndef half(n):\n    """ß😀"""; retrun n / 2\n'
SOURCE = BROKEN + HALF
SECOND = LINE + 4
FIRST_FIXED = SOURCE.replace("retrun", "return", 1)
BOTH = f"""*** Begin Patch
*** Update File: {NAME}
@@
-{SOURCE.splitlines()[LINE - 1]}
+{SOURCE.splitlines()[LINE - 1].replace("retrun", "return")}
@@
-{SOURCE.splitlines()[SECOND - 1]}
+{SOURCE.splitlines()[SECOND - 1].replace("retrun", "return")}
*** End Patch"""
DOS, DOS_AFTER = 'x = 1\r\ny = "ä😀"\r\n', 'x = 2\r\ny = "ä😀"\r\n'
CLOSED, CLOSED_AFTER = "shut = 1\n", "shut = 2\n"
THREE_FILES = """*** Begin Patch
*** Update File: dos.py
@@
-x = 1
+x = 2
*** Update File: closed.py
@@
-shut = 1
+shut = 2
*** Add File: new.py
+new = 1
*** End Patch"""
MINE = "# mine "
_ASKED = {"nvim": "`vim.ui.select`", "helix": "popup", "emacs": "minibuffer"}
HOW = {
    "edit": {
        "nvim": "`:Codex edit`",
        "helix": "command line",
        "helix-25.01": "on a page",
        "emacs": "minibuffer",
    },
    "approve": _ASKED | {"helix-25.01": "code action"},
    "sign-in": _ASKED | {"helix-25.01": "by command"},
    "walk": {"helix-25.01": "from where the menu was opened"},
    "preview": dict.fromkeys(("nvim", "helix", "helix-25.01", "emacs"), "as suggestions"),
    "closed": dict.fromkeys(("nvim", "helix", "helix-25.01", "emacs"), "on disk"),
}
FIX = f'Codex: fix "{PROBLEM}"'

pytestmark = pytest.mark.timeout(300)


class Script:
    """What the model answers next."""

    def __init__(self) -> None:
        self.answer: Turn | None = None

    def __call__(self, body: dict[str, Any]) -> Step:
        if str(body["input"][-1].get("type")).endswith("_output"):
            return Turn((Text("Done."),))
        return self.answer or Refusal(400, {"error": {"message": "nothing was to be asked here"}})


@pytest.fixture(scope="module")
def authority() -> Iterator[RemoteAuthority]:
    with authority_process() as one:
        yield one


class Day:
    """One tourist's day; each method is a part of it. `fix`: the action that mends the fault."""

    fix = FIX

    def __init__(self, tourist: Tourist, here: Scene, script: Script) -> None:
        self.tourist, self.person = tourist, tourist.person
        self.here, self.script = here, script

    async def live(self, note: Callable[..., None]) -> None:
        """All of it in order; `note` hears which features each part has shown."""
        await self.signs_in()
        note("sign-in")
        await self.has_another_server_s_problem_fixed()
        note("fix")
        await self.walks_through_the_changes()
        note("walk")
        await self.keeps_one_and_undoes_another()
        note("review", "preview")
        await self.undoes_the_turn_after_typing()
        note("undo", "unicode")
        await self.changes_a_crlf_file_and_one_that_is_not_open()
        note("edit", "crlf", "closed")
        await self.cancels()
        note("cancel")
        command = await self.allows_a_command()
        note("approve")
        await self.crashes(command)
        note("killed")

    async def signs_in(self) -> None:
        """Asks for a fix, is asked to sign in instead, and does, with a code."""
        await self.person.go_to(LINE)
        await self.person.choose_action(self.fix)
        await self.tourist.answer("Sign in with a code")
        await self.tourist.read(f"Signed in as {ALICE.email}")

    async def has_another_server_s_problem_fixed(self) -> None:
        """The fix of both faults is there as two changes that wait."""
        self.script.answer = Turn((Patch(BOTH),))
        await self.person.go_to(LINE)
        await self.person.choose_action(self.fix)
        await self.tourist.read("2 changes to review")
        assert self.fix != FIX or PROBLEM in str(self.here.model.requests[-1].body["input"])
        await self.person.wait_for(SOURCE)

    async def walks_through_the_changes(self) -> None:
        """From one to the next and back, and a look at the diff."""
        await self.person.go_to(1)
        await self.tourist.is_at(1)
        for command, line in (("next", LINE), ("next", SECOND), ("previous", LINE)):
            await self.tourist.run(f"hunk.{command}")
            await self.tourist.is_at(line)
        await self.tourist.run("hunk.diff")
        await self.tourist.read(f"+{FIRST_FIXED.splitlines()[LINE - 1]}")
        await self.tourist.open(self.here.file)

    async def keeps_one_and_undoes_another(self) -> None:
        await self.person.go_to(SECOND)
        await self.person.choose_action("Codex: undo this change")
        await self.person.go_to(LINE)
        await self.person.choose_action("Codex: keep this change")
        await self.person.wait_for(FIRST_FIXED)
        await self.person.go_to(SECOND)
        offers = " ".join(await self.tourist.offers())
        assert "this change" not in offers
        assert "Codex: ask" in offers

    async def undoes_the_turn_after_typing(self) -> None:
        await self.person.go_to(1)
        await self.person.insert()
        await self.person.type(MINE)
        await self.person.leave()
        await self.tourist.run("turn.undo")
        await self.person.wait_for(MINE + SOURCE)
        await self.person.save()
        assert self.here.file.read_text() == MINE + SOURCE

    async def changes_a_crlf_file_and_one_that_is_not_open(self) -> None:
        dos, closed = self.here.folder / "dos.py", self.here.folder / "closed.py"
        await self.tourist.open(dos)
        self.script.answer = Turn((Patch(THREE_FILES),))
        await self.tourist.ask("edit", "count one up")
        await self.tourist.read("3 changes to review")
        assert "count one up" in str(self.here.model.requests[-1].body["input"])
        await self.tourist.run("turn.accept")
        await self.person.wait_for(DOS_AFTER.replace("\r\n", "\n"))
        await until(lambda: closed.read_text() == CLOSED_AFTER, closed.read_text)
        assert dos.read_bytes() == DOS.encode()
        await self.person.save()
        assert dos.read_bytes() == DOS_AFTER.encode()

    async def cancels(self) -> None:
        self.script.answer = Turn((Gate("cancel"), Patch(THREE_FILES.replace("2", "3"))))
        await self.tourist.ask("edit", "count on")
        await self.here.model.reached("cancel")
        await self.tourist.run("task.cancel")
        await self.tourist.read("Cancelled.")

    async def allows_a_command(self) -> int:
        """The number of the process that the command is."""
        noted = self.here.folder.parent / "noted"
        command = f"echo $$ >{noted}.new; mv {noted}.new {noted}; exec sleep 1000"
        escalated = {"sandbox_permissions": "require_escalated", "yield_time_ms": 30_000}
        self.script.answer = Turn((Call("exec_command", {"cmd": command, **escalated}),))
        await self.tourist.ask("do", "sleep well")
        await self.tourist.answer("Allow once")
        await until(noted.exists, lambda: "the command")
        return int(noted.read_text())

    async def crashes(self, command: int) -> None:
        """Kills the editor in mid-turn: neither the server nor the command outlives it."""
        assert servers(self.here)
        await self.tourist.kill()
        await until(lambda: not servers(self.here), lambda: servers(self.here))
        await until(lambda: not _runs(command), lambda: f"the end of {command}")
        assert _stored(self.here)["tokens"]["refresh_token"]


def _stored(here: Scene) -> dict[str, Any]:
    auth: dict[str, Any] = json.loads(Path(here.env["CODEX_HOME"], "auth.json").read_text())
    return auth


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.mark.parametrize("name", NAMES)
async def test_a_day_in(
    name: str, tmp_path: Path, authority: RemoteAuthority, shows: Shows
) -> None:
    family = "nvim" if name.startswith("nvim") else name if name.startswith("helix") else "emacs"

    def note(*features: str) -> None:
        for feature in features:
            shows(feature, name, HOW.get(feature, {}).get(family, ""))

    authority.set(device_answers=["pending"])
    script = Script()
    async with scene(tmp_path, script) as plain:
        here = signed_out(plain, authority)
        async with tourist(name, here) as one:
            await Day(one, here, script).live(note)


def signed_out(here: Scene, authority: RemoteAuthority) -> Scene:
    """The scene with two faults and two more files, and nobody signed in."""
    here.file.write_text(SOURCE)
    (here.folder / "dos.py").write_bytes(DOS.encode())
    (here.folder / "closed.py").write_text(CLOSED)
    config = Path(here.env["CODEX_HOME"], "config.toml")
    config.write_text(
        f'openai_base_url = "{here.model.base_url}"\n'
        f'[projects."{here.folder}"]\ntrust_level = "trusted"\n'
    )
    own = {
        "CODEX_APP_SERVER_LOGIN_ISSUER": authority.url,
        "CODEX_REFRESH_TOKEN_URL_OVERRIDE": f"{authority.url}/oauth/token",
        "XDG_STATE_HOME": str(here.folder.parent / "state"),
    }
    return replace(here, env={**here.env, **own})
