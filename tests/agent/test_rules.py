"""Rules that the person wrote, and what they allowed for a project."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from codex_lsp.agent.consent.actions import (
    Action,
    CallServerTool,
    RunCommand,
    TouchProtected,
    UseServer,
    fingerprint,
)
from codex_lsp.agent.consent.rules import (
    Book,
    PrefixRule,
    Project,
    entry_for,
    parse_allowed,
    parse_rules,
)

HERE = Project("/w", "/w/.git")


def run(script: str, *, confinement: str = "bwrap", network: bool = False) -> RunCommand:
    return RunCommand(("bash", "-lc", script), Path("/w"), (), confinement, network)


def book(text: str) -> Book:
    found, whole = parse_rules(text)
    return Book(tuple(found), whole=whole)


RULES = """
# a comment
"another"
prefix_rule(pattern=["npm", ["test", "ci"]], decision="allow")
prefix_rule(pattern=["git", "push"], decision="prompt", justification="pushing is public")
prefix_rule(
    pattern=["curl"], decision="forbidden", justification="no downloads", match=[["curl", "x"]],
)
host_executable(name="git", paths=["/usr/bin/git"])
"""


@pytest.mark.parametrize(
    ("script", "effect"),
    [
        ("npm test", "allow"), ("npm ci --quiet && npm test", "allow"), ("npm run x", None),
        ("npm", None), ("npm test; make", None), ("git push origin", "prompt"),
        ("npm test && git push", "prompt"), ("curl x", "forbidden"),
        ("/usr/bin/curl x", "forbidden"),
        ("./curl x", "forbidden"), ("sudo curl x", "forbidden"), ("env A=b curl x", "forbidden"),
        ("git push && curl x", "forbidden"), ("echo $(curl x)", "prompt"),
        ("npm test > x", "prompt"),
        ("echo curl", None), ("./npm test", None),
    ],
)  # fmt: skip
def test_the_strictest_rule_counts(script: str, effect: str | None) -> None:
    found = book(RULES).of(run(script))
    assert (found and found[0]) == effect


def test_a_rule_says_why() -> None:
    assert book(RULES).of(run("curl x")) == ("forbidden", "no downloads")


@pytest.mark.parametrize("more", [{"confinement": ""}, {"network": True}])
def test_a_prefix_allows_nothing_beyond_the_sandbox(more: dict[str, str]) -> None:
    assert book(RULES).of(replace(run("npm test"), **more)) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "bad",
    [
        "prefix_rule(pattern=['x'], decision='allowed')", "prefix_rule(pattern=[])", "import os",
        "prefix_rule(pattern='x')", "prefix_rule(['x'])", "prefix_rule(pattern=[__import__('os')])",
        "x = 1", "prefix_rule(pattern=[''])", "prefix_rule(pattern=[[]])", "while True: pass",
        "prefix_rule(pattern=['x'], **y)", "open('/tmp/x', 'w')", "prefix_rule(", "def f(): pass",
        "prefix_rule(pattern=[1])", "prefix_rule(pattern=['x'], justification=1)", "(" * 500,
        "[prefix_rule(pattern=['x']) for x in y]", "a.prefix_rule(pattern=['x'])", "\x00",
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_wholly_allows_nothing_but_still_forbids(bad: str) -> None:
    made = book(RULES) if not bad else book(f"{RULES}\n{bad}")
    assert not made.whole
    assert made.of(run("npm test")) is None
    if made.prefixes:
        assert made.of(run("curl x")) == ("forbidden", "no downloads")


ACTIONS: list[Action] = [
    run("make"),
    run("make", confinement="", network=True),
    RunCommand(("a", 'b"c\\d\n\t\x7f\x00é😀\u202e'), Path("/w/ü"), (("A", "="), ("B", ""))),
    UseServer("x", ("node", "s.js"), ""),
    UseServer("y", (), "https://localhost/x"),
    UseServer("z", ("a",), "", "/x", (("N", "v"),), ("TOKEN",), (("/x/a", "00ff"),)),
    CallServerTool("x", "t", '{"a": [1]}'),
]


def test_what_was_allowed_is_found_again_and_nothing_else() -> None:
    text = "".join(entry_for(action, HERE) for action in ACTIONS)
    allowed = parse_allowed(text, HERE)
    assert allowed == {fingerprint(action) for action in ACTIONS}
    made = Book(allowed=allowed)
    assert [made.of(action) for action in ACTIONS] == [("allow", "")] * len(ACTIONS)
    for other in (
        run("make x"),
        run("make", network=True),
        UseServer("x", ("node", "t.js")),
        UseServer("x", ("node", "s.js"), "", "/elsewhere"),
        UseServer("x", ("node", "s.js"), sets=(("A", "1"),)),
        UseServer("x", ("node", "s.js"), passes=("TOKEN",)),
        UseServer("x", ("node", "s.js"), files=(("s.js", "00"),)),
    ):
        assert made.of(other) is None
    for project in (Project("/w", ""), Project("/w2", "/w/.git"), Project("/w", "/x/.git")):
        assert parse_allowed(text, project) == frozenset()


def test_a_rule_that_forbids_is_stricter_than_what_was_allowed_before() -> None:
    allowed = frozenset({fingerprint(run("curl x"))})
    rule = PrefixRule((("curl",),), "forbidden")
    assert Book((rule,), allowed).of(run("curl x")) == ("forbidden", "")


@pytest.mark.parametrize(
    "action",
    [TouchProtected(Path("/w/.envrc"), "+x"), RunCommand(("a", "\ud800"), Path("/w"))],
)
def test_what_is_asked_every_time_or_has_no_exact_form_is_not_written_down(action: Action) -> None:
    with pytest.raises(ValueError):
        entry_for(action, HERE)


@pytest.mark.parametrize(
    "text",
    [
        "allow = 1", "[[allow]]", "[allow]\nx = 1", "not toml", "[[allow]]\ndo = 'run'",
        "[[allow]]\nfolder='/w'\nrepository='/w/.git'\ndo='run'\nargv='make'\ncwd='/w'",
        "[[allow]]\nfolder='/w'\nrepository='/w/.git'\ndo='run'\nargv=[1]\ncwd='/w'",
        "[[allow]]\nfolder='/w'\nrepository='/w/.git'\ndo='run'\nargv=['a']\ncwd=1",
        "[[allow]]\nfolder='/w'\nrepository='/w/.git'\ndo='run'\nargv=['a']\nnetwork='yes'",
        "[[allow]]\nfolder='/w'\nrepository='/w/.git'\ndo='run'\nargv=['a']\nenvironment=[['A']]",
        "[[allow]]\nfolder='/w'\nrepository='/w/.git'\ndo='all'\nargv=['a']",
    ],
)  # fmt: skip
def test_bad_entries_allow_nothing(text: str) -> None:
    assert parse_allowed(text, HERE) == frozenset()
