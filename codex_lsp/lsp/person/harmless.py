"""A model's Markdown, so that no viewer fetches, follows or runs anything by itself: no images, no
links under other words, no HTML, no diagrams. What is code stays as it is, and every address is
shown as the text that it is.

It works line by line: what could begin on one line and end on another is closed or escaped. Of a
line that is not whole yet, the words are given back that nothing after them can change.
"""

from __future__ import annotations

import re

_FENCE = re.compile(r"[ \t]*(?P<mark>`{3,}(?=[^`]*$)|~{3,})(?P<info>.*)")
_DRAWN = frozenset(
    {"mermaid", "plantuml", "graphviz", "dot", "math", "geojson", "topojson", "stl", "abc"}
)
_LANGUAGE = re.compile(r"[\w+#.-]+")
_ADDRESS = re.compile(
    r"(?i)(?:[a-z][a-z0-9+.-]*://|\bwww\.|(?:command|javascript|data|mailto):)\S+"
)


class Harmless:
    """Takes text as it streams, gives whole lines back."""

    def __init__(self) -> None:
        self._held = ""
        self._fence = ""
        self._begun = False  # words of the line that is held were given back already

    def take(self, text: str) -> str:
        """Add `text`; what can be shown of it and of what was held back."""
        *lines, self._held = (self._held + text).split("\n")
        shown = "".join(f"{self._line(line)}\n" for line in lines)
        words, space, last = self._held.rpartition(" ")
        if not space or self._fence or not {"`", "\\", "~"}.isdisjoint(words):
            return shown
        self._held, self._begun = last, True
        return f"{shown}{_plain(words)} "

    def rest(self) -> str:
        """What is held back still: there is no more to come."""
        held, self._held = self._held, ""
        return self._line(held) if held else ""

    def close(self) -> str:
        """What ends the code block that is open, if one is; what is held back is void."""
        mark, self._fence, self._held, self._begun = self._fence, "", "", False
        return f"\n{mark}\n" if mark else ""

    def _line(self, line: str) -> str:
        if self._begun:
            self._begun = False
            return _prose(line)
        fence = _FENCE.fullmatch(line.rstrip("\r"))
        if self._fence:
            mark = fence["mark"] if fence else ""
            if mark.startswith(self._fence) and fence is not None and not fence["info"].strip():
                self._fence = ""
                return mark  # at the line's start, where no list or quotation takes it for text
            # Nothing else may look like its end to somebody who reads less strictly.
            return f" {line}" if fence and not mark.startswith(self._fence[0] * 3) else line
        if fence is None:
            return _prose(line)
        self._fence = fence["mark"]
        named = _LANGUAGE.match(fence["info"].strip())
        drawn = named is None or re.split(r"[^\w]", named[0].casefold())[0] in _DRAWN
        language = "" if named is None or drawn else named[0]
        return f"{self._fence}{language}"


def harmless(text: str) -> str:
    """The whole of a text that is there already."""
    stream = Harmless()
    return stream.take(text) + stream.rest()


def _prose(line: str) -> str:
    """A line that is no code block: its code spans stay, the rest is made plain."""
    shown: list[str] = []
    plain = ""
    at = 0
    while at < len(line):
        char = line[at]
        if char == "\\" and line[at + 1 : at + 2] == "`":
            plain += "'"  # so that no viewer takes it for the begin of code
            at += 2
        elif char == "\\":
            plain += line[at : at + 2]
            at += 2
        elif char == "`":
            run = len(line) - at - len(line[at:].lstrip("`"))
            end = _end_of_code(line, at + run, run)
            if end is None:
                plain += "'" * run
                at += run
            else:
                shown += [_plain(plain), line[at:end]]
                plain, at = "", end
        else:
            plain += char
            at += 1
    return "".join([*shown, _plain(plain)])


def _end_of_code(line: str, at: int, run: int) -> int | None:
    """Where the code span ends whose opening run of backticks has this length; None if nowhere."""
    for found in re.finditer("`+", line[at:]):
        if len(found[0]) == run:
            return at + found.end()
    return None


def _plain(text: str) -> str:
    """Text without code: an address becomes code, and nothing in it links, loads or is HTML."""
    parts: list[str] = []
    at = 0
    for found in _ADDRESS.finditer(text):
        address = found[0].rstrip(").,;:!?\"'*_]>\\")
        before = _escaped(text[at : found.start()])
        at = found.start() + len(address)
        # Its backticks keep away from others, and from a backslash that would escape them.
        left = " " if not before or before[-1] in "\\`" else ""
        right = " " if text[at : at + 1] in {"", "\\"} else ""
        parts += [before, f"{left}`{address.replace('`', '%60')}`{right}"]
    return "".join([*parts, _escaped(text[at:])])


def _escaped(text: str) -> str:
    text = text.replace("<", "&lt;")
    # A bracket that is followed by one of these would end the text of a link or name its goal.
    return re.sub(r"(?<!\\)\](?=[(\[:])", r"\\]", text)
