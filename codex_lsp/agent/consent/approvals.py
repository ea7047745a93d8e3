"""Decides whether an action may be done: rules, then what is known to be harmless, then what is
known to be dangerous, then the policy, and at the end the person.

What the model says of an action is shown to the person and weighs nothing here. Errors and
silence never allow anything: a question without an answer waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, Protocol, assert_never

from codex_lsp.agent.consent.actions import (
    Action,
    Allowed,
    CallServerTool,
    ChangeFiles,
    Decision,
    Denied,
    Permit,
    RunCommand,
    Scope,
    TouchProtected,
    TrustFolder,
    UseServer,
    fingerprint,
    unsaved,
)

ApprovalPolicy = Literal["untrusted", "on-request", "never"]
Topic = Literal["sandbox_approval", "rules", "mcp_elicitations"]
"""What a question is about, by Codex's names: the sandbox, a rule, an MCP server."""
SandboxMode = Literal["read-only", "workspace-write", "danger-full-access"]
Effect = Literal["allow", "prompt", "forbidden"]

EVERY_SCOPE = (Scope.ONCE, Scope.SESSION, Scope.PROJECT)


@dataclass(frozen=True, slots=True)
class Policy:
    """What the person's own configuration says; the strictest where it says nothing.

    `network`: commands in the sandbox may use it. `trusted`: the person trusts the folder, so that
    what its files configure may run. `unasked`: what the person is not asked about (`Topic`); what
    would need their word there is denied.
    """

    approval: ApprovalPolicy = "untrusted"
    sandbox: SandboxMode = "read-only"
    network: bool = False
    trusted: bool = False
    unasked: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Question:
    """What the person is asked. `notes` are our own sentences; `scopes` is what they may grant."""

    action: Action
    notes: tuple[str, ...]
    scopes: tuple[Scope, ...]


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

    def of(self, action: Action) -> tuple[Effect, str] | None:
        """The strictest rule for `action`, and why it is there; None where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for a project now. `undecided`: whether it is trusted was never said."""

    policy: Policy
    rules: Rules
    undecided: TrustFolder | None = None


class Person(Protocol):
    """The person, for one task. Being cancelled withdraws the question."""

    async def ask(self, question: Question) -> Decision:
        """Their answer and nothing else; it takes as long as they do."""
        ...

    async def trusts(self, folder: TrustFolder) -> bool:
        """Whether they say now that they trust the folder. They are asked once."""
        ...

    async def remember(self, action: Action) -> None:
        """Note that they allow exactly this from now on, in this project."""
        ...


Gate = Callable[[RunCommand, Policy], Verdict]


def decide(action: Action, policy: Policy, rules: Rules, gate: Gate) -> Decision | Question:
    """What may be said of `action` without the person, or the question for them."""
    match action:
        case TouchProtected(path=path):
            note = f"{path.name} configures tools that run code, or holds secrets."
            return Question(action, (note,), (Scope.ONCE,))
        case ChangeFiles():
            return _change(action, policy)
        case RunCommand():
            return _command(action, policy, rules, gate)
        case TrustFolder():
            return about_trust(action)
        case UseServer() | CallServerTool():
            return _server(action, policy, rules)
        case _:
            assert_never(action)


def about_trust(folder: TrustFolder) -> Question:
    """The question whether a folder is trusted. No rule and no policy answers it."""
    return Question(folder, _TRUST, (Scope.PROJECT,))


def permit(
    terms: Callable[[], Awaitable[Terms]], gate: Gate, session: set[str], person: Person
) -> Permit:
    """The `Permit` of a task. `session` holds the fingerprints allowed until the window closes."""

    async def decision(action: Action) -> Decision:
        mark = fingerprint(action)
        now = await terms()
        first = await asyncio.to_thread(decide, action, now.policy, now.rules, gate)
        if isinstance(first, Allowed | Denied):
            return first
        if mark in session and Scope.SESSION in first.scopes:
            return Allowed(mark, Scope.SESSION)
        folder = now.undecided if isinstance(action, RunCommand | ChangeFiles | UseServer) else None
        if folder is not None and await person.trusts(folder):
            held = isinstance(action, RunCommand)  # its sandbox is chosen by the trust
            return Denied(_JUST_TRUSTED) if held else await decision(action)
        answer = await person.ask(first)
        if isinstance(answer, Denied):
            return answer
        if answer.fingerprint != mark or answer.scope not in first.scopes:
            return Denied("The answer was for something else.")
        if answer.scope is Scope.PROJECT:
            await person.remember(action)
        if answer.scope is not Scope.ONCE:
            session.add(mark)
        return answer

    return decision


def _change(action: ChangeFiles, policy: Policy) -> Decision | Question:
    """As Codex has it: asked about where each step is, and where nothing may be written."""
    if policy.approval != "untrusted" and policy.sandbox != "read-only":
        return Allowed(fingerprint(action))
    notes = () if policy.trusted else (_NOT_TRUSTED,)
    return _if_asked(Question(action, notes, (Scope.ONCE,)), policy, "sandbox_approval")


_NOT_TRUSTED = "You have not said that you trust this folder."
_TRUST = (
    "Trusted: commands may change files in it, inside the sandbox and without asking each time.",
    "Trusted: its own configuration, AGENTS.md and MCP servers count.",
    "Not trusted: Codex only reads there, and asks before whatever is more.",
)
_JUST_TRUSTED = (
    "not run yet: the person has just said that they trust this folder, so other limits hold for "
    "commands now. Call it once more."
)


def _command(action: RunCommand, policy: Policy, rules: Rules, gate: Gate) -> Decision | Question:
    rule, why = rules.of(action) or ("none", "")
    if rule == "forbidden":
        return Denied(why or "A rule of the person forbids this command.")
    if rule == "allow":
        return Allowed(fingerprint(action))
    verdict = gate(action, policy)
    question = Question(action, _notes(action, policy, verdict, why), EVERY_SCOPE)
    if rule == "prompt":
        return _if_asked(question, policy, "rules")
    if not (policy.sandbox == "danger-full-access" or _held(action, policy)):
        return _if_asked(question, policy, "sandbox_approval")
    if verdict.safe:
        return Allowed(fingerprint(action))
    # What is done in place, nobody looks at before it is kept, though the sandbox is there.
    at_once = action.in_place and action.confinement
    if at_once or (verdict.dangerous and (policy.approval != "never" or not action.confinement)):
        return _if_asked(question, policy, "sandbox_approval")
    match policy.approval:
        case "never":
            return Allowed(fingerprint(action))
        case "on-request" if action.confinement:
            return Allowed(fingerprint(action))
        case "on-request" | "untrusted":
            return _if_asked(question, policy, "sandbox_approval")
        case _:
            assert_never(policy.approval)


def _held(action: RunCommand, policy: Policy) -> bool:
    """Whether the sandbox holds it back as the person wants commands to be held back."""
    return bool(action.confinement) and (policy.network or not action.network)


def _server(
    action: UseServer | CallServerTool, policy: Policy, rules: Rules
) -> Decision | Question:
    rule, why = rules.of(action) or ("none", "")
    if rule == "forbidden":
        return Denied(why or "A rule of the person forbids this.")
    if rule == "allow":
        return Allowed(fingerprint(action))
    note = "MCP servers run outside the sandbox, with your rights."
    return _if_asked(Question(action, (note,), EVERY_SCOPE), policy, "mcp_elicitations")


def _if_asked(question: Question, policy: Policy, topic: Topic) -> Question | Denied:
    """The question; a denial where the person wants none of the kind."""
    if topic in policy.unasked:
        return Denied(
            f"approval_policy.granular.{topic} is false: this would need the person's approval, "
            "and they are not asked."
        )
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
    if action.unseen:
        notes.append(f"It runs on what is saved: {unsaved(action.unseen)} are not seen.")
    if verdict.dangerous:
        notes.append(verdict.dangerous)
    if not policy.trusted:
        notes.append(_NOT_TRUSTED)
    if why:
        notes.append(why)
    return tuple(notes)
