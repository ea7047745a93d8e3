"""What Vim's clients need of the server, as the real ones were measured (`vim_day`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.doubles.editor_profiles import Answer
from tests.doubles.model_script import Call, Gate, Patch, Turn, says
from tests.e2e.test_commands import Session, patch, session

VIM_LSP, YEGAPPAN, COC = "vim-9.2-vim-lsp", "vim-9.2-yegappan", "vim-9.2-coc"
WARNING, INFO = 2, 3
PROTECTED = "*** Begin Patch\n*** Add File: .envrc\n+export TWICE=1\n*** End Patch"


def said(one: Session) -> list[tuple[int, str]]:
    return [(told["type"], told["message"]) for told in one.editor.messages]


async def choose(one: Session, title: str) -> Any:
    actions = await one.client.code_actions(one.document, 0)
    return await one.client.run(next(act for act in actions if act.title.startswith(title)))


async def test_who_could_give_the_first_answer_alone_is_told_how_to_give_any(
    tmp_path: Path,
) -> None:
    script = [Turn((Patch(PROTECTED),))]
    async with session(tmp_path, script, name=VIM_LSP, trusted=True) as one:
        given = {"path": "code.py", "prompt": "set it"}
        task = (await one.client.execute("codex.edit", given))["taskId"]
        await one.client.until(lambda: one.editor.messages, "the question")
        [told] = one.editor.messages
        assert "actions" not in told
        assert told["type"] == WARNING
        assert "Answer with a code action on the marked line" in told["message"]
        await choose(one, "Codex: allow once")
        await one.ended(task)
        assert (one.editor.workspace / ".envrc").read_text() == "export TWICE=1\n"


@pytest.mark.parametrize(("name", "kind"), [(VIM_LSP, WARNING), (YEGAPPAN, INFO), (COC, INFO)])
async def test_how_a_task_ended_is_said_once_where_progress_does_not_show_it(
    tmp_path: Path, name: str, kind: int
) -> None:
    change = patch("    return n * 2", "    return n * 3")
    held = Turn((Gate("hold"), Call("list_dir", {"dir_path": "."})))
    async with session(tmp_path, [change, says("It is right."), held], name=name) as one:
        await one.command("codex.fix", line=7)
        await one.ended((await one.client.execute("codex.do", {"prompt": "look"}))["taskId"])
        task = (await one.client.execute("codex.do", {"prompt": "look"}))["taskId"]
        await one.service.reached("hold")
        assert await choose(one, "Codex: stop") == {"ok": True}
        await one.ended(task)
        wanted = ["Changed code.py.", "It is right. Nothing was changed.", "Cancelled."]
        await one.client.until(lambda: len(said(one)) >= len(wanted), "the last end")
        assert said(one) == [(kind, message) for message in wanted]


async def test_a_page_opens_where_the_person_taught_the_client_to_open_it(tmp_path: Path) -> None:
    async with session(
        tmp_path, [says("Because.")], name=YEGAPPAN, show_document=Answer.GIVEN
    ) as one:
        await one.command("codex.ask", line=1, prompt="why?")
        [shown] = one.editor.shown
        assert shown["uri"].endswith(".md")
        assert not said(one)
