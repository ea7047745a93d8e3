"""Reads the plain part of the shell's language: words and quotes, joined by && || ; and |.

Whatever else a script holds (an expansion, a substitution, a redirection, a group, a glob, a
keyword, a comment, a second line) makes the whole of it unreadable: it is never guessed at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

Words = tuple[str, ...]

_SHELLS = frozenset({"sh", "bash", "zsh", "dash"})
_SYSTEM_FOLDERS = frozenset({"/bin", "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"})
_RUNS_A_SCRIPT = frozenset({("-c",), ("-lc",), ("-cl",), ("-l", "-c"), ("--login", "-c")})
_OPERATORS = ("&&", "||", ";", "|")
_KEYWORDS = frozenset(
    {
        "if", "then", "else", "elif", "fi", "do", "done", "case", "esac", "while", "until", "for",
        "in", "select", "function", "time", "coproc", "[[", "]]", "repeat", "foreach", "end",
        "nocorrect", "noglob", "always",
    }
)  # fmt: skip
_NEVER_BARE = frozenset("$`&|;()<>*?[]{}!#^\\\"'\t ")
# Right after these a tilde stands for a home folder; elsewhere (HEAD~1) for itself.
_BEFORE_HOME = frozenset({"", " ", "\t", "&", "|", ";", "=", ":", "'", '"'})
_ESCAPED_IN_DOUBLE_QUOTES = frozenset('$`"\\')


_WRAPPERS: Mapping[str, str] = {
    # Programs that start another one, with the letters of their options that take a value.
    "sudo": "CDghpRrTtUu",
    "doas": "Cu",
    "env": "CSu",
    "command": "",
    "exec": "a",
    "nice": "n",
    "nohup": "",
    "setsid": "",
    "time": "fo",
    "timeout": "ks",
    "stdbuf": "eio",
    "xargs": "adEIiLnPs",
    "busybox": "",
}


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The script is more than plain commands; `reason` says what was met."""

    reason: str


def script_of(argv: Words) -> str | None:
    """The script, if `argv` has a shell of the system run one and does nothing else."""
    if len(argv) < 3 or argv[1:-1] not in _RUNS_A_SCRIPT:  # noqa: PLR2004 - shell, option, script
        return None
    return argv[-1] if program_of(argv[0]) in _SHELLS else None


def program_of(word: str) -> str | None:
    """The bare name of a program that is looked up in PATH or lies in a folder of the system."""
    path = PurePosixPath(word)
    if word and "/" not in word:
        return word
    return path.name if str(path.parent) in _SYSTEM_FOLDERS and str(path) == word else None


def commands(argv: Words) -> tuple[Words, ...] | Unreadable:
    """The plain commands that `argv` runs: itself, or those of the script that it has run."""
    script = script_of(argv)
    if script is None:
        return (argv,) if argv else Unreadable("there is no command")
    return parse(script)


def unwrapped(words: Words) -> Words:
    """The command that is started in the end, by programs that start what they are given."""
    while words and (valued := _WRAPPERS.get(words[0].rpartition("/")[2])) is not None:
        rest = words[1:]
        while rest and (rest[0].startswith("-") or "=" in rest[0] or rest[0][:1].isdigit()):
            takes_next = len(rest[0]) == 2 and rest[0][1] in valued  # noqa: PLR2004 - "-u"
            rest = rest[2:] if takes_next else rest[1:]
        words = rest
    return words


def parse(script: str) -> tuple[Words, ...] | Unreadable:
    """The commands of a script, in their order, as the words that each is started with."""
    if hidden := next((char for char in script if not (char.isprintable() or char == "\t")), None):
        return Unreadable(f"the character U+{ord(hidden):04X}")
    found: list[Words] = []
    words: list[str] = []
    at, joined = 0, False
    while at < len(script):
        if script[at] in " \t":
            at += 1
        elif operator := next((op for op in _OPERATORS if script.startswith(op, at)), None):
            if not words:
                return Unreadable("a command that is missing")
            found.append(tuple(words))
            words, at, joined = [], at + len(operator), operator != ";"
        else:
            word = _word(script, at)
            if isinstance(word, Unreadable):
                return word
            text, end = word
            if problem := _not_plain(script[at:end], first=not words):
                return Unreadable(problem)
            words.append(text)
            at = end
    if words:
        found.append(tuple(words))
    elif joined or not found:
        return Unreadable("a command that is missing")
    return tuple(found)


def _word(script: str, start: int) -> tuple[str, int] | Unreadable:
    """The word that begins at `start`, without its quotes, and where it ends."""
    text: list[str] = []
    at = start
    while at < len(script) and script[at] not in " \t|&;":
        char = script[at]
        if char in "'\"":
            end = _closing(script, at)
            if end is None:
                return Unreadable("a quote that is not closed")
            inner = script[at + 1 : end]
            plain = inner if char == "'" else _in_double_quotes(inner)
            if plain is None:
                return Unreadable("an expansion")
            text.append(plain)
            at = end + 1
        elif char == "\\" and at + 1 < len(script):
            text.append(script[at + 1])
            at += 2
        elif char in _NEVER_BARE or (char == "~" and script[at - 1 : at] in _BEFORE_HOME):
            return Unreadable(f"the character {char}")
        else:
            text.append(char)
            at += 1
    if at == start:
        return Unreadable(f"the character {script[start]}")
    return "".join(text), at


def _closing(script: str, opening: int) -> int | None:
    quote, at = script[opening], opening + 1
    while at < len(script):
        if script[at] == quote:
            return at
        at += 2 if script[at] == "\\" and quote == '"' else 1
    return None


def _in_double_quotes(inner: str) -> str | None:
    """What double quotes hold; None where the shell would put something else in its place."""
    text: list[str] = []
    at = 0
    while at < len(inner):
        char = inner[at]
        if char in "$`!":
            return None
        if char == "\\" and inner[at + 1 : at + 2] in _ESCAPED_IN_DOUBLE_QUOTES:
            at += 1
            char = inner[at]
        text.append(char)
        at += 1
    return "".join(text)


def _not_plain(raw: str, *, first: bool) -> str | None:
    """What else than a plain word the shell would take this one for."""
    if first and raw in _KEYWORDS:
        return f"the keyword {raw}"
    if first and "=" in raw:
        return "an assignment"
    # zsh puts the path of a program in the place of such a word.
    return "the character =" if raw.startswith("=") else None
