"""The difference of two texts as minimal edits, and as a unified diff for people.

Lines first (lines that occur once anchor the rest), then words, then characters. Time is bounded:
where two stretches are large and unlike, one is replaced by the other whole. No edit begins or
ends inside a CRLF, since no editor has a position there.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from codex_lsp.edits.text import TextEdit

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_TOKEN = re.compile(r"\r\n|\w+|[^\S\r\n]+|.", re.DOTALL)
_GAP = 4_000  # lines without an anchor that difflib is asked to align
_WORDS = 1 << 18  # product of the token counts up to which words are aligned, a whole diff long
Block = tuple[int, int, int, int]  # a[i:j] becomes b[k:m]


def diff(old: str, new: str) -> tuple[TextEdit, ...]:
    """Sorted, disjoint edits that make `old` into `new`."""
    head, tail = common_ends(old, new)
    if head == len(old) == len(new):
        return ()
    head = max(old.rfind("\n", 0, head), old.rfind("\r", 0, head)) + 1
    if old[head - 1 : head + 1] == "\r\n" or new[head - 1 : head + 1] == "\r\n":
        head -= 1
    cut = _LINE.match(old, len(old) - tail)
    tail = len(old) - cut.end() if cut else tail
    a = _LINE.findall(old[head : len(old) - tail])
    b = _LINE.findall(new[head : len(new) - tail])
    edits: list[TextEdit] = []
    at, line, budget = head, 0, _WORDS
    for i, j, k, m in line_blocks(a, b):
        at += sum(map(len, a[line:i]))
        before, after = "".join(a[i:j]), "".join(b[k:m])
        refined, budget = _refine(before, after, at, budget)
        edits += refined
        at += len(before)
        line = j
    return joined(edits)


def unified(old: str, new: str, path: str, context: int = 3) -> str:
    """A unified diff, each line as the file has it; empty if the texts are equal."""
    a, b = _LINE.findall(old), _LINE.findall(new)
    groups = list(_grouped(line_blocks(a, b), context))
    if not groups:
        return ""
    out = [f"--- a/{path}\n", f"+++ b/{path}\n"]
    for group in groups:
        first, last = group[0], group[-1]
        i, k = max(first[0] - context, 0), max(first[2] - context, 0)
        j, m = min(last[1] + context, len(a)), min(last[3] + context, len(b))
        out.append(f"@@ -{_range(i, j)} +{_range(k, m)} @@\n")
        for block in group:
            out += [_shown(" ", line) for line in a[i : block[0]]]
            out += [_shown("-", line) for line in a[block[0] : block[1]]]
            out += [_shown("+", line) for line in b[block[2] : block[3]]]
            i = block[1]
        out += [_shown(" ", line) for line in a[i:j]]
    return "".join(out)


def line_blocks(a: Sequence[str], b: Sequence[str]) -> list[Block]:
    """Where the lines differ, in order; a block never touches the next."""
    blocks: list[Block] = []
    todo = [(0, len(a), 0, len(b))]
    while todo:
        i, j, k, m = todo.pop()
        while i < j and k < m and a[i] == b[k]:
            i, k = i + 1, k + 1
        while i < j and k < m and a[j - 1] == b[m - 1]:
            j, m = j - 1, m - 1
        if i == j or k == m:
            blocks += [(i, j, k, m)] * (i < j or k < m)
            continue
        anchors = _anchors(a, b, (i, j, k, m))
        if anchors:
            todo += _between(anchors, (i, j, k, m))
        elif j - i + m - k <= _GAP:
            matcher = SequenceMatcher(None, a[i:j], b[k:m])
            blocks += [
                (i + op[1], i + op[2], k + op[3], k + op[4])
                for op in matcher.get_opcodes()
                if op[0] != "equal"
            ]
        else:
            blocks.append((i, j, k, m))
    return _fused(sorted(blocks))


def common_ends(old: str, new: str) -> tuple[int, int]:
    """How many characters the two share at the start and, after that, at the end."""
    head = _common_prefix(old, new)
    limit = min(len(old), len(new)) - head
    low, high = 0, limit
    while low < high:  # invariant: the last `low` characters are equal
        middle = (low + high + 1) // 2
        same = old[len(old) - middle : len(old) - low] == new[len(new) - middle : len(new) - low]
        low, high = (middle, high) if same else (low, middle - 1)
    return head, low


def trimmed(old: str, new: str, at: int) -> TextEdit:
    """The smallest single edit that makes `old`, which stands at `at`, into `new`."""
    head, tail = common_ends(old, new)
    if head and old[head - 1] == "\r" and "\n" in (old[head : head + 1], new[head : head + 1]):
        head -= 1
    end, stop = len(old) - tail, len(new) - tail
    if tail and old[end] == "\n" and "\r" in (old[end - 1 : end], new[stop - 1 : stop]):
        end, stop = end + 1, stop + 1
    return TextEdit(at + head, at + end, new[head:stop])


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


def _common_prefix(old: str, new: str) -> int:
    low, high = 0, min(len(old), len(new))
    while low < high:  # invariant: the first `low` characters are equal
        middle = (low + high + 1) // 2
        same = old[low:middle] == new[low:middle]
        low, high = (middle, high) if same else (low, middle - 1)
    return low


def _anchors(a: Sequence[str], b: Sequence[str], within: Block) -> list[tuple[int, int]]:
    """Pairs of equal lines that occur once on each side, as many as can stand in order."""
    i, j, k, m = within
    in_a, in_b = _once(a, i, j), _once(b, k, m)
    pairs = [(x, in_b[line]) for line, x in in_a.items() if line in in_b]
    tops: list[int] = []  # patience: the smallest last y of a chain of each length
    chain_at: list[int] = []
    back: list[int] = []
    for n, (_, y) in enumerate(pairs):
        depth = bisect_left(tops, y)
        back.append(chain_at[depth - 1] if depth else -1)
        tops[depth : depth + 1] = [y]
        chain_at[depth : depth + 1] = [n]
    chain: list[tuple[int, int]] = []
    n = chain_at[-1] if chain_at else -1
    while n >= 0:
        chain.append(pairs[n])
        n = back[n]
    return chain[::-1]


def _once(lines: Sequence[str], start: int, end: int) -> dict[str, int]:
    seen: dict[str, int] = {}
    for at in range(start, end):
        seen[lines[at]] = -1 if lines[at] in seen else at
    return {line: at for line, at in seen.items() if at >= 0}


def _between(anchors: Sequence[tuple[int, int]], within: Block) -> Iterator[Block]:
    i, j, k, m = within
    for x, y in anchors:
        yield i, x, k, y
        i, k = x + 1, y + 1
    yield i, j, k, m


def _fused(blocks: Sequence[Block]) -> list[Block]:
    out: list[Block] = []
    for i, j, k, m in blocks:
        if out and out[-1][1] == i and out[-1][3] == k:
            out[-1] = (out[-1][0], j, out[-1][2], m)
        else:
            out.append((i, j, k, m))
    return out


def _refine(old: str, new: str, at: int, budget: int) -> tuple[list[TextEdit], int]:
    """Edits that make `old`, which stands at `at`, into `new`; and what is left of `budget`."""
    whole = trimmed(old, new, at)
    a, b = _TOKEN.findall(old), _TOKEN.findall(new)
    cost = len(a) * len(b)
    if not cost or cost > budget:
        return [whole], budget
    edits: list[TextEdit] = []
    for tag, i, j, k, m in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        before = "".join(a[i:j])
        if tag != "equal":
            edits.append(trimmed(before, "".join(b[k:m]), at))
        at += len(before)
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


def _range(start: int, end: int) -> str:
    length = end - start
    first = start + 1 if length else start
    return f"{first}" if length == 1 else f"{first},{length}"


def _shown(mark: str, line: str) -> str:
    whole = line if line.endswith(("\n", "\r")) else f"{line}\n\\ No newline at end of file\n"
    return mark + whole
