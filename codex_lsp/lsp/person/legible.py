"""What goes on the person's screen, made legible. Most of it quotes a model, a file or a program,
so it is done here once, for every message: what hides or moves other text is spelled out.

Titles of buttons are not touched: clients answer with them.
"""

from __future__ import annotations

import unicodedata
from typing import Any


def on_screen(method: str, params: Any) -> Any:
    """The params of `method` with the texts in them legible; those of other methods as they are."""
    match method, params:
        case (("window/showMessage" | "window/showMessageRequest"), {"message": str(text)}):
            return {**params, "message": legible(text)}
        case "$/progress", {"value": {"kind": str()} as value}:
            texts = {key: legible(value[key]) for key in ("title", "message") if value.get(key)}
            return {**params, "value": {**value, **texts}}
        case "textDocument/publishDiagnostics", {"diagnostics": [*found]}:
            told = [{**one, "message": legible(str(one.get("message", "")))} for one in found]
            return {**params, "diagnostics": told}
        case _:
            return params


def noticed(method: str, params: Any, faintest: int) -> Any:
    """The params of a message to the person, with a type that is shown: `faintest` or graver."""
    match method, params:
        case "window/showMessage", {"type": int(kind)} if kind > faintest:
            return {**params, "type": faintest}
        case _:
            return params


def legible(text: str) -> str:
    """`text` with its line ends, tabs and blanks, and all else that cannot be seen spelled out."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in "\n\t" else _spelled(char) for char in text
    )


def _spelled(char: str) -> str:
    if char == "\r" or unicodedata.category(char) == "Zs":
        return " "
    return f"⟨U+{ord(char):04X}⟩"
