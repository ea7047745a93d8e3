"""Which model service is asked, by the rules of Codex's `model_providers`.

Everything comes from config.toml in CODEX_HOME and from the environment: a workspace has no say.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from codex_lsp.agent.events import Misconfigured
from codex_lsp.auth.tokens import Bearer, Secret, TokenSource
from codex_lsp.config.codex_toml import CodexToml, ProviderTable
from codex_lsp.config.endpoints import endpoints
from codex_lsp.responses.bearer import FixedKey
from codex_lsp.responses.body import OPENAI, PLAIN, Dialect
from codex_lsp.responses.key_command import CommandKey

DEFAULT_MODEL = "gpt-5.5"
# Built-in local servers: name, port, the model that Codex asks them for.
_LOCAL = {
    "ollama": ("Ollama", 11434, "gpt-oss:20b"),
    "lmstudio": ("LM Studio", 1234, "openai/gpt-oss-20b"),
}


@dataclass(frozen=True, slots=True)
class Provider:
    """One model service and how to speak to it.

    `signs_in`: it takes the person's OpenAI sign-in; else `key`, or nothing. `chatgpt_base` is
    where a ChatGPT sign-in goes. `idle` is in seconds.
    """

    id: str
    name: str
    model: str
    base: str
    chatgpt_base: str
    dialect: Dialect
    signs_in: bool = False
    key: TokenSource | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    idle: float = 300.0

    def address(self, bearer: Bearer | None = None) -> str:
        """Where to POST, for whoever `bearer` speaks for."""
        chatgpt = bearer is not None and bearer.kind == "chatgpt"
        query = f"?{urlencode(self.query)}" if self.query else ""
        return f"{self.chatgpt_base if chatgpt else self.base}/responses{query}"


def resolve(
    config: CodexToml,
    environ: Mapping[str, str] = os.environ,
    *,
    provider_id: str | None = None,
    model: str | None = None,
) -> Provider:
    """The provider that is configured, or `provider_id`; raises `Misconfigured`.

    `model` goes before the configured one, which counts only for the configured provider.
    """
    configured = config.model_provider or "openai"
    chosen = provider_id or configured
    wanted = model or (config.model if chosen == configured else None)
    if chosen == "openai":
        return _openai(config, environ, wanted or DEFAULT_MODEL)
    if chosen in _LOCAL:
        return _local(chosen, environ, wanted)
    table = config.model_providers.get(chosen)
    if table is None:
        known = ", ".join(["openai", *_LOCAL, *config.model_providers])
        raise Misconfigured(
            f"The model provider “{chosen}” is not known. Choose one of {known}, or define it as "
            f"[model_providers.{chosen}] in config.toml."
        )
    return _custom(chosen, table, config, environ, wanted)


def local_provider(name: str, base: str, model: str) -> Provider:
    """A server on this machine that was found rather than configured."""
    return Provider(name.lower(), name, model, base, base, PLAIN)


def _openai(config: CodexToml, environ: Mapping[str, str], model: str) -> Provider:
    found = endpoints(config, environ)
    named = {
        "OpenAI-Organization": environ.get("OPENAI_ORGANIZATION"),
        "OpenAI-Project": environ.get("OPENAI_PROJECT"),
    }
    return Provider(
        id="openai",
        name="OpenAI",
        model=model,
        base=found.api_base,
        chatgpt_base=found.chatgpt_model_base,
        dialect=OPENAI,
        signs_in=True,
        headers={name: value for name, value in named.items() if value},
    )


def _local(chosen: str, environ: Mapping[str, str], model: str | None) -> Provider:
    name, usual_port, default = _LOCAL[chosen]
    port = environ.get("CODEX_OSS_PORT") or usual_port
    base = environ.get("CODEX_OSS_BASE_URL") or f"http://localhost:{port}/v1"
    base = base.rstrip("/")
    return Provider(chosen, name, model or default, base, base, PLAIN)


def _custom(
    chosen: str,
    table: ProviderTable,
    config: CodexToml,
    environ: Mapping[str, str],
    model: str | None,
) -> Provider:
    place = f"[model_providers.{chosen}] in config.toml"
    if table.wire_api != "responses":
        raise Misconfigured(
            f"{place} asks for wire_api = “{table.wire_api}”, which Codex gave up. "
            "Remove that line; the server must offer the Responses API (/v1/responses)."
        )
    if table.base_url is None and not table.requires_openai_auth:
        raise Misconfigured(f"{place} has no base_url. Add the address of its /v1.")
    if model is None:
        raise Misconfigured(f"No model is chosen for {place}. Set `model` at the top of the file.")
    like_openai = endpoints(config, environ)
    return Provider(
        id=chosen,
        name=table.name or chosen,
        model=model,
        base=(table.base_url or like_openai.api_base).rstrip("/"),
        chatgpt_base=(table.base_url or like_openai.chatgpt_model_base).rstrip("/"),
        dialect=OPENAI if table.requires_openai_auth else PLAIN,
        signs_in=table.requires_openai_auth,
        key=_key(table, place, environ),
        headers={
            **table.http_headers,
            **{name: environ[var] for name, var in table.env_http_headers.items()
               if environ.get(var)},
        },
        query=table.query_params,
        idle=table.stream_idle_timeout_ms / 1000,
    )  # fmt: skip


def _key(table: ProviderTable, place: str, environ: Mapping[str, str]) -> TokenSource | None:
    if table.auth is not None:
        return CommandKey(table.auth, f"The program {table.auth.argv[0]} ({place})")
    if table.env_key is not None:
        value = environ.get(table.env_key, "").strip()
        if not value:
            hint = table.env_key_instructions or "Set it where the editor is started."
            raise Misconfigured(f"{place} wants its key in {table.env_key}, which is unset. {hint}")
        return FixedKey(Secret(value), table.env_key)
    if table.experimental_bearer_token is not None:
        return FixedKey(Secret(table.experimental_bearer_token), place)
    return None
