"""Trust: by the person's word alone, not by what a folder claims to be."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

import pytest

from codex_lsp.workspace.trust import NotWritten, identify, level, note


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = (tmp_path / "home").resolve()
    (home / "good" / ".git").mkdir(parents=True)
    (home / "evil").mkdir()
    return home


def trusted(folder: Path, home: Path, *said: Path) -> bool:
    return level({str(place): "trusted" for place in said}, identify(folder, home)) == "trusted"


def test_a_folder_and_its_work_tree_are_trusted_and_nothing_beside(home: Path) -> None:
    good = home / "good"
    (good / "sub").mkdir()
    assert trusted(good, home, good)
    assert trusted(good / "sub", home, good)
    assert not trusted(home / "evil", home, good)
    (good / "sub" / ".git").mkdir()  # another repository, inside
    assert not trusted(good / "sub", home, good)


@pytest.mark.parametrize("above", ["home", "root"])
def test_home_and_the_root_pass_no_trust_down(home: Path, above: str) -> None:
    place = home if above == "home" else Path("/")
    assert not trusted(home / "evil", home, place)
    (home / ".git").mkdir()  # dotfiles under version control
    assert not trusted(home / "evil", home, place, home)
    assert trusted(home, home, home)


def test_the_nearest_word_counts(home: Path) -> None:
    good = home / "good"
    (good / "sub").mkdir()
    said = identify(good / "sub", home)
    assert level({str(good): "trusted", str(good / "sub"): "untrusted"}, said) == "untrusted"


def test_a_link_is_what_it_leads_to(home: Path) -> None:
    (home / "link").symlink_to(home / "evil")
    assert not trusted(home / "link", home, home / "link", home / "good")
    (home / "other").symlink_to(home / "good")
    assert trusted(home / "other", home, home / "good")


@pytest.mark.parametrize(
    "claim",
    [
        "gitdir: ../good/.git\n",
        "gitdir: ../good/.git/worktrees/evil\n",
        "gitdir:\n",
        "",
        "x",
        "\x00",
    ],
)
def test_a_git_file_borrows_no_trust(home: Path, claim: str) -> None:
    (home / "evil" / ".git").write_text(claim)
    assert not trusted(home / "evil", home, home / "good")


def test_a_commondir_borrows_no_trust(home: Path) -> None:
    """GHSA-q5hj-mxqh-vv77."""
    git = home / "evil" / ".git"
    git.mkdir()
    (git / "commondir").write_text("../../good/.git\n")
    assert not trusted(home / "evil", home, home / "good")
    assert identify(home / "evil", home).repository is None


def test_a_linked_work_tree_borrows_no_trust_that_is_not_given_back(home: Path) -> None:
    private = home / "evil" / "private"
    private.mkdir()
    (home / "evil" / ".git").write_text("gitdir: private\n")
    (private / "commondir").write_text("../../good/.git\n")
    (private / "gitdir").write_text(f"{home / 'evil' / '.git'}\n")
    assert not trusted(home / "evil", home, home / "good")


def test_a_work_tree_that_git_linked_is_trusted_with_its_repository(home: Path) -> None:
    good, tree = home / "main", home / "tree"
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C"]
    for arguments in (
        ["git", "init", "-q", str(good)],
        [*git, str(good), "commit", "-q", "--allow-empty", "-m", "x"],
        [*git, str(good), "worktree", "add", "-q", str(tree)],
    ):
        subprocess.run(arguments, check=True, capture_output=True, timeout=60)
    assert trusted(tree, home, good)
    assert identify(tree, home).repository == good / ".git"
    assert not trusted(tree, home, home)


WRITTEN = """# mine
model = "m"   # kept

[projects."/a b"]
trust_level = "untrusted"
note = 1

[tui]
x = [ 1,2 ]
"""


def test_what_is_written_keeps_the_rest_of_the_file(tmp_path: Path) -> None:
    config = tmp_path / "codex" / "config.toml"
    note(config, Path("/new"), "trusted")
    assert config.stat().st_mode & 0o777 == 0o600
    config.write_text(WRITTEN)
    config.chmod(0o640)
    note(config, Path("/a b"), "trusted")
    assert config.read_text() == WRITTEN.replace('"untrusted"', '"trusted"')
    note(config, Path('/q"\\x'), "untrusted")
    assert config.read_text().startswith('# mine\nmodel = "m"   # kept\n')
    assert tomllib.loads(config.read_text())["projects"]['/q"\\x'] == {"trust_level": "untrusted"}
    assert config.stat().st_mode & 0o777 == 0o640
    assert [*config.parent.iterdir()] == [config]


@pytest.mark.parametrize("text", ["[x", "projects = 1\n", "[projects]\n'/a' = 1\n", "\udcff"])
def test_a_file_with_a_mistake_is_left_alone(tmp_path: Path, text: str) -> None:
    config = tmp_path / "config.toml"
    config.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(NotWritten):
        note(config, Path("/a"), "trusted")
    assert config.read_bytes() == text.encode("utf-8", "surrogateescape")


def test_a_config_that_is_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real.toml").write_text("")
    (tmp_path / "config.toml").symlink_to("real.toml")
    note(tmp_path / "config.toml", Path("/a"), "trusted")
    assert (tmp_path / "config.toml").is_symlink()
    assert "trusted" in (tmp_path / "real.toml").read_text()
