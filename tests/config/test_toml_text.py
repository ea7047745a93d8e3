"""Where keys stand, in good TOML and in half-written one."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codex_lsp.config.toml_text import (
    Path,
    line_and_column,
    line_starts,
    place_of,
    places,
    section_at,
)

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

TEXT = '''# model = "no"
model = "m" # c = 1
a."b c".d = 'x'
[projects."/home/x"]
trust_level = "trusted"
[m.x]
q = { v = "1", w = { z = [1, {u=2}] } }
s = """
[not.a.header]
no = 1
"""
k = [ # [no]
  "a", # b = 1
]
[[many]]
n = 1
'''


def value(text: str, path: Path) -> str:
    place = place_of(places(text), path)
    assert place is not None
    assert place.path == path
    return "" if place.value is None else text[slice(*place.value)]


def test_each_key_has_its_place() -> None:
    assert value(TEXT, ("model",)) == '"m"'
    assert value(TEXT, ("a", "b c", "d")) == "'x'"
    assert value(TEXT, ("projects", "/home/x", "trust_level")) == '"trusted"'
    assert value(TEXT, ("m", "x", "q", "w")) == "{ z = [1, {u=2}] }"
    assert value(TEXT, ("m", "x", "s")).startswith('"""')
    assert value(TEXT, ("m", "x", "k")).endswith("]")
    assert value(TEXT, ("many", "n")) == "1"
    assert not [place for place in places(TEXT) if "no" in place.path]


def test_what_is_not_there_is_at_what_would_hold_it() -> None:
    place = place_of(places(TEXT), ("projects", "/home/x", "other"))
    assert place is not None
    assert TEXT[place.start : place.end] == '"/home/x"'
    assert line_and_column(line_starts(TEXT), place.start) == (3, 10)
    assert place_of(places(TEXT), ("nothing",)) is None


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("half =\nnext = 1", ("next",)),
        ("half\nnext = 1", ("next",)),
        ("[half\nnext = 1", ("half", "next")),
        ("a = 'open\nnext = 1", ("next",)),
        ("a = { b = 1\nnext = 1", ("next",)),
        ("= = ]\nnext = 1", ("next",)),
    ],
)
def test_a_half_written_line_does_not_hide_the_next(text: str, path: Path) -> None:
    assert value(text, path) == "1"


def test_the_section_is_the_last_header_before() -> None:
    found = places(TEXT)
    assert section_at(found, 3) == ()
    assert section_at(found, TEXT.index("trust_level")) == ("projects", "/home/x")
    assert section_at(found, len(TEXT)) == ("many",)


@patient
@given(st.text(alphabet="ab.=[]{}\"'\\#\n ,1", max_size=60))
def test_no_text_makes_it_raise_and_all_places_lie_in_it(text: str) -> None:
    for place in places(text):
        assert 0 <= place.start < place.end <= len(text)
        start, end = place.value or (0, 0)
        assert 0 <= start <= end <= len(text)


def paths_of(value: object, above: Path = ()) -> set[Path]:
    if isinstance(value, list):
        return {path for one in value for path in paths_of(one, above)}
    if not isinstance(value, dict):
        return set()
    return {
        path
        for name, inner in value.items()
        for path in {(*above, name), *paths_of(inner, (*above, name))}
    }


@patient
@given(st.text(alphabet='ab.=[]{}"\n ,1', max_size=40))
def test_every_key_of_good_toml_is_found(text: str) -> None:
    try:
        document = tomllib.loads(text)
    except ValueError:
        return
    assert {place.path for place in places(text)} == paths_of(document)


@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, "a = " + "{b=" * 10_000, "[" * 50_000])
def test_depth_does_not_make_it_raise(text: str) -> None:
    places(text)
