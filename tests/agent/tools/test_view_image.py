"""Pictures of the workspace, and nothing else, reach the model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codex_lsp.agent.conversation import Image, ModelRequest, ToolCall, ToolOutput
from codex_lsp.agent.tools import view_image
from codex_lsp.agent.tools.tool import Answer
from codex_lsp.agent.tools.view_image import ViewImage
from codex_lsp.responses.body import OPENAI, body
from codex_lsp.workspace.snapshot import Snapshot

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 8


async def view(root: Path, path: str) -> Answer:
    tool = ViewImage(lambda: Snapshot((root.resolve(),), {}))
    return await tool.run(json.dumps({"path": path}))


@pytest.mark.parametrize(
    ("data", "media"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0jfif", "image/jpeg"),
        (b"GIF89a..", "image/gif"),
        (b"GIF87a..", "image/gif"),
        (b"RIFF\x01\x02\x03\x04WEBPVP8 ", "image/webp"),
    ],
)
async def test_a_picture_is_known_by_its_bytes(tmp_path: Path, data: bytes, media: str) -> None:
    (tmp_path / "picture.txt").write_bytes(data)
    assert await view(tmp_path, "picture.txt") == Answer("", images=(Image(media, data),))


async def test_what_is_no_picture_is_not_sent(tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_text("all my secrets")
    answer = await view(tmp_path, "notes.png")
    assert answer == Answer("view_image: notes.png is no PNG, JPEG, GIF or WebP")


async def test_what_is_kept_out_is_not_sent(tmp_path: Path) -> None:
    work = tmp_path / "work"
    (work / ".git").mkdir(parents=True)
    for place in ("kept.png", "id_rsa.png", ".git/a.png", "../outside.png"):
        (work / place).write_bytes(PNG)
    (work / ".codexignore").write_text("kept.png\n")
    (work / "link.png").symlink_to(tmp_path / "outside.png")
    for path in ("kept.png", "id_rsa.png", ".git/a.png", "../outside.png", "link.png", "none.png"):
        answer = await view(work, path)
        assert answer.images == ()
        assert answer.text.startswith("view_image: ")


async def test_a_large_picture_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view_image, "MOST_BYTES", len(PNG) - 1)
    (tmp_path / "a.png").write_bytes(PNG)
    assert "larger than" in (await view(tmp_path, "a.png")).text


@pytest.mark.parametrize("arguments", ["{", "[]", "{}", '{"path": 3}', ""])
async def test_bad_arguments_are_answered(tmp_path: Path, arguments: str) -> None:
    tool = ViewImage(lambda: Snapshot((tmp_path,), {}))
    assert (await tool.run(arguments)).text.startswith("view_image: ")


def test_a_picture_goes_out_as_an_input_image() -> None:
    call = ToolCall("c1", "view_image", "{}", freeform=False, raw={"type": "function_call"})
    output = ToolOutput(call, "", (Image("image/png", b"abc"),))
    sent = body(ModelRequest("c", "t", "", (output,)), "m", OPENAI)["input"][0]
    assert sent["type"] == "function_call_output"
    assert sent["output"] == [
        {"type": "input_image", "image_url": "data:image/png;base64,YWJj"},
    ]


def test_a_link_that_was_swapped_in_after_the_check_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path.resolve() / "outside.png"
    outside.write_bytes(b"\x89PNG\r\n\x1a\n")
    link = outside.with_name("link.png")
    link.symlink_to(outside)
    assert isinstance(view_image._read(link, "link.png"), str)
    assert isinstance(view_image._read(outside, "outside.png"), Image)
