"""A drawn screen holds what the terminal showed, in its colours."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from tests.e2e.svg import BASIC, INK, PAPER, draw

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[tuple[str, str]]:
    return [(str(t.text), t.attrib["fill"]) for t in ET.fromstring(svg).iter(SVG + "text")]


def test_text_keeps_its_colour_and_is_escaped() -> None:
    drawn = draw(["a < \x1b[31mb\x1b[0m\x1b[38;2;1;2;3mc\x1b[38;5;232md\x1b[91me"])

    inks = ["#d4d6d9", BASIC[1], "#010203", "#080808", BASIC[9]]
    assert texts(drawn) == list(zip(["a <", "b", "c", "d", "e"], inks, strict=True))


def test_reversed_cells_swap_ink_and_paper() -> None:
    drawn = ET.fromstring(draw(["\x1b[7;42mx"]))

    assert drawn.find(f".//{SVG}text").attrib["fill"] == BASIC[2]  # type: ignore[union-attr]
    assert next(r.attrib["fill"] for r in drawn.iter(SVG + "rect")) == PAPER


def test_a_style_lasts_into_the_next_row() -> None:
    drawn = draw(["a\x1b[31mb\nc\x1b[0md"])

    assert texts(drawn) == [("a", INK), ("b", BASIC[1]), ("c", BASIC[1]), ("d", INK)]


def test_several_screens_follow_one_another() -> None:
    drawn = draw(["one", "two"], seconds=3)

    frames = [g.attrib["style"] for g in ET.fromstring(drawn).iter(SVG + "g")]
    assert frames == ["animation-delay:0s", "animation-delay:3s"]
