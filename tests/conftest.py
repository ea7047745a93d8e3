"""What holds for every test: campaigns run on demand, in CI nothing is skipped, and the docs say
what was shown in real editors.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e import features

if TYPE_CHECKING:
    from xdist.remote import Producer  # type: ignore[import-untyped]  # xdist has no types
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background by a script. Our children would ignore Ctrl-C, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# As if the environment were activated: where that lies in /tmp, commands in the sandbox have it by
# the PATH alone. Last, so that what tests put before it counts.
os.environ["PATH"] += os.pathsep + str(Path(sys.executable).parent)

# One window for all tests of a module, as starting it costs more than most of them.
ONE_WINDOW = {"tests/e2e/test_vscode.py"}

_skipped: list[str] = []
_shown: list[tuple[str, str, str]] = []


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked `on_demand(VARIABLE)` unless that variable is set."""
    left = [
        item
        for item in items
        if (mark := item.get_closest_marker("on_demand")) and not os.environ.get(mark.args[0])
    ]
    items[:] = [item for item in items if item not in left]
    if left:
        config.hook.pytest_deselected(items=left)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Hand tests out one by one, but those of one window to one worker, and these first.

    `--dist loadgroup` does not: pytest 9.2 takes no notice of the names that it writes groups in.
    """
    from xdist.scheduler import LoadScopeScheduling

    class OneByOne(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            module = nodeid.partition("::")[0]
            return module if module in ONE_WINDOW else nodeid

    return OneByOne(config, log)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note what was skipped, and what was shown."""
    if report.skipped and not hasattr(report, "wasxfail"):
        _skipped.append(report.nodeid)
    if report.passed and report.when == "call":
        _shown.extend(features.noted(report.user_properties))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A skip hides a missing install step: in CI it is a failure."""
    if os.environ.get("CI") and _skipped and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print(f"\nskipped in CI, which is a failure: {', '.join(_skipped)}")
    if not hasattr(session.config, "workerinput"):  # the run as a whole is judged once
        _judge(session, exitstatus)


def _judge(session: pytest.Session, exitstatus: int) -> None:
    """Write the table of what was shown, or compare it."""
    if features.blessing():
        features.bless(_shown)
        return
    complete = exitstatus == pytest.ExitCode.OK and _whole(session.config)
    missing = features.unproven(_shown) if complete else []
    if missing:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print(f"\nclaimed in docs/editors.md, but not shown: {', '.join(missing)}")


def _whole(config: pytest.Config) -> bool:
    """Whether no test was left out."""
    narrowing = ("keyword", "markexpr", "lf", "deselect", "ignore")
    narrowed = any(config.getoption(name, None) for name in narrowing)
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    return whole and not narrowed and not _skipped
