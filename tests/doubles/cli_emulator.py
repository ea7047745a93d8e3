"""The Codex CLI as a second user of `auth.json`, in the two ways that its versions write the file.

`old` truncates and rewrites in place and knows no lock; `new` (0.169) writes a temporary file and
renames it, under two flocks that it holds around the write only. Both send a refresh without any
lock. Either runs in the test, or as a process that takes a command a line (`Emulated`).
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self

from tests.doubles.authority import RemoteAuthority
from tests.doubles.minted import CLIENT_ID

Kind = Literal["old", "new"]
Outcome = Literal[
    "rotated",  # we refreshed
    "adopted",  # somebody else had: nothing was sent
    "switched",  # signed out or another account on disk: nothing was sent
    "refused",  # the authority said no, and the file still holds what we sent
    "collided",  # the authority said no, and somebody else's newer tokens are in the file
    "lost",  # rotated, but the file was gone or another account's when we came back
]
_KNOWN = {"auth_mode", "OPENAI_API_KEY", "tokens", "last_refresh", "agent_identity"}
_KNOWN_TOKENS = {"id_token", "access_token", "refresh_token", "account_id", "login_owner_id"}


@dataclass(slots=True)
class Cli:
    """One running Codex process. `pause` seconds pass between truncating and writing."""

    home: Path
    kind: Kind
    authority: RemoteAuthority
    cached: dict[str, Any] | None = None
    pause: float = 0.0

    @property
    def file(self) -> Path:
        return self.home / "auth.json"

    def load(self) -> dict[str, Any] | None:
        """Start afresh from the file. What it cannot read it takes for signed out."""
        self.cached = self.read()
        return self.cached

    def read(self) -> dict[str, Any] | None:
        try:
            record: dict[str, Any] = json.loads(self.file.read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        return record

    def refresh(self) -> Outcome:
        """The guarded reload and, if nothing has changed, the refresh: with no lock held."""
        if self.cached is None:
            return "switched"
        on_disk = self.read()
        if on_disk is None or _account(on_disk) != _account(self.cached):
            return "switched"
        if on_disk != self.cached:
            self.cached = on_disk
            return "adopted"
        return self._refresh_from_authority(self.cached)

    def log_in(self, person: str = "alice") -> None:
        """Revoke and remove what is there, then store a new sign-in, as `codex login` does."""
        self.log_out()
        record = self.authority.sign_in(person).auth_json(last_refresh=_moment())
        self._write(record)
        self.cached = record

    def switch(self, person: str) -> None:
        """Overwrite whatever is there with another sign-in, as app-server's login does."""
        record = self.authority.sign_in(person).auth_json(last_refresh=_moment())
        self._write(record)
        self.cached = record

    def log_out(self) -> None:
        """Revoke the stored token, then delete the file."""
        if (record := self.read()) and "tokens" in record:
            self._post("/oauth/revoke", {"token": record["tokens"]["refresh_token"]})
        with self._write_locks():
            self.file.unlink(missing_ok=True)
        self.cached = None

    def die_while_writing(self) -> None:
        """Leave behind what a crash in the middle of a write does."""
        if self.kind == "old":
            self.file.write_bytes(b"")
        else:
            (self.home / ".auth-Ab12Cd").write_bytes(b'{"auth_mode"')

    def _refresh_from_authority(self, sent: dict[str, Any]) -> Outcome:
        body = {
            "client_id": CLIENT_ID,
            "grant_type": "refresh_token",
            "refresh_token": sent["tokens"]["refresh_token"],
            "refresh_reason": "proactive_expiry",
        }
        status, granted = self._post("/oauth/token", body)
        if status != 200:
            newer = self.read()
            return "collided" if newer and newer != sent else "refused"
        with self._write_locks():
            on_disk = self.read()
            if on_disk is None or _account(on_disk) != _account(sent):
                return "lost"
            merged = {k: v for k, v in on_disk.items() if k in _KNOWN}
            tokens = {k: v for k, v in on_disk["tokens"].items() if k in _KNOWN_TOKENS}
            fresh = {k: granted[k] for k in _KNOWN_TOKENS & granted.keys()}
            merged |= {"tokens": tokens | fresh, "last_refresh": _moment()}
            self._put(merged)
        self.cached = merged
        return "rotated"

    def _write(self, record: dict[str, Any]) -> None:
        with self._write_locks():
            self._put(record)

    def _put(self, record: dict[str, Any]) -> None:
        text = json.dumps(record, indent=2)
        if self.kind == "old":
            descriptor = os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                time.sleep(self.pause)
                file.write(text)
            return
        descriptor, draft = tempfile.mkstemp(prefix=".auth-", dir=self.home)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).rename(self.file)

    @contextlib.contextmanager
    def _write_locks(self) -> Iterator[None]:
        """`auth.lock` is waited for; `auth.json.lock` is tried for 7 s, and then all is lost."""
        if self.kind == "old":
            yield
            return
        with (
            (self.home / "auth.lock").open("a") as outer,
            (self.home / "auth.json.lock").open("a") as inner,
        ):
            fcntl.flock(outer, fcntl.LOCK_EX)
            for _ in range(140):
                try:
                    fcntl.flock(inner, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    time.sleep(0.05)
            else:
                raise TimeoutError("auth.json.lock was held for 7 s")
            yield

    def _post(self, path: str, body: dict[str, str]) -> tuple[int, dict[str, Any]]:
        request = urllib.request.Request(
            self.authority.url + path,
            json.dumps(body).encode(),
            {"Content-Type": "application/json", "originator": f"codex_{self.kind}"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=30) as reply:
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)


class Emulated:
    """A `Cli` in a process of its own: `tell` starts a command, `hear` waits for its outcome."""

    def __init__(self, home: Path, kind: Kind, authority: RemoteAuthority) -> None:
        root = Path(__file__).resolve().parents[2]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.doubles.cli_emulator", str(home), kind, authority.url],
            cwd=root,
            env=os.environ | {"PYTHONPATH": str(root)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        assert self.hear() == "ready"
        return self

    def __exit__(self, *_: object) -> None:
        with self.process:
            self.process.terminate()

    def tell(self, command: str) -> None:
        """One of load, refresh, login NAME, switch NAME, logout."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()

    def hear(self) -> str:
        """What came of the last command."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def ask(self, command: str) -> str:
        """`tell`, then `hear`."""
        self.tell(command)
        return self.hear()


def obey(cli: Cli, command: str) -> str:
    """Carry out one line; gives the outcome in a word."""
    match command.split():
        case ["load"]:
            return "loaded" if cli.load() else "nothing"
        case ["refresh"]:
            return cli.refresh()
        case ["login", person]:
            cli.log_in(person)
        case ["switch", person]:
            cli.switch(person)
        case ["logout"]:
            cli.log_out()
        case _:
            raise ValueError(command)
    return "done"


def _account(record: dict[str, Any]) -> object:
    return record.get("tokens", {}).get("account_id")


def _moment() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("kind", choices=["old", "new"])
    parser.add_argument("url")
    given = parser.parse_args()
    cli = Cli(given.home, given.kind, RemoteAuthority(given.url))
    print("ready", flush=True)
    for line in sys.stdin:
        print(obey(cli, line), flush=True)


if __name__ == "__main__":
    _main()
