"""Who decides: rules, what is harmless, what is dangerous, the policy, and then the person."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from codex_lsp.agent.consent.actions import (
    Action,
    Allowed,
    CallServerTool,
    ChangeFiles,
    Decision,
    Denied,
    RunCommand,
    Scope,
    TouchProtected,
    TrustFolder,
    UseServer,
    fingerprint,
)
from codex_lsp.agent.consent.approvals import (
    ApprovalPolicy,
    Policy,
    Question,
    SandboxMode,
    Terms,
    decide,
    permit,
)
from codex_lsp.agent.consent.gate import Judged
from codex_lsp.agent.consent.rules import Book, PrefixRule

BOXED = RunCommand(("make",), Path("/w"), confinement="bwrap")
BARE = replace(BOXED, confinement="", network=True)
ONLINE = replace(BOXED, network=True)
IN_PLACE = replace(BOXED, in_place=True)
SAFE, DANGEROUS, PLAIN = Judged(safe=True), Judged(dangerous="It deletes."), Judged()
POLICIES: tuple[ApprovalPolicy, ...] = get_args(ApprovalPolicy)
SANDBOXES: tuple[SandboxMode, ...] = get_args(SandboxMode)
EMPTY = Book()


def said(action: Action, policy: Policy, judged: Judged = PLAIN, book: Book = EMPTY) -> str:
    match decide(action, policy, book, lambda *_: judged):
        case Allowed():
            return "allow"
        case Denied():
            return "deny"
        case Question():
            return "ask"


@pytest.mark.parametrize(
    ("action", "judged", "untrusted", "on_request", "never"),
    [
        (BOXED, SAFE, "allow", "allow", "allow"),
        (BOXED, PLAIN, "ask", "allow", "allow"),
        (BOXED, DANGEROUS, "ask", "ask", "allow"),
        (BARE, SAFE, "ask", "ask", "deny"),
        (BARE, PLAIN, "ask", "ask", "deny"),
        (BARE, DANGEROUS, "ask", "ask", "deny"),
        (ONLINE, SAFE, "ask", "ask", "deny"),
        (ONLINE, PLAIN, "ask", "ask", "deny"),
        (IN_PLACE, SAFE, "allow", "allow", "allow"),
        (IN_PLACE, PLAIN, "ask", "ask", "deny"),
        (UseServer("x"), PLAIN, "ask", "ask", "deny"),
        (CallServerTool("x", "t", "{}"), PLAIN, "ask", "ask", "deny"),
        (TouchProtected(Path("/w/.envrc"), "+x"), PLAIN, "ask", "ask", "ask"),
        (TrustFolder(Path("/w")), PLAIN, "ask", "ask", "ask"),
    ],
)
@pytest.mark.parametrize("sandbox", ["read-only", "workspace-write"])
def test_the_table_of_decisions(
    action: Action,
    judged: Judged,
    untrusted: str,
    on_request: str,
    never: str,
    sandbox: SandboxMode,
) -> None:
    found = [said(action, Policy(approval, sandbox), judged) for approval in POLICIES]
    assert found == [untrusted, on_request, never]


def test_a_job_changes_files_unasked_where_codex_does_and_nowhere_else() -> None:
    change = ChangeFiles((Path("/w/a.py"),), "+x")
    found = {
        sandbox: [said(change, Policy(approval, sandbox)) for approval in POLICIES]
        for sandbox in SANDBOXES
    }
    assert found == {
        "read-only": ["ask", "ask", "deny"],
        "workspace-write": ["ask", "allow", "allow"],
        "danger-full-access": ["ask", "allow", "allow"],
    }
    assert said(change, Policy("on-request", unasked=frozenset({"sandbox_approval"}))) == "deny"


def test_full_access_was_chosen_by_the_person_and_still_asks_where_it_is_dangerous() -> None:
    found = {
        (approval, name): said(BARE, Policy(approval, "danger-full-access"), judged)
        for approval in POLICIES
        for name, judged in (("safe", SAFE), ("plain", PLAIN), ("dangerous", DANGEROUS))
    }
    assert found == {
        ("untrusted", "safe"): "allow", ("untrusted", "plain"): "ask",
        ("untrusted", "dangerous"): "ask", ("on-request", "safe"): "allow",
        ("on-request", "plain"): "ask", ("on-request", "dangerous"): "ask",
        ("never", "safe"): "allow", ("never", "plain"): "allow", ("never", "dangerous"): "deny",
    }  # fmt: skip


def test_the_question_names_the_files_whose_unsaved_text_is_not_seen() -> None:
    names = tuple(f"{letter}.py" for letter in "abcdefghijkl")
    for unseen, words in (
        (names[:2], "unsaved changes in 2 files (a.py, b.py) are not seen"),
        (
            names,
            "in 12 files (a.py, b.py, c.py, d.py, e.py, f.py, g.py, h.py, i.py, j.py and 2 more",
        ),
    ):
        asked = decide(replace(BARE, unseen=unseen), Policy(), EMPTY, lambda *_: PLAIN)
        assert isinstance(asked, Question)
        assert words in " ".join(asked.notes)


def test_a_network_that_the_person_opened_for_the_sandbox_is_no_question() -> None:
    assert said(ONLINE, Policy("on-request", "workspace-write", network=True)) == "allow"
    assert said(BARE, Policy("on-request", "workspace-write", network=True)) == "ask"


@pytest.mark.parametrize("approval", POLICIES)
@pytest.mark.parametrize("sandbox", SANDBOXES)
def test_rules_come_first(approval: ApprovalPolicy, sandbox: SandboxMode) -> None:
    policy = Policy(approval, sandbox)
    for judged in (SAFE, PLAIN, DANGEROUS):
        forbids = Book((PrefixRule((("make",),), "forbidden"),))
        assert said(BOXED, policy, judged, forbids) == "deny"
        allows = Book((PrefixRule((("make",),), "allow"),))
        assert said(BOXED, policy, judged, allows) == "allow"
        prompts = Book((PrefixRule((("make",),), "prompt"),))
        assert said(BOXED, policy, judged, prompts) == ("deny" if approval == "never" else "ask")


def test_a_question_says_that_there_is_no_sandbox() -> None:
    first = decide(BARE, Policy(), EMPTY, lambda *_: DANGEROUS)
    assert isinstance(first, Question)
    assert "NOT sandboxed" in first.notes[0]
    assert "network" in first.notes[1]
    assert first.notes[2] == "It deletes."
    boxed = decide(BOXED, Policy(), EMPTY, lambda *_: PLAIN)
    assert isinstance(boxed, Question)
    assert not [note for note in boxed.notes if "NOT" in note]


class Person:
    """Answers as told, and notes what was asked and remembered."""

    def __init__(self, answer: Decision | None = None, *, trusts: bool = False) -> None:
        self.answer, self.trusting = answer, trusts
        self.asked: list[Question] = []
        self.remembered: list[Action] = []

    async def ask(self, question: Question) -> Decision:
        self.asked.append(question)
        assert self.answer is not None
        return self.answer

    async def trusts(self, folder: TrustFolder) -> bool:
        return self.trusting

    async def remember(self, action: Action) -> None:
        self.remembered.append(action)


async def decided(
    action: Action, person: Person, session: set[str], undecided: TrustFolder | None = None
) -> Decision:
    async def terms() -> Terms:
        return Terms(Policy(), EMPTY, undecided)

    return await permit(terms, lambda *_: PLAIN, session, person)(action)


async def test_an_answer_to_something_else_allows_nothing() -> None:
    for answer in (
        Allowed("something else"),
        Allowed(fingerprint(BARE)),
        Allowed(fingerprint(BARE), Scope.PROJECT),
    ):
        session: set[str] = set()
        person = Person(answer)
        assert isinstance(await decided(BOXED, person, session), Denied)
        assert (session, person.remembered) == (set(), [])


async def test_a_protected_file_is_asked_every_time_and_never_remembered() -> None:
    action = TouchProtected(Path("/w/.envrc"), "+x")
    mark = fingerprint(action)
    for scope in (Scope.SESSION, Scope.PROJECT):
        person = Person(Allowed(mark, scope))
        assert isinstance(await decided(action, person, set()), Denied)
        assert person.remembered == []
    session = {mark}
    person = Person(Allowed(mark))
    assert await decided(action, person, session) == Allowed(mark)
    assert len(person.asked) == 1


async def test_scopes_reach_as_far_as_they_say() -> None:
    mark = fingerprint(BOXED)
    session: set[str] = set()
    once = Person(Allowed(mark))
    assert await decided(BOXED, once, session) == Allowed(mark)
    assert (session, once.remembered) == (set(), [])
    longer = Person(Allowed(mark, Scope.SESSION))
    await decided(BOXED, longer, session)
    assert await decided(BOXED, Person(), session) == Allowed(mark, Scope.SESSION)
    project = Person(Allowed(mark, Scope.PROJECT))
    await decided(BOXED, project, set())
    assert project.remembered == [BOXED]


async def test_trust_that_is_new_lets_nothing_run_that_was_described_before() -> None:
    person = Person(trusts=True)
    found = await decided(BOXED, person, set(), TrustFolder(Path("/w")))
    assert isinstance(found, Denied)
    assert person.asked == []


@pytest.mark.parametrize(
    ("topic", "denied"),
    [
        ("sandbox_approval", {"bare", "dangerous"}),
        ("rules", {"ruled"}),
        ("mcp_elicitations", {"server", "tool"}),
        ("skill_approval", set()),
    ],
)
def test_a_kind_of_question_that_is_turned_off_is_denied_and_no_other(
    topic: str, denied: set[str]
) -> None:
    policy = Policy("on-request", "workspace-write", trusted=True, unasked=frozenset({topic}))
    asks = Book((PrefixRule((("make",),), "prompt"),))
    found = {
        "bare": said(BARE, policy),
        "dangerous": said(BOXED, policy, DANGEROUS),
        "ruled": said(BOXED, policy, book=asks),
        "server": said(UseServer("x"), policy),
        "tool": said(CallServerTool("x", "t", "{}"), policy),
        "protected": said(TouchProtected(Path("/w/.envrc"), "+x"), policy),
        "trust": said(TrustFolder(Path("/w")), policy),
    }
    assert {name for name, answer in found.items() if answer == "deny"} == denied
    assert {answer for name, answer in found.items() if name not in denied} == {"ask"}
    assert said(BOXED, policy) == "allow"
