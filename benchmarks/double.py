"""The model service of the tests, as a process of its own: it takes no time from a client."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def model_double(script: Mapping[str, Any]) -> Iterator[str]:
    """Answer by `script` (see `tests.doubles.model_service.load`); yields the base URL."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "script.json"
        path.write_text(json.dumps(script), encoding="utf-8")
        command = [sys.executable, "-m", "tests.doubles.model_service", str(path), "--stay"]
        repository = Path(__file__).parents[1]
        with subprocess.Popen(command, cwd=repository, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            try:
                yield f"http://127.0.0.1:{int(child.stdout.readline())}/v1"
            finally:
                child.kill()


def use(home: Path, base_url: str, *, model: str = "gpt-5.5") -> None:
    """Make the double the model service of whoever reads the config.toml in `home`."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "config.toml").write_text(
        f'model = "{model}"\nmodel_provider = "double"\n'
        'approval_policy = "never"\nsandbox_mode = "danger-full-access"\n'
        "[analytics]\nenabled = false\n"
        '[model_providers.double]\nname = "double"\nwire_api = "responses"\n'
        f'base_url = "{base_url}"\n',
        encoding="utf-8",
    )
