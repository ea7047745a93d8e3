"""What commands are kept from, tried behind each backend; and that each rule that keeps them from
it is needed: without it, a probe gets through.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from codex_lsp.agent.ports import Command
from codex_lsp.sandbox import bubblewrap, landlock, seccomp
from codex_lsp.sandbox.policy import Policy
from codex_lsp.sandbox.runner import Runner
from codex_lsp.workspace.snapshot import Snapshot
from tests.sandbox import backing

ATTEMPTS = Path(__file__).with_name("attempts.py")
CANARY = "CANARY-7f3a"


@dataclass
class Prey:
    """What is there to be reached, on the person's side. Not below /tmp, which is hidden whole."""

    folder: Path
    root: Path
    env: dict[str, str]
    given: dict[str, Any]
    listeners: list[socket.socket] = field(default_factory=list)

    def lost(self) -> list[str]:
        """What can only be seen from here."""
        found = []
        with contextlib.suppress(BlockingIOError):
            self.listeners[1].recv(10)
            found.append("udp")
        if (Path("/tmp") / self.given["mark"]).exists():
            found.append("write to shared temp")
        if self.survivors():
            found.append("survivor")
        if (self.root / ".git/config").read_text() != "mine":
            found.append("write what is protected")
        return found

    def survivors(self) -> list[int]:
        """What a probe left running."""
        line = f"sleep\0{self.given['mark']}\0"
        places = Path("/proc").glob("[0-9]*/cmdline")
        return [int(place.parent.name) for place in places if _line(place) == line]


def _line(place: Path) -> str:
    try:
        return place.read_text("utf-8", "replace")
    except OSError:
        return ""


@pytest.fixture
def prey() -> Iterator[Prey]:
    folder = Path(tempfile.mkdtemp(dir="/var/tmp")).resolve()
    home, root, codex = folder / "home", folder / "home/project", folder / "codex"
    for name in (".codex/auth.json", ".ssh/id_ed25519", ".netrc"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(CANARY)
    codex.mkdir()
    (codex / "auth.json").write_text(CANARY)
    (root / ".git").mkdir(parents=True)
    (root / ".git/config").write_text("mine")
    (folder / "outside").write_text("mine")
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "CODEX_HOME": str(codex),
        **{f"MY_{name}": CANARY for name in ("API_KEY", "SECRET_X", "TOKEN", "PASSWORD")},
        "OPENAI_BASE_URL": CANARY,
        "CODEX_ANYTHING": CANARY,
        "SSH_AUTH_SOCK": CANARY,
    }
    victim = subprocess.Popen(["sleep", "600"], env={**env, "PATH": os.environ["PATH"]})
    with contextlib.ExitStack() as stack:
        temp = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/tmp")))
        mark = f"9{os.getpid()}{abs(hash(folder)) % 10**6}"
        listeners = [
            stack.enter_context(socket.socket(family, kind))
            for family, kind in (
                (socket.AF_INET, socket.SOCK_STREAM),
                (socket.AF_INET, socket.SOCK_DGRAM),
                (socket.AF_UNIX, socket.SOCK_STREAM),
                (socket.AF_UNIX, socket.SOCK_STREAM),
            )
        ]
        addresses: list[Any] = [("127.0.0.1", 0), ("127.0.0.1", 0), str(temp / "s"), f"\0{mark}"]
        for listener, address in zip(listeners, addresses, strict=True):
            listener.bind(address)
            listener.setblocking(False)
            if listener is not listeners[1]:
                listener.listen()
        given = {
            "outside": str(folder / "outside"),
            "home": str(home),
            "codex": str(codex),
            "victim": victim.pid,
            "socket": str(temp / "s"),
            "tcp": listeners[0].getsockname()[1],
            "udp": listeners[1].getsockname()[1],
            "mark": mark,
        }
        prey = Prey(folder, root, env, given, listeners)
        yield prey
        for pid in prey.survivors():
            os.kill(pid, signal.SIGKILL)
        victim.kill()
        victim.wait()
        (Path("/tmp") / mark).unlink(missing_ok=True)
        shutil.rmtree(folder)


async def got(prey: Prey, backend: str, policy: Policy | None = None) -> set[str]:
    """What the attempts got, behind that backend."""
    chosen = Policy() if policy is None else policy
    runner = Runner(lambda _roots: chosen, prey.env, backing.only(backend))
    try:
        behind = await runner.confinement([prey.root])
        script = ATTEMPTS.read_text()
        argv = (sys.executable, "-I", "-c", script, json.dumps(prey.given))
        process = await runner.start(
            Command(argv, prey.root, behind=behind), Snapshot((prey.root,), {})
        )
        await process.wait(60)
        said = process.take_output().decode()
        assert process.exit_code == 0, said
        lost = prey.lost()
        await process.release()
        return {*json.loads(said.splitlines()[-1]), *lost}
    finally:
        await runner.aclose()


@pytest.mark.parametrize("backend", backing.NAMES)
async def test_nothing_gets_through(prey: Prey, backend: str) -> None:
    assert await got(prey, backend) == set()


async def test_what_is_only_read_cannot_be_written(prey: Prey) -> None:
    assert await got(prey, "overlay", Policy("read-only")) == set()


def test_bare_attempts_get_what_they_try(prey: Prey) -> None:
    """The probes are live: without a sandbox they get what there is to get."""
    argv = [sys.executable, "-I", "-c", ATTEMPTS.read_text(), json.dumps(prey.given)]
    done = subprocess.run(argv, cwd=prey.root, env=prey.env, capture_output=True, check=True)
    found = {*json.loads(done.stdout.splitlines()[-1]), *prey.lost()}
    assert found >= {
        "write outside", "write at home", "write through a link", "write what is protected",
        "write to shared temp", "remove outside", "read sign-ins", "read keys", "read CODEX_HOME",
        "read a password file", "read another's variables", "secret variables", "tcp", "udp",
        "socket in temp", "abstract socket", "signal", "trace", "new privileges", "survivor",
    }  # fmt: skip


WITHOUT = {
    "--unshare-pid": {"signal", "read another's variables", "survivor"},
    "--unshare-net": {"tcp", "udp", "abstract socket"},
    "--add-seccomp-fd": {"trace", "netlink", "vsock"},
    "--tmpfs": {"read sign-ins", "read keys", "read CODEX_HOME"},
    "/dev/null": {"read a password file"},
    "/tmp": {"socket in temp", "write to shared temp"},
    "/": {"write outside", "write at home", "write through a link", "remove outside"},
}


@pytest.mark.parametrize("rule", WITHOUT)
async def test_each_rule_of_bubblewrap_is_needed(
    prey: Prey, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = bubblewrap.arguments

    def without(*given: Any, **named: Any) -> list[str]:
        line = whole(*given, **named)
        return _without(line, rule)

    monkeypatch.setattr(bubblewrap, "arguments", without)
    assert await got(prey, "overlay") & WITHOUT[rule]


def _without(line: list[str], rule: str) -> list[str]:
    if rule == "/":  # all of it writable
        at = line.index("--ro-bind")
        return [*line[:at], "--bind", *line[at + 1 :]]
    if rule == "/tmp":
        at = line.index("/tmp")
        return [*line[: at - 1], "/tmp", *line[at:]]
    if rule == "--tmpfs":
        places = [n for n, word in enumerate(line) if word == rule and line[n + 1] != "/run"]
        return [word for n, word in enumerate(line) if n not in places and n - 1 not in places]
    if rule == "/dev/null":
        places = [n - 1 for n, word in enumerate(line) if word == rule]
        return [word for n, word in enumerate(line) if not {n, n - 1, n - 2} & {*places}]
    at = line.index(rule)
    return [*line[:at], *line[at + (2 if rule == "--add-seccomp-fd" else 1) :]]


async def test_each_rule_of_landlock_is_needed(prey: Prey, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = landlock.arguments

    def open_files(writable: Any, _unseen: Any, policy: Policy) -> list[str]:
        return whole([*writable, prey.folder], [], policy)

    monkeypatch.setattr(landlock, "arguments", open_files)
    assert await got(prey, "landlock") >= {"write outside", "read sign-ins", "read keys"}
    monkeypatch.undo()
    everything = seccomp.program(sockets=True)
    monkeypatch.setattr(seccomp, "program", lambda *, sockets: everything)
    assert await got(prey, "landlock") >= {"udp", "socket in temp"}


SERVER = """
import asyncio, os, sys
from pathlib import Path
from codex_lsp.agent.ports import Command
from codex_lsp.sandbox.policy import Policy
from codex_lsp.sandbox.runner import Runner
from codex_lsp.workspace.snapshot import Snapshot
from tests.sandbox import backing

async def main():
    root = Path(sys.argv[2])
    runner = Runner(lambda _roots: Policy(), os.environ, backing.only(sys.argv[1]))
    behind = await runner.confinement([root])
    await runner.start(Command(("sleep", sys.argv[3]), root, behind=behind), Snapshot((root,), {}))
    print("started", flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.mark.parametrize("backend", ["overlay", "landlock"])
def test_commands_end_with_a_server_that_is_killed(prey: Prey, backend: str) -> None:
    argv = [sys.executable, "-c", SERVER, backend, str(prey.root), prey.given["mark"]]
    places = [str(ATTEMPTS.parents[2]), os.environ.get("PYTHONPATH", "")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(places)}
    with subprocess.Popen(argv, stdout=subprocess.PIPE, env=env) as server:
        assert server.stdout
        assert server.stdout.readline() == b"started\n"
        wait_until(lambda: bool(prey.survivors()))
        server.kill()
    wait_until(lambda: not prey.survivors())
    # The next server clears up after it.
    left = [*Path(tempfile.gettempdir()).glob(f"codex-lsp-run-{server.pid}-*")]
    assert left
    mine = asyncio.run(Runner(lambda _roots: Policy(), {})._folder())
    shutil.rmtree(mine)
    assert not any(place.exists() for place in left)


def wait_until(state: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not state():
        assert time.monotonic() < end
        time.sleep(0.02)
