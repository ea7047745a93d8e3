"""`update_plan`: the model says what it means to do, and the person sees how far it is."""

from __future__ import annotations

import json
from typing import Literal, cast

from codex_lsp.agent.conversation import FunctionTool
from codex_lsp.agent.steps import Planned, PlanStep, StepSink
from codex_lsp.agent.tools.tool import Answer

_STATES = ("pending", "in_progress", "completed")
MOST_STEPS = 50
MOST_CHARACTERS = 300

SPEC = FunctionTool(
    name="update_plan",
    description=(
        "Shows the person what you mean to do and how far you are. Give the whole plan each time, "
        "with at most one step in progress."
    ),
    parameters={
        "type": "object",
        "properties": {
            "explanation": {"type": "string", "description": "Why the plan changed, if it did."},
            "plan": {
                "type": "array",
                "description": "The steps, in order.",
                "items": {
                    "type": "object",
                    "properties": {
                        "step": {"type": "string", "description": "What is done, in a few words."},
                        "status": {"type": "string", "enum": list(_STATES)},
                    },
                    "required": ["step", "status"],
                    "additionalProperties": False,
                },
            },
        },
        "required": ["plan"],
        "additionalProperties": False,
    },
)


class UpdatePlan:
    """The tool for one turn; it only tells."""

    spec = SPEC
    reads_only = False

    def __init__(self, tell: StepSink) -> None:
        self._tell = tell

    async def run(self, arguments: str) -> Answer:
        """Show the plan, or say what is wrong with it."""
        try:
            planned = _read(arguments)
        except (ValueError, RecursionError) as error:
            return Answer(f"update_plan: {error}")
        self._tell(planned)
        return Answer("Plan updated")


def _read(arguments: str) -> Planned:
    value = json.loads(arguments or "{}")
    listed = value.get("plan") if isinstance(value, dict) else None
    if not isinstance(listed, list):
        raise ValueError('give an object with a "plan", a list of steps')  # noqa: TRY004 - told to the model
    if len(listed) > MOST_STEPS:
        raise ValueError(f"a plan has at most {MOST_STEPS} steps")
    steps = tuple(_step(entry) for entry in listed)
    if sum(step.state == "in_progress" for step in steps) > 1:
        raise ValueError("at most one step can be in progress")
    explanation = value.get("explanation")
    return Planned(steps, _line(explanation) if isinstance(explanation, str) else "")


def _step(entry: object) -> PlanStep:
    text = entry.get("step") if isinstance(entry, dict) else None
    state = entry.get("status") if isinstance(entry, dict) else None
    if not isinstance(text, str) or state not in _STATES:
        raise ValueError(f'a step has a "step" and a "status" of {", ".join(_STATES)}')
    return PlanStep(_line(text), cast("Literal['pending', 'in_progress', 'completed']", state))


def _line(text: str) -> str:
    """On one line, without what does not show: the person reads it in a status line."""
    shown = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(shown.split())[:MOST_CHARACTERS]
