"""The difference of two texts as minimal edits, and as a unified diff for people.

Lines first (lines that occur once anchor the rest), then words, then characters. Time is bounded:
where two stretches are large and unlike, one is replaced by the other whole. No edit begins or
ends inside a CRLF, since no editor has a position there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from codex_lsp.edits.align import Block, aligned, sync
from codex_lsp.edits.lines import Lines, line_end, whole_lines
from codex_lsp.edits.text import TextEdit

_TOKEN = re.compile(r"\r\n|\w+|[^\S\r\n]+|.", re.DOTALL)
_WINDOW = 1 << 12  # characters in which two texts are expected to meet again after a change
_LONG = 1 << 16  # characters of a stretch above which it is replaced whole
_WORDS = 1 << 18  # product of the token counts up to which words are aligned, a whole diff long


def diff(old: str, new: str) -> tuple[TextEdit, ...]:
    """Sorted, disjoint edits that make `old` into `new`."""
    return _without_chance_matches(_finest(old, new), old)


def distance(old: str, new: str) -> int:
    """How many characters go and come between `old` and `new`, by the finest reading."""
    return _cost(_finest(old, new))


def diff_and_distance(old: str, new: str) -> tuple[tuple[TextEdit, ...], int]:
    """Both, for the price of one."""
    finest = _finest(old, new)
    return _without_chance_matches(finest, old), _cost(finest)


def unified(old: str, new: str, path: str, context: int = 3) -> str:
    """A unified diff, each line as the file has it; empty if the texts are equal."""
    a, b = Lines(old), Lines(new)
    blocks = [
        (_line(a, i), _line(a, j), _line(b, k), _line(b, m)) for i, j, k, m in _changes(old, new)
    ]
    out = [f"--- a/{path}\n", f"+++ b/{path}\n"] if blocks else []
    for group in _grouped(blocks, context):
        first, last = group[0], group[-1]
        i, k = max(first[0] - context, 0), max(first[2] - context, 0)
        j, m = min(last[1] + context, len(a)), min(last[3] + context, len(b))
        out.append(f"@@ -{_range(i, j)} +{_range(k, m)} @@\n")
        for block in group:
            out += [_shown(" ", a.whole(line)) for line in range(i, block[0])]
            out += [_shown("-", a.whole(line)) for line in range(block[0], block[1])]
            out += [_shown("+", b.whole(line)) for line in range(block[2], block[3])]
            i = block[1]
        out += [_shown(" ", a.whole(line)) for line in range(i, j)]
    return "".join(out)


def trimmed(old: str, new: str, at: int) -> TextEdit:
    """The smallest single edit that makes `old`, which stands at `at`, into `new`."""
    head, tail = common_ends(old, new)
    if head and old[head - 1] == "\r" and "\n" in (old[head : head + 1], new[head : head + 1]):
        head -= 1
    end, stop = len(old) - tail, len(new) - tail
    if tail and old[end] == "\n" and "\r" in (old[end - 1 : end], new[stop - 1 : stop]):
        end, stop = end + 1, stop + 1
    return TextEdit(at + head, at + end, new[head:stop])


def common_ends(old: str, new: str) -> tuple[int, int]:
    """How many characters the two share at the start and, after that, at the end."""
    head = _common_head(old, 0, new, 0)
    return head, _common_tail(old, new, min(len(old), len(new)) - head)


def joined(edits: Sequence[TextEdit]) -> tuple[TextEdit, ...]:
    """`edits` with those that touch made into one, and those without effect left out."""
    out: list[TextEdit] = []
    for edit in edits:
        if edit.start == edit.end and not edit.new:
            continue
        if out and out[-1].end == edit.start:
            last = out.pop()
            edit = TextEdit(last.start, edit.end, last.new + edit.new)  # noqa: PLW2901 - the sum
        out.append(edit)
    return tuple(out)


def _finest(old: str, new: str) -> tuple[TextEdit, ...]:
    edits: list[TextEdit] = []
    budget = _WORDS
    for i, j, k, m in _changes(old, new):
        refined, budget = _refine(old[i:j], new[k:m], i, budget)
        edits += refined
    return joined(edits)


def _cost(edits: Sequence[TextEdit]) -> int:
    return sum(edit.end - edit.start + len(edit.new) for edit in edits)


def _without_chance_matches(edits: Sequence[TextEdit], old: str) -> tuple[TextEdit, ...]:
    """`edits`, made one where what they keep of a line between them is less than each changes.

    Two lines that have little to do with each other still share spaces and brackets; to keep those
    would say that something was left alone which was in truth written anew.
    """
    out: list[TextEdit] = []
    for edit in edits:
        while out and _by_chance(old[out[-1].end : edit.start], out[-1], edit):
            last = out.pop()
            new = last.new + old[last.end : edit.start] + edit.new
            edit = TextEdit(last.start, edit.end, new)  # noqa: PLW2901 - the sum
        out.append(edit)
    return tuple(out)


def _by_chance(kept: str, before: TextEdit, after: TextEdit) -> bool:
    return len(kept) <= min(_size(before), _size(after)) and not {"\n", "\r"} & set(kept)


def _size(edit: TextEdit) -> int:
    return max(edit.end - edit.start, len(edit.new))


def _changes(old: str, new: str) -> Iterator[Block]:
    """Offsets of the stretches of lines that differ; they are in order and never touch."""
    head, tail = common_ends(old, new)
    if head == len(old) == len(new):
        return
    tail = len(old) - line_end(old, len(old) - tail)
    end, stop = len(old) - tail, len(new) - tail
    i = k = 0
    while i < end or k < stop:
        same = _same_lines(old, i, end, new, k, stop)
        i, k = i + same, k + same
        size, met = _WINDOW, (0, 0)
        while (i < end or k < stop) and met == (0, 0):
            a, b = _window(old, i, end, size), _window(new, k, stop, size)
            whole = size >= max(end - i, stop - k)
            blocks, met = sync(aligned(a, b), len(a), len(b), whole=whole)
            yield from _offsets(blocks, a, b, i, k)
            size *= 4
            i, k = i + sum(map(len, a[: met[0]])), k + sum(map(len, b[: met[1]]))


def _window(text: str, at: int, end: int, size: int) -> list[str]:
    lines = whole_lines(text[at : min(at + size, end)])
    return lines if at + size >= end else lines[:-1]  # the last may be a part of one


def _same_lines(old: str, i: int, end: int, new: str, k: int, stop: int) -> int:
    """How long the whole lines are that follow alike."""
    same = min(_common_head(old, i, new, k), end - i, stop - k)
    if i + same == end and k + same == stop:
        return same
    cut = max(old.rfind("\n", i, i + same), old.rfind("\r", i, i + same)) + 1 - i
    if cut <= 0:
        return 0
    halved = old[i + cut - 1] == "\r" and "\n" in (
        old[i + cut : i + cut + 1],
        new[k + cut : k + cut + 1],
    )
    return cut - halved


def _offsets(
    blocks: Sequence[Block], a: list[str], b: list[str], i: int, k: int
) -> Iterator[Block]:
    x = y = 0
    for block in blocks:
        i += sum(map(len, a[x : block[0]]))
        k += sum(map(len, b[y : block[2]]))
        j, m = i + sum(map(len, a[block[0] : block[1]])), k + sum(map(len, b[block[2] : block[3]]))
        yield i, j, k, m
        i, k, x, y = j, m, block[1], block[3]


def _common_head(old: str, i: int, new: str, k: int) -> int:
    limit = min(len(old) - i, len(new) - k)
    low, step = 0, 256
    while low < limit and old[i + low : i + low + step] == new[k + low : k + low + step]:
        low = min(low + step, limit)
        step = min(2 * step, 1 << 16)
    high = min(low + step, limit)
    while low < high:  # invariant: the first `low` characters are equal
        middle = (low + high + 1) // 2
        same = old[i + low : i + middle] == new[k + low : k + middle]
        low, high = (middle, high) if same else (low, middle - 1)
    return low


def _common_tail(old: str, new: str, limit: int) -> int:
    x, y = len(old), len(new)
    low, step = 0, 256
    while low + step <= limit and old[x - low - step : x - low] == new[y - low - step : y - low]:
        low += step
        step = min(2 * step, 1 << 16)
    high = min(low + step, limit)
    while low < high:  # invariant: the last `low` characters are equal
        middle = (low + high + 1) // 2
        same = old[x - middle : x - low] == new[y - middle : y - low]
        low, high = (middle, high) if same else (low, middle - 1)
    return low


def _refine(old: str, new: str, at: int, budget: int) -> tuple[list[TextEdit], int]:
    """Edits that make `old`, which stands at `at`, into `new`; and what is left of `budget`."""
    whole = trimmed(old, new, at)
    old, new, at = old[whole.start - at : whole.end - at], whole.new, whole.start
    if not old or not new or len(old) + len(new) > _LONG:
        return [whole], budget
    a, b = _TOKEN.findall(old), _TOKEN.findall(new)
    cost = len(a) * len(b)
    if cost > budget:
        return [whole], budget
    edits: list[TextEdit] = []
    for tag, i, j, k, m in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        stretch = "".join(a[i:j])
        if tag != "equal":
            edits.append(trimmed(stretch, "".join(b[k:m]), at))
        at += len(stretch)
    return edits, budget - cost


def _grouped(blocks: Sequence[Block], context: int) -> Iterator[list[Block]]:
    group: list[Block] = []
    for block in blocks:
        if group and block[0] - group[-1][1] > 2 * context:
            yield group
            group = []
        group.append(block)
    if group:
        yield group


def _line(lines: Lines, offset: int) -> int:
    """The number of the line that begins at `offset`."""
    return lines.at(offset) if offset < len(lines.text) else len(lines)


def _range(start: int, end: int) -> str:
    length = end - start
    first = start + 1 if length else start
    return f"{first}" if length == 1 else f"{first},{length}"


def _shown(mark: str, line: str) -> str:
    whole = line if line.endswith(("\n", "\r")) else f"{line}\n\\ No newline at end of file\n"
    return mark + whole
