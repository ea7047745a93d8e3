"""The hand-built answer to `initialize` is what pygls derives from the same registrations."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from lsprotocol.converters import get_converter
from pygls.capabilities import ServerCapabilitiesBuilder

from codex_lsp.lsp.capabilities import resolve_client
from codex_lsp.lsp.registry import REGISTRY, Registry
from codex_lsp.lsp.server_capabilities import (
    LENSES,
    asks_for,
    choose_encoding,
    dig,
    initialize_result,
    registers_later,
    server_capabilities,
    sync_kind,
)
from tests.doubles.hosted import hosted
from tests.lsp.conformance import probe

CAPTURED = sorted((Path(__file__).parents[1] / "golden" / "capabilities").glob("*.json"))
OFFERABLE = (
    "textDocument/codeAction",
    "textDocument/codeLens",
    "textDocument/completion",
    "textDocument/definition",
    "textDocument/hover",
    "textDocument/inlayHint",
    "textDocument/inlineCompletion",
    "textDocument/didSave",
    "initialized",
    "workspace/didChangeConfiguration",
    "window/workDoneProgress/cancel",
    "codex/echo",
)
EVERYTHING = Registry(
    dict.fromkeys(OFFERABLE, "tests.lsp.conformance.probe:echo"),
    {
        "textDocument/codeAction": {"codeActionKinds": ["quickfix", "refactor.rewrite"]},
        "textDocument/inlineCompletion": {"workDoneProgress": True},
    },
    {"a.b": "tests.lsp.conformance.probe:echo_command"},
)


async def derived(params: dict[str, Any], registry: Registry) -> Any:
    converter = get_converter()
    async with hosted(registry, **params) as one:
        features = one.server.protocol.fm
        client = converter.structure(params["capabilities"], types.ClientCapabilities)
        builder = ServerCapabilitiesBuilder(
            client,
            {*features.features, *features.builtin_features},
            features.feature_options,
            list(features.commands),
            types.TextDocumentSyncKind(sync_kind(params)),
            None,
            one.server.encoding,
        )
        declared = builder.choose_position_encoding(client)
        by_characters = dig(params, "clientInfo", "name") == "vim-lsp"  # without saying so
        assert one.server.encoding == ("utf-32" if by_characters else declared)
        build: Any = builder.build
        capabilities: dict[str, Any] = converter.unstructure(build())
        sync = capabilities["textDocumentSync"]
        capabilities["textDocumentSync"] = {k: v for k, v in sync.items() if v is not False}
        return capabilities  # pygls says "no willSave" aloud to clients that have it; we do not


@pytest.mark.parametrize("registry", [REGISTRY, probe.REGISTRY, EVERYTHING])
@pytest.mark.parametrize("path", CAPTURED, ids=lambda path: path.stem)
async def test_we_offer_what_pygls_would(path: Path, registry: Registry) -> None:
    params = json.loads(path.read_bytes())  # noqa: ASYNC240  a small file of our own
    expected = await derived(params, registry)
    for method in ("hover", "completion"):
        if registers_later(params, f"textDocument/{method}"):
            expected.pop(f"{method}Provider", None)  # it is registered once we are initialized
    if not asks_for(params, LENSES):
        expected.pop("codeLensProvider", None)
    assert server_capabilities(params, registry) == expected


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"codeLens": True}, True),
        ({"codex": {"codeLens": True}}, True),
        ({"codeLens": "yes"}, False),
        ({"codeLens": False}, False),
        ({}, False),
        (None, False),
    ],
)
def test_code_lenses_are_for_those_who_ask_for_them(options: object, wanted: bool) -> None:
    [captured] = [path for path in CAPTURED if "languageclient-11" in path.name]
    params = json.loads(captured.read_bytes()) | {"initializationOptions": options}
    assert ("codeLensProvider" in server_capabilities(params, REGISTRY)) == wanted
    assert resolve_client(params).renews_lenses == wanted


@pytest.mark.parametrize(
    ("encodings", "chosen"),
    [
        (None, "utf-16"),
        ([], "utf-16"),
        (["utf-8"], "utf-8"),
        (["utf-32", "utf-8", "utf-16"], "utf-32"),
        (["utf-7", "utf-16"], "utf-16"),
        (["utf-7"], "utf-16"),
        ("utf-8", "utf-16"),
        ([5, None, [], {}, "utf-8"], "utf-8"),
    ],
)
def test_the_first_encoding_of_the_client_that_we_know_is_chosen(
    encodings: object, chosen: str
) -> None:
    assert (
        choose_encoding({"capabilities": {"general": {"positionEncodings": encodings}}}) == chosen
    )


@pytest.mark.parametrize(
    ("name", "version", "kind"),
    [
        ("helix", "25.01.1", 1),
        ("helix", "24.7", 1),
        ("helix", "25.07.1 (abc)", 2),
        ("helix", "26.01", 2),
        ("helix", "next", 2),
        ("helix", None, 2),
        ("Neovim", "0.11.4", 2),
    ],
)
def test_an_editor_whose_changes_overtake_each_other_sends_whole_texts(
    name: str, version: str | None, kind: int
) -> None:
    assert sync_kind({"clientInfo": {"name": name, "version": version}}) == kind


@pytest.mark.parametrize("odd", [None, 5, "x", [], {"general": 5}, {"general": {}}])
async def test_odd_capabilities_count_as_none(odd: object) -> None:
    params = {"capabilities": odd}
    assert initialize_result(params, REGISTRY) == initialize_result({}, REGISTRY)
    async with hosted(probe.REGISTRY, **params) as one:
        one.receive({"id": 1, "method": "codex/echo"})
        assert one.sent() == [{"jsonrpc": "2.0", "id": 1, "result": {}}]


def test_the_answer_needs_no_protocol_library() -> None:
    code = (
        "import sys; import codex_lsp.cli.main, codex_lsp.cli.serve\n"
        "print([name for name in ('asyncio', 'pygls', 'lsprotocol', 'attrs', 'cattrs', 'typing',"
        " 'dataclasses', 'inspect') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert run.stdout.decode().strip() == "[]", run.stdout


def test_what_speaks_with_mcp_servers_is_not_imported_until_one_is_wanted() -> None:
    code = (
        "import sys; from importlib import import_module\n"
        "import codex_lsp.cli.adapters, codex_lsp.lsp.connection.host, codex_lsp.lsp.workbench\n"
        "from codex_lsp.lsp.registry import COMMANDS, FEATURES\n"
        "for name in {**COMMANDS, **FEATURES}.values(): import_module(name.partition(':')[0])\n"
        "print([name for name in ('mcp', 'mcp_types', 'httpx2', 'pydantic', 'anyio')"
        " if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert run.stdout.decode().strip() == "[]", run.stdout
