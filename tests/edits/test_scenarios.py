"""Each folder of `tests/golden/patches` is one rule of the patch languages.

`BLESS=1 pytest tests/edits/test_scenarios.py` writes anew what refusals tell the model; results
of patches are written by hand.
"""

from __future__ import annotations

import os

import pytest

from tests.edits.scenarios import Refused, load, made, names


@pytest.mark.parametrize("name", names())
def test_patch_makes_what_the_scenario_says(name: str) -> None:
    scenario = load(name)
    result = made(scenario.patch, scenario.files)
    if scenario.expected is not None:
        assert result == scenario.expected
        return
    assert isinstance(result, Refused), result
    golden = scenario.folder / "refused.txt"
    if os.environ.get("BLESS") == "1":
        golden.write_bytes(f"{result.text}\n".encode())
    assert f"{result.text}\n" == golden.read_bytes().decode()


def test_there_are_scenarios_enough() -> None:
    assert len(names()) >= 120
