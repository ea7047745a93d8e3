"""The short flow with a scripted completion: what is asked, refused, tried again and returned."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from codex_lsp.agent.events import ContextTooLong, Overloaded
from codex_lsp.agent.small.repair import MOST_CHARACTERS, TEMPERATURES, Check, Faulty, Try, repair
from codex_lsp.agent.small.replacement import Unusable, is_whole, read_answer

FAULTY = 'def area(w, h):\n    """Of a rectangle."""\n    return w + h\n'
GOOD = FAULTY.replace("+", "*")
WORSE = FAULTY.replace("+", "-")
ERROR = "area(3, 4) returned 7, expected 12"


def fenced(code: str, tag: str = "python") -> str:
    return f"Here it is:\n\n```{tag}\n{code}```\nI hope this helps."


class Script:
    """A completion that says its lines in order; a line too few or too many fails the test."""

    def __init__(self, *answers: str) -> None:
        self.left = list(answers)
        self.asked: list[tuple[str, float]] = []

    async def __call__(self, prompt: str, temperature: float) -> str:
        self.asked.append((prompt, temperature))
        return self.left.pop(0)


class Checker:
    """Accepts sources with `wanted` in them, and remembers what it was asked."""

    def __init__(self, wanted: str) -> None:
        self.wanted = wanted
        self.seen: list[str] = []

    async def __call__(self, source: str) -> str | None:
        self.seen.append(source)
        return None if self.wanted in source else "still wrong"


async def run(
    script: Script, check: Check, source: str = FAULTY, language: str = "python"
) -> tuple[str | None, Sequence[Try]]:
    tries: list[Try] = []
    result = await repair(Faulty(source, ERROR, language), script, check=check, report=tries.append)
    assert not script.left, "the flow asked less often than scripted"
    return result, tries


async def test_the_first_good_answer_is_the_result_and_nothing_more_is_asked() -> None:
    script = Script(fenced(GOOD))
    result, tries = await run(script, Checker("w * h"))
    assert result == GOOD
    assert [(t.number, t.temperature, t.problem) for t in tries] == [(1, 0.0, None)]
    prompt = script.asked[0][0]
    assert ERROR in prompt
    assert FAULTY in prompt


async def test_each_refused_answer_is_reported_and_asked_again_warmer() -> None:
    script = Script(fenced(WORSE), "I do not know.", fenced("def area(:\n"), fenced(GOOD))
    result, tries = await run(script, Checker("w * h"))
    assert result == GOOD
    assert [t.problem is None for t in tries] == [False, False, False, True]
    assert tries[0].problem == "still wrong"
    assert str(tries[0]) == "try 1 of 5: still wrong"
    temperatures = [temperature for _, temperature in script.asked]
    assert temperatures == sorted(set(temperatures))


async def test_it_gives_up_after_the_last_temperature() -> None:
    script = Script(*[fenced(FAULTY)] * len(TEMPERATURES))
    result, tries = await run(script, Checker(""))
    assert result is None
    assert {t.problem for t in tries} == {"the function came back unchanged"}


async def test_an_answer_that_failed_the_check_is_not_checked_twice() -> None:
    checker = Checker("w * h")
    _, tries = await run(Script(fenced(WORSE), fenced(WORSE), fenced(GOOD)), checker)
    assert checker.seen == [WORSE, GOOD]
    assert tries[1].problem == "the same answer again: still wrong"


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
async def test_a_method_keeps_its_indentation_and_line_ends(newline: str) -> None:
    method = "".join(f"    {line}{newline}" for line in FAULTY.splitlines())
    checker = Checker("w * h")
    script = Script(fenced(GOOD))
    result, _ = await run(script, checker, method)
    assert result == method.replace("+", "*")
    assert checker.seen == [result]
    assert FAULTY in script.asked[0][0]


async def test_a_file_that_ends_in_the_function_gets_no_new_final_newline() -> None:
    script = Script(fenced(GOOD))
    assert await repair(Faulty(FAULTY.rstrip(), ERROR), script) == GOOD.rstrip()


async def test_without_a_check_the_right_form_is_enough() -> None:
    assert await repair(Faulty(FAULTY, ERROR), Script(fenced(WORSE))) == WORSE


async def test_a_function_too_long_for_the_model_is_never_sent() -> None:
    script = Script()
    with pytest.raises(ContextTooLong):
        await repair(Faulty("#" * (MOST_CHARACTERS + 1), ERROR), script)
    assert script.asked == []


async def test_a_failing_model_ends_the_flow() -> None:
    async def busy(_prompt: str, _temperature: float) -> str:
        raise Overloaded("busy")

    with pytest.raises(Overloaded):
        await repair(Faulty(FAULTY, ERROR), busy)


def test_only_the_named_function_is_taken_from_the_answer() -> None:
    answer = fenced(f"import os\n\n\ndef other():\n    pass\n\n\n{GOOD}\nprint(area(1, 2))\n")
    assert read_answer(answer, FAULTY, "python") == GOOD


def test_an_unclosed_code_block_is_read_when_it_is_whole_python() -> None:
    assert read_answer(f"```python\n{GOOD}", FAULTY, "python") == GOOD


def test_a_method_of_a_class_is_not_mistaken_for_the_function() -> None:
    inside = "class Box:\n" + "".join(f"    {line}\n" for line in GOOD.splitlines())
    assert isinstance(read_answer(fenced(inside), FAULTY, "python"), Unusable)


def test_decorators_stay_with_their_function() -> None:
    assert (
        read_answer(fenced(f"@cache\n{GOOD}"), f"@cache\n{FAULTY}", "python") == f"@cache\n{GOOD}"
    )


def test_a_function_that_did_not_parse_can_still_be_repaired() -> None:
    broken = FAULTY.replace("(w, h):", "(w, h)")
    assert read_answer(fenced(GOOD), broken, "python") == GOOD


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (GOOD.replace("area", "surface"), "no function area"),
        (GOOD.replace("(w, h)", "(w, h, d)"), "parameters"),
        (GOOD.replace("(w, h)", "(*w, **h)"), "parameters"),
        (GOOD.replace("(w, h)", "(w, *, h)"), "parameters"),
        (f"@cache\n{GOOD}", "decorators"),
        (GOOD.replace("w * h", "eval('w * h')"), "reaches for eval"),
        (GOOD.replace("w * h", "w.__class__"), "reaches for __class__"),
        (GOOD.replace("    return", "    import os\n    return"), "reaches for import os"),
        ("def area(w, h):\n    return (w\n", "not valid Python"),
        ("\0", "not valid Python"),
        ("(" * 9_000, "not valid Python"),
        (FAULTY, "unchanged"),
    ],
)
def test_an_answer_that_is_no_repair_is_refused_with_the_reason(code: str, reason: str) -> None:
    answer = read_answer(fenced(code), FAULTY, "python")
    assert isinstance(answer, Unusable)
    assert reason in answer.reason


def test_what_the_function_already_used_may_stay() -> None:
    faulty = "def load(path):\n    return open(path).reed()\n"
    fixed = faulty.replace("reed", "read")
    assert read_answer(fenced(fixed), faulty, "python") == fixed


C = 'int area(int w, int h) {\n    puts("(");  // :-)\n    return w + h;\n}\n'


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (C.replace("+", "*"), None),
        (C.replace("+", "*")[:-2], "still open"),
        (C.replace("h;\n}", "h);\n}"), "do not match"),
        (C.replace("int h", "long h"), "first line"),
        (C, "unchanged"),
    ],
)
def test_other_languages_are_held_to_their_first_line_and_brackets(
    code: str, reason: str | None
) -> None:
    answer = read_answer(fenced(code, "c"), C, "c")
    if reason is None:
        assert answer == code
    else:
        assert isinstance(answer, Unusable)
        assert reason in answer.reason


def test_the_stream_may_end_when_the_first_block_is_closed() -> None:
    assert not is_whole("Fixed:\n")
    assert not is_whole(f"```python\n{GOOD}")
    assert is_whole(f"```python\n{GOOD}```")
