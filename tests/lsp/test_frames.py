"""TS2, in-process: no bytes stop the framing, and after any of them a frame still arrives."""

from __future__ import annotations

import os
import random

import pytest

from codex_lsp.lsp.connection.frames import MAX_BODY, Framer, Oversize, frame

ROUNDS = int(os.environ.get("CODEX_LSP_FUZZ", "50000"))
PING = b'{"ping":1}'


def bodies(*chunks: bytes) -> list[bytes]:
    framer = Framer()
    return [body for chunk in chunks for body in framer.feed(chunk)]


def test_any_chunking_gives_the_same_bodies() -> None:
    stream = b"".join(map(frame, [b"{}", b"", b"x" * 300, "é😀".encode()]))
    whole = bodies(stream)
    assert whole == [b"{}", b"", b"x" * 300, "é😀".encode()]
    for cut in range(len(stream)):
        assert bodies(stream[:cut], stream[cut:]) == whole
    assert bodies(*(stream[at : at + 1] for at in range(len(stream)))) == whole


def test_the_limit_itself_is_no_oversize() -> None:
    framer = Framer()
    assert list(framer.feed(b"Content-Length: %d\r\n\r\n" % MAX_BODY)) == []
    with pytest.raises(Oversize):
        list(Framer().feed(b"Content-Length: %d\r\n\r\n" % (MAX_BODY + 1)))


def test_endless_garbage_takes_no_memory() -> None:
    framer = Framer()
    for _ in range(1000):
        assert list(framer.feed(b"\xff" * 10_000)) == []
    assert len(framer._buffer) < 20_000
    assert framer.noise > 0


def test_a_header_cut_inside_endless_garbage_is_found() -> None:
    garbage = b"\xff" * 9000 + b"Content-Len"
    assert bodies(garbage, b"gth: 2\r\n", b"\r\n{}") == [b"{}"]


def mangled(source: random.Random) -> bytes:
    """A stream of frames with something wrong in it, of every kind that we could think of."""
    pieces = [frame(source.randbytes(source.randrange(40))) for _ in range(source.randrange(4))]
    match source.randrange(8):
        case 0:
            pieces.append(source.randbytes(source.randrange(200)))
        case 1:
            pieces.append(
                b"Content-Length: %d\r\n\r\n" % source.choice([-1, 0, 1, 7, 10**9, 10**30])
            )
        case 2:
            pieces.append(source.choice([b"\r\n", b"\n\n", b"\r", b"\x00", b"\r\n\r\n\r\n"]) * 3)
        case 3:
            pieces.append(b"X-Header: " + source.randbytes(30) + b"\r\n")
        case 4:
            pieces.append(b"content-length : 3\n\nabcContent-Length:2\r\n\r\n{}")
        case 5:
            pieces.append(b"Content-Length: 5\r\nContent-Length: 2\r\n\r\n{}")
        case 6:
            pieces.append(b"Content-Length: 1_0\r\n\r\n" + b"Content-Length: \xd9\xa3\r\n\r\n")
        case _:
            pieces.append(b"garbage" * source.randrange(3000))
    source.shuffle(pieces)
    stream = bytearray(b"".join(pieces))
    for _ in range(source.randrange(3)):
        if stream:
            stream[source.randrange(len(stream))] = source.randrange(256)
    return bytes(stream)


def owed(framer: Framer) -> int:
    """How many bytes `framer` waits for to complete the body of the last header it saw."""
    return 0 if framer._length is None else max(0, framer._length - len(framer._buffer))


def test_fuzzed_streams_never_stop_the_framing() -> None:
    """After each stream, frames are sent until one arrives whole: it must, and soon."""
    for seed in range(ROUNDS):
        source = random.Random(seed)
        framer = Framer()
        data = mangled(source)
        cut = source.randrange(len(data) + 1)
        try:
            for chunk in (data[:cut], data[cut:]):
                list(framer.feed(chunk))
            list(framer.feed(b"\0" * owed(framer)))
            came = [body for _ in range(3) for body in framer.feed(b"\r\n" + frame(PING))]
        except Oversize:
            continue
        except Exception as error:
            raise AssertionError(f"seed {seed}") from error
        assert PING in came, f"seed {seed}"
