"""TE2: keys fall while an edit is on its way, in every real editor: none is lost, every edit lands.

`CODEX_LSP_TYPING_BLOCKS=25` makes a campaign of 500 rounds in each editor out of it.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.model_rules import Rule, mends
from tests.doubles.model_script import Gate, Step, Turn
from tests.doubles.model_service import ModelService
from tests.e2e.editors import NAMES, person_at
from tests.e2e.person import Person
from tests.e2e.scene import NAME, scene

ROUNDS = 20
BLOCKS = int(os.environ.get("CODEX_LSP_TYPING_BLOCKS", "1"))
KEYS = 8  # a round
GAP = 0.03  # seconds between two keys, at most
LINES = [f"def f{number:02}(n): retrun n + {number}" for number in range(ROUNDS)]
RULES = [Rule(NAME, line, line.replace("retrun", "return")) for line in LINES]
NOTES = "# notes"


def gated(rules: list[Rule]) -> Callable[[dict[str, Any]], Step]:
    """Mends the first fault that it is shown; the patch of each waits at a gate of its name."""
    mend = mends(rules)

    def answer(body: dict[str, Any]) -> Step:
        step = mend(body)
        assert isinstance(step, Turn)
        patches = [rule for rule in rules if rule.old in str(step.parts)]
        return replace(step, parts=(*(Gate(rule.old) for rule in patches), *step.parts))

    return answer


async def keys_fall(
    person: Person, model: ModelService, rules: list[Rule], chance: random.Random
) -> None:
    """A round for each rule: keys at the top of the file while its line below is mended."""
    lines, typed = [rule.old for rule in rules], ""
    for number, rule in enumerate(rules):
        await person.go_to(number + 2)
        await person.choose_action("Codex: fix this")
        await model.reached(rule.old)
        await person.go_to(1)
        await person.insert()
        keys = "".join(chance.choices("abcdefghij", k=KEYS))
        release_at = chance.randrange(KEYS)
        for place, key in enumerate(keys):
            if place == release_at:
                await model.release(rule.old)
            await person.type(key)
            await asyncio.sleep(chance.uniform(0, GAP))
        await person.leave()

        typed, lines[number] = keys + typed, rule.new
        await person.wait_for("\n".join([typed + NOTES, *lines, ""]))


@pytest.mark.parametrize("block", range(BLOCKS))
@pytest.mark.parametrize("name", NAMES)
async def test_no_key_and_no_edit_is_lost_while_both_happen_at_once(
    name: str, block: int, tmp_path: Path
) -> None:
    chance = random.Random(f"{name} {block}")  # the same keys and gaps in every run
    async with scene(tmp_path, gated(RULES)) as here:
        here.file.write_text("\n".join([NOTES, *LINES, ""]))
        async with person_at(name, here.file, here.env) as person:
            await keys_fall(person, here.model, RULES, chance)
