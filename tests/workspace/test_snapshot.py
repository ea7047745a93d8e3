from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import pytest

from codex_lsp.workspace import disk, relocate
from codex_lsp.workspace.containment import (
    Inside,
    Outside,
    fold,
    is_protected,
    may_hold_secrets,
    resolve,
)
from codex_lsp.workspace.disk import DiskText, Unusable
from codex_lsp.workspace.snapshot import BufferText, Found, Missing, Snapshot


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = (tmp_path / "root").resolve()
    folder.mkdir()
    return folder


def test_an_open_buffer_hides_the_file_below_it(root: Path) -> None:
    path = root / "a.py"
    path.write_text("on disk")
    snapshot = Snapshot((root,), {path: BufferText(path, "in the editor", 3)})
    found = snapshot.look("a.py")
    assert isinstance(found, Found)
    assert found.text == "in the editor"


def test_another_spelling_of_an_open_file_is_its_buffer_where_case_does_not_count(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("Main.py", "main.py", "x.py"):
        (root / name).write_text("on disk")
    buffer = BufferText(root / "Main.py", "in the editor", 3)
    snapshot = Snapshot((root,), {buffer.path: buffer})
    assert snapshot.look("x.py") == Found(root / "x.py", disk_text(root / "x.py"), protected=False)
    assert snapshot.look("main.py") == Found(
        root / "main.py", disk_text(root / "main.py"), protected=False
    )
    monkeypatch.setattr(Path, "samefile", lambda one, other: fold(str(one)) == fold(str(other)))
    assert snapshot.look("main.py") == Found(buffer.path, buffer, protected=False)
    assert snapshot.look("x.py") == Found(root / "x.py", disk_text(root / "x.py"), protected=False)


def disk_text(path: Path) -> DiskText:
    found = disk.read(path)
    assert isinstance(found, DiskText)
    return found


def test_what_is_not_there_is_said_to_be_missing(root: Path) -> None:
    assert Snapshot((root,), {}).look("new/b.py") == Missing(root / "new/b.py", protected=False)


@pytest.mark.parametrize(
    "raw",
    [
        "../x",
        "/etc/passwd",
        "a/../../x",
        "",
        " ",
        "a\0b",
        "//server/x",
        "\\\\server\\x",
        "a\nb",
        ".",
    ],
)
def test_paths_that_lead_out_are_refused(root: Path, raw: str) -> None:
    assert isinstance(resolve(raw, (root,)), Outside)


def test_links_are_followed_before_the_check(root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (root / "link").symlink_to(tmp_path / "secret", target_is_directory=True)
    (root / "loop").symlink_to(root / "loop")
    assert isinstance(resolve("link/x", (root,)), Outside)
    assert isinstance(resolve("loop/x", (root,)), Outside)


def test_files_that_are_more_or_less_than_files_are_refused(root: Path) -> None:
    (root / "one").write_text("")
    (root / "two").hardlink_to(root / "one")
    assert isinstance(resolve("one", (root,)), Outside)
    if hasattr(os, "mkfifo"):
        os.mkfifo(root / "pipe")
        assert isinstance(resolve("pipe", (root,)), Outside)


@pytest.mark.parametrize(
    "raw",
    [
        ".git/config", "sub/.git/hooks/x", ".VSCODE/settings.json", ".env", ".env.local", "a/.ENV",
        "x.code-workspace", ".github/workflows/ci.yml", "AGENTS.md", "agents.md", ".npmrc",
        ".git./config", "\uff0egit/config", ".yarnrc.yml",
    ],
)  # fmt: skip
def test_files_that_configure_tools_are_protected_in_any_spelling(root: Path, raw: str) -> None:
    place = resolve(raw, (root,))
    assert isinstance(place, Inside)
    assert place.protected


@pytest.mark.parametrize("folder", [".codex", ".git", ".git/hooks", ".github/workflows", ".CODEX"])
def test_a_root_that_is_a_tools_own_folder_protects_all_that_is_in_it(
    root: Path, folder: str
) -> None:
    inner = root / folder
    inner.mkdir(parents=True)
    place = resolve("config.toml", (inner,))
    assert isinstance(place, Inside)
    assert place.protected


def test_a_work_tree_that_a_tool_keeps_in_its_folder_is_as_good_as_any(root: Path) -> None:
    tree = root / ".codex" / "worktrees" / "1a2b" / "project"
    tree.mkdir(parents=True)
    assert resolve("a.py", (tree,)) == Inside(tree / "a.py", tree, protected=False)


@pytest.mark.parametrize(
    "raw", ["auth.json", "deploy/ID_RSA", "tls/server.key", ".git-credentials"]
)
def test_the_model_neither_reads_nor_changes_files_that_hold_secrets(root: Path, raw: str) -> None:
    place = resolve(raw, (root,))
    assert isinstance(place, Inside)
    assert place.protected
    assert may_hold_secrets(place.path)


@pytest.mark.parametrize("raw", ["src/main.py", ".github/README.md", "git/x", "environment.py"])
def test_other_files_are_not(raw: str) -> None:
    assert not is_protected(PurePosixPath(raw))


def test_a_file_is_replaced_only_if_it_is_still_what_was_seen(root: Path) -> None:
    path = root / "a.py"
    path.write_bytes(b"\xef\xbb\xbfone\r\ntwo")
    path.chmod(0o755)
    seen = disk.read(path)
    assert isinstance(seen, DiskText)
    assert disk.replace(path, seen.text.replace("one", "1"), seen=seen) is None
    assert path.read_bytes() == b"\xef\xbb\xbf1\r\ntwo"
    assert path.stat().st_mode & 0o777 == 0o755
    assert isinstance(disk.replace(path, "lost", seen=seen), Unusable)
    assert path.read_bytes() == b"\xef\xbb\xbf1\r\ntwo"
    assert [entry.name for entry in root.iterdir()] == ["a.py"]


def test_a_new_file_never_overwrites(root: Path) -> None:
    path = root / "deep" / "a.py"
    assert relocate.put(path, "x\r\n") is None
    assert path.read_bytes() == b"x\r\n"
    assert isinstance(relocate.put(path, "y"), Unusable)
    assert path.read_bytes() == b"x\r\n"


@pytest.mark.parametrize("data", [b"a\0b", b"\xff\xfe", b"caf\xe9"])
def test_what_is_not_utf8_text_is_refused(root: Path, data: bytes) -> None:
    path = root / "x"
    path.write_bytes(data)
    assert isinstance(Snapshot((root,), {}).look("x"), Unusable)


def test_a_file_that_is_too_large_is_refused_unread(root: Path) -> None:
    path = root / "x"
    with path.open("wb") as file:
        file.truncate(disk.MAX_FILE_BYTES)  # without a byte of it on the disk
    assert isinstance(fits := Snapshot((root,), {}).look("x"), Unusable)
    assert "binary" in fits.reason
    with path.open("ab") as file:
        file.write(b"x")
    assert isinstance(large := Snapshot((root,), {}).look("x"), Unusable)
    assert "larger than 8 MiB" in large.reason


def test_a_file_is_found_by_its_name_in_whichever_root_it_is(root: Path, tmp_path: Path) -> None:
    other = (tmp_path / "other").resolve()
    snapshot = Snapshot((root, other), {})
    for folder in (root, other):
        path = folder / "same.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(folder.name)
        found = snapshot.look(snapshot.name(path))
        assert isinstance(found, Found)
        assert found.path == path
    assert snapshot.name(root / "same.py") == "same.py"
