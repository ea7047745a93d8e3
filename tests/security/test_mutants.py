"""Each rule of the gate, taken out, lets an abuse through: the list of abuses kills its mutants."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from codex_lsp.agent.consent import approvals, gate, shell_words
from codex_lsp.agent.consent.actions import Allowed, ChangeFiles, RunCommand
from codex_lsp.agent.consent.approvals import Effect, Policy
from codex_lsp.agent.consent.rules import Book
from tests.security.abuses import KNOWN, ODD

GATE = [
    ("workspace", "root is not None and not guarded(path, root)", "True"),
    ("protected and secret files", "and not guarded(path, root)", ""),
    ("links are followed", "(folder / path).resolve()", "(folder / path)"),
    ("operands of uniq", "len(operands) > program.most", "False"),
    ("unknown letters", "        if letter not in program.flags:\n            return None\n", ""),
    (
        "unknown long options",
        "return ({name}, True) if name in program.long_valued.split() else None",
        "return {name}, False",
    ),
    (
        "tests of find",
        "if taken is None:\n            return False",
        "if taken is None:\n            taken = 0",
    ),
    ("start of find", "if not place.inside(arguments[at]):", "if False:"),
    ("lines of sed", "_SED_PRINTS_LINES.fullmatch(lines)", "_SED_PRINTS_LINES.match(lines)"),
    ("where cd goes", "or not place.inside(arguments[0])", ""),
    ("folders after cd", "    place.go(arguments[0])\n", ""),
    (
        "commands of git",
        "or arguments[0] not in _GIT:",
        ":\n        return True\n    if arguments[0] not in _GIT:",
    ),
    (
        "files of git",
        'paths = [_ANCESTOR.sub("", path.rpartition(":")[2]) or "." for path in paths]',
        "paths = []",
    ),
]
SHELL = [
    ("line ends", 'not (char.isprintable() or char == "\\t")', "False"),
    ("expansions", 'if char in "$`!":', 'if char in "!":'),
    ("bare characters", "char in _NEVER_BARE or", "False or"),
    ("path of a program", "str(path.parent) in _SYSTEM_FOLDERS", "True"),
]


def mutant(module: ModuleType, old: str, new: str) -> ModuleType:
    """`module` with `old` replaced, its other parts as they are."""
    assert module.__file__
    source = Path(module.__file__).read_text("utf-8")
    assert old in source, f"the rule {old!r} is elsewhere now"
    made = ModuleType(f"mutant_of_{module.__name__}")
    made.__dict__["__file__"] = module.__file__
    sys.modules[made.__name__] = made  # dataclasses look their module up
    try:
        exec(compile(source.replace(old, new), module.__file__, "exec"), made.__dict__)
    finally:
        del sys.modules[made.__name__]
    return made


@pytest.fixture
def work(tmp_path: Path) -> Path:
    work = (tmp_path / "work").resolve()
    (work / "sub").mkdir(parents=True)
    (tmp_path / "secret").write_text("s")
    (work / "link").symlink_to(tmp_path / "secret")
    (work / "linked").symlink_to(tmp_path)
    (work / "sub" / "inner").symlink_to(tmp_path / "secret")
    return work


def passes(judging: ModuleType, work: Path) -> list[str]:
    policy = Policy("untrusted", "workspace-write", trusted=True)
    found = []
    for script in (*KNOWN, *ODD):
        as_words = [tuple(script.split())] if script in KNOWN else []
        for argv in (("bash", "-lc", script), *as_words):
            shell = argv[:1] == ("bash",) or not set(script) & set("~$`*?[]{}();&|<>#\\=\x00")
            action = RunCommand(argv, work, confinement="x")
            if argv and shell and judging.judge(action, policy, [work]).safe:
                found.append(script)
    return found


@pytest.mark.parametrize(("old", "new"), [one[1:] for one in GATE], ids=[one[0] for one in GATE])
def test_the_abuses_kill_each_mutant_of_the_gate(old: str, new: str, work: Path) -> None:
    assert set(passes(mutant(gate, old, new), work)) - set(passes(gate, work))


@pytest.mark.parametrize(("old", "new"), [one[1:] for one in SHELL], ids=[one[0] for one in SHELL])
def test_the_abuses_kill_each_mutant_of_the_parser(
    old: str, new: str, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = set(passes(gate, work))
    made = mutant(shell_words, old, new)
    monkeypatch.setattr(gate, "commands", made.commands)
    monkeypatch.setattr(gate, "program_of", made.program_of)
    monkeypatch.setattr(gate, "Unreadable", made.Unreadable)
    assert set(passes(gate, work)) - before


EFFECTS: tuple[Effect, ...] = ("prompt", "forbidden")
DECISIONS = [
    ("no sandbox", 'if not (policy.sandbox == "danger-full-access" or _held(action, policy)):',
     "if False:"),
    ("network", "and (policy.network or not action.network)", ""),
    ("danger", 'verdict.dangerous and (policy.approval != "never" or not action.confinement)',
     "False"),
    ("changes where nothing may be written", ' and policy.sandbox != "read-only"', ""),
    ("changes where each step is asked about", 'policy.approval != "untrusted" and ', ""),
    ("rules that forbid", 'if rule == "forbidden":', "if False:"),
    ("rules that prompt", 'if rule == "prompt":', "if False:"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new"), [one[1:] for one in DECISIONS], ids=[one[0] for one in DECISIONS]
)
def test_the_table_kills_each_mutant_of_the_decision(old: str, new: str) -> None:
    from codex_lsp.agent.consent.rules import PrefixRule
    from tests.agent.test_approvals import BARE, BOXED, DANGEROUS, ONLINE, PLAIN, POLICIES, SAFE

    change = ChangeFiles((Path("/w/a.py"),), "+x")

    made = mutant(approvals, old, new)
    books = [Book(), *(Book((PrefixRule((("make",),), e),)) for e in EFFECTS)]
    widened = [
        (action, judged)
        for book in books
        for approval in POLICIES
        for action in (BOXED, BARE, ONLINE, change)
        for judged in (SAFE, PLAIN, DANGEROUS)
        for policy in [Policy(approval, "workspace-write"), Policy(approval, "read-only")]
        if isinstance(made.decide(action, policy, book, lambda *_: judged), Allowed)  # noqa: B023
        and not isinstance(approvals.decide(action, policy, book, lambda *_: judged), Allowed)  # noqa: B023
    ]
    assert widened
