"""What a tool is told of a file's problems: what was fed, or else what the last menu came with."""

from __future__ import annotations

from typing import Any

from codex_lsp.lsp.diagnostics import Diagnostics


def problem(message: str, **more: Any) -> dict[str, Any]:
    at = {"line": 0, "character": 0}
    return {"range": {"start": at, "end": at}, "message": message, **more}


def test_what_was_fed_goes_before_what_a_menu_came_with() -> None:
    diagnostics = Diagnostics()
    assert diagnostics.reported("u") is None
    diagnostics.known("u", [problem("seen"), problem("ours", data={"hunkId": "h"})])
    assert diagnostics.reported("u") == (problem("seen"),)
    diagnostics.known("u", [])
    assert diagnostics.reported("u") == (problem("seen"),)  # another place has none
    diagnostics.feed("u", [])
    assert diagnostics.reported("u") == ()
    diagnostics.forget("u")
    assert diagnostics.reported("u") is None
