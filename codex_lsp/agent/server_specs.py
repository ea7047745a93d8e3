"""What config.toml says of MCP servers, made into what can be started, and shown, and agreed to.

What the person's own files say of a server counts; a project can switch it off and nothing else.
Nothing is run, reached or looked up here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from codex_lsp.agent.servers import Approvals, ServerSpec, Unusable
from codex_lsp.config.codex_toml import CodexToml, McpServer

# What every server gets of the person's environment, besides what its table names.
_BASE = (
    "HOME", "LOGNAME", "PATH", "SHELL", "USER", "LANG", "LC_ALL", "TERM", "TMPDIR", "TZ",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
    "APPDATA", "HOMEDRIVE", "HOMEPATH", "LOCALAPPDATA", "PATHEXT", "PROCESSOR_ARCHITECTURE",
    "SYSTEMDRIVE", "SYSTEMROOT", "TEMP", "USERNAME", "USERPROFILE",
)  # fmt: skip
_OURS = re.compile(r"(CODEX|OPENAI)_", re.IGNORECASE)
_SECRET = re.compile(r"KEY|SECRET|TOKEN|PASS|AUTH|CREDENTIAL|COOKIE", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z0-9_-]+")


def specs(
    config: CodexToml, own: CodexToml, roots: tuple[Path, ...], environ: Mapping[str, str]
) -> tuple[ServerSpec | Unusable, ...]:
    """The servers that are switched on, for work in the first of `roots`.

    `config` is what holds there, `own` what the person says everywhere.
    """
    # Many a program heeds files of the folder that it is started in.
    here = roots[0] if config.project else Path(environ.get("HOME") or Path.home())
    found: list[ServerSpec | Unusable] = []
    for name, table in config.mcp_servers.items():
        mine = own.mcp_servers.get(name)
        if table.enabled and (mine is None or mine.enabled):
            place = "" if mine is not None else str(roots[0])
            spec = _spec(name, mine or table, place, roots, environ)
            if isinstance(spec, ServerSpec) and spec.argv and spec.cwd is None:
                spec = replace(spec, cwd=here)
            found.append(spec)
    return tuple(found)


def _spec(
    name: str, table: McpServer, place: str, roots: tuple[Path, ...], environ: Mapping[str, str]
) -> ServerSpec | Unusable:
    if (why := _wrong(name, table, environ, project=bool(place))) is not None:
        return Unusable(name, why, table.required)
    common = {
        "required": table.required,
        "startup_timeout": table.startup_timeout,
        "tool_timeout": table.tool_timeout,
        "enabled_tools": table.enabled_tools,
        "disabled_tools": table.disabled_tools,
        "approvals": Approvals(table.approval, table.tool_approvals, own=not place),
        "parallel": table.supports_parallel_tool_calls,
    }
    sent = _sent(table)
    passes = tuple(sent if table.command is None else table.env_vars)
    if table.command is None:
        return ServerSpec(
            name, place, url=table.url or "", headers=_headers(table, environ),
            sets=tuple(_shown(table.http_headers)), passes=passes, **common,  # type: ignore[arg-type]  # the fields' own types
        )  # fmt: skip
    inherited = {key: environ[key] for key in (*_BASE, *table.env_vars) if key in environ}
    return ServerSpec(
        name, place, argv=(table.command, *table.args), cwd=table.cwd,
        environment=inherited | dict(table.env), sets=tuple(_shown(table.env)), passes=passes,
        roots=roots, **common,  # type: ignore[arg-type]  # as above
    )  # fmt: skip


def _wrong(name: str, table: McpServer, environ: Mapping[str, str], *, project: bool) -> str | None:
    """Why the server cannot be used as it is configured, with the one thing to do."""
    if not _NAME.fullmatch(name):
        return "its name may hold letters, digits, _ and - only"
    if (table.command is None) == (table.url is None):
        return "give it either a command or a url"
    if table.url is not None and not table.url.startswith(("https://", "http://")):
        return "its url has to begin with https:// or http://"
    wanted = [*table.env_vars, *_sent(table)]
    if project and (ours := [one for one in wanted if _OURS.match(one)]):
        return f"a project may not ask for your {ours[0]}; configure the server yourself"
    token = table.bearer_token_env_var
    if table.url is not None and token is not None and not environ.get(token):
        return f"set the variable {token}, which is to hold its key"
    return None


def _sent(table: McpServer) -> list[str]:
    """The variables whose values are sent to a `url`."""
    token = [] if table.bearer_token_env_var is None else [table.bearer_token_env_var]
    return [*token, *table.env_http_headers.values()]


def _headers(table: McpServer, environ: Mapping[str, str]) -> dict[str, str]:
    headers = dict(table.http_headers)
    headers |= {
        header: environ[variable]
        for header, variable in table.env_http_headers.items()
        if environ.get(variable)
    }
    if table.bearer_token_env_var is not None:
        headers["Authorization"] = f"Bearer {environ[table.bearer_token_env_var]}"
    return headers


def _shown(values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Each value as it can be shown and noted; of what may be a secret, a digest."""
    for name, value in sorted(values.items()):
        if _SECRET.search(name):
            mark = sha256(f"{name}={value}".encode("utf-8", "surrogatepass")).hexdigest()[:12]
            yield name, f"(kept secret, {mark})"
        else:
            yield name, value
