from __future__ import annotations

from dataclasses import replace

import pytest

from codex_lsp.lsp.offers import TITLE_LENGTH, Spot, offers

PROBLEM = {
    "range": {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 1}},
    "message": "undefined name 'x'",
}


def spot(*, here: int = 0, in_file: int = 0, selected: bool = False, automatic: bool = False,
         text: str = "x = 1\n", presets: bool = True) -> Spot:  # fmt: skip
    return Spot(text, selected, (PROBLEM,) * here, (PROBLEM,) * in_file, automatic, presets)


def titles(where: Spot, only: list[str] | None = None) -> list[str]:
    return [offer.title for offer in offers(where, only)]


def test_a_problem_is_offered_to_be_fixed_and_explained() -> None:
    found = offers(spot(here=1, in_file=1), None)
    assert found[0].title == "Codex: fix \"undefined name 'x'\""
    assert found[0].diagnostics == (PROBLEM,)
    assert "Codex: explain this problem" in [offer.title for offer in found]


def test_an_automatic_request_is_answered_only_where_a_problem_is() -> None:
    assert titles(spot(automatic=True, selected=True, text="# TODO: x")) == []
    assert len(titles(spot(automatic=True, here=1, in_file=5))) == 1


def test_without_diagnostics_a_fix_is_offered_all_the_same() -> None:
    assert "Codex: fix this" in titles(spot())


@pytest.mark.parametrize("running", [True, False])
def test_what_runs_can_be_stopped_from_the_menu(running: bool) -> None:
    assert ("Codex: stop" in titles(replace(spot(), running=running))) == running
    assert titles(replace(spot(automatic=True), running=running)) == []


def test_a_selection_can_be_edited_and_todo_comments_done() -> None:
    found = titles(spot(selected=True, text="# TODO: more\n"))
    assert {"Codex: edit selection…", "Codex: simplify", "Codex: do what this comment says"} <= {
        *found
    }
    assert "Codex: simplify" not in titles(spot(selected=True, presets=False))


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        (["quickfix"], {"quickfix.codex", "quickfix.codex.explain"}),
        (["refactor.rewrite"], {"refactor.rewrite.codex.doc"}),
        (["refactor.re"], set()),
        (["source.organizeImports"], set()),
        (["source.fixAll"], {"source.fixAll.codex"}),
        (["source"], {"source.codex.tests", "source.codex.ask", "source.codex.do"}),
    ],
)
def test_only_the_kinds_that_were_asked_for_are_offered(
    only: list[str], expected: set[str]
) -> None:
    found = offers(spot(here=1, in_file=2), only)
    assert {offer.kind for offer in found} == expected


@pytest.mark.parametrize("message", ["x" * 500, "a\nb\x1b[31m\u202e", ""])
def test_titles_stay_on_one_line_and_short(message: str) -> None:
    where = Spot("", False, ({**PROBLEM, "message": message},), (), False)
    title = titles(where)[0]
    assert len(title) <= TITLE_LENGTH
    assert title.isprintable()
