"""Decides whether an action may be done: rules, then what is known to be harmless, then what is
known to be dangerous, then the policy, and at the end the person.

What the model says of an action is shown to the person and weighs nothing here. Errors and
silence never allow anything: a question without an answer waits.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, Protocol, assert_never

from codex_lsp.agent.actions import (
    Action,
    Allowed,
    CallServerTool,
    Decision,
    Denied,
    Permit,
    RunCommand,
    Scope,
    TouchProtected,
    UseServer,
    fingerprint,
)

ApprovalPolicy = Literal["untrusted", "on-request", "never"]
SandboxMode = Literal["read-only", "workspace-write", "danger-full-access"]

EVERY_SCOPE = (Scope.ONCE, Scope.SESSION, Scope.PROJECT)


@dataclass(frozen=True, slots=True)
class Policy:
    """What the person's own configuration says; the strictest where it says nothing.

    `trusted`: the person trusts the folder, so that what its files configure may run.
    """

    approval: ApprovalPolicy = "untrusted"
    sandbox: SandboxMode = "read-only"
    trusted: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """What the person is asked. `notes` are our own sentences; `scopes` is what they may grant."""

    action: Action
    notes: tuple[str, ...]
    scopes: tuple[Scope, ...]


Ask = Callable[[Question], Awaitable[Decision]]
"""Asks the person. Returns their answer and nothing else: it waits as long as they do."""


class Verdict(Protocol):
    """What the gate says of a command, without asking anybody."""

    @property
    def safe(self) -> bool:
        """It only reads the workspace."""
        ...

    @property
    def dangerous(self) -> str:
        """Why it is dangerous, as a sentence; empty if it is not known to be."""
        ...


class Rules(Protocol):
    """What the person wrote down, or allowed before."""

    def of(self, action: Action) -> tuple[Literal["allow", "prompt", "forbidden"], str] | None:
        """The strictest rule for `action`, and why it is there; None where there is none."""
        ...

    async def remember(self, action: Action) -> None:
        """Allow exactly this from now on, in this project."""
        ...


Gate = Callable[[RunCommand, Policy], Verdict]


def decide(action: Action, policy: Policy, rules: Rules, gate: Gate) -> Decision | Question:
    """What may be said of `action` without the person, or the question for them."""
    match action:
        case TouchProtected(path=path):
            note = f"{path.name} configures tools that run code, or holds secrets."
            return Question(action, (note,), (Scope.ONCE,))
        case RunCommand():
            return _command(action, policy, rules, gate)
        case UseServer() | CallServerTool():
            return _server(action, policy, rules)
        case _:
            assert_never(action)


def permit(
    policy: Callable[[], Policy], rules: Rules, gate: Gate, session: set[str], ask: Ask
) -> Permit:
    """The `Permit` of a task. `session` holds the fingerprints allowed until the window closes."""

    async def decision(action: Action) -> Decision:
        mark = fingerprint(action)
        first = decide(action, policy(), rules, gate)
        if isinstance(first, Allowed | Denied):
            return first
        if mark in session and Scope.SESSION in first.scopes:
            return Allowed(mark, Scope.SESSION)
        answer = await ask(first)
        if isinstance(answer, Denied):
            return answer
        if answer.fingerprint != mark or answer.scope not in first.scopes:
            return Denied("The answer was for something else.")
        if answer.scope is Scope.PROJECT:
            await rules.remember(action)
        if answer.scope is not Scope.ONCE:
            session.add(mark)
        return answer

    return decision


def _command(action: RunCommand, policy: Policy, rules: Rules, gate: Gate) -> Decision | Question:
    rule, why = rules.of(action) or ("none", "")
    if rule == "forbidden":
        return Denied(why or "A rule of the person forbids this command.")
    if rule == "allow":
        return Allowed(fingerprint(action))
    verdict = gate(action, policy)
    question = Question(action, _notes(action, policy, verdict, why), EVERY_SCOPE)
    if rule == "prompt":
        return _unless_never(question, policy)
    if action.network or not (action.confinement or policy.sandbox == "danger-full-access"):
        return _unless_never(question, policy)
    if verdict.safe:
        return Allowed(fingerprint(action))
    if verdict.dangerous and (policy.approval != "never" or not action.confinement):
        return _unless_never(question, policy)
    match policy.approval:
        case "never":
            return Allowed(fingerprint(action))
        case "on-request" if action.confinement:
            return Allowed(fingerprint(action))
        case "on-request" | "untrusted":
            return question
        case _:
            assert_never(policy.approval)


def _server(
    action: UseServer | CallServerTool, policy: Policy, rules: Rules
) -> Decision | Question:
    rule, why = rules.of(action) or ("none", "")
    if rule == "forbidden":
        return Denied(why or "A rule of the person forbids this.")
    if rule == "allow":
        return Allowed(fingerprint(action))
    note = "MCP servers run outside the sandbox, with your rights."
    return _unless_never(Question(action, (note,), EVERY_SCOPE), policy)


def _unless_never(question: Question, policy: Policy) -> Question | Denied:
    """The question; a denial where the person wants none."""
    if policy.approval != "never":
        return question
    return Denied(
        "approval_policy is never: this would need the person's approval, and they are not asked."
    )


def _notes(action: RunCommand, policy: Policy, verdict: Verdict, why: str) -> tuple[str, ...]:
    """What the person should know before they answer; the most important first."""
    notes = [] if action.confinement else ["It is NOT sandboxed: it can do whatever you can."]
    if action.network:
        notes.append("It can use the network.")
    if verdict.dangerous:
        notes.append(verdict.dangerous)
    if not policy.trusted:
        notes.append("You have not said that you trust this folder.")
    if why:
        notes.append(why)
    return tuple(notes)
