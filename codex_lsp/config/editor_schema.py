"""The settings as a JSON schema, which is how VS Code and others learn of them.

`python -m codex_lsp.config.editor_schema` prints it. A test compares it with the extension's.
"""

from __future__ import annotations

import json
import sys

from codex_lsp.config.editor_settings import Setting, reference

_TYPES: dict[type, str] = {str: "string", int: "integer", bool: "boolean"}


def properties() -> dict[str, dict[str, object]]:
    """The schema of each setting, by its key."""
    return {setting.key: _property(setting) for setting in reference()}


def _property(setting: Setting) -> dict[str, object]:
    kind = _TYPES[setting.kind]
    found: dict[str, object] = {
        "type": kind if setting.default is not None else [kind, "null"],
        "default": setting.default,
        "markdownDescription": setting.doc,
    }
    if setting.choices:
        found["enum"] = list(setting.choices)
    if setting.minimum is not None:
        found["minimum"] = setting.minimum
    if setting.maximum is not None:
        found["maximum"] = setting.maximum
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(properties(), indent=2, ensure_ascii=False) + "\n")
