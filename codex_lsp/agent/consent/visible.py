"""Text of others, shown so that nothing in it hides: what a person is asked about is what there is.

Every character that shows nothing, moves others around or looks like space becomes its code point
in angle brackets. No two texts are shown alike (letters that merely resemble each other are).
"""

from __future__ import annotations

import re
import unicodedata

_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})

# Characters of other categories that are drawn as nothing, or as blank.
_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_STACKED = 2  # combining marks on one letter; more of them cover what is around
_PADDING = re.compile(" {4,}")


def visible(text: str, *, lines: bool = False) -> str:
    """`text` with all that is hidden in it spelled out; `lines` keeps its line ends as they are.

    What could be taken for such a spelling is spelled out too, so that `text` can be told from
    the result.
    """
    shown: list[str] = []
    marks = 0
    for char in text:
        marks = marks + 1 if unicodedata.combining(char) else 0
        if char == " " or (lines and char == "\n"):
            shown.append(char)
        elif char in "⟨⟩" or marks > _STACKED or _is_hidden(char):
            shown.append(f"⟨U+{ord(char):04X}⟩")
        else:
            shown.append(char)
    return _PADDING.sub(lambda run: f"⟨{len(run[0])} spaces⟩", "".join(shown))


def without_hidden(text: str) -> str:
    """`text` without what shows nothing or moves others around; line ends, tabs, spaces stay."""
    return "".join(char for char in text if char in "\n\t " or not _is_hidden(char))


def cut(shown: str, room: int) -> str:
    """At most about `room` characters of what is `visible`, from both ends, saying what is left."""
    if len(shown) <= room:
        return shown
    head, tail = room * 3 // 4, room // 4
    left = len(shown) - head - tail
    return f"{shown[:head]} ⟨… {left} more characters …⟩ {shown[-tail:]}"


def _is_hidden(char: str) -> bool:
    return unicodedata.category(char) in _HIDDEN_CATEGORIES or _BLANK.match(char) is not None
