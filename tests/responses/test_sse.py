"""The splitter gives the same events for the same bytes, in whatever pieces they come (TR2)."""

from __future__ import annotations

import json
import os
import random
import re

import pytest

from codex_lsp.responses.sse import EventSplitter, EventTooLarge, ServerEvent

ROUNDS = int(os.environ.get("TR2_ROUNDS", "100000"))
NO_ENDS = "\u2028\u2029\u0085\x0c\x0b\x1c".encode()  # line ends to str.splitlines only


def split(data: bytes, sizes: list[int] | None = None) -> list[ServerEvent]:
    splitter, events, at = EventSplitter(), [], 0
    for size in sizes or [len(data)]:
        events += splitter.feed(data[at : at + size])
        at += size
    return events + splitter.feed(data[at:])


def reference(data: bytes) -> list[ServerEvent]:
    """The rules once more, on the whole text and without care for speed."""
    events: list[ServerEvent] = []
    lines: list[bytes] = []
    name = ""
    whole = re.split(rb"\r\n|\n|\r", data.removeprefix(b"\xef\xbb\xbf"))
    for line in whole[:-1]:
        if line == b"":
            if lines:
                events.append(ServerEvent(name, b"\n".join(lines)))
            name, lines = "", []
            continue
        field, _, value = line.partition(b":")
        value = value[1:] if value[:1] == b" " else value
        if field == b"data":
            lines.append(value)
        elif field == b"event":
            name = value.decode("utf-8", "replace")
    return events


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"data: a\n\n", [b"a"]),
        (b"data:a\r\rdata: b\r\n\r\n", [b"a", b"b"]),
        (b"data: a\ndata: b\n\n", [b"a\nb"]),
        (b"data:  two spaces\n\n", [b" two spaces"]),
        (b"data\n\n", [b""]),
        (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
        (b": comment\n\nid: 3\nretry: 5\nevent: only\n\n", []),
        (b"data: not ended\n", []),
        (b"data: a\n\ndata: torn", [b"a"]),
        (b"data: " + NO_ENDS + b"\n\n", [NO_ENDS]),
        (b"datax: a\nxdata: b\n\n", []),
    ],
)  # fmt: skip
def test_lines_end_at_cr_and_lf_and_nowhere_else(data: bytes, expected: list[bytes]) -> None:
    assert [event.data for event in split(data)] == expected
    assert split(data, [1] * len(data)) == split(data)


def test_an_event_keeps_its_name_and_the_next_does_not_inherit_it() -> None:
    events = split(b"event: x\ndata: 1\n\ndata: 2\n\n")
    assert events == [ServerEvent("x", b"1"), ServerEvent("", b"2")]


def made_up(dice: random.Random) -> bytes:
    """Some bytes that are nearly a stream: the pieces of one, put together without care."""
    ends = [b"\n", b"\r", b"\r\n", b"\n\n", b"\r\r", b"\r\n\r\n", b"\n\r", b""]
    fields = [b"data: ", b"data:", b"data", b"event: x", b": ping", b"id: 1", b"\xef\xbb\xbf", b""]
    texts = [
        json.dumps({"type": "response.output_text.delta", "delta": "ä\u2028"}).encode(),
        '{"delta": "\u2028\u0085\x0c😀"}'.encode(),
        "😀".encode()[: dice.randrange(1, 5)],
        bytes(dice.randrange(256) for _ in range(dice.randrange(4))),
        b"[DONE]",
        b"",
    ]
    return b"".join(
        dice.choice(choices)
        for _ in range(dice.randrange(1, 8))
        for choices in (fields, texts, ends)
    )


def test_any_bytes_in_any_pieces_give_the_same_events() -> None:
    seed = random.randrange(2**32)
    dice = random.Random(seed)
    for number in range(ROUNDS):
        data = made_up(dice)
        sizes = dice.choices((1, 1, 2, 3, 5, 20, 50), k=8)
        assert split(data, sizes) == reference(data), f"seed {seed}, round {number}: {data!r}"


def test_a_large_event_is_put_together_from_small_pieces() -> None:
    text = b"x" * 10 * 2**20
    data = b"data: " + text + b"\n\n"
    assert split(data, [4096] * (len(data) // 4096))[0].data == text


@pytest.mark.parametrize("endless", [b"x" * 64, b"data: x\n", b"data: " + b"x" * 58])
def test_memory_is_bounded(endless: bytes) -> None:
    splitter = EventSplitter(limit=1000)

    def feed_on() -> None:
        for _ in range(1000):
            splitter.feed(endless)

    with pytest.raises(EventTooLarge):
        feed_on()


def test_comments_and_finished_events_do_not_add_up() -> None:
    splitter = EventSplitter(limit=100)
    for _ in range(1000):
        splitter.feed(b": keep-alive\n")
        assert splitter.feed(b"data: x\n\n") == [ServerEvent("", b"x")]
