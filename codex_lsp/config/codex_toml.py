"""CODEX_HOME/config.toml, as far as we heed it, read into frozen values.

A value that cannot be used becomes a `Problem` with its line and counts as unset: a typing error
in a settings file must not take the whole server down. The file is only read, never written.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

_Text = TypeVar("_Text", bound=str)
Store = Literal["file", "keyring", "auto", "ephemeral"]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in the file, for the person; `line` counts from 1."""

    message: str
    line: int | None = None

    def __str__(self) -> str:
        place = f"config.toml, line {self.line}" if self.line else "config.toml"
        return f"{place}: {self.message}"


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
    auth_command: bool = False


@dataclass(frozen=True, slots=True)
class CodexToml:
    """The settings; None where the file says nothing."""

    model: str | None = None
    model_provider: str | None = None
    model_providers: Mapping[str, ProviderTable] = field(default_factory=dict)
    openai_base_url: str | None = None
    chatgpt_base_url: str | None = None
    model_reasoning_effort: str | None = None
    model_reasoning_summary: Literal["auto", "concise", "detailed", "none"] | None = None
    model_verbosity: Literal["low", "medium", "high"] | None = None
    cli_auth_credentials_store: Store = "file"
    forced_login_method: Literal["chatgpt", "api"] | None = None
    forced_chatgpt_workspace_id: tuple[str, ...] = ()
    oss_provider: Literal["ollama", "lmstudio"] | None = None
    problems: tuple[Problem, ...] = ()


def read(home: Path) -> CodexToml:
    """The settings in `home`; all unset if there is no file."""
    try:
        text = (home / "config.toml").read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return CodexToml()
    except UnicodeDecodeError as error:
        return CodexToml(problems=(Problem(f"is not UTF-8 ({error.reason}); nothing is read"),))
    except OSError as error:
        return CodexToml(problems=(Problem(f"cannot be read: {error.strerror}"),))
    return parse(text)


def parse(text: str) -> CodexToml:
    """The settings in `text`, a TOML document; a profile that it chooses is laid over the rest."""
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        at = re.search(r"\(at line (\d+)", str(error))
        line = int(at[1]) if at else None
        return CodexToml(problems=(Problem(f"is not TOML, nothing is read: {error}", line),))
    reader = _Reader(text)
    config = _settings(reader, _Table(document, ()))
    if chosen := reader.string(_Table(document, ()), "profile"):
        config = _with_profile(reader, config, document, chosen)
    return replace(config, problems=tuple(reader.problems))


@dataclass(frozen=True, slots=True)
class _Table:
    values: Mapping[str, Any]
    path: tuple[str, ...]


def _settings(reader: _Reader, top: _Table) -> CodexToml:
    store: Store | None = reader.choice(
        top, "cli_auth_credentials_store", "file", "keyring", "auto", "ephemeral"
    )
    return CodexToml(
        model=reader.string(top, "model"),
        model_provider=reader.string(top, "model_provider"),
        model_providers={
            name: _provider(reader, table) for name, table in reader.tables(top, "model_providers")
        },
        openai_base_url=reader.string(top, "openai_base_url"),
        chatgpt_base_url=reader.string(top, "chatgpt_base_url"),
        model_reasoning_effort=reader.string(top, "model_reasoning_effort"),
        model_reasoning_summary=reader.choice(
            top, "model_reasoning_summary", "auto", "concise", "detailed", "none"
        ),
        model_verbosity=reader.choice(top, "model_verbosity", "low", "medium", "high"),
        cli_auth_credentials_store=store or "file",
        forced_login_method=reader.choice(top, "forced_login_method", "chatgpt", "api"),
        forced_chatgpt_workspace_id=reader.strings(top, "forced_chatgpt_workspace_id"),
        oss_provider=reader.choice(top, "oss_provider", "ollama", "lmstudio"),
    )


def _provider(reader: _Reader, table: _Table) -> ProviderTable:
    return ProviderTable(
        name=reader.string(table, "name"),
        base_url=reader.string(table, "base_url"),
        env_key=reader.string(table, "env_key"),
        env_key_instructions=reader.string(table, "env_key_instructions"),
        experimental_bearer_token=reader.string(table, "experimental_bearer_token"),
        wire_api=reader.string(table, "wire_api") or "responses",
        query_params=reader.string_table(table, "query_params"),
        http_headers=reader.string_table(table, "http_headers"),
        env_http_headers=reader.string_table(table, "env_http_headers"),
        requires_openai_auth=reader.boolean(table, "requires_openai_auth"),
        stream_idle_timeout_ms=reader.positive(table, "stream_idle_timeout_ms", 300_000),
        auth_command="auth" in table.values,
    )


def _with_profile(
    reader: _Reader, config: CodexToml, document: Mapping[str, Any], chosen: str
) -> CodexToml:
    tables = dict(reader.tables(_Table(document, ()), "profiles"))
    if chosen not in tables:
        reader.complain((), "profile", f"profile “{chosen}” is chosen but not defined")
        return config
    over = _settings(reader, tables[chosen])
    names = ("model", "model_provider", "model_reasoning_effort", "model_reasoning_summary",
             "model_verbosity", "chatgpt_base_url", "oss_provider")  # fmt: skip
    said = {name: getattr(over, name) for name in names if getattr(over, name) is not None}
    return replace(config, **said)


class _Reader:
    """Takes values of the right kind out of tables, and notes what is of another."""

    def __init__(self, text: str) -> None:
        self.problems: list[Problem] = []
        self._lines = text.splitlines()

    def string(self, table: _Table, key: str) -> str | None:
        value = table.values.get(key)
        if value is None or (isinstance(value, str) and value.strip()):
            return value
        self.complain(table.path, key, f"{key} must be a text that is not empty")
        return None

    def choice(self, table: _Table, key: str, *allowed: _Text) -> _Text | None:
        value = table.values.get(key)
        if value is None or value in allowed:
            return cast("_Text | None", value)
        self.complain(table.path, key, f"{key} must be one of {', '.join(allowed)}")
        return None

    def strings(self, table: _Table, key: str) -> tuple[str, ...]:
        value = table.values.get(key, [])
        listed = [value] if isinstance(value, str) else value
        if isinstance(listed, list) and all(isinstance(one, str) for one in listed):
            return tuple(listed)
        self.complain(table.path, key, f"{key} must be a text or a list of texts")
        return ()

    def boolean(self, table: _Table, key: str) -> bool:
        value = table.values.get(key, False)
        if isinstance(value, bool):
            return value
        self.complain(table.path, key, f"{key} must be true or false")
        return False

    def positive(self, table: _Table, key: str, otherwise: int) -> int:
        value = table.values.get(key, otherwise)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
        self.complain(table.path, key, f"{key} must be a whole number above 0")
        return otherwise

    def string_table(self, table: _Table, key: str) -> Mapping[str, str]:
        value = table.values.get(key, {})
        if isinstance(value, dict) and all(isinstance(one, str) for one in value.values()):
            return dict(value)
        self.complain(table.path, key, f"{key} must be a table of texts")
        return {}

    def tables(self, table: _Table, key: str) -> list[tuple[str, _Table]]:
        value = table.values.get(key, {})
        if not isinstance(value, dict):
            self.complain(table.path, key, f"{key} must be a table of tables")
            return []
        good: list[tuple[str, _Table]] = []
        for name, inner in value.items():
            if isinstance(inner, dict):
                good.append((name, _Table(inner, (*table.path, key, name))))
            else:
                self.complain((*table.path, key), name, f"{key}.{name} must be a table")
        return good

    def complain(self, path: tuple[str, ...], key: str, message: str) -> None:
        self.problems.append(Problem(message, self._line_of(path, key)))

    def _line_of(self, path: tuple[str, ...], key: str) -> int | None:
        """The line of `key` in the table `path`; tomllib tells none, so the text is searched."""
        section: tuple[str, ...] = ()
        named: int | None = None
        for number, line in enumerate(self._lines, start=1):
            if header := re.match(r"\s*\[+([^\]]+)\]", line):
                section = tuple(part.strip().strip("\"'") for part in header[1].split("."))
                if section[: len(path) + 1] == (*path, key):
                    return number
                continue
            if match := re.match(r"\s*([^=#]+?)\s*=", line):
                dotted = tuple(part.strip().strip("\"'") for part in match[1].split("."))
                if (*section, *dotted)[: len(path) + 1] == (*path, key):
                    return number
                if (*section, *dotted) == path[: len(section) + len(dotted)]:
                    named = number  # an inline table that holds it
        return named
