"""Paths that would lead out of the workspace, or to a file that configures a tool, in every
spelling we know of: the first are refused, the second are marked, and nothing is written outside.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest

from codex_lsp.edits.dialects import parse_any
from codex_lsp.edits.patch import BadPatch
from codex_lsp.workspace import disk, places, relocate
from codex_lsp.workspace.containment import (
    PROTECTED_COMPONENTS,
    Inside,
    Outside,
    is_protected,
    resolve,
)
from codex_lsp.workspace.disk import DiskText, Unusable
from codex_lsp.workspace.places import Folder
from codex_lsp.workspace.raw import (
    Bits,
    copy_of,
    discard,
    install,
    link,
    look,
    make_folder,
    swap,
)
from codex_lsp.workspace.snapshot import BufferText, Snapshot

SWAPS = int(os.environ.get("CODEX_LSP_SWAPS", "1500"))


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A folder that holds `root`, the workspace, and `outside`, with a file."""
    world = tmp_path.resolve()
    (world / "root" / "src").mkdir(parents=True)
    (world / "root" / "src" / "a.py").write_text("a\n")
    (world / "outside").mkdir()
    (world / "outside" / "a.py").write_text("theirs\n")
    (world / "rootling").mkdir()
    return world


LEXICAL = [
    "..",
    "../",
    "../x",
    "../outside/a.py",
    "../../x",
    "src/../../x",
    "src/../../outside/a.py",
    "./../x",
    "src/./../../x",
    "src//../../x",
    "../root/../outside/a.py",
    "a/b/c/../../../../x",
    "../rootling/x",
    "/",
    "/etc/passwd",
    "/x",
    "/../x",
    "/root/../etc/passwd",
    "/tmp",
    "//etc/passwd",
    "///etc/passwd",
    "//server/share/x",
    "//./pipe/x",
    "//?/C:/x",
    "//localhost/etc/passwd",
    "/\\server/x",
    "\\/server/x",
    "\\\\server\\share\\x",
    "\\\\?\\C:\\x",
    "\\\\?\\UNC\\server\\x",
    "\\\\.\\C:\\x",
    "\\\\.\\pipe\\x",
    "\\\\localhost\\c$\\x",
    "\\x",
    "\\..\\x",
    "..\\x",
    "..\\..\\x",
    "src\\..\\..\\x",
    "src\\x",
    "src/..\\..\\x",
    ".\\x",
    "C:\\x",
    "C:/x",
    "c:x",
    "C:..\\x",
    "Z:",
    "C:",
    "z:/../x",
    "C:\\Windows\\system32\\x",
    "file:///etc/passwd",
    "file://localhost/etc/passwd",
    "file:/etc/passwd",
    "file:x",
    "FILE:///x",
    "http://host/x",
    "https://host/x",
    "ssh://host/x",
    "vscode-remote://host/x",
    "untitled:x",
    "data:x",
    "jar:file:///x",
    "smb://host/share/x",
    "/proc/self/cwd/x",
    "/proc/self/root/etc/passwd",
    "/proc/1/root/x",
    "/proc/self/fd/1",
    "/proc/self/mem",
    "/proc/self/environ",
    "/dev/null",
    "/dev/tty",
    "/dev/fd/1",
    "/dev/stdout",
    "/dev/shm/x",
    "/sys/kernel/x",
    "",
    " ",
    "\t",
    "\n",
    "a\nb",
    "a\rb",
    "a\0b",
    "\0",
    "a\x1b[2Jb",
    "\x7f/../../x",
    ".",
    "./",
    "src",
    "src/",
    "src/.",
    "~/../../x" + "/.." * 9,
    "x/" + "../" * 40 + "etc/passwd",
    "a/" * 3000 + "x",
    "x" * 300,
    "src/a.py/../../../x",
    "src/a.py/..//../../x",
]


@pytest.mark.skipif(os.name == "nt", reason="paths of POSIX")
@pytest.mark.parametrize("raw", LEXICAL)
def test_no_path_leads_out(world: Path, raw: str) -> None:
    assert_refused(world, raw)


def assert_refused(world: Path, raw: str) -> None:
    root = world / "root"
    assert isinstance(resolve(raw, (root,)), Outside), raw
    assert isinstance(Snapshot((root,), {}).look(raw), Outside | Unusable)


LINKS: dict[str, tuple[dict[str, str], str]] = {
    "to a file": ({"link": "{outside}/a.py"}, "link"),
    "to a folder": ({"link": "{outside}"}, "link/new.py"),
    "to the folder of a file": ({"link": "{outside}"}, "link/a.py"),
    "a chain": ({"one": "two", "two": "src/three", "src/three": "../../outside"}, "one/a.py"),
    "a circle": ({"one": "two", "two": "one"}, "one/x"),
    "to itself": ({"one": "one"}, "one"),
    "to nothing": ({"link": "{outside}/new.py"}, "link"),
    "to no folder": ({"link": "{outside}/new"}, "link/x.py"),
    "above a link": ({"link": "{outside}/deep"}, "link/../a.py"),
    "by /proc": ({"link": "/proc/self/root"}, "link{outside}/a.py"),
    "relative": ({"src/link": "../../outside/a.py"}, "src/link"),
    "to a like name": ({"link": "{outside}/../rootling"}, "link/x"),
    "to the folder above": ({"link": ".."}, "link/x"),
    "to a device": ({"null": "/dev/null"}, "null"),
    "to a terminal": ({"tty": "/dev/tty"}, "tty"),
}
"""What the links in the root lead to, and a path that uses them."""


@pytest.mark.skipif(os.name == "nt", reason="files of POSIX")
@pytest.mark.parametrize("kind", LINKS)
def test_no_link_leads_out(world: Path, kind: str) -> None:
    links, raw = LINKS[kind]
    (world / "outside" / "deep").mkdir()
    for name, target in links.items():
        (world / "root" / name).symlink_to(target.format(outside=world / "outside"))
    assert_refused(world, raw.format(outside=world / "outside"))
    assert outside(world) == {"a.py": "theirs\n"}


Build = Callable[[Path], str]


def hard_link_out(world: Path) -> str:
    (world / "root" / "hard").hardlink_to(world / "outside" / "a.py")
    return "hard"


def hard_link_within(world: Path) -> str:
    (world / "root" / "hard").hardlink_to(world / "root" / "src" / "a.py")
    return "hard"


def hard_link_under_a_link(world: Path) -> str:
    (world / "root" / "hard").hardlink_to(world / "outside" / "a.py")
    (world / "root" / "soft").symlink_to("hard")
    return "soft"


def a_pipe(world: Path) -> str:
    os.mkfifo(world / "root" / "pipe")
    return "pipe"


def a_link_to_a_pipe(world: Path) -> str:
    os.mkfifo(world / "root" / "pipe")
    (world / "root" / "link").symlink_to("pipe")
    return "link"


def a_socket(world: Path) -> str:
    here = Path.cwd()
    os.chdir(world / "root")  # names of sockets are short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind("sock")
    finally:
        os.chdir(here)
    return "sock"


def a_folder(world: Path) -> str:
    (world / "root" / "folder.py").mkdir()
    return "folder.py"


def below_a_file(world: Path) -> str:
    return "src/a.py/b.py"


BUILT: list[Build] = [
    hard_link_out,
    hard_link_within,
    hard_link_under_a_link,
    a_pipe,
    a_link_to_a_pipe,
    a_socket,
    a_folder,
    below_a_file,
]


@pytest.mark.skipif(os.name == "nt", reason="files of POSIX")
@pytest.mark.parametrize("build", BUILT)
def test_no_file_leads_out(world: Path, build: Build) -> None:
    assert_refused(world, build(world))
    assert outside(world) == {"a.py": "theirs\n"}


def outside(world: Path) -> dict[str, str]:
    return {
        str(path.relative_to(world / "outside")): path.read_text()
        for path in (world / "outside").rglob("*")
        if path.is_file()
    }


def test_a_root_that_is_a_link_is_the_folder_that_it_leads_to(world: Path) -> None:
    (world / "alias").symlink_to("root")
    root = (world / "alias").resolve()
    place = resolve(str(world / "alias" / "src" / "a.py"), (root,))
    assert place == Inside(world / "root" / "src" / "a.py", root, protected=False)


SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "upper": str.upper,
    "title": str.title,
    "dot behind": lambda name: f"{name}.",
    "space behind": lambda name: f"{name} ",
    "dots and spaces behind": lambda name: f"{name}. . .",
    "stream": lambda name: f"{name}::$DATA",
    "index": lambda name: f"{name}::$INDEX_ALLOCATION",
    "full width": lambda name: "".join(
        chr(ord(char) + 0xFEE0) if "!" <= char <= "~" and char != "/" else char for char in name
    ),
    "joiner": lambda name: f"{name[:2]}\u200d{name[2:]}",
    "non-joiner": lambda name: f"{name[:2]}\u200c{name[2:]}",
    "mark of order": lambda name: f"{name}\ufeff",
    "direction": lambda name: f"\u202e{name}",
    "selector": lambda name: f"{name[:3]}\ufe0f{name[3:]}",
    "soft hyphen": lambda name: f"{name[:3]}\u00ad{name[3:]}",
    "tag": lambda name: f"{name}\U000e0041",
    "long s": lambda name: name.replace("s", "\u017f"),
    "kelvin": lambda name: name.replace("k", "\u212a"),
}
LISTED = sorted(
    {*PROTECTED_COMPONENTS, ".env", ".env.local", ".envrc", ".yarnrc.yml", "x.code-workspace"}
)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_protected_files_are_so_in_every_spelling_there_or_not(world: Path, spelling: str) -> None:
    spell = SPELLINGS[spelling]
    for name in LISTED:
        for raw in (spell(name), f"src/{spell(name)}", f"missing/{spell(name)}"):
            place = resolve(raw, (world / "root",))
            assert isinstance(place, Outside) or place.protected, raw
    for name in sorted(PROTECTED_COMPONENTS):
        raw = f"{spell(name)}/deep/file"
        place = resolve(raw, (world / "root",))
        assert isinstance(place, Outside) or place.protected, raw


@pytest.mark.parametrize(
    "raw",
    [
        ".github/workflows/ci.yml",
        ".GitHub/WORKFLOWS/ci.yml",
        "\uff0egithub/workflows/x",
        ".github./workflows./x",
        "sub/.github/workflows/x",
        "GIT~1/config",
        "git~1/hooks/x",
        "CODEX~1/config.toml",
        "AGENTS~1.MD",
        "VSCODE~1/x",
        "src/../.git/config",
        "./.git/config",
        ".git//config",
        "src/../src/.vscode/tasks.json",
        ".idea/x",
        "a.CODE-WORKSPACE",
    ],
)
def test_protected_places_are_so_in_other_ways_to_write_them(world: Path, raw: str) -> None:
    place = resolve(raw, (world / "root",))
    assert isinstance(place, Outside) or place.protected


def test_a_link_to_a_protected_file_is_protected_and_so_is_one_of_its_name(world: Path) -> None:
    root = world / "root"
    (root / ".git").mkdir()
    (root / "innocent").symlink_to(".git")
    (root / ".vscode").symlink_to("src")
    for raw in ("innocent/config", ".vscode/a.py", ".vscode/new.json"):
        place = resolve(raw, (root,))
        assert isinstance(place, Inside)
        assert place.protected, raw


@pytest.mark.parametrize(
    "raw",
    [
        ".envs/dev/x.py",
        ".env/lib/x.py",
        ".environment",
        ".envoy.yaml",
        "src/env.py",
        "a~b.py",
        "x.py~",
        "caf\u00e9.py",
    ],
)
def test_names_that_only_look_alike_are_free(world: Path, raw: str) -> None:
    place = resolve(raw, (world / "root",))
    assert isinstance(place, Inside)
    assert not place.protected
    assert not is_protected(place.path.relative_to(world / "root"))


@pytest.mark.parametrize("mode", ["120000", "160000"])
@pytest.mark.parametrize("line", ["new file mode", "old mode", "new mode", "deleted file mode"])
def test_a_diff_makes_no_links_and_no_submodules(mode: str, line: str) -> None:
    patch = f"diff --git a/x b/x\n{line} {mode}\n--- a/x\n+++ b/x\n@@ -0,0 +1 @@\n+../outside\n"
    assert isinstance(parse_any(patch), BadPatch)


# Swaps between the check and the write.


Write = Callable[[Path, DiskText], object]
WRITES: dict[str, Write] = {
    "replace": lambda path, seen: disk.replace(path, "ours\n", seen=seen),
    "put": lambda path, seen: relocate.put(path.with_name("new.py"), "ours\n"),
    "put deep": lambda path, seen: relocate.put(path.parent / "x" / "y" / "new.py", "ours\n"),
    "take": lambda path, seen: relocate.take(path, seen=seen),
    "move": lambda path, seen: relocate.move(path, path.with_name("b.py"), seen=seen),
    "move and change": lambda path, seen: relocate.move(
        path, path.with_name("b.py"), seen=seen, text="ours\n"
    ),
    "read": lambda path, seen: disk.read(path),
    "install": lambda path, seen: refusal(lambda: install(ours(path), path, 0o644)),
    "link": lambda path, seen: refusal(lambda: link(path.with_name("new.py"), Path("a.py"))),
    "discard": lambda path, seen: refusal(lambda: discard(path)),
    "make folder": lambda path, seen: refusal(lambda: make_folder(path.with_name("new"), 0o755)),
    "swap": lambda path, seen: swap(
        path,
        look(path.parents[1] / "was/a.py") or look(path),
        copy_of(ours(path), 0o644),
        kept(path),
    ),
    "swap mode": lambda path, seen: swap(
        path, Bits(path.stat().st_mode & 0o777), Bits(0), kept(path)
    ),
    "swap deep": lambda path, seen: swap(
        path.parent / "x/new", None, copy_of(ours(path), 0o644), kept(path)
    ),
}


def refusal(act: Callable[[], None]) -> Unusable | None:
    try:
        act()
    except OSError as error:
        return Unusable(str(error))
    return None


def kept(path: Path) -> Path:
    return path.parents[2] / "kept"


def ours(path: Path) -> Path:
    made = path.parents[2] / "ours"
    made.write_text("ours\n")
    return made


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
@pytest.mark.parametrize("write", WRITES)
def test_a_folder_that_became_a_link_after_the_check_is_not_followed(
    world: Path, write: str
) -> None:
    path, seen = checked(world)
    (world / "outside" / "a.py").write_text("a\n")  # so that only the place is wrong
    (world / "root" / "src").rename(world / "root" / "was")
    (world / "root" / "src").symlink_to(world / "outside")
    assert isinstance(WRITES[write](path, seen), Unusable)
    assert outside(world) == {"a.py": "a\n"}
    assert sorted(entry.name for entry in (world / "outside").iterdir()) == ["a.py"]
    assert (world / "outside" / "a.py").stat().st_mode & 0o777


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
@pytest.mark.parametrize("write", WRITES)
def test_by_path_each_of_these_would_have_led_out(
    world: Path, write: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutant: folders that are not reached from handle to handle."""
    monkeypatch.setattr(places, "opened", lambda path: nullcontext(Folder(path, None)))
    with pytest.raises(AssertionError):
        test_a_folder_that_became_a_link_after_the_check_is_not_followed(world, write)


@pytest.mark.skipif(os.name == "nt", reason="folders have no handles there")
@pytest.mark.parametrize("write", ["replace", "put", "take", "move", "move and change", "swap"])
def test_a_folder_that_leaves_between_the_check_and_the_act_keeps_what_it_had(
    world: Path, write: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, seen = checked(world)
    leaves_when_a_file_is_opened(path.parent, world / "outside" / "src", monkeypatch)
    assert isinstance(WRITES[write](path, seen), Unusable)
    assert outside(world) == {"a.py": "theirs\n", "src/a.py": "a\n"}
    assert not list((world / "root" / "src").iterdir())


def leaves_when_a_file_is_opened(folder: Path, to: Path, patch: pytest.MonkeyPatch) -> None:
    """Somebody moves `folder` away while we have it open, and makes another."""
    opened = Folder.open

    def leaving(self: Folder, *given: Any) -> int:
        handle = opened(self, *given)
        if not to.exists():
            folder.rename(to)
            folder.mkdir()
        return handle

    patch.setattr(Folder, "open", leaving)


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
@pytest.mark.parametrize("write", ["replace", "read", "take", "move and change"])
def test_a_file_that_became_a_link_after_the_check_is_not_followed(world: Path, write: str) -> None:
    path, seen = checked(world)
    (world / "outside" / "a.py").write_text("a\n")
    path.unlink()
    path.symlink_to(world / "outside" / "a.py")
    assert isinstance(WRITES[write](path, seen), Unusable)
    assert outside(world) == {"a.py": "a\n"}
    assert path.is_symlink()


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
def test_a_file_that_became_a_pipe_holds_nobody_up(world: Path) -> None:
    path, seen = checked(world)
    path.unlink()
    os.mkfifo(path)
    assert isinstance(disk.read(path), Unusable)
    assert isinstance(disk.replace(path, "ours\n", seen=seen), Unusable)
    assert stat.S_ISFIFO(path.lstat().st_mode)


def checked(world: Path) -> tuple[Path, DiskText]:
    place = resolve("src/a.py", (world / "root",))
    assert isinstance(place, Inside)
    seen = disk.read(place.path)
    assert isinstance(seen, DiskText)
    return place.path, seen


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
@pytest.mark.timeout(0 if "CODEX_LSP_SWAPS" in os.environ else 120)
def test_while_a_folder_is_swapped_all_the_time_nothing_is_written_outside(world: Path) -> None:
    """`CODEX_LSP_SWAPS` sets how many rounds of writing there are."""
    path, _ = checked(world)
    number = written = 0
    with swapping(world) as swaps:
        while number < SWAPS or not written:  # one in a hundred meets the folder as it was
            number += 1
            seen = disk.read(path)
            if isinstance(seen, Unusable):
                continue
            assert seen.text != "theirs\n"
            written += disk.replace(path, f"ours {number}\n", seen=seen) is None
            new = path.with_name(f"new{number}.py")
            if relocate.put(new, "ours\n") is None:
                relocate.move(new, path.with_name("moved.py"), seen=DiskText("ours\n", b""))
                moved = disk.read(path.with_name("moved.py"))
                if isinstance(moved, DiskText):
                    relocate.take(path.with_name("moved.py"), seen=moved)
    assert outside(world) == {"a.py": "theirs\n"}
    assert sorted(entry.name for entry in (world / "outside").iterdir()) == ["a.py"]
    assert swaps


@contextmanager
def swapping(world: Path) -> Iterator[list[int]]:
    """Somebody who puts a link in the place of `src`, and the folder back, as fast as it goes."""
    enough, swaps = threading.Event(), list[int]()
    folder, away, link = (world / "root" / name for name in ("src", "away", "link"))
    link.symlink_to(world / "outside")

    def swap() -> None:
        while not enough.is_set():
            with suppress(OSError):  # while neither is there, the writer may make the folder anew
                folder.rename(away)
                link.rename(folder)
                swaps.append(1)
            with suppress(OSError):
                if folder.is_symlink():
                    folder.rename(link)
                elif away.exists():
                    shutil.rmtree(folder, ignore_errors=True)  # the writer may be quicker
                away.rename(folder)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield swaps
    finally:
        enough.set()
        thread.join()


def test_there_are_enough_cases() -> None:
    spelled = 4 * len(SPELLINGS) * len(PROTECTED_COMPONENTS)
    leading_out = len(LEXICAL) + len(LINKS) + len(BUILT)
    assert leading_out >= 100
    assert leading_out + spelled >= 150


def test_a_buffer_under_a_link_is_outside_as_well(world: Path) -> None:
    (world / "root" / "link").symlink_to(world / "outside")
    path = world / "outside" / "a.py"
    snapshot = Snapshot((world / "root",), {path: BufferText(path, "theirs\n", 1)})
    assert isinstance(snapshot.look("link/a.py"), Outside)
