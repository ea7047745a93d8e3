"""Old bytes are kept, but not all of them for ever; what is no text is put in place, and back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from codex_lsp.workspace import raw
from codex_lsp.workspace.disk import Unusable
from codex_lsp.workspace.places import Folder
from tests.security.test_mutants import mutant


def test_old_bytes_are_kept_until_they_are_old_or_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, file = tmp_path / "checkpoints", tmp_path / "image"
    monkeypatch.setattr(raw, "KEPT_BYTES", 10)

    def kept_after(data: bytes) -> list[bytes]:
        file.write_bytes(data)
        os.utime(file, (0, 0))  # how old the file itself is does not count
        assert raw.swap(file, raw.look(file), None, folder) is not None
        return sorted(place.read_bytes() for place in folder.iterdir())

    assert kept_after(b"1111") == [b"1111"]
    (first,) = folder.iterdir()
    now = first.stat().st_mtime
    os.utime(first, (now - 60, now - 60))
    assert kept_after(b"2222") == [b"1111", b"2222"]
    assert kept_after(b"333") == [b"2222", b"333"]
    for place in folder.iterdir():
        os.utime(place, (now - raw.KEPT_SECONDS - 60,) * 2)
    assert kept_after(b"4") == [b"4"]
    assert kept_after(b"5" * 20) == [b"5" * 20]


def swapped_and_back(tmp_path: Path) -> None:
    """What is swapped comes back as it was, and what somebody changed since stays theirs."""
    path, keep = tmp_path / "image", tmp_path / "kept"
    path.write_bytes(b"\0old")
    path.chmod(0o640)
    source = tmp_path / "source"
    source.write_bytes(b"\0new")
    new = raw.copy_of(source, 0o600)
    old = raw.swap(path, raw.look(path), new, keep)
    assert isinstance(old, raw.Bytes)
    assert raw.look(path) == new
    path.write_bytes(b"\0its")
    assert isinstance(raw.swap(path, new, old, keep), Unusable)
    assert path.read_bytes() == b"\0its"
    assert isinstance(raw.swap(path, None, old, keep), Unusable)
    path.write_bytes(b"\0new")
    assert raw.swap(path, new, old, keep) == new
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"\0old", 0o640)
    assert isinstance(raw.swap(path, old, raw.Bytes(1, b"", 0o600), keep), Unusable)
    assert path.read_bytes() == b"\0old"
    assert not [left for left in tmp_path.iterdir() if left.name.startswith(".")]


def test_what_is_swapped_comes_back_as_it_was(tmp_path: Path) -> None:
    swapped_and_back(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
@pytest.mark.parametrize("to", [raw.Bits(0o600), raw.Link(Path("x")), None])
def test_a_link_that_is_put_there_after_the_look_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: raw.Thing | None
) -> None:
    path, theirs = tmp_path.resolve() / "ours", tmp_path / "theirs"
    for file in (path, theirs):
        file.write_text("text\n")
        file.chmod(0o644)
    there = raw.Bits(0o644) if isinstance(to, raw.Bits) else raw.look(path)
    look = raw._look

    def too_early(folder: Folder, name: str) -> raw.Thing | None:
        found = look(folder, name)
        path.unlink()
        path.symlink_to(theirs)
        return found

    monkeypatch.setattr(raw, "_look", too_early)
    assert isinstance(raw.swap(path, there, to, tmp_path / "kept"), Unusable)
    assert path.readlink() == theirs
    assert (theirs.read_text(), theirs.stat().st_mode & 0o777) == ("text\n", 0o644)
    assert not (tmp_path / "kept").exists()


MUTANTS = {
    "does not compare": ("if now != there:", "if False:"),
    "does not look into files": (
        'hashlib.file_digest(file, "sha256").digest()',
        'hashlib.sha256(b"").digest()',
    ),
    "keeps nothing": ("kept=_kept(file, name, keep)", "kept=None"),
    "forgets the mode": (
        "places.staged(folder, name, file, mode,",
        "places.staged(folder, name, file, 0o666,",
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_swap_is_noticed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = mutant(raw, *MUTANTS[name])
    monkeypatch.setitem(globals(), "raw", made)
    with pytest.raises((AssertionError, OSError)):
        swapped_and_back(tmp_path)
