"""Knows commands that only read the workspace, and some that are dangerous, by their words.

A command is safe if each of its words is known to be: the program, every option, and every path,
which has to lead to a file of the workspace that holds no secrets. What is not known asks.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from codex_lsp.agent.consent.actions import RunCommand
from codex_lsp.agent.consent.approvals import Policy
from codex_lsp.agent.consent.shell_words import (
    Unreadable,
    Words,
    commands,
    program_of,
    script_of,
    unwrapped,
)
from codex_lsp.workspace.containment import guarded


@dataclass(frozen=True, slots=True)
class Judged:
    """What the gate knows of a command; see `approvals.Verdict`."""

    safe: bool = False
    dangerous: str = ""


def judge(action: RunCommand, policy: Policy, roots: Sequence[Path]) -> Judged:
    """Judge a command that would run with the workspace folders `roots` (resolved).

    A command for which variables are set is never safe: many programs take commands from them.
    """
    parsed = commands(action.argv)
    if isinstance(parsed, Unreadable):
        return Judged()
    if dangerous := next(filter(None, map(_dangerous, parsed)), ""):
        return Judged(dangerous=dangerous)
    place = _Place([action.cwd], roots)
    plain = not action.environment and not action.network and place.inside(".")
    return Judged(safe=plain and all(_safe(words, place, policy) for words in parsed))


class _Place:
    """Where relative paths start from: every folder that the commands so far may have gone to."""

    def __init__(self, folders: list[Path], roots: Sequence[Path]) -> None:
        self._folders = folders
        self._roots = roots

    def inside(self, path: str) -> bool:
        """Whether `path` leads, from wherever, to something of the workspace that may be read."""
        try:
            found = [(folder / path).resolve() for folder in self._folders]
        except (OSError, RuntimeError, ValueError):
            return False
        return all(self._readable(one) for one in found)

    def harmless_below(self, path: str, *, hidden: bool) -> bool:
        """Whether nothing below `path` is protected or secret, `hidden` files included or not."""
        return all(
            _harmless(place, self._roots, hidden=hidden)
            for folder in self._folders
            if (place := (folder / path).resolve()).is_dir()
        )

    def go(self, path: str) -> None:
        """A command may change to the folder `path`."""
        self._folders += [folder / path for folder in self._folders]

    def _readable(self, path: Path) -> bool:
        root = next((root for root in self._roots if path.is_relative_to(root)), None)
        return root is not None and not guarded(path, root)


def _harmless(below: Path, roots: Sequence[Path], *, hidden: bool) -> bool:
    """No also where there is too much to look at."""
    root = next((root for root in roots if below.is_relative_to(root)), None)
    looked_at = 0
    for folder, folders, files in os.walk(below):
        if not hidden:
            folders[:] = [name for name in folders if name[:1] != "."]
        names = [name for name in files if hidden or name[:1] != "."]
        looked_at += len(folders) + len(names)
        if root is None or looked_at > _MOST_LOOKED_AT:
            return False
        if any(guarded(Path(folder, name), root) for name in [*folders, *names]):
            return False
    return True


@dataclass(frozen=True, slots=True)
class _Program:
    """The words that a program may be given.

    `flags` are letters of options without a value, `valued` of those with one. Operands are paths
    from number `first` on, those before are other text; `most` is how many there may be at all.
    """

    flags: str = ""
    valued: str = ""
    long: str = ""
    long_valued: str = ""
    first: int = 0
    most: int | None = None


_MOST_LOOKED_AT = 20_000  # names below what is searched through
_TEXT = 1_000_000  # no operand is a path
_FREE = frozenset({"echo", "expr", "true", "false"})  # they open nothing, whatever they are given

_PROGRAMS: Mapping[str, _Program] = {
    "base64": _Program("dD", "w", "decode", "wrap"),
    "cat": _Program(
        "AbeEnstTuv",
        long="number number-nonblank show-all show-ends show-nonprinting show-tabs squeeze-blank",
    ),
    "cut": _Program(
        "nsz",
        "bcdf",
        "complement only-delimited zero-terminated",
        "bytes characters delimiter fields output-delimiter",
    ),
    "grep": _Program(
        "0123456789abcEFGhHiIlLnoPqrsTvwxyzZ",
        "ABCem",
        "basic-regexp byte-offset color count extended-regexp files-with-matches "
        "files-without-match fixed-strings ignore-case initial-tab invert-match line-number "
        "line-regexp no-filename no-messages null null-data only-matching perl-regexp quiet "
        "recursive silent text with-filename word-regexp",
        "after-context before-context color context exclude exclude-dir include max-count regexp",
        first=1,
    ),
    "head": _Program("0123456789qvz", "cn", "quiet silent verbose zero-terminated", "bytes lines"),
    "id": _Program("agGnruzZ", long="group groups name real user zero", first=_TEXT),
    "ls": _Program(
        "1aAbBcCdfFgGhHiklLmnNopqQrRsStuUvxXZ",
        "ITw",
        "all almost-all author classify color directory full-time group-directories-first "
        "human-readable "
        "inode no-group numeric-uid-gid recursive reverse size",
        "block-size color format hide ignore sort time time-style",
    ),
    "nl": _Program(
        "p",
        "bdfhilnsvw",
        "no-renumber",
        "body-numbering line-increment number-format number-separator number-width",
    ),
    "numfmt": _Program(
        "z",
        "d",
        "header grouping",
        "delimiter field format from from-unit header padding round suffix to to-unit",
        first=_TEXT,
    ),
    "paste": _Program("sz", "d", "serial zero-terminated", "delimiters"),
    "pwd": _Program("LP", long="logical physical", most=0),
    "rev": _Program(),
    "seq": _Program("w", "fst", "equal-width", "format separator", first=_TEXT),
    "stat": _Program("fLt", "c", "dereference file-system terse", "format printf"),
    "tac": _Program("br", "s", "before regex", "separator"),
    "tail": _Program("0123456789qvz", "cn", "quiet silent verbose zero-terminated", "bytes lines"),
    "tr": _Program("cCdst", long="complement delete squeeze-repeats truncate-set1", first=_TEXT),
    "uname": _Program(
        "aimnoprsv",
        long="all hardware-platform kernel-name kernel-release kernel-version machine nodename "
        "operating-system processor",
        most=0,
    ),
    # A second operand of uniq is a file that it writes.
    "uniq": _Program(
        "cdDiuz", "fsw", "count repeated unique ignore-case", "skip-fields skip-chars", most=1
    ),
    "wc": _Program("clmLw", long="bytes chars lines max-line-length words"),
    "which": _Program("as", long="all", first=_TEXT),
    "whoami": _Program(most=0),
    "rg": _Program(
        "0cFhHiIlnNopPsSUvVwx",
        "ABCdegmMtT",
        "case-sensitive column count count-matches files files-with-matches files-without-match "
        "fixed-strings heading ignore-case invert-match json line-number max-columns-preview "
        "multiline no-filename no-heading no-line-number only-matching pcre2 pretty smart-case "
        "stats trim with-filename word-regexp",
        "after-context before-context color context glob iglob max-columns max-count max-depth "
        "regexp sort sortr type type-not",
        first=1,
    ),
}

_GIT_DIFF = (
    "abbrev-commit cached color color-words find-renames first-parent full-index "
    "ignore-all-space ignore-blank-lines ignore-space-change minimal name-only name-status "
    "no-color no-patch numstat patch patience raw shortstat staged stat summary word-diff"
)
_GIT_LOG = (
    f"{_GIT_DIFF} all branches decorate follow graph merges no-decorate no-merges oneline reverse "
    "tags"
)
_GIT_VALUED = "abbrev color diff-filter find-renames format pretty stat unified word-diff"
_GIT: Mapping[str, _Program] = {
    "status": _Program(
        "bsuvz",
        long="ahead-behind branch ignored long no-renames porcelain short show-stash verbose",
        long_valued="column ignored porcelain untracked-files",
    ),
    "diff": _Program("bpswz", "SU", _GIT_DIFF, _GIT_VALUED),
    "show": _Program("bpswz", "U", f"{_GIT_DIFF} oneline", _GIT_VALUED),
    "log": _Program(
        "0123456789bipswz",
        "nSU",
        _GIT_LOG,
        f"{_GIT_VALUED} after author before committer date grep max-count since skip until",
    ),
    "branch": _Program("alrv", long="all list no-color remotes show-current verbose", most=0),
}

# Tests and actions of find that look at names and metadata, with how many words follow each.
_FIND_TESTS = (
    "( ) ! -not -a -and -o -or -print -print0 -ls -prune -true -false -empty -readable -writable "
    "-executable -depth -mount -xdev -daystart -nouser -nogroup"
)
_FIND_TESTS_OF_ONE_WORD = (
    "-name -iname -path -ipath -wholename -iwholename -regex -iregex -regextype -type -xtype "
    "-size -mtime -mmin -atime -amin -ctime -cmin -maxdepth -mindepth -perm -user -group -links "
    "-inum -newermt -printf"
)
_FIND: Mapping[str, int] = {
    **dict.fromkeys(_FIND_TESTS.split(), 0),
    **dict.fromkeys(_FIND_TESTS_OF_ONE_WORD.split(), 1),
}

_ANCESTOR = re.compile(r"[~^][0-9]*$")  # of HEAD~1: no part of a path
_SED_PRINTS_LINES = re.compile(r"[0-9]+(,[0-9]+)?p")


def _safe(words: Words, place: _Place, policy: Policy) -> bool:
    name = program_of(words[0])
    arguments = words[1:]
    if name is None:
        return False
    if name in _FREE:
        return True
    if name in _PROGRAMS:
        return _fits(
            _PROGRAMS[name], arguments, place, searches=name if name in {"grep", "rg"} else ""
        )
    special = _SPECIAL.get(name)
    return special is not None and special(arguments, place, policy)


def _cd(arguments: Words, place: _Place, _policy: Policy) -> bool:
    if len(arguments) != 1 or arguments[0].startswith("-") or not place.inside(arguments[0]):
        return False
    place.go(arguments[0])
    return True


def _find(arguments: Words, place: _Place, _policy: Policy) -> bool:
    at = 0
    while at < len(arguments) and arguments[at][:1] not in {"-", "(", "!"}:
        if not place.inside(arguments[at]):
            return False
        at += 1
    while at < len(arguments):
        taken = _FIND.get(arguments[at])
        if taken is None:
            return False
        at += 1 + taken
    return True


def _sed(arguments: Words, place: _Place, _policy: Policy) -> bool:
    match arguments:
        case ("-n", lines, *paths) if len(paths) <= 1 and _SED_PRINTS_LINES.fullmatch(lines):
            return all(not path.startswith("-") and place.inside(path) for path in paths)
        case _:
            return False


def _git(arguments: Words, place: _Place, policy: Policy) -> bool:
    """What a repository configures can run as part of any command of git: it has to be trusted."""
    if not policy.trusted or not arguments or arguments[0] not in _GIT:
        return False
    return _fits(_GIT[arguments[0]], arguments[1:], place, revisions=True)


_SPECIAL: Mapping[str, Callable[[Words, _Place, Policy], bool]] = {
    "cd": _cd,
    "find": _find,
    "sed": _sed,
    "git": _git,
}


def _fits(
    program: _Program,
    arguments: Words,
    place: _Place,
    *,
    searches: str = "",
    revisions: bool = False,
) -> bool:
    """Whether every word is one that `program` may be given."""
    read = _operands(program, arguments)
    if read is None:
        return False
    operands, values, options = read
    first = program.first
    if searches and options & {"e", "regexp", "files"}:
        first = 0
    if program.most is not None and len(operands) > program.most:
        return False
    paths = operands[first:]
    if revisions:
        paths = [_ANCESTOR.sub("", path.rpartition(":")[2]) or "." for path in paths]
    if searches == "rg" or (searches == "grep" and options & {"r", "recursive"}):
        # What is searched through is read, and told: `.git/config` holds tokens as `.env` does.
        hidden = searches == "grep"
        if not all(place.harmless_below(path, hidden=hidden) for path in paths or ["."]):
            return False
    # Where a program takes no value after all, it takes that word for a path.
    return all(place.inside(path) for path in [*paths, *values])


def _operands(program: _Program, arguments: Words) -> tuple[list[str], list[str], set[str]] | None:
    """Operands, values of options and their names; None where an option is not known."""
    operands: list[str] = []
    values: list[str] = []
    options: set[str] = set()
    rest = iter(arguments)
    for word in rest:
        if word == "--":
            return [*operands, *rest], values, options
        if word == "-" or not word.startswith("-"):
            operands += [] if word == "-" else [word]
            continue
        read = _long(program, word[2:]) if word.startswith("--") else _short(program, word[1:])
        if read is None:
            return None
        names, wants_more = read
        options |= names
        if wants_more:
            value = next(rest, None)
            if value is None:
                return None
            values.append(value)
    return operands, values, options


def _long(program: _Program, word: str) -> tuple[set[str], bool] | None:
    """The option, and whether the next word is its value. Names are never shortened here."""
    name, equals, _ = word.partition("=")
    if equals:
        return ({name}, False) if name in program.long_valued.split() else None
    if name in program.long.split():
        return {name}, False
    return ({name}, True) if name in program.long_valued.split() else None


def _short(program: _Program, letters: str) -> tuple[set[str], bool] | None:
    """The options of a cluster; one with a value takes the rest of the word, or the next word."""
    names: set[str] = set()
    for at, letter in enumerate(letters):
        if letter in program.valued:
            return {*names, letter}, at + 1 == len(letters)
        if letter not in program.flags:
            return None
        names.add(letter)
    return names, False


def _dangerous(words: Words) -> str:
    """Why a command is dangerous; empty if it is not known to be."""
    words = unwrapped(words)
    if not words:
        return ""
    name = words[0].rpartition("/")[2]
    if name == "rm" and any(map(_forces, words[1:])):
        return "It deletes files by force."
    inner = words[1] if name == "trap" and len(words) > 1 else script_of(words)
    if inner is None:
        return ""
    parsed = commands(("sh", "-c", inner))
    return "" if isinstance(parsed, Unreadable) else next(filter(None, map(_dangerous, parsed)), "")


def _forces(word: str) -> bool:
    if word.startswith("--"):
        return len(word) > 2 and "--force".startswith(word)  # noqa: PLR2004 - `--` is no option
    return word.startswith("-") and "f" in word
