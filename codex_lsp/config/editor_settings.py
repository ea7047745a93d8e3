"""The settings of section `codex`, as an editor sends them, checked by hand into a frozen value.

One table says all there is to say of each setting; the README's table and editors' schemas are
made from it. Where requests go (provider, base URLs, credentials) is no editor setting: editors
take settings from workspace files too, and a workspace must not redirect a person's code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class EditorSettings:
    """What the person set for this editor. Lengths are bytes."""

    model: str | None = field(
        default=None,
        metadata={"key": "model", "doc": "Model to use; unset: the one of `config.toml`."},
    )
    effort: str | None = field(
        default=None,
        metadata={
            "key": "effort",
            "doc": "Reasoning effort, for example `low`, `medium` or `high`; unset: the one of "
            "`config.toml`, else the model's own.",
        },
    )
    apply: str = field(
        default="auto",
        metadata={
            "key": "edits.apply",
            "doc": "`auto`: changes are made at once, and can be undone. `propose`: they wait as "
            "diagnostics with the code actions keep and undo. `confirm`: you are asked about each "
            "turn's changes; where the editor cannot ask, they wait.",
            "choices": ("auto", "propose", "confirm"),
        },
    )
    preview: bool = field(
        default=True,
        metadata={
            "key": "edits.preview",
            "doc": "Where you are asked (`confirm`), offer the editor's own preview too, in which "
            "each change has a tick box. Only where `initializationOptions` say "
            "`edits: {preview: true}`, as those of VS Code do.",
        },
    )
    closed_files: str = field(
        default="disk",
        metadata={
            "key": "edits.closedFiles",
            "doc": "Who changes files that are not open. `disk`: codex-lsp, on disk, if they are "
            "still what was read. `editor`: the editor, which opens them and leaves them unsaved; "
            "Eglot asks first. Whole files are made, moved and deleted on disk either way, if they "
            "are not open.",
            "choices": ("disk", "editor"),
        },
    )
    context_bytes: int = field(
        default=12_000,
        metadata={
            "key": "context.maxBytes",
            "doc": "How much of a file is sent with a request.",
            "minimum": 1_000,
            "maximum": 400_000,
        },
    )
    command_idle_minutes: int = field(
        default=0,
        metadata={
            "key": "commands.idleMinutes",
            "doc": "A command that runs on is ended when Codex has not looked at it for so many "
            "minutes. 0: it may run until the job is over.",
            "minimum": 0,
            "maximum": 1_440,
        },
    )
    offer_presets: bool = field(
        default=True,
        metadata={
            "key": "actions.presets",
            "doc": "Offer simplify, types, errors and performance on a selection.",
        },
    )
    code_lens: bool = field(
        default=True,
        metadata={
            "key": "codeLens",
            "doc": "Code lenses: keep and undo above each change that waits, and what Codex asks "
            "above its line. Only where `initializationOptions` say `codeLens: true`, as those of "
            "VS Code do.",
        },
    )


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the reference."""

    key: str
    kind: type
    default: object
    doc: str
    minimum: int | None = None
    maximum: int | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Parsed:
    """Settings, and a sentence for each value that was not usable and was left at its default."""

    settings: EditorSettings
    problems: tuple[str, ...]


_KINDS: Mapping[str, type] = {
    "model": str,
    "effort": str,
    "apply": str,
    "preview": bool,
    "closed_files": str,
    "context_bytes": int,
    "command_idle_minutes": int,
    "offer_presets": bool,
    "code_lens": bool,
}


def reference() -> tuple[Setting, ...]:
    """Every setting, in the order of the table."""
    return tuple(
        Setting(
            key=f"codex.{entry.metadata['key']}",
            kind=_KINDS[entry.name],
            default=entry.default,
            doc=entry.metadata["doc"],
            minimum=entry.metadata.get("minimum"),
            maximum=entry.metadata.get("maximum"),
            choices=entry.metadata.get("choices", ()),
        )
        for entry in fields(EditorSettings)
    )


def parse(section: object, over: EditorSettings | None = None) -> Parsed:
    """Read the section `codex`, nested or with dotted keys; unknown keys are told, not fatal.

    What it does not say stays as it is in `over`.
    """
    over = over or EditorSettings()
    if section is None:
        return Parsed(over, ())
    if not isinstance(section, Mapping):
        return Parsed(over, ("the section `codex` has to be an object",))
    flat = dict(_flattened(section))
    values: dict[str, Any] = {}
    problems: list[str] = []
    for entry, setting in zip(fields(EditorSettings), reference(), strict=True):
        value = flat.pop(setting.key.removeprefix("codex."), None)
        if value is None:
            continue
        if problem := _wrong(setting, value):
            problems.append(f"`{setting.key}` {problem}; it stays at {getattr(over, entry.name)!r}")
        else:
            values[entry.name] = value
    # Lua clients pad empty tables; VS Code's keeps what it needs to start us in the same section.
    unknown = [key for key in flat if not key.startswith(("_", "server."))]
    problems += [f"`codex.{key}` is not a setting of codex-lsp" for key in unknown]
    return Parsed(replace(over, **values), tuple(problems))


def _wrong(setting: Setting, value: object) -> str | None:
    if type(value) is not setting.kind:
        return f"has to be {_NAMES[setting.kind]}"
    if setting.choices and value not in setting.choices:
        return f"has to be one of {', '.join(setting.choices)}"
    if isinstance(value, int) and setting.minimum is not None and value < setting.minimum:
        return f"has to be at least {setting.minimum}"
    if isinstance(value, int) and setting.maximum is not None and value > setting.maximum:
        return f"has to be at most {setting.maximum}"
    return None


_NAMES: Mapping[type, str] = {str: "a string", int: "a whole number", bool: "true or false"}


def _flattened(section: Mapping[object, object], prefix: str = "") -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []
    for key, value in section.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            found += _flattened(value, f"{name}.")
        else:
            found.append((name, value))
    return found
