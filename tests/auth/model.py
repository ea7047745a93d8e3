"""The protocol as an explicit-state model: every order of every step, crash and lost reply.

Windows that wait for the lock are alike, so a state is: what is on disk, who holds the lock and at
which step, what the authority and one other program are doing. The decision what to do about a
staged answer is not modelled: it is the code's own `judge`. Tokens are names; `a0` is the one that
has expired, `a1`… its descendants, `l…` those of a new sign-in, `b…` those of another account.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from codex_lsp.auth.journal import Entry, State
from codex_lsp.auth.ports import Step
from codex_lsp.auth.settle import Held, Leftover, judge, noted

TORN = "torn"

Place = tuple[int, str] | None
"""A name on disk: the number of its inode, and the content."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The window that has the lock. `then` is where settling leads: on to reading, or out."""

    step: Step
    then: Step = Step.READ
    seen: str = ""  # what the store held when it was last read
    answer: str = ""
    inserted: str = ""  # what the exchange puts in, and
    expected: str = ""  # what it should get out
    committed: bool = False


@dataclass(frozen=True, slots=True)
class World:
    disk: Place
    staged: Place = None
    journal: tuple[Entry, ...] = ()
    holder: Holder | None = None
    waiting: int = 5
    crashes: int = 2
    lost: int = 1
    live: frozenset[str] = frozenset({"a0"})
    minted: int = 0
    inodes: int = 1
    sent: frozenset[str] = frozenset()
    in_flight: str = ""  # a request whose sender died; the authority may still act on it
    other: str = "nothing"
    other_step: int = 0
    other_token: str = ""
    other_inode: int = 0
    other_sent: frozenset[str] = frozenset()
    cut_off: bool = False  # somebody died, or a reply was lost, between the note and the stage
    ends: frozenset[str] = frozenset()
    last: bool = False  # the window that comes when all is quiet


class Broken(AssertionError):
    """A rule is broken in a reachable state."""


def successors(world: World) -> Iterator[tuple[str, World]]:
    """Every next state, and the step that leads to it (empty when it is not a window's)."""
    yield from _windows(world)
    yield from _other_program(world)
    if world.in_flight:
        yield "", replace(_commit(world, world.in_flight)[0], in_flight="")
        yield "", replace(world, in_flight="")


def _windows(world: World) -> Iterator[tuple[str, World]]:
    holder = world.holder
    if holder is None:
        if world.waiting:
            taken = replace(world, waiting=world.waiting - 1)
            yield Step.LOCK, replace(taken, holder=Holder(Step.SETTLE))
        return
    if world.crashes:
        yield "", _crash(world, holder)
    yield from ((holder.step, after) for after in _STEPS[holder.step](world, holder))


def _crash(world: World, holder: Holder) -> World:
    sending = holder.step is Step.RECEIVE and not holder.committed
    exposed = holder.step in {Step.LAST_LOOK, Step.SEND, Step.RECEIVE, Step.VALIDATE, Step.STAGE}
    return replace(
        world,
        holder=None,
        crashes=world.crashes - 1,
        in_flight=holder.seen if sending else world.in_flight,
        cut_off=world.cut_off or exposed,
    )


def _settle(world: World, holder: Holder) -> Iterator[World]:
    """Look, make up for a missing note, and do what `judge` says."""
    if _is_torn(world.disk) or _is_torn(world.staged):
        return
    armed, staged = _armed(world), _held(world.staged)
    if armed is not None and staged is not None and not armed.successor:
        yield replace(world, journal=_with(world.journal, noted(armed, staged)))
        return
    here = _held(world.disk)
    seen = here.token if here else ""
    if judge(armed, here, staged) is not Leftover.DONE:
        yield _at(world, holder, Step.COMPARE, seen=seen)
    elif armed is not None:
        yield _at(world, holder, Step.CLEAR, seen=seen)
    elif staged is not None:
        yield replace(world, staged=None)
    else:
        yield _at(world, holder, holder.then, seen=seen)


def _compare(world: World, holder: Holder) -> Iterator[World]:
    if _content(world.disk) != holder.seen:
        yield _at(world, holder, Step.REREAD)
        return
    inserted = _content(world.staged)
    yield _at(world, holder, Step.EXCHANGE, inserted=inserted, expected=holder.seen)


def _exchange(world: World, holder: Holder) -> Iterator[World]:
    if world.disk is None:  # signed out in this very moment
        yield _at(world, holder, Step.REREAD)
        return
    swapped = replace(world, disk=world.staged, staged=world.disk)
    yield _at(swapped, holder, Step.INSPECT)


def _inspect(world: World, holder: Holder) -> Iterator[World]:
    out = _content(world.staged)
    if out == TORN:
        return  # its writer is waited for
    if out == holder.expected:
        yield _at(world, holder, Step.REREAD)
    else:
        yield _at(world, holder, Step.EXCHANGE, inserted=out, expected=holder.inserted)


def _reread(world: World, holder: Holder) -> Iterator[World]:
    yield from _settle(world, holder)


def _clear(world: World, holder: Holder) -> Iterator[World]:
    if world.staged is not None:
        yield replace(world, staged=None)
        return
    armed = _armed(world)
    assert armed is not None
    closed = replace(world, journal=_with(world.journal, replace(armed, state=armed.becomes)))
    yield _at(closed, holder, holder.then)


def _read(world: World, holder: Holder) -> Iterator[World]:
    """The guarded reload."""
    content = _content(world.disk)
    if content == TORN:
        return
    entry = next((entry for entry in world.journal if entry.token == content), None)
    if not content:
        yield _end(world, "signed out")
    elif content.startswith("b"):
        yield _end(world, "switched")
    elif content != "a0":
        yield _end(world, f"adopted {content}")
    elif entry is not None:
        yield _end(world, "sign in")
    else:
        yield _at(world, holder, Step.JOURNAL, seen=content)


def _journal(world: World, holder: Holder) -> Iterator[World]:
    armed = Entry(holder.seen, State.ARMED, 0.0)
    yield _at(replace(world, journal=_with(world.journal, armed)), holder, Step.LAST_LOOK)


def _last_look(world: World, holder: Holder) -> Iterator[World]:
    if _content(world.disk) == TORN:
        return
    if _content(world.disk) == holder.seen:
        yield _at(world, holder, Step.SEND)
        return
    unarmed = tuple(entry for entry in world.journal if entry.token != holder.seen)
    yield replace(world, journal=unarmed, holder=Holder(Step.SETTLE))


def _send(world: World, holder: Holder) -> Iterator[World]:
    armed = _armed(world)
    if holder.seen in world.sent:
        raise Broken(f"A1 {holder.seen} is sent twice")
    if armed is None or armed.token != holder.seen:
        raise Broken("A3 sent without a note")
    yield _at(replace(world, sent=world.sent | {holder.seen}), holder, Step.RECEIVE)


def _receive(world: World, holder: Holder) -> Iterator[World]:
    if not holder.committed:
        after, answer = _commit(world, holder.seen)
        yield _at(after, holder, Step.RECEIVE, committed=True, answer=answer)
    elif holder.answer:
        yield _at(world, holder, Step.VALIDATE)
    else:
        yield _end(_closed(world, State.REFUSED), "sign in")
    if world.lost:
        lost = replace(world, lost=world.lost - 1, cut_off=True)
        yield _end(_closed(lost, State.UNKNOWN), "sign in")


def _validate(world: World, holder: Holder) -> Iterator[World]:
    yield _at(world, holder, Step.STAGE)


def _stage(world: World, holder: Holder) -> Iterator[World]:
    """First the tokens, then the note of them: two writes, and a crash may fall between.

    Then the first look of settling, which has no step of its own in the code either.
    """
    if world.staged is None:
        place = (world.inodes + 1, holder.answer)
        yield replace(world, staged=place, inodes=world.inodes + 1)
        return
    yield from _settle(world, replace(holder, then=Step.RELEASE))


def _release(world: World, holder: Holder) -> Iterator[World]:
    content = _content(world.disk)
    yield _end(world, f"adopted {content}" if content else "signed out")


_STEPS = {
    Step.SETTLE: _settle,
    Step.READ: _read,
    Step.JOURNAL: _journal,
    Step.LAST_LOOK: _last_look,
    Step.SEND: _send,
    Step.RECEIVE: _receive,
    Step.VALIDATE: _validate,
    Step.STAGE: _stage,
    Step.COMPARE: _compare,
    Step.EXCHANGE: _exchange,
    Step.INSPECT: _inspect,
    Step.REREAD: _reread,
    Step.CLEAR: _clear,
    Step.RELEASE: _release,
}

OTHERS = (
    "nothing",
    "refresh",
    "refresh in place",
    "sign in",
    "switch",
    "switch in place",
    "sign out",
)
_OVER = 9


def _other_program(world: World) -> Iterator[tuple[str, World]]:
    """Codex, of either kind, does one thing; it knows no lock of ours."""
    step, kind = world.other_step, world.other
    if kind == "nothing" or step == _OVER:
        return
    if kind.startswith("refresh"):
        yield from (("", after) for after in _codex_refresh(world))
    elif kind == "sign out":
        family = _content(world.disk)[:1]
        live = frozenset(token for token in world.live if token[0] != family)
        yield "", replace(world, disk=None, live=live, other_step=_OVER)
    else:
        token = "b0" if kind.startswith("switch") else "l0"
        known = replace(world, live=world.live | {token})
        yield from (("", after) for after in _codex_write(known, token))


def _codex_refresh(world: World) -> Iterator[World]:
    step = world.other_step
    if step == 0:
        content = _content(world.disk)
        if content in {"", TORN}:
            yield replace(world, other_step=_OVER)
        else:
            yield replace(world, other_step=1, other_token=content)
    elif step == 1:
        asked = replace(world, other_sent=world.other_sent | {world.other_token})
        after, answer = _commit(asked, world.other_token)
        yield replace(after, other_step=2 if answer else _OVER, other_token=answer)
    elif world.disk is None:
        yield replace(world, other_step=_OVER)
    else:
        yield from _codex_write(world, world.other_token)


def _codex_write(world: World, token: str) -> Iterator[World]:
    """Rename into place; or truncate, and then write into whatever that inode is by then."""
    if not world.other.endswith("in place"):
        number = world.inodes + 1
        yield replace(world, disk=(number, token), inodes=number, other_step=_OVER)
    elif world.other_inode == 0:
        number = world.disk[0] if world.disk else world.inodes + 1
        yield replace(
            world, disk=(number, TORN), other_inode=number, inodes=max(world.inodes, number)
        )
    else:
        number, written = world.other_inode, (world.other_inode, token)
        yield replace(
            world,
            disk=written if world.disk and world.disk[0] == number else world.disk,
            staged=written if world.staged and world.staged[0] == number else world.staged,
            other_step=_OVER,
        )


def _commit(world: World, token: str) -> tuple[World, str]:
    """The authority rotates a live token; a spent one ends its family."""
    family = token[0]
    if token not in world.live:
        survivors = frozenset(live for live in world.live if live[0] != family)
        return replace(world, live=survivors), ""
    new = f"{family}{world.minted + 1}"
    live = world.live - {token} | {new}
    return replace(world, live=live, minted=world.minted + 1), new


def _closed(world: World, state: State) -> World:
    armed = _armed(world)
    assert armed is not None
    return replace(world, journal=_with(world.journal, replace(armed, state=state)))


def _end(world: World, how: str) -> World:
    return replace(world, holder=None, ends=world.ends | {how})


def _at(world: World, holder: Holder, step: Step, **changes: str | bool) -> World:
    return replace(world, holder=replace(holder, step=step, **changes))  # type: ignore[arg-type]


def _armed(world: World) -> Entry | None:
    return next((entry for entry in world.journal if entry.state is State.ARMED), None)


def _with(journal: tuple[Entry, ...], entry: Entry) -> tuple[Entry, ...]:
    return (*(kept for kept in journal if kept.token != entry.token), entry)


def _content(place: Place) -> str:
    return place[1] if place else ""


def _is_torn(place: Place) -> bool:
    return _content(place) == TORN


def _held(place: Place) -> Held | None:
    return Held(place[1], place[1]) if place else None
