"""The settings of config.toml that we heed, as frozen values. What the schema allows goes in; how
several files and the command line come together is in `layers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from codex_lsp.config.check import Problem, Settings

Store = Literal["file", "keyring", "auto", "ephemeral"]
ApprovalPolicy = Literal["untrusted", "on-request", "never"]
SandboxMode = Literal["read-only", "workspace-write", "danger-full-access"]
TrustLevel = Literal["trusted", "untrusted"]


@dataclass(frozen=True, slots=True)
class AuthCommand:
    """A program that prints a provider's key. `refresh` 0: asked again only when it is refused."""

    argv: tuple[str, ...]
    cwd: Path | None = None
    timeout: float = 5.0
    refresh: float = 300.0


@dataclass(frozen=True, slots=True)
class ProviderTable:
    """One `[model_providers.ID]`. What can hold a key is kept out of `repr`."""

    name: str | None = None
    base_url: str | None = None
    env_key: str | None = None
    env_key_instructions: str | None = None
    experimental_bearer_token: str | None = field(default=None, repr=False)
    wire_api: str = "responses"
    query_params: Mapping[str, str] = field(default_factory=dict, repr=False)
    http_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    env_http_headers: Mapping[str, str] = field(default_factory=dict)
    requires_openai_auth: bool = False
    stream_idle_timeout_ms: int = 300_000
    auth: AuthCommand | None = None


@dataclass(frozen=True, slots=True)
class WorkspaceWrite:
    """`[sandbox_workspace_write]`: the details of that sandbox mode."""

    writable_roots: tuple[Path, ...] = ()
    network_access: bool = False
    exclude_tmpdir_env_var: bool = False
    exclude_slash_tmp: bool = False


@dataclass(frozen=True, slots=True)
class ShellEnvironment:
    """`[shell_environment_policy]`: which variables commands get; names are patterns (`*`, `?`)."""

    inherit: Literal["all", "core", "none"] = "all"
    exclude: tuple[str, ...] = ()
    set: Mapping[str, str] = field(default_factory=dict, repr=False)
    include_only: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class McpServer:
    """One `[mcp_servers.NAME]`: started if it has a `command`, else reached at `url`. Seconds."""

    command: str | None = None
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    env_vars: tuple[str, ...] = ()
    cwd: Path | None = None
    url: str | None = None
    bearer_token_env_var: str | None = None
    http_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    env_http_headers: Mapping[str, str] = field(default_factory=dict)
    enabled: bool = True
    required: bool = False
    startup_timeout: float = 30.0
    tool_timeout: float = 300.0
    enabled_tools: tuple[str, ...] | None = None
    disabled_tools: tuple[str, ...] = ()
    approval: str = "auto"
    tool_approvals: Mapping[str, str] = field(default_factory=dict)
    supports_parallel_tool_calls: bool = False


@dataclass(frozen=True, slots=True)
class CodexToml:
    """The settings; None where nothing is said and the model, or trust, decides.

    `projects` is what the person's own file says of folders, by absolute path. `project`: files of
    a project that is trusted are among what is said here. `approvals_unasked` are the kinds of
    question that `approval_policy.granular` turns off.
    """

    model: str | None = None
    model_provider: str | None = None
    model_providers: Mapping[str, ProviderTable] = field(default_factory=dict)
    openai_base_url: str | None = None
    chatgpt_base_url: str | None = None
    model_reasoning_effort: str | None = None
    model_reasoning_summary: Literal["auto", "concise", "detailed", "none"] | None = None
    model_verbosity: Literal["low", "medium", "high"] | None = None
    model_context_window: int | None = None
    model_auto_compact_token_limit: int | None = None
    tool_output_token_limit: int | None = None
    service_tier: Literal["fast", "flex", "default"] | None = None
    compact_prompt: str | None = None
    developer_instructions: str | None = None
    approval_policy: ApprovalPolicy | None = None
    approvals_unasked: frozenset[str] = frozenset()
    sandbox_mode: SandboxMode | None = None
    sandbox_workspace_write: WorkspaceWrite = WorkspaceWrite()
    shell_environment_policy: ShellEnvironment = field(default_factory=ShellEnvironment)
    background_terminal_max_timeout: int = 300_000
    allow_login_shell: bool = True
    project_doc_max_bytes: int = 32_768
    project_doc_fallback_filenames: tuple[str, ...] = ()
    project_root_markers: tuple[str, ...] = (".git",)
    include_environment_context: bool = True
    mcp_servers: Mapping[str, McpServer] = field(default_factory=dict)
    history_persistence: Literal["save-all", "none"] = "save-all"
    cli_auth_credentials_store: Store = "file"
    forced_login_method: Literal["chatgpt", "api"] | None = None
    forced_chatgpt_workspace_id: tuple[str, ...] = ()
    projects: Mapping[str, TrustLevel] = field(default_factory=dict)
    project: bool = False
    problems: tuple[Problem, ...] = ()


def from_settings(settings: Settings, problems: tuple[Problem, ...] = ()) -> CodexToml:
    """The values of checked settings."""
    said = {name: settings[name] for name in _PLAIN if name in settings}
    lists: dict[str, Any] = {
        name: tuple(_listed(settings[name])) for name in _LISTS if name in settings
    }
    return CodexToml(
        **said,
        **lists,
        model_providers=_each(settings, "model_providers", _provider),
        approval_policy=_approval_policy(settings.get("approval_policy")),
        approvals_unasked=_unasked(settings.get("approval_policy")),
        sandbox_workspace_write=_workspace_write(settings.get("sandbox_workspace_write", {})),
        shell_environment_policy=_environment(settings.get("shell_environment_policy", {})),
        mcp_servers=_each(settings, "mcp_servers", _mcp_server),
        history_persistence=settings.get("history", {}).get("persistence", "save-all"),
        projects={
            path: table["trust_level"]
            for path, table in settings.get("projects", {}).items()
            if "trust_level" in table
        },
        problems=problems,
    )


_PLAIN = (
    "model", "model_provider", "openai_base_url", "chatgpt_base_url", "model_reasoning_effort",
    "model_reasoning_summary", "model_verbosity", "model_context_window",
    "model_auto_compact_token_limit", "tool_output_token_limit", "service_tier", "compact_prompt",
    "developer_instructions", "sandbox_mode", "background_terminal_max_timeout",
    "allow_login_shell", "project_doc_max_bytes", "include_environment_context",
    "cli_auth_credentials_store", "forced_login_method",
)  # fmt: skip
_LISTS = ("project_doc_fallback_filenames", "project_root_markers", "forced_chatgpt_workspace_id")


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else value


def _each(settings: Settings, name: str, build: Any) -> dict[str, Any]:
    return {key: build(table) for key, table in settings.get(name, {}).items()}


def _approval_policy(value: Any) -> ApprovalPolicy | None:
    """A policy by kinds of question asks; the kinds that it turns off are `approvals_unasked`."""
    if isinstance(value, dict):
        return "on-request"
    return "on-request" if value == "on-failure" else value


def _unasked(value: Any) -> frozenset[str]:
    kinds = value.get("granular", {}) if isinstance(value, dict) else {}
    return frozenset(kind for kind, asked in kinds.items() if asked is False)


def _provider(table: Settings) -> ProviderTable:
    known = ProviderTable.__dataclass_fields__
    said = {name: value for name, value in table.items() if name in known and name != "auth"}
    return ProviderTable(**said, auth=_auth(table.get("auth", {})))


def _auth(table: Settings) -> AuthCommand | None:
    if "command" not in table:
        return None
    return AuthCommand(
        argv=(table["command"], *table.get("args", ())),
        cwd=_path(table.get("cwd")),
        timeout=table.get("timeout_ms", 5_000) / 1000,
        refresh=table.get("refresh_interval_ms", 300_000) / 1000,
    )


def _workspace_write(table: Settings) -> WorkspaceWrite:
    said = dict(table)
    roots = tuple(Path(root) for root in said.pop("writable_roots", ()))
    return WorkspaceWrite(roots, **said)


def _environment(table: Settings) -> ShellEnvironment:
    return ShellEnvironment(
        inherit=table.get("inherit", "all"),
        exclude=tuple(table.get("exclude", ())),
        set=table.get("set", {}),
        include_only=tuple(table.get("include_only", ())),
    )


def _mcp_server(table: Settings) -> McpServer:
    plain = ("command", "url", "bearer_token_env_var", "env", "http_headers", "env_http_headers",
             "enabled", "required", "supports_parallel_tool_calls")  # fmt: skip
    said = {name: table[name] for name in plain if name in table}
    millis = table.get("startup_timeout_ms")
    enabled = table.get("enabled_tools")
    tools = table.get("tools", {})
    return McpServer(
        **said,
        args=tuple(table.get("args", ())),
        env_vars=tuple(_variables(table.get("env_vars"))),
        cwd=_path(table.get("cwd")),
        startup_timeout=float(table.get("startup_timeout_sec", (millis or 30_000) / 1000)),
        tool_timeout=float(table.get("tool_timeout_sec", 300)),
        enabled_tools=None if enabled is None else tuple(enabled),
        disabled_tools=tuple(table.get("disabled_tools", ())),
        approval=table.get("default_tools_approval_mode", "auto"),
        tool_approvals={
            name: tool["approval_mode"] for name, tool in tools.items() if "approval_mode" in tool
        },
    )


def _variables(listed: object) -> list[str]:
    """Names, or tables with a `name` whose `source` is this machine."""
    found = []
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, str):
            found.append(one)
        elif isinstance(one, dict) and isinstance(one.get("name"), str):
            found.append(one["name"])
    return found


def _path(value: str | None) -> Path | None:
    return None if value is None else Path(value)
