"""TS6 for the handlers that we ship: each runs while everything that it works with raises.

What they raise must become an answer (or, for notifications, nothing), tell no secret, and leave
the server serving.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import Any

import pytest

from codex_lsp.lsp.registry import REGISTRY, Registry
from tests.doubles.hosted import hosted
from tests.lsp.conformance.probe import SECRET
from tests.lsp.conformance.test_params import params_for

NAMES = [*REGISTRY.features, *REGISTRY.commands]
REGISTERED = Registry(
    dict(REGISTRY.features) | {"codex/echo": "tests.lsp.conformance.probe:echo"},
    REGISTRY.options,
    REGISTRY.commands,
)


class Exploding:
    """Stands where the workbench is: whatever is asked of it raises, and quotes a secret."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"{name}: {SECRET}")


def request_for(name: str, number: int) -> dict[str, Any]:
    """A request for the handler `name`, with params that mostly fit it."""
    source = random.Random(number)
    if name in REGISTRY.commands:
        argument: Any = source.choice(
            [{}, {"uri": "file:///a"}, {"taskId": "a"}, None, 5, [], {"uri": 7, "range": "x"}]
        )
        params: Any = {"command": name, "arguments": [argument]}
        return {"id": number, "method": "workspace/executeCommand", "params": params}
    params = params_for(name, source)
    return {"id": number, "method": name, "params": params if isinstance(params, dict) else {}}


@pytest.mark.parametrize("name", NAMES)
async def test_a_failing_handler_is_an_answer(name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with hosted(REGISTERED) as one:
        one.server.bench = Exploding()  # type: ignore[assignment]
        count = 40
        for number in range(count):
            message = request_for(name, number)
            one.receive(message)
            one.receive({key: value for key, value in message.items() if key != "id"})
            await asyncio.sleep(0)
        one.receive({"id": count, "method": "codex/echo"})
        for _ in range(20):
            await asyncio.sleep(0)
        sent = one.sent()
        replies = [message["id"] for message in sent if "method" not in message]
        assert sorted(replies) == list(range(count + 1))
        if not name.startswith("codex/"):  # there no type says what params would be right
            assert "Internal error" in str(sent), "the handler never reached what raises"
        assert SECRET not in str(sent)
        assert "Traceback" not in str(sent)
    assert SECRET not in caplog.text
