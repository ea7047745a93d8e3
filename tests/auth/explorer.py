"""The explorer: the real code, a seed that decides every order of events, and an eye on the rules.

`explore(seed)` runs one schedule and raises `Violation` when a rule is broken. The plan (how many
windows, what Codex does meanwhile and when, which faults) follows from the seed, too: consecutive
seeds walk through all pairs of fault and action.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random
from typing import Any, Literal

import pytest

from codex_lsp.auth import errors, journal, record, refresh, store
from codex_lsp.auth.errors import AuthError
from codex_lsp.auth.ports import Step
from codex_lsp.auth.source import CredentialSource
from codex_lsp.auth.tokens import Bearer, Secret
from tests.auth.authority import LIFE, Login
from tests.auth.codex import ACTIONS, Codex
from tests.auth.loop import SeededLoop
from tests.auth.world import AUTH, CANNED, HOME, Machine, Network, Point, Process

JOURNAL = HOME / "auth.json.codex-lsp.journal"

KILLS = [f"kill {when} {step}" for step in Step for when in ("before", "after")]
CANCELS = [f"cancel {when} {step}" for step in Step for when in ("before", "after")]
PAUSES = [f"pause before {step}" for step in Step]
NETWORK = [
    f"network {outcome}" for outcome in ("not sent", "lost before", "lost", "torn 200", *CANNED)
]
KILLS_IN = [f"kill in {call}" for call in ("create", "replace", "exchange", "sync", "remove")]
DISK = [
    f"disk {call} {code}"
    for call, codes in {
        "create": ("ENOSPC", "EDQUOT", "EIO"),
        "replace": ("EACCES", "EIO"),
        "exchange": ("EIO", "EBUSY"),
        "sync": ("EIO",),
        "remove": ("EROFS",),
        "read": ("EACCES", "EIO"),
    }.items()
    for code in codes
]
CLOCK = ["clock +86400", "clock -86400", "clock +600", "clock -600"]
FAULTS = ["none", *KILLS, *CANCELS, *PAUSES, *NETWORK, *KILLS_IN, *DISK, *CLOCK]
LATE = [fault for fault in FAULTS if fault[-3:] in {"P11", "P12", "P13", "P14", "P15", "P16"}]
CUES: list[Point] = [(step, "before") for step in list(Step)[2:]] + [(Step.INSPECT, "after")]
PAIRS = [(fault, action) for fault in FAULTS for action in ACTIONS]

_EXPLAINED_DEATH = (
    *(f"kill {when} {step}" for step in list(Step)[4:10] for when in ("before", "after")),
    *NETWORK,
    *DISK,
    *KILLS_IN,
)
"""Faults after which the sign-in may be lost: cut off between the note and the stage, or no
usable answer, or no working disk."""


class Violation(AssertionError):
    """A rule is broken; the message names the seed."""


@dataclass(eq=False, slots=True)
class Run:
    """One schedule."""

    seed: int
    random: Random
    machine: Machine
    fault: str
    action: str
    more_faults: list[str]
    trigger: Literal["proactive", "401"]
    alice: Login
    codex: Codex
    processes: list[Process] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    ended: list[Bearer | AuthError] = field(default_factory=list)
    callers: list[asyncio.Task[Any]] = field(default_factory=list)
    killed_at: list[str] = field(default_factory=list)
    moves: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    looked: str = ""

    def require(self, holds: object, rule: str) -> None:
        if not holds:
            plan = f"{self.fault!r} {self.more_faults} on {self.action!r}, {self.trigger}"
            self.broken.append(f"{rule} [seed {self.seed}: {plan}]")
            raise Violation(self.broken[-1])

    @property
    def faults(self) -> list[str]:
        return [self.fault, *self.more_faults]

    def hit(self, fault: str) -> None:
        self.machine.hits[fault] += 1
        self.machine.hits[f"{fault} on {self.action}"] += 1


def explore(seed: int) -> Counter[str]:
    """Run the schedule of `seed`; what it hit."""
    run = plan(seed)
    try:
        run.machine.loop.run(_main(run))
    except AssertionError as broken:
        if isinstance(broken, Violation):
            raise
        run.require(False, f"{type(broken).__name__}: {broken}")
    if run.broken:  # seen inside a task whose caller was gone
        raise Violation(run.broken[0])
    run.require(not run.machine.loop.problems, f"an error nobody saw: {run.machine.loop.problems}")
    return run.machine.hits


def plan(seed: int) -> Run:
    random = Random(seed)
    fault, action = PAIRS[seed % len(PAIRS)]
    loop = SeededLoop.seeded(random)
    loop.most_steps = 50_000
    machine = Machine(loop, random)
    machine.authority.forgiving = random.random() < 0.3
    trigger: Literal["proactive", "401"] = random.choice(("proactive", "401"))
    left = -5.0 if trigger == "proactive" else 7200.0
    begun = machine.now() + left - LIFE
    alice = machine.authority.sign_in("alice", now=begun)
    initial = alice.record(at=begun)
    machine.disk.put(AUTH, initial)
    more = [_another(random) for _ in range(random.choice((0, 0, 1, 1, 2)))]
    return Run(
        seed,
        random,
        machine,
        fault,
        action,
        more if fault != "none" else [],
        trigger,
        alice,
        Codex(machine, initial),
    )


def _another(random: Random) -> str:
    """A second fault: half of the time one of those that few schedules come to."""
    return random.choice(LATE if random.random() < 0.5 else FAULTS)


async def _main(run: Run) -> None:
    outcomes = [fault.removeprefix("network ") for fault in run.faults if fault in NETWORK]
    count = run.random.choice((2, 2, 2, 3, 3, 4, 6))
    windows = [_window(run, f"window {number}", outcomes) for number in range(count)]
    for fault in run.faults:
        _plan_fault(run, fault)
    cue = asyncio.Event()
    point = run.random.choice(CUES)
    for process, _ in windows:
        process.cues[point] = _both(process.cues.get(point), cue.set)
    acting = asyncio.ensure_future(_codex(run, cue))
    for process, source in windows:
        for _ in range(run.random.choice((1, 1, 2))):
            run.callers.append(asyncio.ensure_future(_caller(run, process, source)))
    await asyncio.wait([*run.callers, acting])
    for process, source in windows:
        if process.alive:
            await source.drain(3600.0)
    _check_callers(run)
    await _check_aftermath(run)


def _both(one: Callable[[], None] | None, other: Callable[[], None]) -> Callable[[], None]:
    def both() -> None:
        if one is not None:
            one()
        other()

    return both


def _window(run: Run, name: str, outcomes: list[str]) -> tuple[Process, CredentialSource]:
    process = Process(run.machine, name)
    network = Network(run.machine, process, outcomes)

    def on_send(token: str) -> None:
        run.sent.append(token)
        _check_send(run, token)

    network.on_send = on_send
    run.processes.append(process)

    def on_look() -> None:
        run.looked = run.codex._token()

    process.cues[Step.LAST_LOOK, "before"] = on_look
    network.on_outcome = lambda outcome: run.hit(f"network {outcome}")
    return process, process.open(network)


async def _caller(run: Run, process: Process, source: CredentialSource) -> None:
    await run.machine.nap(0.5)
    try:
        if run.trigger == "401":
            rejected = record.read_record(run.codex.initial).record
            assert isinstance(rejected, record.ChatGpt)
            run.ended.append(await source.replace(rejected.bearer))
        else:
            run.ended.append(await source.current())
    except AuthError as error:
        run.ended.append(error)
    except BaseException:
        if process.alive:
            raise


async def _codex(run: Run, cue: asyncio.Event) -> None:
    """Codex acts when a window has come to a certain point, or some time later."""
    with suppress(TimeoutError):
        async with asyncio.timeout(5.0):
            await cue.wait()
    await run.machine.nap(0.1)
    await run.codex.act(run.action)


def _plan_fault(run: Run, fault: str) -> None:
    """Arrange for `fault` to befall the first process that gets there."""
    kind, _, rest = fault.partition(" ")
    if fault in KILLS_IN:
        _at_call(run, rest.removeprefix("in "), fault, None)
    elif kind == "disk":
        call, code = rest.split()
        _at_call(run, call, fault, getattr(errno, code))
    elif kind in {"kill", "cancel", "pause"}:
        when, step = rest.split()
        point: Point = (Step(step), "before" if when == "before" else "after")
        for process in run.processes:
            process.at[point] = _action(run, fault, kind, process, point)
    elif kind == "clock":
        run.machine.clock_ahead = float(rest)
        run.hit(fault)


def _action(run: Run, fault: str, kind: str, process: Process, point: Point) -> Callable[[], None]:
    def act() -> None:
        for other in run.processes:
            other.at.pop(point, None)
        run.hit(fault)
        if kind == "kill":
            run.killed_at.append(fault)
            process.kill()
        elif kind == "cancel":
            for caller in run.callers:
                caller.cancel()
        else:
            process.frozen_until = run.machine.loop.now + run.random.uniform(1.0, 30.0)

    return act


def _at_call(run: Run, call: str, fault: str, code: int | None) -> None:
    """Fail or die in the n-th such call on a file of ours."""
    left = 1 if call == "exchange" else run.random.choice((1, 1, 2, 3, 4, 6))

    def strike(process: Process, path: str) -> OSError | None:
        nonlocal left
        left -= 1
        if left:
            return None
        run.hit(fault)
        if code is None:
            run.killed_at.append(fault)
            process.kill()
        return OSError(code or 0, os.strerror(code or 0), path)

    for process in run.processes:
        process.faults.setdefault(call, []).append(strike)


def _check_send(run: Run, token: str) -> None:
    """At the moment of sending: the note of it is durable, and it is the only use of the token."""
    name = Secret(token).digest()
    kept = run.machine.disk.durable.get(str(JOURNAL))
    run.require(kept is not None, "A3 nothing was noted before sending")
    entries = json.loads(kept.data if kept else b"{}")["entries"]
    noted = [entry["state"] for entry in entries if entry["token"] == name]
    run.require(noted == ["armed"], f"A3 the note before sending says {noted}")
    run.require(run.sent.count(token) == 1, "A1 a refresh token was sent twice")
    still = run.action == "restore backup" or run.looked == token
    run.require(still, "A2 the file had changed before the last look, and it was sent")
    if run.codex._token() != token:
        run.moves["collision"] += 1
        run.require(run.action != "nothing", "A2 sent a token that the file does not hold")


def _check_callers(run: Run) -> None:
    other_account = run.codex.login is not None and run.codex.login.account != "alice"
    for end in run.ended:
        if isinstance(end, Bearer):
            run.require(
                end.account_id == "alice" or (run.trigger == "proactive" and other_account),
                "A7 a bearer of another account",
            )
            run.require(
                end.token.reveal() in run.machine.authority.good_access, "a bearer nobody issued"
            )
            run.require(
                run.trigger == "proactive" or end.token.reveal() != run.alice.access,
                "the rejected bearer was given again",
            )
            continue
        text = f"{end} {end.detail} {end.generation}"
        run.require("Kq7ZpX2v" not in text and run.alice.access[-30:] not in text, "A17 a secret")
        if isinstance(end, errors.SignedOut):
            run.require(run.codex.removed, "A8 signed out, said of a file that was there")
        if isinstance(end, errors.AccountSwitched):
            answered = "other account" in str(end) or "another account. Sign in again" in str(end)
            run.require(other_account or answered, "A7 switched, but nobody switched")
        if isinstance(end, errors.SignInNeeded) and not isinstance(end, errors.SignedOut):
            explained = set(run.faults) & set(_EXPLAINED_DEATH)
            run.require(
                explained or run.action != "nothing", f"asked to sign in without need: {end!r}"
            )
    asked = {
        (end.kind, end.generation) for end in run.ended if isinstance(end, errors.SignInNeeded)
    }
    if run.action == "nothing":
        kinds = {kind for kind, _ in asked}
        run.require(len(asked) == len(kinds), f"A14 more than one message: {asked}")
    notes = (run.machine.disk.get(JOURNAL) or b"").decode()
    run.require("Kq7ZpX2v" not in notes, "A17 a token in the journal")


async def _check_aftermath(run: Run) -> None:
    """A new window comes: whatever happened before is repaired, or one clear message."""
    machine, codex = run.machine, run.codex
    machine.clock_ahead = 0.0
    run.require(
        all(owner.alive for owner in machine.locks.values() if isinstance(owner, Process)),
        "A11 a lock outlived its holder",
    )
    run.require(not machine.locks, f"A11 locks are still held: {list(machine.locks)}")
    sent_before = len(run.sent)
    _, source = _window(run, "the next window", [])
    begun = machine.loop.now
    result: Bearer | AuthError
    try:
        result = await source.current()
        if result.identity:  # settle what a crash left, even if the token is good
            nothing = Secret("")
            want = refresh.Want(result.identity, nothing, "unauthorized_recovery")
            with suppress(errors.AccountSwitched):  # a switch that we had displaced is back
                await source._refresher.recover(want)
            result = await source.current()
    except AuthError as error:
        result = error
    run.require(machine.loop.now - begun < 60.0, "A12 the next window waited too long")
    _check_disk(run)
    token = codex._token()
    if codex.login is not None and codex.done:
        family = machine.authority.family.get(token)
        run.require(
            family == machine.authority.family[codex.login.refresh], "A6 a sign-in was lost"
        )
    if codex.signed_out:
        run.require(machine.disk.get(AUTH) is None, "A6 a sign-out was undone")
    clean = not set(run.faults) & set(_EXPLAINED_DEATH)
    if clean and run.action == "nothing":
        run.require(isinstance(result, Bearer), f"A4 the next window got {result!r}")
        run.require(machine.authority.is_live(token), "A4 the rotation was lost")
        most, least = 1, run.trigger == "proactive" or run.fault == "none"
        run.require(least <= len(run.sent) <= most, f"A19 {len(run.sent)} requests for one expiry")
        fields = json.loads(machine.disk.get(AUTH) or b"{}")
        run.require(fields["from_the_future"] == {"kept": [1, 2]}, "A9 an unknown key was lost")
    if clean and run.action in {"sign in", "switch", "switch in place", "swap file"}:
        run.require(machine.authority.is_live(token), "A6 what was signed in to is dead")
        run.require(isinstance(result, Bearer), f"the next window got {result!r}")
    if isinstance(result, Bearer):
        run.require(len(run.sent) - sent_before <= 1, "A19 more than one request")


def _check_disk(run: Run) -> None:
    if not set(run.faults) & {*DISK} and run.action != "die writing":
        left = run.machine.disk.beside() - {".journal", ".lock"}
        if run.machine.disk.get(AUTH) is not None:
            run.require(not left, f"A10 left behind: {left}")


@contextmanager
def parsing_remembered() -> Iterator[None]:
    """Parsing is pure: remembering its results makes schedules three times as fast."""
    remembering = lru_cache(256)(record.read_record)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "read_record", remembering)
        patch.setattr(refresh, "read_record", remembering)
        patch.setattr(journal, "_parse", lru_cache(256)(journal._parse))
        yield
