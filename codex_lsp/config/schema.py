"""The one table of what config.toml may say: key, kind, values, default, and a line about each.

Checking (`check`), hover and completion in the editor, and docs/configuration.md all come from it.
It says nothing about what a value does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal[
    "text",  # not empty
    "path",  # a text; relative to the folder of the file that it stands in
    "flag",
    "count",  # a whole number
    "seconds",  # a number above 0
    "texts",  # an array of texts
    "text or texts",
    "paths",
    "table of texts",
    "table",  # one whose keys are in this table
    "open table",  # one that is not looked into
    "anything",
    "refused",  # no value will do
]

ANY = "*"
"""Stands in a path for a name that the person chooses."""


@dataclass(frozen=True, slots=True)
class Key:
    """One row. `path` is dotted; `least` is the lowest count.

    `heeded`: it makes a difference here; else only the Codex CLI heeds it. `project`: a trusted
    project's own file may set it. `or_table`: a table is taken in place of the text.
    """

    path: str
    kind: Kind
    doc: str
    default: str = ""
    choices: tuple[str, ...] = ()
    least: int = 1
    heeded: bool = True
    project: bool = True
    or_table: bool = False

    @property
    def parts(self) -> tuple[str, ...]:
        """The path in parts."""
        return tuple(self.path.split("."))

    @property
    def is_table(self) -> bool:
        """Whether it holds keys of its own."""
        return "table" in self.kind


def find(path: tuple[str, ...]) -> Key | None:
    """The row for a path as it stands in a file; None for one that is not known."""
    return _BY_PATH.get(path) or next(
        (key for parts, key in _BY_PATH.items() if _spells(parts, path)), None
    )


def under(path: tuple[str, ...]) -> tuple[Key, ...]:
    """The rows of what stands right inside the table at `path`, a free name (`*`) too."""
    return tuple(key for parts, key in _BY_PATH.items() if _spells(parts[:-1], path))


def _spells(parts: tuple[str, ...], path: tuple[str, ...]) -> bool:
    return len(parts) == len(path) and all(
        part in {ANY, given} for part, given in zip(parts, path, strict=True)
    )


def _not_heeded(*rows: Key) -> tuple[Key, ...]:
    return tuple(replace(row, heeded=False) for row in rows)


def _not_in_projects(*rows: Key) -> tuple[Key, ...]:
    return tuple(replace(row, project=False) for row in rows)


_MODEL = (
    Key("model", "text", "The model to ask.", "gpt-5.5"),
    Key("model_reasoning_effort", "text",
        "How long the model thinks, such as `low`, `medium` or `high`.", "the model's own"),
    Key("model_context_window", "count",
        "How many tokens fit into the model's context.", "the model's own"),
    Key("model_auto_compact_token_limit", "count",
        "From how many tokens on a conversation is summed up.", "90 % of the window"),
    Key("tool_output_token_limit", "count",
        "How many tokens of one tool's output the model gets.", "10000"),
    Key("compact_prompt", "text", "The request by which a conversation is summed up.", "our own"),
    Key("developer_instructions", "text", "Rules of yours that go with every long job."),
    *_not_in_projects(  # one model serves all folders of a window
        Key("model_reasoning_summary", "text", "How its reasoning is summed up.",
            "the model's own", ("auto", "concise", "detailed", "none")),
        Key("model_verbosity", "text", "How much the model says.", "the model's own",
            ("low", "medium", "high")),
        Key("service_tier", "text", "How fast an answer is paid for, where the model offers it.",
            "the account's", ("fast", "flex", "default")),
    ),
    *_not_heeded(
        Key("review_model", "text", "The model that reviews.", "`model`"),
        Key("plan_mode_reasoning_effort", "text", "The reasoning effort while planning."),
        Key("model_auto_compact_token_limit_scope", "text",
            "What the limit for summing up counts.", "total", ("total", "body_after_prefix")),
        Key("model_catalog_json", "path", "A catalogue of models in place of the built-in one."),
        Key("model_instructions_file", "path",
            "A file in place of the built-in instructions."),
        Key("instructions", "text", "Reserved by the Codex CLI."),
        Key("experimental_compact_prompt_file", "path", "The same as `compact_prompt`, in a file."),
        Key("personality", "text", "The tone of the answers.", "the model's own",
            ("none", "friendly", "pragmatic")),
    ),
)  # fmt: skip

_PROVIDERS = _not_in_projects(
    Key("model_provider", "text", "Whom to ask: an id of `model_providers`, or `openai`, "
        "`ollama`, `lmstudio`; `embedded` is the small model on this machine.", "openai"),
    Key("openai_base_url", "text", "The address of OpenAI's API, up to its `/v1`.",
        "https://api.openai.com/v1"),
    Key("chatgpt_base_url", "text", "The address that requests with a ChatGPT sign-in go to.",
        "https://chatgpt.com/backend-api/"),
    Key("model_providers", "table", "Model services besides the built-in ones, by an id of yours."),
    Key("model_providers.*", "table", "One model service."),
    Key("model_providers.*.name", "text", "What it is called in messages."),
    Key("model_providers.*.base_url", "text", "Its address, up to `/v1`."),
    Key("model_providers.*.env_key", "text", "The environment variable that holds its key."),
    Key("model_providers.*.env_key_instructions", "text",
        "What a person is told who has not set that variable."),
    Key("model_providers.*.experimental_bearer_token", "text",
        "Its key, in this file; `env_key` keeps it out of here."),
    Key("model_providers.*.auth", "table", "A program that prints its key."),
    Key("model_providers.*.auth.command", "text", "The program, by name or path."),
    Key("model_providers.*.auth.args", "texts", "Its arguments."),
    Key("model_providers.*.auth.cwd", "path", "The folder that it runs in."),
    Key("model_providers.*.auth.timeout_ms", "count",
        "How long it may take, in milliseconds.", "5000"),
    Key("model_providers.*.auth.refresh_interval_ms", "count",
        "After how many milliseconds it is asked again; 0: only when the key is refused.",
        "300000", least=0),
    Key("model_providers.*.wire_api", "text", "The protocol.", "responses", ("responses", "chat")),
    Key("model_providers.*.query_params", "table of texts",
        "What is added to the address, as Azure's `api-version`."),
    Key("model_providers.*.http_headers", "table of texts", "Headers for every request."),
    Key("model_providers.*.env_http_headers", "table of texts",
        "Headers whose values are in environment variables: header = \"VARIABLE\"."),
    Key("model_providers.*.requires_openai_auth", "flag",
        "Whether it takes the OpenAI sign-in.", "false"),
    Key("model_providers.*.stream_idle_timeout_ms", "count",
        "After how much silence an answer counts as broken, in milliseconds.", "300000"),
    *_not_heeded(
        Key("model_providers.*.aws", "open table", "How to sign in to Amazon Bedrock."),
        Key("model_providers.*.request_max_retries", "count", "How often a request is repeated.",
            "4", least=0),
        Key("model_providers.*.stream_max_retries", "count",
            "How often a broken answer is asked for again.", "5", least=0),
        Key("model_providers.*.websocket_connect_timeout_ms", "count",
            "How long a WebSocket may take to open, in milliseconds.", "15000"),
        Key("model_providers.*.supports_websockets", "flag", "Whether it speaks WebSocket.",
            "false"),
        Key("model_providers.*.supports_standalone_web_search", "flag",
            "Whether it searches the web by itself.", "false"),
        Key("oss_provider", "text", "The local server that is meant by `--oss`.", "",
            ("ollama", "lmstudio")),
        Key("responses_api_metadata", "table of texts", "Labels for every request."),
        Key("apps_mcp_product_sku", "text", "Reserved by the Codex CLI."),
    ),
)  # fmt: skip

# How much is done unasked is the person's alone: a project has no say in it, trusted or not.
_RIGHTS = _not_in_projects(
    Key("approval_policy", "text", "When you are asked before a command runs.",
        "by the project's trust", ("untrusted", "on-request", "on-failure", "never"),
        or_table=True),
    Key("approval_policy.granular", "table",
        "Which kinds of question you are asked; what would need one that is off is denied."),
    Key("approval_policy.granular.sandbox_approval", "flag",
        "Commands that the sandbox does not hold.", "true"),
    Key("approval_policy.granular.rules", "flag", "Commands that a rule of yours asks about.",
        "true"),
    Key("approval_policy.granular.mcp_elicitations", "flag", "MCP servers and their tools.",
        "true"),
    *_not_heeded(
        Key("approval_policy.granular.skill_approval", "flag", "Skills.", "false"),
        Key("approval_policy.granular.request_permissions", "flag", "More rights.", "false"),
        Key("approvals_reviewer", "text", "Who answers those questions.", "user",
            ("user", "auto_review", "guardian_subagent")),
        Key("auto_review", "open table", "What an automatic reviewer goes by."),
    ),
    Key("sandbox_mode", "text", "What a command may do.", "by the project's trust",
        ("read-only", "workspace-write", "danger-full-access")),
    Key("sandbox_workspace_write", "table", "The details of `workspace-write`."),
    Key("sandbox_workspace_write.writable_roots", "paths",
        "More folders that commands may write in.", "[]"),
    Key("sandbox_workspace_write.network_access", "flag",
        "Whether commands reach the network.", "false"),
    Key("sandbox_workspace_write.exclude_tmpdir_env_var", "flag",
        "Keep `$TMPDIR` read-only.", "false"),
    Key("sandbox_workspace_write.exclude_slash_tmp", "flag", "Keep `/tmp` read-only.", "false"),
    Key("shell_environment_policy", "table", "Which environment variables commands get."),
    Key("shell_environment_policy.inherit", "text", "What they start from.", "all",
        ("all", "core", "none")),
    Key("shell_environment_policy.ignore_default_excludes", "flag",
        "Pass on variables whose names have KEY, SECRET or TOKEN in them. codex-lsp does not, "
        "but for those in `set`.", "true", heeded=False),
    Key("shell_environment_policy.exclude", "texts", "Names to leave out, as patterns.", "[]"),
    Key("shell_environment_policy.set", "table of texts", "Variables to set.", "{}"),
    Key("shell_environment_policy.include_only", "texts",
        "The only names to pass on, as patterns.", "[]"),
    Key("shell_environment_policy.experimental_use_profile", "flag",
        "Run commands in a login shell.", "false", heeded=False),
)  # fmt: skip

_SAFETY = (
    Key("background_terminal_max_timeout", "count",
        "How long a running command may be waited for at once, in milliseconds.", "300000"),
    Key("allow_login_shell", "flag", "Whether the model may ask for a login shell.", "true"),
    *_not_heeded(
        Key("default_permissions", "text", "The permission profile to begin with."),
        Key("permissions", "open table", "Permission profiles of yours."),
    ),
    Key("projects", "table", "Folders, and whether you trust them.", project=False),
    Key("projects.*", "table", "A folder, by its absolute path.", project=False),
    Key("projects.*.trust_level", "text", "Whether its own settings and AGENTS.md count.", "",
        ("trusted", "untrusted"), project=False),
)  # fmt: skip

_CONTEXT = (
    Key("project_doc_max_bytes", "count",
        "How much of a project's AGENTS.md files is sent; 0: none.", "32768", least=0),
    Key("project_doc_fallback_filenames", "texts", "Other names that AGENTS.md may have.", "[]"),
    Key("project_root_markers", "texts",
        "What marks the top folder of a project.", '[".git"]', project=False),
    Key("include_environment_context", "flag",
        "Tell the model the folder, the shell and the date.", "true"),
    *_not_heeded(
        Key("include_permissions_instructions", "flag", "Tell the model what it may do.", "true"),
        Key("include_apps_instructions", "flag", "Tell the model of apps.", "true"),
        Key("include_collaboration_mode_instructions", "flag",
            "Tell the model of the way of working.", "true"),
    ),
)  # fmt: skip

_MCP = (
    Key("mcp_servers", "table", "MCP servers, by a name of yours."),
    Key("mcp_servers.*", "table", "One MCP server: a `command` or a `url`."),
    Key("mcp_servers.*.command", "text", "The program to start."),
    Key("mcp_servers.*.args", "texts", "Its arguments.", "[]"),
    Key("mcp_servers.*.env", "table of texts", "Environment variables for it.", "{}"),
    Key("mcp_servers.*.env_vars", "anything", "Names of variables that it may have of yours.",
        "[]"),
    Key("mcp_servers.*.cwd", "path", "The folder that it runs in."),
    Key("mcp_servers.*.url", "text", "The address of a server that is there already."),
    Key("mcp_servers.*.bearer_token_env_var", "text", "The variable that holds its key."),
    Key("mcp_servers.*.bearer_token", "refused", "Keys do not stand in this file."),
    Key("mcp_servers.*.http_headers", "table of texts", "Headers for every request."),
    Key("mcp_servers.*.env_http_headers", "table of texts",
        "Headers whose values are in environment variables."),
    Key("mcp_servers.*.enabled", "flag", "Whether it is used.", "true"),
    Key("mcp_servers.*.required", "flag", "Whether nothing goes on without it.", "false"),
    Key("mcp_servers.*.startup_timeout_sec", "seconds", "How long it may take to start.", "30"),
    Key("mcp_servers.*.startup_timeout_ms", "count", "The same in milliseconds."),
    Key("mcp_servers.*.tool_timeout_sec", "seconds", "How long a call may take.", "300"),
    Key("mcp_servers.*.enabled_tools", "texts", "The only tools to offer."),
    Key("mcp_servers.*.disabled_tools", "texts", "Tools to leave out.", "[]"),
    Key("mcp_servers.*.default_tools_approval_mode", "text", "When you are asked before a call.",
        "auto", ("auto", "prompt", "writes", "approve")),
    Key("mcp_servers.*.tools", "table", "Single tools, by name."),
    Key("mcp_servers.*.tools.*", "table", "One tool."),
    Key("mcp_servers.*.tools.*.approval_mode", "text", "When you are asked before this call.", "",
        ("auto", "prompt", "writes", "approve")),
    Key("mcp_servers.*.supports_parallel_tool_calls", "flag",
        "Whether its tools may run side by side.", "false"),
    *_not_heeded(
        Key("mcp_servers.*.auth", "text", "How to sign in.", "", ("oauth", "chatgpt")),
        Key("mcp_servers.*.oauth", "open table", "Details of an OAuth sign-in."),
        Key("mcp_servers.*.oauth_resource", "text", "What an OAuth sign-in is for."),
        Key("mcp_servers.*.scopes", "texts", "What an OAuth sign-in asks for."),
        Key("mcp_servers.*.omit_tools_from", "anything", "Where its tools are not shown."),
        Key("mcp_servers.*.environment_id", "text", "The environment that it runs in."),
        Key("mcp_oauth_credentials_store", "text", "Where MCP sign-ins are kept.", "auto",
            ("auto", "file", "keyring"), project=False),
        Key("mcp_oauth_callback_port", "count", "The port that an MCP sign-in comes back to."),
        Key("mcp_oauth_callback_url", "text", "The address that an MCP sign-in comes back to."),
    ),
)  # fmt: skip

_ACCOUNT = _not_in_projects(
    Key("cli_auth_credentials_store", "text", "Where the sign-in is kept.", "file",
        ("file", "keyring", "auto", "ephemeral")),
    Key("forced_login_method", "text", "The only way to sign in.", "", ("chatgpt", "api")),
    Key("forced_chatgpt_workspace_id", "text or texts",
        "The only ChatGPT workspaces to sign in to."),
    Key("profile", "text", "The profile to use, one of `profiles`."),
    Key("profiles", "table", "Sets of settings, by a name of yours."),
    Key("profiles.*", "open table", "Settings that lie over the others when it is chosen."),
)  # fmt: skip

_HISTORY = _not_in_projects(
    Key("history", "table", "What is kept of your requests."),
    Key(
        "history.persistence",
        "text",
        "Whether sessions are kept.",
        "save-all",
        ("save-all", "none"),
    ),
    Key("history.max_bytes", "count", "How large the history may grow.", heeded=False),
)

_CLI_ALONE = _not_heeded(
    Key("web_search", "text", "How the model searches the web.", "cached",
        ("cached", "indexed", "live", "disabled")),
    Key("tools", "open table", "Which built-in tools there are."),
    Key("agents", "open table", "Agents beside the main one."),
    *_not_in_projects(
        Key("sqlite_home", "path", "Where the CLI keeps its databases.", "CODEX_HOME"),
        Key("log_dir", "path", "Where the CLI keeps its logs.", "CODEX_HOME/log"),
        Key("notify", "texts", "A program that the CLI runs after each turn."),
        Key("otel", "open table", "Telemetry of the CLI."),
        Key("experimental_realtime_ws_base_url", "text", "Reserved by the Codex CLI."),
        Key("experimental_realtime_webrtc_call_base_url", "text", "Reserved by the Codex CLI."),
    ),
    Key("hooks", "open table", "Programs that the CLI runs at certain moments."),
    Key("skills", "open table", "Skills of the CLI."),
    Key("plugins", "open table", "Plugins of the CLI."),
    Key("marketplaces", "open table", "Where plugins come from."),
    Key("memories", "open table", "What the CLI remembers between sessions."),
    Key("goals", "open table", "Goals of the CLI."),
    Key("apps", "open table", "Apps of the CLI."),
    Key("features", "open table", "Switches for parts of the CLI."),
    Key("file_opener", "text", "The editor that the CLI's links open.", "vscode",
        ("vscode", "vscode-insiders", "windsurf", "cursor", "none")),
    Key("hide_agent_reasoning", "flag", "Do not show reasoning.", "false"),
    Key("show_raw_agent_reasoning", "flag", "Show reasoning as it comes.", "false"),
    Key("check_for_update_on_startup", "flag", "Look for a newer CLI.", "true"),
    Key("analytics", "open table", "What the CLI reports about its use."),
    Key("feedback", "open table", "Whether the CLI sends feedback."),
    Key("windows", "open table", "Settings for Windows."),
    Key("notice", "open table", "What the CLI has told you already."),
    Key("tui", "open table", "The looks of the CLI."),
    Key("desktop", "open table", "Settings of the desktop app."),
    Key("ghost_snapshot", "open table", "Given up by the CLI."),
    Key("disable_paste_burst", "flag", "How the CLI takes pasted text.", "false"),
    Key("suppress_unstable_features_warning", "flag", "Do not warn of unstable features.", "false"),
)  # fmt: skip

KEYS = (
    *_MODEL, *_PROVIDERS, *_RIGHTS, *_SAFETY, *_CONTEXT, *_MCP, *_ACCOUNT, *_HISTORY, *_CLI_ALONE,
)  # fmt: skip
"""The table."""

_BY_PATH = {key.parts: key for key in KEYS}

FILES = {
    "AGENTS.md": (
        "What Codex should know of this project and heed in it. It is sent with every job, from "
        "the top folder of the project down to the one that is worked in, up to "
        "`project_doc_max_bytes` (32768) together; not from a folder that you called untrusted."
    ),
    ".codexignore": (
        "What Codex never sees or changes, one pattern a line, by git's rules. It holds for open "
        "files too."
    ),
}
"""What our other files are."""

ENTRIES: dict[str, tuple[tuple[str, str], ...]] = {
    "AGENTS.md": (
        ("## Layout", "Where things are: folders, and what belongs in which."),
        ("## Build and test", "The commands that build and test, and how long they take."),
        ("## Style", "What formatters do not say: names, errors, comments, tests."),
        ("## Leave alone", "Files and folders that are made by tools, or that others own."),
        ("## Done means", "What has to be true before a job counts as done."),
    ),
    ".codexignore": (
        ("*.local.*", "Files of that name in any folder."),
        ("/data/", "A folder at the top, and all in it."),
        ("docs/**/drafts", "A name at any depth below docs."),
        ("!keep.txt", "Takes back what a line above left out."),
    ),
}
"""What may stand in them, with a line about each."""
