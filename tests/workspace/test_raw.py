"""Old bytes are kept, but not all of them for ever."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from codex_lsp.workspace import raw


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
