"""A piece of context: its text, exactly as it would be sent, and what was kept out of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """`name` is for the person; `left_out` says what is not in `text` and why, a sentence each."""

    name: str
    text: str = ""
    left_out: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        """The size of what is sent."""
        return len(self.text.encode("utf-8", "replace"))


def head(text: str, most: int) -> str:
    """The first `most` bytes of `text`, in whole characters."""
    data = text.encode("utf-8", "replace")
    return text if len(data) <= most else data[: max(most, 0)].decode("utf-8", "ignore")
