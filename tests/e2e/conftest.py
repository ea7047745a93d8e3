"""How a test in a real editor notes what it has shown; see `tests/e2e/features.py`."""

from __future__ import annotations

from typing import Protocol

import pytest

from tests.e2e import features


class Shows(Protocol):
    """Notes that a feature was shown in an editor, and in which form."""

    def __call__(self, feature: str, editor: str, how: str = "") -> None:
        """`feature` and `editor` are keys of the tables in `features`."""


@pytest.fixture
def shows(request: pytest.FixtureRequest) -> Shows:
    """For tests: `shows("fix", "helix", "from the menu")`, right after it was proven."""

    def note(feature: str, editor: str, how: str = "") -> None:
        said = features.cell(how)
        features.check(feature, editor, said)
        request.node.user_properties.append((features.PROPERTY, f"{feature}\t{editor}\t{said}"))

    return note
