"""What the person wrote down about commands: the prefix rules that Codex keeps in `rules/`, and
what they allowed for a project, exactly.

Rule files are Starlark; of that only calls of `prefix_rule` with literals are read, and nothing
is ever evaluated. The strictest rule counts. A file that cannot be read wholly allows nothing.
"""

from __future__ import annotations

import ast
import json
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from codex_lsp.agent.consent.actions import (
    Action,
    CallServerTool,
    RunCommand,
    UseServer,
    fingerprint,
)
from codex_lsp.agent.consent.approvals import Effect
from codex_lsp.agent.consent.shell_words import Unreadable, Words, commands, unwrapped

_STRICTNESS: dict[Effect, int] = {"allow": 0, "prompt": 1, "forbidden": 2}


@dataclass(frozen=True, slots=True)
class PrefixRule:
    """Commands that begin with these words; each place lists the words that may stand there."""

    pattern: tuple[tuple[str, ...], ...]
    effect: Effect
    why: str = ""

    def matches(self, words: Words) -> bool:
        """Whether `words` begin as the pattern says."""
        return len(words) >= len(self.pattern) and all(
            word in allowed for word, allowed in zip(words, self.pattern, strict=False)
        )


@dataclass(frozen=True, slots=True)
class Book:
    """All that is written down for one project. `allowed` are fingerprints.

    `whole`: every rule file could be read; where not, `prefixes` can only make things stricter.
    """

    prefixes: tuple[PrefixRule, ...] = ()
    allowed: frozenset[str] = frozenset()
    whole: bool = True

    def of(self, action: Action) -> tuple[Effect, str] | None:
        """The strictest rule for `action`, and why it is there; None where there is none."""
        found = self._of_command(action) if isinstance(action, RunCommand) else None
        if found is not None and found[0] != "allow":
            return found
        return ("allow", "") if fingerprint(action) in self.allowed else found

    def _of_command(self, action: RunCommand) -> tuple[Effect, str] | None:
        strict = [rule for rule in self.prefixes if rule.effect != "allow"]
        parsed = commands(action.argv)
        if isinstance(parsed, Unreadable):
            if not strict:
                return None
            return "prompt", "You have rules for some commands, and this one cannot be read."
        hits = [rule for words in parsed for rule in strict if _concerns(rule, words)]
        if hits:
            worst = max(hits, key=lambda rule: _STRICTNESS[rule.effect])
            return worst.effect, worst.why
        # A rule for a prefix was given for commands in the sandbox: for more, the person is asked.
        mild = action.confinement and not action.network and self.whole
        allows = [rule for rule in self.prefixes if rule.effect == "allow"]
        if mild and all(any(rule.matches(words) for rule in allows) for words in parsed):
            return "allow", ""
        return None


def _concerns(rule: PrefixRule, words: Words) -> bool:
    """Whether a strict rule is about `words`, also by another path or behind another program."""
    inner = unwrapped(words)
    forms = [words, inner]
    forms += [(form[0].rpartition("/")[2], *form[1:]) for form in forms if form]
    return any(rule.matches(form) for form in forms)


def parse_rules(text: str) -> tuple[list[PrefixRule], bool]:
    """The prefix rules of a file, and whether all of it could be read."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return [], False
    found: list[PrefixRule] = []
    whole = True
    for statement in tree.body:
        rule = _rule(statement)
        if isinstance(rule, PrefixRule):
            found.append(rule)
        whole = whole and rule is not None
    return found, whole


def _rule(statement: ast.stmt) -> PrefixRule | Literal["other"] | None:
    """The rule of a statement; None where it cannot be read."""
    if not isinstance(statement, ast.Expr):
        return None
    call = statement.value
    if isinstance(call, ast.Constant):
        return "other"  # a text that stands alone is a comment
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        return None
    if call.func.id in {"host_executable", "network_rule"}:
        return "other"  # these are about what is not done here
    if call.func.id != "prefix_rule" or call.args:
        return None
    try:
        given = {str(key.arg): ast.literal_eval(key.value) for key in call.keywords}
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None
    return _checked(given)


def _checked(given: dict[str, Any]) -> PrefixRule | None:
    pattern, effect = given.get("pattern"), given.get("decision", "allow")
    why = given.get("justification") or ""
    if effect not in _STRICTNESS or not isinstance(why, str):
        return None
    if not isinstance(pattern, list | tuple) or not pattern:
        return None
    places = [(place,) if isinstance(place, str) else place for place in pattern]
    for place in places:
        if not isinstance(place, list | tuple) or not place:
            return None
        if not all(isinstance(word, str) and word for word in place):
            return None
    return PrefixRule(tuple(tuple(place) for place in places), cast("Effect", effect), why)


HEADER = """\
# What you allowed Codex for a project, exactly as it was shown to you. codex-lsp adds to this file
# and reads it before it asks again. Delete an entry to be asked again.
"""


@dataclass(frozen=True, slots=True)
class Project:
    """Whose permissions: the folder and the repository behind it, resolved ("" where none is)."""

    folder: str
    repository: str


def parse_allowed(text: str, project: Project) -> frozenset[str]:
    """The fingerprints of what a file of ours allows for `project`; bad entries allow nothing."""
    try:
        entries = tomllib.loads(text).get("allow", [])
    except (ValueError, RecursionError):
        return frozenset()
    found = (_remembered(entry, project) for entry in _tables(entries))
    return frozenset(mark for mark in found if mark is not None)


def entry_for(action: Action, project: Project) -> str:
    """The entry that allows `action`; raises `ValueError` where it has no such form."""
    values: dict[str, object] = {"folder": project.folder, "repository": project.repository}
    match action:
        case RunCommand():
            values |= {"do": "run", "argv": action.argv, "cwd": str(action.cwd)}
            values |= {"environment": [list(pair) for pair in action.environment]}
            values |= {"confinement": action.confinement, "network": action.network}
        case UseServer():
            values |= {"do": "use", "name": action.name, "argv": action.argv, "url": action.url}
            values |= {"cwd": action.cwd, "passes": action.passes}
            values |= {"sets": [list(pair) for pair in action.sets]}
            values |= {"files": [list(pair) for pair in action.files]}
        case CallServerTool():
            values |= {"do": "call", "server": action.server, "tool": action.tool}
            values |= {"arguments": action.arguments}
        case _:
            raise ValueError("this is asked for every time")
    lines = [f"{name} = {_toml(value)}" for name, value in values.items()]
    entry = "\n".join(["", "[[allow]]", *lines, ""])
    entry.encode("utf-8")  # a name that is no text cannot be written down
    if fingerprint(action) not in parse_allowed(entry, project):
        raise ValueError("it cannot be written down exactly")
    return entry


def _toml(value: object) -> str:
    # JSON's texts, lists, true and false are TOML's too, but for one character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _tables(entries: object) -> Iterable[dict[str, Any]]:
    listed = entries if isinstance(entries, list) else []
    return (entry for entry in listed if isinstance(entry, dict))


def _remembered(entry: dict[str, Any], project: Project) -> str | None:
    if (entry.get("folder"), entry.get("repository")) != (project.folder, project.repository):
        return None
    action = _action(entry)
    return None if action is None else fingerprint(action)


def _action(entry: dict[str, Any]) -> Action | None:
    def text(name: str) -> str:
        value = entry.get(name, "")
        if not isinstance(value, str):
            raise TypeError(name)
        return value

    try:
        match entry.get("do"):
            case "run":
                environment = _pairs(entry.get("environment", []))
                network = entry.get("network", False)
                if not isinstance(network, bool) or not entry.get("argv"):
                    return None
                argv = tuple(_texts(entry["argv"]))
                place = Path(text("cwd"))
                return RunCommand(argv, place, environment, text("confinement"), network)
            case "use":
                argv = tuple(_texts(entry.get("argv", [])))
                passes = tuple(_texts(entry.get("passes", [])))
                sets, files = _pairs(entry.get("sets", [])), _pairs(entry.get("files", []))
                name, url, cwd = text("name"), text("url"), text("cwd")
                return UseServer(name, argv, url, cwd, sets, passes, files)
            case "call":
                return CallServerTool(text("server"), text("tool"), text("arguments"))
            case _:
                return None
    except (TypeError, ValueError):
        return None


def _pairs(value: Sequence[object]) -> tuple[tuple[str, str], ...]:
    pairs = [_texts(pair) for pair in value]
    return tuple((name, said) for name, said in pairs)


def _texts(value: object) -> Sequence[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise TypeError("a list of texts")
    return value
