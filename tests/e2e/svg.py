"""Draws terminal screens, as tmux captures them, into one SVG which shows them in turn."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any

SGR = re.compile(r"\x1b\[([\d;:]*)m")
CELL, ROW, SIZE, MARGIN = 8.4, 18.0, 14, 12  # pixels
BASIC = (
    "#1d1f21", "#cc6666", "#8fb573", "#e0af68", "#81a2be", "#b294bb", "#7fb8b0", "#c5c8c6",
    "#707880", "#e88388", "#b9d189", "#f0c674", "#9ec4e0", "#c8a8d0", "#a3d6ce", "#ffffff",
)  # fmt: skip
PAPER, INK = "#16181d", "#d4d6d9"


@dataclass(frozen=True, slots=True)
class Style:
    """How a cell looks; None is the terminal's own colour."""

    ink: str | None = None
    paper: str | None = None
    bold: bool = False
    italic: bool = False
    underline: bool = False
    reverse: bool = False


def draw(screens: Sequence[str], seconds: float = 2.5) -> str:
    """An SVG of `screens` (rows with SGR sequences), each shown for some seconds."""
    rows = max(len(screen.splitlines()) for screen in screens)
    columns = max(len(SGR.sub("", row)) for screen in screens for row in screen.splitlines())
    width, height = columns * CELL + 2 * MARGIN, rows * ROW + 2 * MARGIN
    frames = "\n".join(_frame(screen, at, screens, seconds) for at, screen in enumerate(screens))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'font-family="ui-monospace, Menlo, Consolas, monospace" font-size="{SIZE}">\n'
        f"<style>{_animation(len(screens), seconds)}</style>\n"
        f'<rect width="100%" height="100%" rx="8" fill="{PAPER}"/>\n{frames}\n</svg>\n'
    )


def _animation(count: int, seconds: float) -> str:
    if count == 1:
        return ""
    part = 100 / count
    return (
        f".f{{opacity:0;animation:turn {count * seconds}s step-end infinite}}"
        f"@keyframes turn{{0%{{opacity:1}}{part:.3f}%{{opacity:0}}}}"
        "@media(prefers-reduced-motion){.f{animation:none}.f:last-of-type{opacity:1}}"
    )


def _frame(screen: str, at: int, screens: Sequence[str], seconds: float) -> str:
    drawn: list[str] = []
    style = Style()
    for row, line in enumerate(screen.splitlines()):
        runs, style = _runs(line, style)
        drawn += _row(runs, row)
    delay = f'class="f" style="animation-delay:{at * seconds}s"' if len(screens) > 1 else ""
    return f'<g shape-rendering="crispEdges" {delay}>' + "\n".join(drawn) + "</g>"


def _row(runs: Sequence[tuple[str, Style]], row: int) -> Iterator[str]:
    column = 0
    for text, style in runs:
        x, y, width = MARGIN + column * CELL, MARGIN + row * ROW, len(text) * CELL
        column += len(text)
        ink, paper = style.ink or INK, style.paper
        if style.reverse:
            ink, paper = paper or PAPER, ink
        if paper:
            yield (
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{ROW}" fill="{paper}"/>'
            )
        if shown := text.strip():
            x += (len(text) - len(text.lstrip())) * CELL
            width = len(shown) * CELL
            extras = "".join(
                attribute
                for attribute, wanted in (
                    (' font-weight="bold"', style.bold),
                    (' font-style="italic"', style.italic),
                    (' text-decoration="underline"', style.underline),
                )
                if wanted
            )
            yield (
                f'<text x="{x:.1f}" y="{y + ROW * 0.75:.1f}" textLength="{width:.1f}" '
                f'xml:space="preserve" fill="{ink}"{extras}>{escape(shown)}</text>'
            )


def _runs(line: str, style: Style) -> tuple[list[tuple[str, Style]], Style]:
    """Stretches of one style, and the last style, in which tmux goes on in the next row."""
    runs, at = [], 0
    for match in SGR.finditer(line):
        if match.start() > at:
            runs.append((line[at : match.start()], style))
        style = _styled(style, [int(part or 0) for part in re.split("[;:]", match[1])])
        at = match.end()
    if at < len(line):
        runs.append((line[at:], style))
    return runs, style


def _styled(style: Style, codes: list[int]) -> Style:
    while codes:
        code = codes.pop(0)
        if code == 0:
            style = Style()
        elif code in (38, 48):
            trait: dict[str, Any] = {"ink" if code == 38 else "paper": _colour(codes)}
            style = replace(style, **trait)
        elif code in _TRAITS:
            style = replace(style, **_TRAITS[code])
        elif (group := _basic(code)) is not None:
            style = replace(style, **group)
    return style


_TRAITS: dict[int, dict[str, Any]] = {
    1: {"bold": True}, 3: {"italic": True}, 4: {"underline": True}, 7: {"reverse": True},
    22: {"bold": False}, 23: {"italic": False}, 24: {"underline": False}, 27: {"reverse": False},
    39: {"ink": None}, 49: {"paper": None},
}  # fmt: skip


def _basic(code: int) -> dict[str, Any] | None:
    for first, trait, bright in (
        (30, "ink", 0),
        (40, "paper", 0),
        (90, "ink", 8),
        (100, "paper", 8),
    ):
        if first <= code < first + 8:
            return {trait: BASIC[code - first + bright]}
    return None


def _colour(codes: list[int]) -> str:
    """Takes the rest of `38;…` or `48;…`: a palette number, or red, green and blue."""
    if codes.pop(0) == 2:
        red, green, blue = codes[:3]
        del codes[:3]
        return f"#{red:02x}{green:02x}{blue:02x}"
    number = codes.pop(0)
    if number < 16:
        return BASIC[number]
    if number >= 232:
        grey = (number - 232) * 10 + 8
        return f"#{grey:02x}{grey:02x}{grey:02x}"
    steps = (0, 95, 135, 175, 215, 255)
    number -= 16
    return "#" + "".join(f"{steps[number // size % 6]:02x}" for size in (36, 6, 1))
