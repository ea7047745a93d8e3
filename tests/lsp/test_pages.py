from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from codex_lsp.agent.ports import Applied, Change, NotApplied
from codex_lsp.lsp.editing.buffers import OpenBuffers
from codex_lsp.lsp.editing.documents import Documents
from codex_lsp.lsp.person import pages
from codex_lsp.lsp.person.showing import page_at, page_uri

SHOWN = f"# What?\n\n{pages.MARK}\n"


class Unwilling:
    """An editor that takes no edits."""

    async def apply(self, change: Change, *, label: str) -> Applied | NotApplied:
        return NotApplied(change.path, label)


async def not_growing(path: Path) -> None:
    raise AssertionError(f"{path} was written past its buffer")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "POLL_SECONDS", 0.01)


@pytest.mark.parametrize(
    ("saved", "wish"),
    [
        (f"{SHOWN}Do it.\nSEND\n", "Do it."),
        ("# What?\n\nDo it, please.\n\n SEND", "Do it, please."),
        ("Do it, I cleared the page.\nSEND", "Do it, I cleared the page."),
        (f"{SHOWN}\n \nSEND\n", None),
        ("SEND", None),
    ],
)
async def test_what_the_person_saved_is_the_wish(
    saved: str, wish: str | None, tmp_path: Path
) -> None:
    page = pages.new_page(tmp_path, "prompt", SHOWN)
    waiting = asyncio.ensure_future(pages.filled_in(page, SHOWN))
    page.write_text(saved)
    assert await waiting == wish


@pytest.mark.parametrize("saved", [f"{SHOWN}Do", f"{SHOWN}Do it. SEND", f"{SHOWN}SEND it", ""])
async def test_what_an_editor_saves_by_itself_is_not_sent(saved: str, tmp_path: Path) -> None:
    page = pages.new_page(tmp_path, "prompt", SHOWN)
    waiting = asyncio.ensure_future(pages.filled_in(page, SHOWN, wait=0.3))
    page.write_text(saved)
    assert await waiting is None


async def test_an_editor_may_take_the_file_away_for_a_moment_while_it_saves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.md"
    looks: list[str | None] = [SHOWN, None, SHOWN + "Do", f"{SHOWN}Do it.\nSEND"]
    looks.append(looks[-1])
    monkeypatch.setattr(pages, "_read", lambda _path: looks.pop(0))
    assert await pages.filled_in(page, SHOWN) == "Do it."


@pytest.fixture
def link(tmp_path: Path) -> Path:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    return tmp_path / "link"


async def test_a_page_below_a_link_is_written_through_its_buffer(link: Path) -> None:
    path = pages.new_page(link / "answers", "answer", "# Title ä…\n")
    documents = Documents("utf-8")
    item = {"uri": path.as_uri(), "languageId": "markdown", "version": 1, "text": "# Title ä…\n"}
    documents.did_open({"textDocument": item})
    page = pages.Answer(path, Unwilling(), OpenBuffers(documents).text_at, not_growing)
    page.write("answer")
    page.finish()
    await page.grow()
    assert page.unshown == "answer"
    assert path.read_text("utf-8") == "# Title ä…\n"


@pytest.mark.parametrize(("kind", "suffix"), [("answers", ".md"), ("diffs", ".diff")])
def test_a_page_to_read_is_found_by_its_address(kind: str, suffix: str, tmp_path: Path) -> None:
    page = pages.new_page(tmp_path / kind, "page", "", suffix)
    assert page_at(tmp_path, page_uri(page)) == page


@pytest.mark.parametrize(
    "uri",
    [
        "codex:/prompts/prompt-1.md",
        "codex:/answers/../auth.json",
        "codex:/answers/..",
        "codex:/answers/.hidden",
        "codex:/answers/a/b.md",
        "codex:/answers/%2e%2e/auth.json",
        "codex:/answers/a%2Fb.md",
        "codex:/answers/a.md\n",
        "codex://host/answers/a.md",
        "file:///answers/a.md",
        "codex:/answers/",
    ],
)
def test_no_other_address_leads_to_a_file(uri: str, tmp_path: Path) -> None:
    assert page_at(tmp_path, uri) is None
