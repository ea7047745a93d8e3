"""Every reachable state of the protocol's model, judged; and the model compared with the code."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest

from codex_lsp.auth import settle
from codex_lsp.auth.ports import Step
from tests.auth import model
from tests.auth.explorer import PAIRS, _main, parsing_remembered, plan
from tests.auth.model import OTHERS, Broken, World, successors

pytestmark = pytest.mark.timeout(600)  # busy machines are slow

COLLISION = "Codex and a window sent the same token"
CUT_OFF = "a window died, or a reply was lost, between the note and the stage"
RESIDUES = {
    "nothing": {CUT_OFF},
    "refresh": {CUT_OFF, COLLISION},
    "refresh in place": {CUT_OFF, COLLISION},
}
"""What can still end in a dead sign-in: exactly these two; a new sign-in always heals it."""


@pytest.mark.parametrize("other", OTHERS)
def test_no_reachable_state_breaks_a_rule(other: str) -> None:
    residues = _judge_all(World((1, "a0"), other=other))
    assert set(residues) == RESIDUES.get(other, set())


def _judge_all(start: World) -> Counter[str]:
    residues: Counter[str] = Counter()
    for end in reachable_ends(start):
        residues.update(judge_end(end))
    return residues


def reachable_ends(start: World) -> list[World]:
    """All states in which nothing is left to happen, after one more window has come."""
    seen, todo, ends = {start}, [start], []
    while todo:
        world = todo.pop()
        following = [after for _, after in successors(world)]
        if not following:
            if world.waiting or world.holder:
                raise Broken(f"A12 nobody can go on: {world}")
            if world.last:
                ends.append(world)
            else:
                following = [replace(world, waiting=1, crashes=0, lost=0, last=True)]
        for after in following:
            if after not in seen:
                seen.add(after)
                todo.append(after)
    return ends


def judge_end(world: World) -> list[str]:
    """The residues that explain a dead sign-in; raises when a rule is broken."""
    content = world.disk[1] if world.disk else ""
    if world.staged is not None or any(entry.state == "armed" for entry in world.journal):
        raise Broken(f"A10 left behind: {world}")
    if world.other == "sign out" and content:
        raise Broken(f"A6 a sign-out was undone: {world}")
    if world.other == "sign in" and not content.startswith("l"):
        raise Broken(f"A6 a sign-in was lost: {world}")
    if world.other.startswith("switch") and not content.startswith("b"):
        raise Broken(f"A6 a switch was lost: {world}")
    if not content or content in world.live:
        return []
    if world.cut_off:
        return [CUT_OFF]
    if world.sent & world.other_sent:
        return [COLLISION]
    raise Broken(f"A4 a rotation was lost: {world}")


def test_without_crash_or_codex_every_window_ends_with_the_one_new_token() -> None:
    for end in reachable_ends(World((1, "a0"), crashes=0, lost=0)):
        assert end.ends == {"adopted a1"}
        assert end.sent == {"a0"}


def _mutant_no_note(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(world: World, holder: model.Holder) -> list[World]:
        ended = replace(world, journal=world.journal[:0])
        return [model._at(ended, holder, Step.LAST_LOOK)]

    def careless(world: World, holder: model.Holder) -> list[World]:
        if holder.seen in world.sent:
            raise Broken("A1")
        sent = replace(world, sent=world.sent | {holder.seen})
        return [model._at(sent, holder, Step.RECEIVE)]

    monkeypatch.setitem(model._STEPS, Step.JOURNAL, forgetful)
    monkeypatch.setitem(model._STEPS, Step.SEND, careless)
    monkeypatch.setattr(model, "_closed", lambda world, _state: world)


def _mutant_no_inspection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        model._STEPS,
        Step.INSPECT,
        lambda world, holder: [model._at(replace(world, staged=None), holder, Step.REREAD)],
    )


def _mutant_no_putting_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def judge(armed: object, here: object, staged: object) -> settle.Leftover:
        verdict = original(armed, here, staged)  # type: ignore[arg-type]
        return settle.Leftover.DONE if verdict is settle.Leftover.PUT_BACK else verdict

    original = settle.judge
    monkeypatch.setattr(model, "judge", judge)


@pytest.mark.parametrize(
    ("mutant", "other"),
    [
        (_mutant_no_note, "nothing"),
        (_mutant_no_inspection, "switch"),
        (_mutant_no_putting_back, "switch"),
    ],
)
def test_the_model_kills(mutant: object, other: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert callable(mutant)
    mutant(monkeypatch)
    with pytest.raises(Broken):
        _judge_all(World((1, "a0"), waiting=2, other=other))


def test_the_steps_of_the_model_are_the_steps_of_the_code() -> None:
    """Every succession of steps that the real code shows is one of the model's, and vice versa."""
    modelled = _modelled_successions()
    real: set[tuple[Step, Step]] = set()
    with parsing_remembered():
        for seed, (fault, action) in enumerate(PAIRS):
            if action not in OTHERS or not fault.startswith(("none", "kill before", "pause")):
                continue
            run = plan(seed)
            run.more_faults = []
            run.machine.loop.run(_main(run))
            for process in run.processes:
                real |= _successions([step for step, when in process.steps if when == "before"])
    assert real <= modelled
    assert modelled <= real | _RARE


_RARE = {
    # Two other programs' writes within one exchange: the model has them, few schedules do.
    (Step.INSPECT, Step.EXCHANGE),
    (Step.COMPARE, Step.REREAD),
    (Step.EXCHANGE, Step.REREAD),
}


def _successions(steps: list[Step]) -> set[tuple[Step, Step]]:
    inner = [step for step in steps if step is not Step.ARM]
    return {(one, other) for one, other in pairwise(inner) if one is not Step.RELEASE}


def _modelled_successions() -> set[tuple[Step, Step]]:
    found: set[tuple[Step, Step]] = set()
    for other in OTHERS:
        start = World((1, "a0"), waiting=2, crashes=1, lost=0, other=other)
        seen, todo = {start}, [start]
        while todo:
            world = todo.pop()
            for step, after in successors(world):
                if step:
                    following = after.holder.step if after.holder else Step.RELEASE
                    found.add((Step(step), following))
                if after not in seen:
                    seen.add(after)
                    todo.append(after)
    return {(one, other) for one, other in found if one is not other}
