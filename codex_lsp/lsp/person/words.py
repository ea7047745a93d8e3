"""What a turn's steps are called on the person's screen: short, and about what is happening."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import assert_never

from codex_lsp.agent.events import RateLimits
from codex_lsp.agent.steps import (
    Asking,
    Compacting,
    Landed,
    Patching,
    Planned,
    Refused,
    Retrying,
    Spent,
    Steered,
    Step,
    Thinking,
    Waiting,
    Wondering,
    Writing,
)
from codex_lsp.workspace.ledger import Hunk

APPLY, PREVIEW, REVIEW, DISCARD = "Apply", "Preview", "Review", "Discard"


def describe(step: Step) -> str | None:
    """One line for progress; None where there is nothing new to say."""
    match step:
        case Asking(round=1, size=size):
            return f"asking the model ({_kilobytes(size)} sent)"
        case Asking(round=number):
            return f"asking again (step {number})"
        case Thinking():
            return "thinking"
        case Writing():
            return "answering"
        case Patching(size=size):
            return f"writing the change ({size} characters)"
        case Retrying(wait=wait, reason=reason):
            return f"{reason}; trying again in {wait:.0f} s"
        case Landed() | Waiting() | Refused():
            return _of_change(step)
        case Steered() | Planned() | Wondering() | Compacting():
            return _of_job(step)
        case Spent() | RateLimits():
            return None
        case _:
            assert_never(step)


def _of_job(step: Steered | Planned | Wondering | Compacting) -> str | None:
    match step:
        case Steered(text=text):
            return f"heard: {shortened(text)}"
        case Planned(steps=steps):
            at = next(
                (number for number, one in enumerate(steps) if one.state != "completed"), None
            )
            if at is None:
                return None
            return f"{at + 1} of {len(steps)}: {shortened(steps[at].text, 120)}"
        case Wondering(question=question):
            return f"waits for you: {shortened(question)}"
        case Compacting():
            return "shortening the conversation"


def done(plan: Planned) -> int | None:
    """How much of a plan is done, in percent."""
    if not plan.steps:
        return None
    return 100 * sum(step.state == "completed" for step in plan.steps) // len(plan.steps)


def shortened(text: str, most: int = 60) -> str:
    """`text` on one line, cut to `most` characters; what does not show is left out."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def _of_change(step: Landed | Waiting | Refused) -> str:
    match step:
        case Landed(path=path, hunks=hunks):
            return f"changed {path.name} ({plural(hunks, 'place')})"
        case Waiting(path=path, hunks=hunks):
            return f"{plural(hunks, 'change')} of {path.name} to review"
        case Refused(reason=reason):
            return reason


def reporter(report: Callable[[str], None]) -> Callable[[Step], None]:
    """A step sink that says each step through `report`."""

    def tell(step: Step) -> None:
        if (line := describe(step)) is not None:
            report(line)

    return tell


def changed(paths: list[Path]) -> str:
    """The sentence at the end of a turn that changed files."""
    names = ", ".join(path.name for path in paths)
    return f"Changed {names}."


def question(hunks: Sequence[Hunk]) -> str:
    """What the person is asked before changes are made."""
    files = Counter(hunk.path.name for hunk in hunks)
    places = ", ".join(f"{count} in {name}" for name, count in files.items())
    return f"Codex suggests {plural(len(hunks), 'change')}: {places}."


def chosen(paths: list[Path], left_out: int) -> str:
    """What came of a choice; "" for nothing."""
    made = changed(list(dict.fromkeys(paths))) if paths else "Nothing was changed."
    return (
        f"{made} You left {plural(left_out, 'change')} out." if left_out else made if paths else ""
    )


def to_review(count: int) -> str:
    """The sentence at the end of a turn whose changes wait."""
    return f"{plural(count, 'change')} to review: keep or undo each by its code action."


def plural(count: int, noun: str) -> str:
    """`1 place`, `2 places`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _kilobytes(size: int) -> str:
    return f"{max(size / 1024, 0.1):.1f} kB"
