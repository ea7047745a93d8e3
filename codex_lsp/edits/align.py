"""Which lines of two sequences belong together. Time is bounded; the answer need not be minimal."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

Block = tuple[int, int, int, int]  # a[i:j] becomes b[k:m]
_GAP = 4_000  # lines without an anchor that difflib is asked to align
_TRUSTED = 8  # equal lines in a row after which two texts are in step again


def aligned(a: Sequence[str], b: Sequence[str]) -> list[Block]:
    """Where the lines differ, in order; a block never touches the next."""
    blocks: list[Block] = []
    todo = [(0, len(a), 0, len(b))]
    while todo:
        i, j, k, m = todo.pop()
        while i < j and k < m and a[i] == b[k]:
            i, k = i + 1, k + 1
        while i < j and k < m and a[j - 1] == b[m - 1]:
            j, m = j - 1, m - 1
        if i == j or k == m or (j - i == 1 == m - k):
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


def sync(
    blocks: Sequence[Block], length_a: int, length_b: int, *, whole: bool
) -> tuple[Sequence[Block], tuple[int, int]]:
    """The blocks that are sure although only a beginning was compared, and where they end.

    `whole`: the sequences are compared to their ends, so all blocks are sure.
    """
    if whole:
        return blocks, (length_a, length_b)
    for n in range(len(blocks), 0, -1):
        following = blocks[n][0] if n < len(blocks) else length_a
        if following - blocks[n - 1][1] >= _TRUSTED:
            return blocks[:n], (blocks[n - 1][1], blocks[n - 1][3])
    return (), (0, 0)


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
