"""The gate: what only reads needs no question, and nothing else gets past it."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from codex_lsp.agent.consent.actions import RunCommand
from codex_lsp.agent.consent.approvals import Policy
from codex_lsp.agent.consent.gate import judge
from codex_lsp.agent.consent.shell_words import Unreadable, parse, script_of
from tests.security.abuses import KNOWN, abuses

TRUSTED = Policy("untrusted", "workspace-write", trusted=True)

HARMLESS = r"""
ls
ls -la src
ls --color=never --sort=size
cat a.py
cat -n a.py sub/b.py
cat -- a.py
cat 'a b.py' "a.py"
cat a\ b.py
head -n 20 a.py
head -20 a.py
tail -c 100 a.py
tail +5 a.py
wc -l a.py sub/b.py
grep -rn 'def main' src
grep -n --color=never -A 3 x a.py
grep -e x -e y a.py
grep "/etc/passwd" a.py
rg -n 'a|b' src
rg --files
rg -t py -g '*.py' x
find . -name '*.py' -type f
find src -maxdepth 2 -not -path '*/x/*' -print
find . \( -name a -o -name b \)
sed -n 1,20p a.py
sed -n 5p a.py
cut -d: -f1 a.py
cut -d , -f 2 a.py
uniq -c a.py
nl -ba a.py
stat -c %s a.py
seq 1 5
echo "a > b; c" 'x $y'
expr 1 + 2
true && echo yes || echo no
pwd; whoami; uname -a
cat a.py | wc -l
cat a.py | grep -c x | tr a-z A-Z
cat a.py | base64 | head -c 10
base64 -d a.py
cd sub && cat b.py
/bin/cat a.py
/usr/bin/wc -l a.py
git status
git status --short --branch
git log --oneline -n 5 -- a.py
git log -5 --stat --since=yesterday
git diff HEAD~1 -- a.py
git diff --cached --stat
git show HEAD:a.py
git show --stat HEAD
git branch --show-current
git branch -a
""".strip("\n").split("\n")  # fmt: skip


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A workspace; `link` and `linked` in it lead out."""
    work = (tmp_path / "work").resolve()
    (work / "sub").mkdir(parents=True)
    (work / "src").mkdir()
    (tmp_path / "secret").write_text("s")
    (work / "link").symlink_to(tmp_path / "secret")
    (work / "linked").symlink_to(tmp_path)
    (work / "sub" / "inner").symlink_to(tmp_path / "secret")
    return work


def safe(script: str, work: Path, policy: Policy = TRUSTED, **more: object) -> bool:
    action = RunCommand(("bash", "-lc", script), work, confinement="bwrap", **more)  # type: ignore[arg-type]
    return judge(action, policy, [work]).safe


@pytest.mark.parametrize("script", HARMLESS)
def test_what_only_reads_is_known(script: str, work: Path) -> None:
    assert safe(script, work)


def test_no_abuse_is_taken_for_harmless(work: Path) -> None:
    tried = [*abuses()]
    assert len(tried) > 1330
    assert [script for script in tried if safe(script, work)] == []
    # Without a shell a metacharacter is a letter like others; options stay what they are.
    words = [tuple(s.split()) for s in KNOWN if s.startswith(("find", "rg", "git", "uniq", "sed"))]
    assert [
        argv
        for argv in words
        if judge(RunCommand(argv, work, confinement="x"), TRUSTED, [work]).safe
        and "~root" not in argv
    ] == []


@pytest.mark.parametrize("secret", ["src/.env", "src/deep/server.key", "src/.git/config"])
def test_a_search_that_would_read_secrets_is_not_harmless(work: Path, secret: str) -> None:
    searches = ["grep -rn x src", "grep --recursive x .", "cd src && grep -r x", "rg x src", "rg x"]
    assert all(safe(script, work) for script in searches)
    (work / secret).parent.mkdir(parents=True, exist_ok=True)
    (work / secret).write_text("token")
    told = [script for script in searches if safe(script, work)]
    hidden = secret.startswith("src/.")  # ripgrep passes those over
    assert told == (["rg x src", "rg x"] if hidden else [])
    assert safe("grep -n x a.py", work)


def test_nothing_in_a_tools_own_folder_is_read_unasked(tmp_path: Path) -> None:
    home = tmp_path.resolve() / ".codex"
    home.mkdir()
    (home / "history.jsonl").write_text("said")
    assert not safe("cat history.jsonl", home)


def test_a_repository_has_to_be_trusted_before_git_runs(work: Path) -> None:
    assert not any(safe(s, work, Policy()) for s in HARMLESS if s.startswith("git"))


def test_variables_the_network_and_other_folders_make_a_command_unsafe(work: Path) -> None:
    assert safe("cat a.py", work)
    assert not safe("cat a.py", work, environment=(("LD_PRELOAD", "x.so"),))
    assert not safe("cat a.py", work, network=True)
    outside = RunCommand(("cat", "a.py"), work.parent, confinement="x")
    assert not judge(outside, TRUSTED, [work]).safe
    assert not judge(RunCommand(("cat", "a.py"), work), TRUSTED, []).safe


@pytest.mark.parametrize(
    "argv",
    [
        ("./bash", "-lc", "ls"), ("/tmp/bash", "-c", "ls"), ("bash", "-ic", "ls"),
        ("bash", "--rcfile", "x", "-c", "ls"), ("bash", "-c", "ls", "x"), ("bash", "x"),
        ("bash", "-c"), ("fish", "-c", "ls"), ("bash", "-o", "x", "-c", "ls"), ("bash",), ("",),
    ],
)  # fmt: skip
def test_only_plain_calls_of_the_systems_shells_are_read(argv: tuple[str, ...], work: Path) -> None:
    assert script_of(argv) is None
    assert not judge(RunCommand(argv, work, confinement="x"), TRUSTED, [work]).safe


@pytest.mark.parametrize(
    "script",
    [
        "rm -f x", "rm -rf x", "rm -fr x", "rm -r -f x", "rm --force x", "rm --fo x",
        "/bin/rm -f x",
        "sudo rm -f x", "sudo -u root rm -rf x", "env A=b rm -f x", "env -i rm -f x",
        "nice -n 5 rm -f x", "timeout 5 rm -f x", "nohup nice rm -f x", "xargs -n 1 rm -f",
        "bash -c 'rm -f x'", "bash -lc 'cd x && rm -rf y'", "trap 'rm -f x' EXIT",
        "sudo bash -c 'true; rm -f x'", "ls && rm -rf x", "busybox rm -f x", "time rm -f x",
    ],
)  # fmt: skip
def test_forced_deletion_is_known_behind_other_programs(script: str, work: Path) -> None:
    known = judge(RunCommand(("bash", "-lc", script), work, confinement="x"), TRUSTED, [work])
    # A keyword makes the script unreadable: then it is not safe, and nothing is said of it.
    assert known.dangerous or script.startswith("time")
    assert not known.safe


@pytest.mark.parametrize("script", ["rm x", "rm -r x", "rm -- -f", "echo rm -f x", "grep rm -f x"])
def test_what_is_no_forced_deletion_is_not_called_one(script: str, work: Path) -> None:
    judged = judge(RunCommand(("bash", "-lc", script), work, confinement="x"), TRUSTED, [work])
    assert not judged.dangerous or script == "rm -- -f"


PIECES = ["a", "b c", "'", '"', "\\", "$", "`", "&&", "||", ";", "|", "&", ">", "<", "(", ")", "{",
          "}", "*", "?", "[", "]", "~", "!", "#", "=", " ", "  ", "x=1", "$x", "${x}", "''", '""',
          "-", "--", "é", "\t", ",", ":", "%", "^", "+", "@", "/", ".", "HEAD~1"]  # fmt: skip


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_what_is_read_is_what_bash_reads(tmp_path: Path) -> None:
    """Random scripts: where the parser reads one command, bash starts it with the same words."""
    source = random.Random(7)
    cases: list[tuple[str, tuple[str, ...]]] = []
    while len(cases) < 2000:
        script = "".join(source.choice(PIECES) for _ in range(source.randrange(1, 9)))
        read = parse(f"set -- {script}")
        if not isinstance(read, Unreadable) and len(read) == 1:
            cases.append((script, read[0][2:]))
    (tmp_path / "a").touch()
    lines = [f'set -- {script}\nprintf \'%s\\0\' "$#" "$@"' for script, _ in cases]
    ran = subprocess.run(
        ["bash", "--norc", "-s"], input="\n".join(lines).encode(), cwd=tmp_path,
        capture_output=True, timeout=60, check=True,
    )  # fmt: skip
    assert ran.stderr == b""
    said = iter(ran.stdout.decode().split("\0"))
    for script, words in cases:
        count = int(next(said))
        assert tuple(next(said) for _ in range(count)) == words, script
