from __future__ import annotations

from pathlib import Path

import pytest

from codex_lsp.agent import requests
from codex_lsp.agent.context.lines import LineRange
from codex_lsp.agent.conversation import Message, ToolOutput
from codex_lsp.agent.events import (
    Completed,
    Overloaded,
    RequestRefused,
    Restarted,
    StreamBroken,
    TextDelta,
)
from codex_lsp.agent.prompt import Problem
from codex_lsp.agent.requests import Edit, Fix, Place, Question, Workplace
from codex_lsp.agent.steps import Landed, Refused, Retrying, Step, Writing
from codex_lsp.agent.tools.read_file import ReadFile
from codex_lsp.agent.turn import Ended
from tests.doubles.folder_editor import FolderEditor
from tests.doubles.scripted_model import ScriptedModel, call, done, patches, says

BROKEN = "import math\n\n\ndef area(r):\n    return math.pi * r\n"
FIXED = "import math\n\n\ndef area(r):\n    return math.pi * r * r\n"
PATCH = """*** Begin Patch
*** Update File: calc.py
@@ def area(r):
-    return math.pi * r
+    return math.pi * r * r
*** End Patch
"""


class Turn:
    """One request against a scripted model and an editor in memory."""

    def __init__(self, root: Path, *replies: object, text: str = BROKEN) -> None:
        self.root = root.resolve()
        self.model = ScriptedModel(*replies)  # type: ignore[arg-type]
        self.editor = FolderEditor(self.root, calc__py=text)
        self.steps: list[Step] = []

    @property
    def place(self) -> Place:
        return Place(self.root / "calc.py", LineRange(4, 5), "python")

    @property
    def at(self) -> Workplace:
        return Workplace(self.model, self.editor, self.editor.snapshot, "window-1")

    async def fix(self, *problems: Problem) -> tuple[Ended, dict[str, str]]:
        return await requests.change(
            self.place, Fix(problems), self.at, tell=self.steps.append, label="fix"
        )

    @property
    def text(self) -> str:
        return self.editor.texts[self.root / "calc.py"]

    def told(self, kind: type) -> list[Step]:
        return [step for step in self.steps if isinstance(step, kind)]


async def test_a_fix_that_lands_takes_one_round_trip(tmp_path: Path) -> None:
    turn = Turn(tmp_path, patches(PATCH))
    ended, changed = await turn.fix(Problem("wrong area", 5))
    assert turn.text == FIXED
    assert changed == {"calc.py": FIXED}
    assert (ended.rounds, ended.settled) == (1, True)
    turn.model.assert_used_up()


async def test_of_two_places_that_fit_alike_the_one_at_the_problem_is_changed(
    tmp_path: Path,
) -> None:
    body = "    y = x\n    return y + 1\n"
    text = f"def a(x):\n{body}\n\ndef b(x):\n{body}"
    patch = (
        "*** Begin Patch\n*** Update File: calc.py\n@@\n     y = x\n-    return y + 1\n"
        "+    return y - 1\n*** End Patch\n"
    )
    turn = Turn(tmp_path, patches(patch), text=text)
    await turn.fix(Problem("wrong sign", 8))
    assert turn.text == f"def a(x):\n{body}\n\ndef b(x):\n    y = x\n    return y - 1\n"


async def test_the_request_carries_the_definition_the_problem_and_the_imports(
    tmp_path: Path,
) -> None:
    turn = Turn(tmp_path, patches(PATCH))
    await turn.fix(Problem("wrong area", 5, source="ruff", code="X1"))
    (item,) = turn.model.requests[0].items
    assert isinstance(item, Message)
    for part in ("calc.py", "import math", "def area(r):", "line 5", "wrong area", "[ruff X1]"):
        assert part in item.text


async def test_a_fix_without_diagnostics_says_that_none_was_given(tmp_path: Path) -> None:
    turn = Turn(tmp_path, patches(PATCH))
    await turn.fix()
    (item,) = turn.model.requests[0].items
    assert isinstance(item, Message)
    assert "no diagnostic" in item.text


async def test_a_patch_that_does_not_fit_goes_back_to_the_model_with_what_is_there(
    tmp_path: Path,
) -> None:
    wrong = PATCH.replace("-    return math.pi * r\n", "-    return math.pi * radius\n")
    turn = Turn(tmp_path, patches(wrong), patches(PATCH))
    ended, _ = await turn.fix()
    assert turn.text == FIXED
    assert ended.rounds == 2
    output = turn.model.requests[1].items[-1]
    assert isinstance(output, ToolOutput)
    assert "return math.pi * r" in output.text


@pytest.mark.parametrize(
    ("patch", "reason"),
    [
        ("nonsense", "apply_patch verification failed"),
        (PATCH.replace("calc.py", "../outside.py"), "outside the workspace"),
        (PATCH.replace("calc.py", "nowhere.py"), "does not exist"),
        (PATCH.replace("calc.py", ".vscode/settings.json"), "protected"),
        (
            "*** Begin Patch\n*** Add File: calc.py\n+x = 1\n*** End Patch",
            "exists already",
        ),
    ],
)
async def test_a_bad_patch_changes_nothing_and_is_answered_with_the_reason(
    tmp_path: Path, patch: str, reason: str
) -> None:
    turn = Turn(tmp_path, patches(patch), says("I give up."))
    ended, changed = await turn.fix()
    assert turn.text == BROKEN
    assert changed == {}
    assert ended.text == "I give up."
    output = turn.model.requests[1].items[-1]
    assert isinstance(output, ToolOutput)
    assert reason in output.text
    assert turn.told(Refused)


async def test_what_was_typed_over_is_refused_and_told_to_the_model(tmp_path: Path) -> None:
    turn = Turn(tmp_path, patches(PATCH), says("Fine."))
    typed = BROKEN.replace("math.pi * r", "math.pi * r ** 2")

    class TypedOver(FolderEditor):
        async def apply(self, change, *, label):  # type: ignore[no-untyped-def]
            self.texts[change.path] = typed
            return await super().apply(change, label=label)

    turn.editor.__class__ = TypedOver
    await turn.fix()
    assert turn.text == typed
    output = turn.model.requests[1].items[-1]
    assert isinstance(output, ToolOutput)
    assert "math.pi * r ** 2" in output.text


async def test_the_model_may_read_more_before_it_patches(tmp_path: Path) -> None:
    turn = Turn(tmp_path, [call("read_file", '{"path": "calc.py"}'), done()], patches(PATCH))
    await turn.fix()
    assert turn.text == FIXED
    output = turn.model.requests[1].items[-1]
    assert isinstance(output, ToolOutput)
    assert output.text == BROKEN


async def test_an_editor_that_takes_no_edit_is_not_asked_a_dozen_times(tmp_path: Path) -> None:
    turn = Turn(tmp_path, patches(PATCH), patches(PATCH))
    turn.editor.refusal = "the buffer is read-only"
    with pytest.raises(RequestRefused, match="cannot be changed: the buffer is read-only"):
        await turn.fix(Problem("wrong area", 5))
    turn.model.assert_used_up()


async def test_no_request_is_larger_than_allowed_even_where_one_line_is(tmp_path: Path) -> None:
    turn = Turn(tmp_path, text=f"x = 1\ny = '{'y' * 50_000}'\n")
    place = Place(turn.place.path, LineRange(1, 2), "python")
    with pytest.raises(RequestRefused, match="Line 2 of calc"):
        await requests.change(place, Fix(()), turn.at, tell=turn.steps.append, label="fix")


async def test_a_file_is_read_in_pieces_of_bounded_size(tmp_path: Path) -> None:
    text = "short\n" + "x" * 40_000 + "\n" + "y" * 40_000 + "\n" + "z" * 70_000
    turn = Turn(tmp_path, text=text)
    tool = ReadFile(turn.editor.snapshot)
    first = (await tool.run('{"path": "calc.py"}')).text
    assert first == f"short\n{'x' * 40_000}\n(line 2 of 4)\n"
    third = (await tool.run('{"path": "calc.py", "start_line": 3}')).text
    assert third == f"{'y' * 40_000}\n(line 3 of 4)\n"
    last = (await tool.run('{"path": "calc.py", "start_line": 4}')).text
    assert last == "Line 4 is too long to be shown (70000 characters)."


@pytest.mark.parametrize("arguments", ["", "{}", "[]", '{"path": 3}', "{", '{"path": "no.py"}'])
async def test_bad_arguments_are_answered_in_words(tmp_path: Path, arguments: str) -> None:
    turn = Turn(tmp_path, [call("read_file", arguments), done()], says("Well."))
    await turn.fix()
    output = turn.model.requests[1].items[-1]
    assert isinstance(output, ToolOutput)
    assert output.text.startswith("read_file: ")


async def test_an_unknown_tool_is_answered_not_fatal(tmp_path: Path) -> None:
    turn = Turn(tmp_path, [call("rm_rf", "{}"), done()], says("Sorry."))
    await turn.fix()
    output = turn.model.requests[1].items[-1]
    assert isinstance(output, ToolOutput)
    assert output.text == "unsupported call: rm_rf"


async def test_a_restart_voids_what_came_before(tmp_path: Path) -> None:
    half = [TextDelta("half an ans"), Restarted(1, 0.2, "the connection broke")]
    turn = Turn(tmp_path, [*half, *says("whole")])
    ended = await requests.answer(turn.place, Question("why?"), turn.at, tell=turn.steps.append)
    assert ended.text == "whole"
    assert turn.told(Retrying)
    assert turn.told(Writing)[-1] == Writing("whole")


async def test_a_stream_that_breaks_after_a_finished_call_goes_on_from_it(tmp_path: Path) -> None:
    broken = [call("apply_patch", PATCH, freeform=True), StreamBroken("cut")]
    turn = Turn(tmp_path, broken)
    await turn.fix()
    assert turn.text == FIXED
    assert len(turn.told(Landed)) == 1


async def test_a_stream_that_breaks_before_any_call_ends_the_turn(tmp_path: Path) -> None:
    turn = Turn(tmp_path, [TextDelta("x"), StreamBroken("cut")])
    with pytest.raises(StreamBroken):
        await turn.fix()
    assert turn.text == BROKEN


async def test_errors_of_the_service_reach_the_person(tmp_path: Path) -> None:
    turn = Turn(tmp_path, [Overloaded("busy")])
    with pytest.raises(Overloaded, match="busy"):
        await turn.fix()


async def test_a_model_that_wants_another_round_gets_it(tmp_path: Path) -> None:
    turn = Turn(tmp_path, [Completed(None, end_turn=False)], says("now"))
    ended, _ = await turn.fix()
    assert (ended.rounds, ended.text) == (2, "now")


async def test_a_turn_that_never_ends_is_ended(tmp_path: Path) -> None:
    turn = Turn(tmp_path, *[[call("read_file", '{"path": "calc.py"}'), done()]] * 12)
    with pytest.raises(StreamBroken, match="smaller"):
        await turn.fix()


async def test_two_requests_of_a_window_share_the_cache_key_and_the_stable_parts(
    tmp_path: Path,
) -> None:
    turn = Turn(tmp_path, patches(PATCH), says("ok"))
    await turn.fix()
    await requests.change(
        turn.place, Edit("rename r"), turn.at, tell=turn.steps.append, label="edit"
    )
    first, second = turn.model.requests
    assert first.conversation_id == second.conversation_id
    assert first.instructions == second.instructions
    assert first.tools == second.tools
    assert first.turn_id != second.turn_id
