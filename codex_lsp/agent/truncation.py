"""What a tool says is cut in the middle, by the rule that Codex models know: as much of the head as
of the tail, and between them how much is missing. A token counts as four bytes of UTF-8.

One rule for all tools; how much a tool may say at most is for the tool and the settings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

BYTES_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Limit:
    """How much of an output the model gets: so many `tokens`, or, for some models, `bytes`."""

    size: int
    unit: Literal["tokens", "bytes"] = "tokens"

    @property
    def in_bytes(self) -> int:
        """The same in bytes of UTF-8; never below 0."""
        return max(self.size, 0) * (BYTES_PER_TOKEN if self.unit == "tokens" else 1)

    def at_most(self, tokens: int | None) -> Limit:
        """This limit, or the lower one that a call asks for."""
        if tokens is None or tokens * BYTES_PER_TOKEN >= self.in_bytes:
            return self
        return Limit(max(tokens, 0))


DEFAULT = Limit(10_000)
"""What the models of the bundled catalogue get of one output."""


def token_count(text: str) -> int:
    """The estimate by which limits count: a quarter of the bytes, rounded up."""
    return -(-_size(text) // BYTES_PER_TOKEN)


def shortened(text: str, limit: Limit = DEFAULT) -> str:
    """`text`, without its middle where it is over the limit; the mark itself is not counted."""
    room = limit.in_bytes
    if _size(text) <= room:
        return text
    data = text.encode("utf-8", "surrogatepass")
    head = data[: room // 2].decode("utf-8", "ignore")
    tail = data[len(data) - (room - room // 2) :].decode("utf-8", "ignore")
    if limit.unit == "tokens":
        missing = f"{-(-(len(data) - room) // BYTES_PER_TOKEN)} tokens"
    else:
        missing = f"{len(text) - len(head) - len(tail)} chars"
    return f"{head}…{missing} truncated…{tail}"


def output(text: str, limit: Limit = DEFAULT, *, count_lines: bool = False) -> str:
    """`text` for the model; what was cut is announced in front, with its size before the cut."""
    cut = shortened(text, limit)
    if cut is text:
        return text
    head = f"Warning: truncated output (original token count: {token_count(text)})\n"
    if count_lines:
        head += f"Total output lines: {len(text.splitlines())}\n"
    return f"{head}\n{cut}"


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
