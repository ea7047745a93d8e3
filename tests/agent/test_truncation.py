"""The one rule by which outputs are cut."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codex_lsp.agent.truncation import DEFAULT, Limit, output, shortened, token_count

MARK = re.compile(r"…(\d+) (tokens|chars) truncated…")


@pytest.mark.parametrize("text", ["", "a" * 40, "é" * 20])
def test_what_fits_is_left_alone(text: str) -> None:
    assert output(text, Limit(10)) == text


def test_tokens_go_missing_in_the_middle_and_are_counted() -> None:
    assert shortened("abcdefgh" + "x" * 80 + "ijklmnop", Limit(4)) == (
        "abcdefgh…20 tokens truncated…ijklmnop"
    )


def test_bytes_go_missing_as_characters() -> None:
    assert shortened("abc" + "é" * 10 + "xyz", Limit(6, "bytes")) == "abc…10 chars truncated…xyz"


def test_no_character_is_cut_in_two() -> None:
    cut = shortened("é" * 50, Limit(7, "bytes"))
    assert MARK.sub("", cut) == "é" * 3
    assert "�" not in cut


def test_the_size_before_the_cut_is_told_in_front() -> None:
    told = output("line\n" * 100, Limit(5), count_lines=True).splitlines()
    assert told[:3] == [
        "Warning: truncated output (original token count: 125)",
        "Total output lines: 100",
        "",
    ]


def test_a_call_may_lower_the_limit_and_never_raise_it() -> None:
    assert DEFAULT.at_most(None) == DEFAULT
    assert DEFAULT.at_most(20_000) == DEFAULT
    assert DEFAULT.at_most(100) == Limit(100)
    assert DEFAULT.at_most(-5).in_bytes == 0
    assert Limit(1_000, "bytes").at_most(500) == Limit(1_000, "bytes")


@settings(deadline=None)
@given(st.text(), st.integers(0, 30), st.sampled_from(["tokens", "bytes"]))
def test_head_and_tail_are_the_texts_own_and_fit(text: str, size: int, unit: str) -> None:
    limit = Limit(size, unit)  # type: ignore[arg-type]
    cut = shortened(text, limit)
    if cut == text:
        assert len(text.encode()) <= limit.in_bytes
        return
    (mark,) = [found for found in MARK.finditer(cut) if text.startswith(cut[: found.start()])][:1]
    head, tail = cut[: mark.start()], cut[mark.end() :]
    assert text.startswith(head)
    assert text.endswith(tail)
    assert len(head.encode()) + len(tail.encode()) <= limit.in_bytes
    assert abs(len(head.encode()) - len(tail.encode())) <= 4
    assert token_count(text) >= int(mark[1]) or mark[2] == "chars"


def test_half_a_surrogate_pair_is_no_crash() -> None:
    shortened("\ud800" * 50, Limit(3))
