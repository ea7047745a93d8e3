from __future__ import annotations

from typing import Any

import pytest

from codex_lsp.agent.context.lines import LineRange
from codex_lsp.lsp.diagnostics import problems
from codex_lsp.lsp.editing.positions import range_lines
from codex_lsp.lsp.targets import BadArguments, parse_target


def lsp_range(*at: int) -> dict[str, Any]:
    return {
        "start": {"line": at[0], "character": at[1]},
        "end": {"line": at[2], "character": at[3]},
    }


@pytest.mark.parametrize(
    ("at", "lines"),
    [
        ((3, 2, 3, 2), LineRange(3, 4)),
        ((3, 0, 5, 0), LineRange(3, 5)),
        ((3, 0, 5, 1), LineRange(3, 6)),
        ((5, 1, 3, 0), LineRange(5, 6)),
    ],
)
def test_a_range_touches_whole_lines(at: tuple[int, ...], lines: LineRange) -> None:
    assert range_lines(lsp_range(*at)) == lines


def test_line_numbers_count_from_one_and_may_be_text() -> None:
    assert parse_target([{"line": "3", "endLine": 5}]).lines == LineRange(2, 5)
    assert parse_target([{"line": 7}]).lines == LineRange(6, 7)


@pytest.mark.parametrize("arguments", [None, []])
def test_no_argument_is_fine(arguments: list[object] | None) -> None:
    assert parse_target(arguments).uri is None


@pytest.mark.parametrize(
    "arguments",
    [
        ["x"], [{}, {}], [{"line": 0}], [{"line": "a"}], [{"line": True}], [{"range": 3}],
        [{"range": {}}], [{"uri": 1}], [{"prompt": []}], [{"diagnostics": {}}],
    ],
)  # fmt: skip
def test_bad_arguments_are_told_what_they_should_be(arguments: list[object]) -> None:
    with pytest.raises(BadArguments, match=r"has to|Give one"):
        parse_target(arguments)


def test_diagnostics_are_read_with_code_source_and_related_places() -> None:
    related = {
        "location": {"uri": "file:///w/other.py", "range": lsp_range(8, 0, 8, 1)},
        "message": "defined here",
    }
    (problem,) = problems(
        [
            {
                "range": lsp_range(2, 0, 2, 4),
                "message": "bad",
                "severity": 2,
                "code": 42,
                "source": "mypy",
                "relatedInformation": [related, 3],
            },
            {"message": "no range"},
        ]
    )
    assert (problem.line, problem.severity, problem.code) == (3, "warning", "42")
    assert problem.related == ("other.py:9: defined here",)
