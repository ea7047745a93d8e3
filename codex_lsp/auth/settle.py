"""Install an answer, and repair what a crash left: the same code, driven by what is on disk.

An answer is staged beside the store and noted in the journal; from then on whoever holds the lock
next can finish. `judge` is the whole decision; the model in the tests explores this very function.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from codex_lsp.auth.errors import Busy
from codex_lsp.auth.journal import Entry, Journal, JournalFile, State
from codex_lsp.auth.ports import Step, TokenStore
from codex_lsp.auth.record import ChatGpt, Snapshot, carry_over
from codex_lsp.auth.tokens import Secret

ROUNDS = 20
"""How often we start over because another program wrote at the same moment."""

Around = Callable[[Step], AbstractContextManager[None]]
"""Marks a step while it lasts."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a store holds, by name: the refresh token, and both tokens together."""

    token: str
    pair: str


@dataclass(frozen=True, slots=True)
class Unsaved:
    """An answer that is in memory only, and the entry of the token that was spent for it."""

    entry: Entry
    data: bytes = field(repr=False)


class Leftover(Enum):
    """What to do about the staged place."""

    INSTALL = auto()  # it holds the answer, and the store still the token that was spent for it
    PUT_BACK = auto()  # it holds what another program had just written, and we displaced
    DONE = auto()  # nothing in it is needed any more


def judge(armed: Entry | None, here: Held | None, staged: Held | None) -> Leftover:
    """What `staged` is, and so what to do. The last writer wins, except us.

    We only ever take the place of the token that we spent; a sign-in, switch or sign-out by
    another program stays, whenever it came.
    """
    if armed is None or staged is None:
        return Leftover.DONE
    if staged.pair == armed.successor:
        spent_here = here is not None and here.token == armed.token and here.pair != staged.pair
        return Leftover.INSTALL if spent_here else Leftover.DONE
    if here is not None and here.pair == armed.successor and staged.token != armed.token:
        return Leftover.PUT_BACK
    return Leftover.DONE


def noted(armed: Entry, staged: Held) -> Entry:
    """`armed` once an answer is staged; nothing is displaced before that is in the journal."""
    if armed.successor:
        return armed
    becomes = State.KEPT if staged.token == armed.token else State.ROTATED
    return replace(armed, successor=staged.pair, becomes=becomes)


async def settle(
    store: TokenStore, file: JournalFile, around: Around, unsaved: Unsaved | None = None
) -> Snapshot:
    """Bring what is staged to where it belongs, whoever left it, and forget it; the store after."""
    await _stage(store, file, unsaved)
    swapped = False
    for _ in range(ROUNDS):
        journal = await file.read()
        with around(Step.REREAD) if swapped else nullcontext():
            here, staged = await store.load(), await store.staged()
        journal = await _note(file, journal, held(staged))
        match judge(journal.armed, held(here), held(staged)):
            case Leftover.INSTALL:
                complete = carry_over(here.data or b"", staged.data or b"")
                if complete != staged.data:
                    await store.stage(complete)  # another program changed the rest of the file
                await store.swap(here)
            case Leftover.PUT_BACK:
                await store.swap(here)
            case Leftover.DONE:
                await _clear(store, file, journal, around)
                return here
        swapped = True
    raise Busy


def held(snapshot: Snapshot) -> Held | None:
    """The names of what `snapshot` holds; anything but a ChatGPT sign-in is named as a whole."""
    if snapshot.data is None:
        return None
    if isinstance(snapshot.record, ChatGpt):
        return Held(snapshot.record.generation, snapshot.record.pair)
    name = Secret(snapshot.data.decode(errors="replace")).digest()
    return Held(name, name)


async def _stage(store: TokenStore, file: JournalFile, unsaved: Unsaved | None) -> None:
    """First the tokens, then the note of them; unless that is done, or their turn has passed."""
    if unsaved is None:
        return
    journal = await file.read()
    armed = journal.armed
    if armed is not None and armed.token == unsaved.entry.token and not armed.successor:
        await store.stage(unsaved.data)
        await file.write(journal.noting(unsaved.entry))


async def _note(file: JournalFile, journal: Journal, staged: Held | None) -> Journal:
    """Cut off between staging and the note of it: make up for the note."""
    armed = journal.armed
    if armed is None or staged is None or armed.successor:
        return journal
    journal = journal.noting(noted(armed, staged))
    await file.write(journal)
    return journal


async def _clear(store: TokenStore, file: JournalFile, journal: Journal, around: Around) -> None:
    armed = journal.armed
    if armed is None:
        await store.unstage()
        return
    with around(Step.CLEAR):
        await store.unstage()
        settled = replace(armed, state=armed.becomes)
        await file.write(replace(journal.noting(settled), retry_at=0.0, failures=0))
