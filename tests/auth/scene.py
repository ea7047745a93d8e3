"""A machine in memory on which alice is signed in, with its first window: where tests begin."""

from __future__ import annotations

import json
from collections.abc import Coroutine
from random import Random
from typing import Any

from codex_lsp.auth.record import ChatGpt, read_record
from codex_lsp.auth.source import CredentialSource
from codex_lsp.auth.tokens import Bearer
from tests.auth.authority import LIFE, Login
from tests.auth.loop import SeededLoop
from tests.auth.world import AUTH, Machine, Network, Process


class Scene:
    """A machine on which alice is signed in, and its first window."""

    def __init__(self, *, left: float = -5.0, outcomes: tuple[str, ...] = ()) -> None:
        random = Random(7)
        self.loop = SeededLoop.seeded(random)
        self.machine = Machine(self.loop, random)
        self.outcomes = list(outcomes)
        self.alice = self.sign_in("alice", left=left)
        self.process = Process(self.machine, "window 0")
        self.network = Network(self.machine, self.process, self.outcomes)
        self.source = self.process.open(self.network)

    def sign_in(self, account: str, *, left: float = LIFE) -> Login:
        """As another program does: the file holds `account`, whose access token has `left` s."""
        now = self.machine.now()
        login = self.machine.authority.sign_in(account, now=now + left - LIFE)
        self.machine.disk.put(AUTH, login.record(at=now + left - LIFE))
        return login

    def window(self) -> CredentialSource:
        process = Process(self.machine, "another window")
        return process.open(Network(self.machine, process, self.outcomes))

    def on_disk(self) -> dict[str, Any]:
        data = self.machine.disk.get(AUTH)
        assert data is not None
        fields = json.loads(data)
        assert isinstance(fields, dict)
        return fields

    def refreshes(self) -> int:
        return sum(self.machine.authority.uses.values())

    def run(self, main: Coroutine[Any, Any, Any]) -> Any:
        result = self.loop.run(main)
        assert self.loop.problems == []
        assert self.machine.locks == {}
        return result

    def bearer(self, login: Login) -> Bearer:
        record = read_record(login.record(at=0)).record
        assert isinstance(record, ChatGpt)
        return record.bearer
