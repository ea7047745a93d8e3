"""What commands are given and what filters are made of, as values."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from codex_lsp.sandbox import bubblewrap, landlock, seatbelt, seccomp
from codex_lsp.sandbox.environment import child_environment
from codex_lsp.sandbox.overlay import clear, unsaved_bytes
from codex_lsp.sandbox.policy import Environment, hidden, outermost
from codex_lsp.sandbox.process import Output

OWN = {
    "PATH": "/bin",
    "HOME": "/home/me",
    "EDITOR": "vi",
    "GITHUB_TOKEN": "x",
    "aws_secret_access_key": "x",
    "DB_PASSWORD": "x",
    "OPENAI_BASE_URL": "x",
    "CODEX_HOME": "x",
    "SSH_AUTH_SOCK": "x",
    "NVIM": "x",
}


def names(policy: Environment) -> set[str]:
    given = child_environment(OWN, policy, network=False, confined=True)
    return {name for name in given if name in OWN or name.startswith("MINE")}


def test_what_sounds_like_a_secret_is_never_inherited() -> None:
    assert names(Environment()) == {"PATH", "HOME", "EDITOR"}
    assert names(Environment("core")) == {"PATH", "HOME"}
    assert names(Environment("none")) == set()
    assert names(Environment(exclude=("edit*",))) == {"PATH", "HOME"}
    assert names(Environment(include_only=("PATH",))) == {"PATH"}
    assert names(Environment("none", chosen={"MINE_KEY": "x"})) == {"MINE_KEY"}


def test_programs_are_told_to_speak_plainly() -> None:
    given = child_environment(OWN, Environment(), network=False, confined=True)
    assert (given["NO_COLOR"], given["TERM"], given["GIT_PAGER"]) == ("1", "dumb", "cat")
    assert given["CODEX_SANDBOX_NETWORK_DISABLED"] == "1"
    free = child_environment(OWN, Environment(), network=False, confined=False)
    assert "CODEX_SANDBOX_NETWORK_DISABLED" not in free


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("sockets", [True, False])
def test_a_filter_is_whole_and_jumps_inside_itself(machine: str, sockets: bool) -> None:
    program = seccomp.program(sockets=sockets, machine=machine)
    assert program
    steps = [*struct.iter_unpack("=HBBI", program)]
    for number, (code, then, otherwise, _value) in enumerate(steps):
        if code in {0x15, 0x35, 0x45}:
            assert number + 1 + max(then, otherwise) < len(steps)
    assert steps[-1][0] == 0x06
    assert seccomp.program(sockets=sockets, machine="riscv64") is None


def test_what_is_hidden_is_there_and_is_not_what_was_opened(tmp_path: Path) -> None:
    home = tmp_path.resolve()
    (home / ".ssh").mkdir()
    (home / ".codex").mkdir()
    (home / "elsewhere").mkdir()
    (home / ".aws").symlink_to(home / "elsewhere")
    found = hidden([home / ".codex"], {}, home)
    assert {path for path in found if path.is_relative_to(home)} == {
        home / ".ssh",
        home / "elsewhere",
    }


def test_a_bubblewrap_of_the_project_is_not_used(tmp_path: Path) -> None:
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert program in bubblewrap.candidates(str(tmp_path), [])
    assert program not in bubblewrap.candidates(str(tmp_path), [tmp_path])


def test_a_link_in_place_of_the_repository_uncovers_nothing(tmp_path: Path) -> None:
    root = (tmp_path / "project").resolve()
    root.mkdir()
    (tmp_path / "secret").mkdir()
    (root / ".git").symlink_to(tmp_path / "secret")
    (root / ".codex").mkdir()
    assert [mount.place for mount in bubblewrap._closed(root)] == [root / ".codex"]


def test_landlock_covers_all_but_what_is_unseen(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    for name in ("a/b", "a/c", "d"):
        (root / name).mkdir(parents=True)
    assert landlock.around(root, [root / "a/b"]) == [root / "a/c", root / "d"]
    assert landlock.around(root, [root]) == []
    assert landlock.around(root, []) == [root]


def test_roots_in_roots_are_laid_once(tmp_path: Path) -> None:
    a, b = tmp_path, tmp_path / "b"
    assert outermost([a, b]) == outermost([b, a]) == outermost([a, a]) == [a]


def test_the_profile_of_macos_quotes_what_it_is_given() -> None:
    text = seatbelt.profile(
        [Path('/w/a "b')], [Path("/w/.git")], [Path("/home/.ssh")], network=False
    )
    assert '(allow file-write* (subpath "/w/a \\"b"))' in text
    order = [text.index(word) for word in ("(deny default)", "/w/a", "/w/.git", "/home/.ssh")]
    assert order == sorted(order)
    assert "network" not in text
    assert "(allow network*)" in seatbelt.profile([], [], [], network=True)
    assert text.count("(") == text.count(")")


def test_long_output_keeps_its_beginning_and_its_end() -> None:
    output = Output(1000)
    for number in range(2000):
        output.add(f"{number}\n".encode())
    taken = output.take()
    assert taken.startswith(b"0\n1\n")
    assert taken.endswith(b"1999\n")
    assert b"bytes left out" in taken
    assert len(taken) < 1100
    assert output.take() == b""


def test_a_mark_that_editors_hide_is_no_change(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes("\ufeffx".encode())
    assert unsaved_bytes(path, "x") is None
    assert unsaved_bytes(path, "y") == "\ufeffy".encode()
    path.write_bytes(b"\xff\xfe")
    assert unsaved_bytes(path, "anything") is None
    assert unsaved_bytes(tmp_path / "new", "x") == b"x"


def test_clearing_up_touches_nothing_around_it(tmp_path: Path) -> None:
    folder = tmp_path / "ours"
    (folder / "closed" / "inner").mkdir(parents=True)
    (folder / "closed" / "inner" / "x").write_text("")
    (folder / "closed" / "inner").chmod(0)
    (folder / "closed").chmod(0)
    tmp_path.chmod(0o755)
    clear(folder)
    assert not folder.exists()
    clear(folder)
    assert tmp_path.stat().st_mode & 0o777 == 0o755
