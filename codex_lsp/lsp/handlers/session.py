"""The beginning of a session, its settings and its folders."""

from __future__ import annotations

import logging
from typing import Any

from lsprotocol import types

from codex_lsp.lsp.connection.client import ClientFailure
from codex_lsp.lsp.connection.server import Server
from codex_lsp.lsp.person.showing import SCHEME
from codex_lsp.lsp.server_capabilities import LATER, registers_later
from codex_lsp.lsp.settings_files import SELECTOR

log = logging.getLogger(__name__)


def initialized(server: Server, _params: types.InitializedParams) -> None:
    """Ask for the settings, and to be told when they change; and to be asked for our pages."""
    bench = server.bench
    if bench.client.configuration_registration:
        settings = {
            "id": "codex-settings",
            "method": "workspace/didChangeConfiguration",
            "registerOptions": {"section": "codex"},
        }
        server.spawn(_register(server, [settings]), name="register for settings")
    if bench.client.content:
        method = "workspace/textDocumentContent"
        pages = {"id": method, "method": method, "registerOptions": {"schemes": [SCHEME]}}
        server.spawn(_register(server, [pages]), name="register for pages")
    if bench.client.configuration:
        server.spawn(_pull(server), name="pull settings")
    later = [method for method in LATER if registers_later(server.initialize_params, method)]
    if later:
        registrations = [
            {"id": method, "method": method, "registerOptions": {"documentSelector": SELECTOR}}
            for method in later
        ]
        server.spawn(_register(server, registrations), name="register for settings files")


def did_change_configuration(server: Server, params: types.DidChangeConfigurationParams) -> None:
    """Settings changed: taken as sent, or asked for where the client only says that they did."""
    sent = server.plain(params.settings)
    section = sent.get("codex") if isinstance(sent, dict) else None
    if section is not None:
        server.bench.use_settings(section)
    elif server.bench.client.configuration:
        server.spawn(_pull(server), name="pull settings")


def did_change_folders(server: Server, params: types.DidChangeWorkspaceFoldersParams) -> None:
    """Folders came or went."""
    bench = server.bench
    removed = {folder.uri for folder in params.event.removed}
    kept = [uri for uri in bench.folder_uris if uri not in removed]
    bench.set_roots([*kept, *(folder.uri for folder in params.event.added)])


async def _register(server: Server, registrations: list[dict[str, Any]]) -> None:
    try:
        await server.ask("client/registerCapability", {"registrations": registrations}, timeout=10)
    except ClientFailure as error:
        log.info("the client registers nothing: %s", error)


async def _pull(server: Server) -> None:
    asked = {"items": [{"section": "codex"}]}
    try:
        answer: Any = await server.ask("workspace/configuration", asked, timeout=10)
    except ClientFailure as error:
        log.info("the client has no settings for us: %s", error)
        return
    if isinstance(answer, list) and answer and answer[0] is not None:
        server.bench.use_settings(answer[0])
