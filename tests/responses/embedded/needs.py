"""What tests of the real embedded model need; `make local` installs it."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

from codex_lsp.responses.embedded.weights import SMOLLM2, folder


def require_runtime() -> None:
    """Without xllamacpp the test is skipped, but failed in CI, which installs it."""
    if importlib.util.find_spec("xllamacpp") is None:
        _missing("the extra `local` is not installed")


def require_toy() -> Path:
    """The toy's weights, in the user's cache; without them as above."""
    require_runtime()
    path = folder() / f"{SMOLLM2.name}.gguf"
    if not path.is_file():
        _missing("the toy model is not there")
    return path


def _missing(what: str) -> None:
    reason = f"{what}: run `make local`"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
