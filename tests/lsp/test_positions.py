"""Offsets and positions, held against an implementation that looks at one character at a time."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_lsp.lsp.editing.positions import (
    Encoding,
    column_index,
    column_indices,
    line_starts,
    offset_at,
    position_at,
    split_lines,
    units,
)

ENCODINGS: tuple[Encoding, ...] = ("utf-8", "utf-16", "utf-32")
ALPHABET = "ab \t\r\n\r\né\u0301ß中\u2028\u0085\x0c😀\U0001d49c\U0010ffff\ud800\udc00"
texts = st.text(alphabet=ALPHABET, max_size=30)
encodings = st.sampled_from(ENCODINGS)


def width(character: str, encoding: Encoding) -> int:
    code = ord(character)
    if encoding == "utf-32":
        return 1
    if encoding == "utf-16":
        return 2 if code > 0xFFFF else 1
    return 1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4


def naive_lines(text: str) -> list[str]:
    lines, line, at = [], "", 0
    while at < len(text):
        end = "\r\n" if text.startswith("\r\n", at) else text[at]
        line += end
        at += len(end)
        if end in ("\r\n", "\r", "\n"):
            lines.append(line)
            line = ""
    return [*lines, line]


def naive_index(line: str, character: int, encoding: Encoding) -> int:
    body, passed = line.rstrip("\r\n"), 0
    for index, one in enumerate(body):
        passed += width(one, encoding)
        if passed > character:
            return index
    return len(body)


@given(texts)
def test_lines_end_at_cr_and_lf_only(text: str) -> None:
    assert split_lines(text) == naive_lines(text)
    assert "".join(split_lines(text)) == text


@given(texts, encodings)
def test_units_are_the_sum_of_the_characters(text: str, encoding: Encoding) -> None:
    assert units(text, encoding) == sum(width(one, encoding) for one in text)


@given(texts, st.integers(0, 60), encodings)
def test_columns_match_the_naive_walk(text: str, character: int, encoding: Encoding) -> None:
    for line in split_lines(text):
        assert column_index(line, character, encoding) == naive_index(line, character, encoding)


@given(texts, st.tuples(st.integers(0, 60), st.integers(0, 60)), encodings)
def test_two_columns_of_a_line_are_found_as_each_by_itself(
    text: str, characters: tuple[int, int], encoding: Encoding
) -> None:
    first, last = sorted(characters)
    for line in split_lines(text):
        expected = naive_index(line, first, encoding), naive_index(line, last, encoding)
        assert column_indices(line, first, last, encoding) == expected


@given(texts, encodings)
def test_every_offset_survives_the_way_there_and_back(text: str, encoding: Encoding) -> None:
    for offset in range(len(text) + 1):
        inside_end = text[offset - 1 : offset + 1] == "\r\n" if offset else False
        position = position_at(text, offset, encoding)
        assert offset_at(text, position, encoding) == offset - inside_end


@given(texts, st.integers(-2, 40), st.integers(-2, 60), encodings)
def test_every_position_is_clamped_into_the_text(
    text: str, line: int, character: int, encoding: Encoding
) -> None:
    lines = split_lines(text)
    if line < 0:
        expected = 0
    elif line >= len(lines):
        expected = len(text)
    else:
        expected = sum(map(len, lines[:line])) + naive_index(lines[line], character, encoding)
    assert offset_at(text, (line, character), encoding) == expected


@given(texts)
def test_lines_start_where_the_lines_before_end(text: str) -> None:
    lines = split_lines(text)
    assert list(line_starts(text)) == [sum(map(len, lines[:at])) for at in range(len(lines))]


@pytest.mark.parametrize("character", range(5))
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_two_lone_surrogates_are_two_characters(encoding: Encoding, character: int) -> None:
    line = "\ud83d\ude00x"
    expected = naive_index(line, character, encoding)
    assert column_index(line, character, encoding) == expected


@pytest.mark.parametrize(
    ("encoding", "character", "index"),
    [("utf-8", 4, 1), ("utf-8", 3, 0), ("utf-16", 2, 1), ("utf-16", 1, 0), ("utf-32", 1, 1)],
)
def test_a_position_inside_a_character_is_at_its_start(
    encoding: Encoding, character: int, index: int
) -> None:
    assert column_index("😀x", character, encoding) == index


def test_a_combining_character_is_a_character() -> None:
    assert position_at("e\u0301x", 2, "utf-16") == (0, 2)
    assert position_at("e\u0301x", 2, "utf-8") == (0, 3)


def test_a_large_text_with_one_long_line_is_converted() -> None:
    source = random.Random(1)
    text = "".join(source.choices("abc é😀", k=200_000))
    for encoding in ENCODINGS:
        offsets = sorted(source.sample(range(len(text)), k=2))
        places = [position_at(text, offset, encoding) for offset in offsets]
        assert [place.line for place in places] == [0, 0]
        assert [offset_at(text, place, encoding) for place in places] == offsets
        first, last = (place.character for place in places)
        assert column_indices(text, first, last, encoding) == tuple(offsets)
