"""TS3: params made from the LSP types, then spoiled, for every method that we serve.

Handlers are stubs here: what is tested is that each request gets exactly one reply, whatever its
params are. A failure names its seed.
"""

from __future__ import annotations

import asyncio
import enum
import logging
import os
import random
import typing
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import pytest
from lsprotocol import types

from codex_lsp.lsp.registry import REGISTRY, Registry
from tests.doubles.hosted import hosted
from tests.doubles.raw_client import RawClient
from tests.lsp.conformance import probe

ROUNDS = int(os.environ.get("CODEX_LSP_FUZZ", "20000"))
OWN = (
    "textDocument/didOpen",
    "textDocument/didChange",
    "textDocument/didClose",
    "textDocument/didSave",
    "workspace/didChangeWorkspaceFolders",
    "workspace/executeCommand",
    "$/setTrace",
    "$/cancelRequest",
    "initialized",
)
STUBBED = [
    *REGISTRY.features,
    "textDocument/codeAction",
    "textDocument/codeLens",
    "textDocument/hover",
    "textDocument/inlineCompletion",
    "workspace/didChangeConfiguration",
    "window/workDoneProgress/cancel",
]
METHODS = sorted({*OWN, *STUBBED, "codex/anything"})
JUNK: tuple[Any, ...] = (
    *(None, True, -1, 0, 2**31, 2**63, 1.5, 1e300),
    *("", "x", "file:///a", "\ud800", "0", [], [[]], {}, {"": None}, [{}] * 3, {"jsonrpc": "2.0"}),
)


async def accept(server: Any, params: Any) -> None:
    await asyncio.sleep(0)


def accept_now(server: Any, params: Any) -> None:
    return None


STUBS = Registry(
    {
        method: f"{__name__}:{'accept' if index % 2 else 'accept_now'}"
        for index, method in enumerate(sorted({*STUBBED, "codex/anything"}))
    },
    {},
    {"probe.stub": f"{__name__}:accept"},
)


def value_of(kind: Any, source: random.Random, depth: int = 0) -> Any:
    """A JSON value that fits `kind`, with here and there something that does not."""
    if source.random() < 0.04 or depth > 7:
        return source.choice(JUNK)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Union:
        return value_of(source.choice(arguments), source, depth)
    if origin is typing.Literal:
        return source.choice(arguments)
    if origin in (tuple, list, Sequence):
        count = len(arguments) if origin is tuple else source.randrange(3)
        return [value_of(arguments[0], source, depth + 1) for _ in range(count)]
    if origin in (dict, Mapping):
        return {"k": value_of(arguments[1], source, depth + 1)}
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return source.choice(list(kind)).value
    if isinstance(kind, type) and attrs.has(kind):
        return object_of(kind, source, depth)
    plain = {str: "file:///a", int: 1, bool: True, float: 1.5}
    return plain.get(kind, source.choice(JUNK))


def object_of(kind: type, source: random.Random, depth: int) -> dict[str, Any]:
    made = {}
    hints = typing.get_type_hints(kind)
    for one in attrs.fields(kind):
        optional = one.default is not attrs.NOTHING
        if source.random() < (0.5 if optional else 0.03):
            continue
        first, *rest = one.name.rstrip("_").split("_")
        made["".join([first, *map(str.capitalize, rest)])] = value_of(
            hints[one.name], source, depth + 1
        )
    return made


def params_for(method: str, source: random.Random) -> Any:
    kind = types.METHOD_TO_TYPES.get(method, (None, None, None, None))[2]
    params = source.choice(JUNK) if kind is None else value_of(kind, source)
    if method == "workspace/executeCommand" and isinstance(params, dict) and source.random() < 0.5:
        params["command"] = "probe.stub"
    return params


def request(number: int, source: random.Random) -> dict[str, Any]:
    method = source.choice(METHODS)
    params = params_for(method, source)
    if not isinstance(params, dict | list | None):
        params = [params]  # the gate answers the others; see the table
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


async def test_every_request_gets_exactly_one_reply_whatever_its_params(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)  # or it logs 40 MB
    async with hosted(STUBS) as one:
        for start in range(0, ROUNDS, 500):
            source = random.Random(start)
            for number in range(start, start + 500):
                message = request(number, source)
                one.receive(message)
                if source.random() < 0.3:
                    one.receive({key: value for key, value in message.items() if key != "id"})
            for _ in range(5):
                await asyncio.sleep(0)
            sent = one.sent()
            assert sorted(m["id"] for m in sent) == list(range(start, start + 500)), start
            errors = {m["error"]["code"] for m in sent if "error" in m}
            assert -32602 in errors, start
            assert errors <= {-32602, -32800}, start


def test_a_real_process_answers_them_too() -> None:
    source = random.Random(7)
    with RawClient(probe.COMMAND) as client:
        client.initialize()
        messages = [request(number, source) for number in range(500)]
        client.send(*messages)
        client.call("codex/echo")
        client.wait_until(lambda: len({answer["id"] for answer in client.replies()}) >= 502)
        ids = [answer["id"] for answer in client.replies()]
        assert len(ids) == len(set(ids))
        assert client.leave() == 0
