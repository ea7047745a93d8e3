"""The queues to and from the client, with a sink that a test opens and closes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from queue import Empty, SimpleQueue

import pytest

from codex_lsp.lsp.connection.ending import DEADLINE, Ending
from codex_lsp.lsp.connection.frames import Framer, frame
from codex_lsp.lsp.connection.transport import LIMIT, ROOM, SPARE, Inbox, Outbox, read_frames

KIB = 1 << 10


class Sink:
    """A client: reads while `open` is set; every frame that it read is in `bodies`."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.entered = threading.Event()
        self.bodies: list[bytes] = []
        self.breaks = False
        self.reasons: SimpleQueue[str] = SimpleQueue()
        self._framer = Framer()
        self.outbox = Outbox(self._write, self.reasons.put)

    def stall(self) -> None:
        """Wait until the writer is stuck in a write, so that what follows is queued."""
        self.outbox.put(b"stalled")
        assert self.entered.wait(60)

    def everything(self) -> list[bytes]:
        self.open.set()
        assert self.outbox.flush(60)
        return self.bodies

    def _write(self, data: bytes) -> None:
        self.entered.set()
        self.open.wait()
        if self.breaks:
            raise BrokenPipeError(32, "Broken pipe")
        self.bodies += self._framer.feed(data)


@pytest.fixture
def sink() -> Iterator[Sink]:
    one = Sink()
    yield one
    one.breaks = True
    one.open.set()
    one.outbox.put(b"last")
    one.reasons.get(timeout=60)


def test_bodies_arrive_in_order(sink: Sink) -> None:
    bodies = [b"%d" % number for number in range(1000)]
    for body in bodies:
        sink.outbox.put(body)
    assert sink.everything() == bodies
    assert sink.outbox.backlog == 0


def test_what_waits_under_a_key_is_replaced_in_its_place(sink: Sink) -> None:
    sink.stall()
    sink.outbox.put(b"1", key="k")
    sink.outbox.put(b"other")
    sink.outbox.put(b"2", key="k")
    sink.outbox.put(b"3", key="another")
    sink.outbox.put(b"4444", key="k")
    assert sink.outbox.backlog == len(b"4444other3")
    assert sink.everything() == [b"stalled", b"4444", b"other", b"3"]


def test_a_key_whose_body_was_written_queues_anew(sink: Sink) -> None:
    sink.open.set()
    sink.outbox.put(b"1", key="k")
    assert sink.outbox.flush(60)
    sink.outbox.put(b"2", key="k")
    assert sink.everything() == [b"1", b"2"]


def test_a_sealed_key_queues_behind(sink: Sink) -> None:
    sink.stall()
    sink.outbox.put(b"1", key="k")
    sink.outbox.seal("k")
    sink.outbox.put(b"end")
    sink.outbox.put(b"2", key="k")
    assert sink.everything() == [b"stalled", b"1", b"end", b"2"]


def test_what_can_be_spared_is_dropped_when_much_waits(sink: Sink) -> None:
    sink.stall()
    sink.outbox.put(b"early", spare=True)
    sink.outbox.put(b"report", key="k", spare=True)
    sink.outbox.put(b"x" * (SPARE + 1))
    sink.outbox.put(b"dropped", spare=True)
    sink.outbox.put(b"new report", key="k", spare=True)
    sink.outbox.put(b"kept")
    came = [body for body in sink.everything() if len(body) < KIB]
    assert came == [b"stalled", b"early", b"new report", b"kept"]


def test_a_client_that_never_reads_counts_as_gone(sink: Sink) -> None:
    sink.stall()
    while sink.reasons.empty():
        sink.outbox.put(b"x" * (1 << 20))
        assert sink.outbox.backlog <= LIMIT + (1 << 20)
    assert "does not read" in sink.reasons.get()
    assert sink.outbox.backlog == 0
    sink.outbox.put(b"x")
    assert sink.outbox.backlog == 0
    sink.reasons.put("for the fixture")


def test_room_is_announced_when_the_backlog_has_sunk(sink: Sink) -> None:
    announced = threading.Event()
    sink.stall()
    sink.outbox.room = announced.set
    sink.outbox.put(b"x" * (2 * ROOM))
    assert not announced.is_set()
    sink.open.set()
    assert announced.wait(60)


def test_a_broken_pipe_is_told_once_and_lets_waiters_go(sink: Sink) -> None:
    sink.stall()
    sink.breaks = True
    sink.outbox.put(b"x" * (2 * ROOM))
    sink.open.set()
    assert "Broken pipe" in sink.reasons.get(timeout=60)
    assert sink.outbox.flush(60)
    sink.outbox.put(b"x")
    assert sink.reasons.empty()
    sink.reasons.put("for the fixture")


def test_flush_gives_up_on_a_client_that_does_not_read(sink: Sink) -> None:
    sink.stall()
    assert not sink.outbox.flush(0.01)


def test_the_inbox_keeps_order_and_wakes_its_reader() -> None:
    woken: list[int] = []
    inbox = Inbox()
    inbox.put("a", 1)
    inbox.attach(lambda: woken.append(1))
    inbox.put("b", 1)
    inbox.put(None)
    assert [inbox.take_now(), inbox.take(), inbox.take_now()] == ["a", "b", None]
    assert len(woken) == 3  # at once for what came before, then for each
    with pytest.raises(Empty):
        inbox.take_now()


def test_the_reader_waits_while_the_loop_is_far_behind() -> None:
    inbox = Inbox()
    inbox.put("large", 1 << 30)
    waiting = threading.Thread(target=inbox.wait_for_room)
    waiting.start()
    waiting.join(0.1)
    assert waiting.is_alive()
    inbox.take()
    waiting.join(60)
    assert not waiting.is_alive()


def ending() -> tuple[Ending, SimpleQueue[int], list[int]]:
    killed: SimpleQueue[int] = SimpleQueue()
    announced: list[int] = []
    return Ending(lambda: announced.append(1), killed.put), killed, announced


def test_the_first_reason_to_end_counts() -> None:
    end, killed, announced = ending()
    end.begin("one")
    end.begin("two", failed=True)
    assert (end.reason, end.failed, announced) == ("one", False, [1])
    assert killed.get(timeout=60) == 1


@pytest.mark.parametrize(
    ("orderly", "failed", "code"),
    [(False, False, 1), (True, False, 0), (True, True, 1), (False, True, 1)],
)
def test_what_hangs_is_killed_with_the_right_code(orderly: bool, failed: bool, code: int) -> None:
    end, killed, _ = ending()
    end.orderly = orderly
    end.begin("a reason", failed=failed)
    end.extend(0)
    assert killed.get(timeout=60) == code == end.code


def test_the_deadline_can_be_moved() -> None:
    end, killed, _ = ending()
    end.begin("a reason")
    end.extend(3600)
    with pytest.raises(Empty):
        killed.get(timeout=DEADLINE + 0.5)
    end.extend(0.01)
    assert killed.get(timeout=60) == 1


def chunks(*pieces: bytes | OSError) -> Iterator[bytes]:
    for piece in pieces:
        if isinstance(piece, OSError):
            raise piece
        yield piece
    yield b""


@pytest.mark.parametrize(
    ("pieces", "bodies", "reason", "failed"),
    [
        ((frame(b"1"), frame(b"2")), [b"1", b"2"], "closed its end", False),
        ((frame(b"1"), OSError(5, "I/O error")), [b"1"], "I/O error", False),
        ((frame(b"1") + b"Content-Length: 9999999999\r\n",), [b"1"], "the limit is", True),
    ],
)
def test_the_end_of_reading_begins_the_end(
    pieces: tuple[bytes | OSError, ...], bodies: list[bytes], reason: str, failed: bool
) -> None:
    end, _, _ = ending()
    source, came = chunks(*pieces), list[bytes]()
    read_frames(lambda _: next(source), came.append, end)
    assert came == bodies
    assert reason in end.reason
    assert end.failed == failed
