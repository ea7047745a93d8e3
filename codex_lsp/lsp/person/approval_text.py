"""How an action that the agent asks for reads on the person's screen: one line, a message, a page.

Text of the model and of files is made visible before it is shown; what is cut says how much is
missing, and the page has all of it.
"""

from __future__ import annotations

from typing import assert_never

from codex_lsp.agent.consent.actions import (
    CallServerTool,
    ChangeFiles,
    RunCommand,
    Scope,
    TouchProtected,
    TrustFolder,
    UseServer,
    fingerprint,
)
from codex_lsp.agent.consent.approvals import Question
from codex_lsp.agent.consent.shell_words import script_of
from codex_lsp.agent.consent.visible import cut, visible

SHOW = "Show everything"
DENY = "Deny"
TITLES = {
    Scope.ONCE: "Allow once",
    Scope.SESSION: "Allow for this session",
    Scope.PROJECT: "Allow for this project",
}
_LINE = 120
_MESSAGE = 600
_REASON = 300


def headline(question: Question, room: int = _LINE) -> str:
    """The action on one line."""
    match question.action:
        case RunCommand(argv=argv):
            return f"run {cut(_command(argv), room)}"
        case TouchProtected(path=path):
            return f"change the protected file {cut(visible(str(path)), room)}"
        case ChangeFiles(paths):
            return f"change {cut(visible(', '.join(map(str, paths))), room)}"
        case TrustFolder(folder):
            return f"know whether you trust {cut(visible(str(folder)), room)}"
        case UseServer(name=name):
            return f"use the MCP server {cut(visible(name), room)}"
        case CallServerTool(server=server, tool=tool):
            return f"call {cut(visible(tool), room)} of the MCP server {cut(visible(server), room)}"
        case _:
            assert_never(question.action)


def message(question: Question, task: str) -> str:
    """The question with what matters for the answer, for a message or a diagnostic."""
    action = question.action
    lines = [f"{visible(task)} wants to {headline(question, _MESSAGE)}"]
    if isinstance(action, RunCommand):
        lines.append(f"in {visible(str(action.cwd))}")
        if action.environment:
            lines.append(f"with {cut(_environment(action), _MESSAGE)}")
        if action.confinement:
            lines.append(f"Sandbox: {visible(action.confinement)}")
        if action.reason:
            lines.append(f"The model says: {cut(visible(action.reason), _REASON)}")
    if isinstance(action, UseServer):
        lines.append(_reached(action))
    if isinstance(action, CallServerTool):
        lines.append(f"with {cut(visible(action.arguments), _MESSAGE)}")
    lines += [visible(note) for note in question.notes]
    return "\n".join(lines)


def choices(question: Question) -> dict[str, str]:
    """What the person can answer, each with the decision it stands for; to allow comes last."""
    if isinstance(question.action, TrustFolder):
        return {"Do not trust it": "deny", "Trust this folder": Scope.PROJECT.value}
    return {DENY: "deny", **{TITLES[scope]: scope.value for scope in question.scopes}}


def how(question: Question) -> str:
    """How to answer where the editor has no buttons."""
    return (
        f"Codex waits for you: it wants to {headline(question)}. Answer with a code action on the "
        "marked line, or with the command codex.approval.respond."
    )


def page(question: Question, task: str) -> str:
    """Everything there is about the action, as Markdown in which nothing is a link or an image."""
    action = question.action
    rows: list[str] = [f"# {visible(task)} asks for your approval", ""]
    rows += [f"- {visible(note)}" for note in question.notes]
    rows += [f"- {name}: {value}" for name, value in _facts(question)]
    rows += ["", *_body(question), ""]
    if isinstance(action, RunCommand) and action.reason:
        rows += ["The model's reason:", "", fenced(action.reason), ""]
    rows += [
        f"Fingerprint of exactly this: {fingerprint(action)}",
        "",
        "Answer with a code action on the marked line, or with codex.approval.respond.",
        "Characters that cannot be seen are spelled out as ⟨U+…⟩.",
    ]
    return "\n".join(rows) + "\n"


def fenced(text: str) -> str:
    """`text` in a code block that it cannot end."""
    return _block(visible(text, lines=True))


def _facts(question: Question) -> list[tuple[str, str]]:
    match question.action:
        case RunCommand(cwd=cwd, confinement=confinement, network=network):
            return [
                ("Folder", _code(str(cwd))),
                ("Sandbox", visible(confinement) if confinement else "none"),
                ("Network", "yes" if network else "no" if confinement else "not held back"),
            ]
        case TouchProtected(path=path):
            return [("File", _code(str(path)))]
        case ChangeFiles(paths):
            return [("File", _code(str(path))) for path in paths]
        case TrustFolder(folder):
            return [("Folder", _code(str(folder)))]
        case UseServer(name=name, cwd=cwd):
            return [("Server", _code(name)), *([("Folder", _code(cwd))] if cwd else [])]
        case CallServerTool(server=server, tool=tool):
            return [("Server", _code(server)), ("Tool", _code(tool))]
        case _:
            assert_never(question.action)


def _body(question: Question) -> list[str]:
    match question.action:
        case RunCommand(argv=argv) as action:
            words = "\n".join(f"{number}: {visible(word)}" for number, word in enumerate(argv))
            rows = ["The command, a line for each of its words:", "", _block(words)]
            if action.environment:
                rows += ["", "With these variables set:", "", _block(_environment(action))]
            return rows
        case TrustFolder():
            return []
        case TouchProtected(preview=preview) | ChangeFiles(preview=preview):
            return ["The change:", "", fenced(preview)]
        case UseServer() as action:
            return _server(action)
        case CallServerTool(arguments=arguments):
            return ["With these arguments:", "", fenced(arguments)]
        case _:
            assert_never(question.action)


def _server(action: UseServer) -> list[str]:
    words = "\n".join(f"{number}: {visible(word)}" for number, word in enumerate(action.argv))
    rows = ["It is started or reached by:", "", _block(words or visible(action.url))]
    for what, given in (
        ("With this set:", [f"{name}={value}" for name, value in action.sets]),
        ("It gets these variables of yours:", action.passes),
        ("From these files, by their digests:", [f"{of} {name}" for name, of in action.files]),
    ):
        if given:
            rows += ["", what, "", _block("\n".join(visible(line) for line in given))]
    return rows


def _reached(action: UseServer) -> str:
    """How a server is started or reached, on one line."""
    how = f"by {_command(action.argv)}" if action.argv else f"at {visible(action.url)}"
    gets = f", and give it your {visible(', '.join(action.passes))}" if action.passes else ""
    return cut(how + gets, _MESSAGE)


def _command(argv: tuple[str, ...]) -> str:
    """The script where a shell runs one, as it will get it; else the words, quoted apart."""
    script = script_of(argv)
    if script is not None:
        return f"`{visible(script)}` with {visible(' '.join(argv[:-1]))}"
    return " ".join(_quoted(word) for word in argv)


def _quoted(word: str) -> str:
    shown = visible(word)
    plain = word and not set(word) & set(" '\"\\$`|&;()<>*?[]{}#~!\n\t")
    return shown if plain else "'" + shown.replace("'", "'\\''") + "'"


def _environment(action: RunCommand) -> str:
    return "\n".join(f"{visible(name)}={visible(value)}" for name, value in action.environment)


def _block(shown: str) -> str:
    fence = "`" * max(3, _longest_run(shown) + 1)
    return f"{fence}text\n{shown}\n{fence}"


def _code(text: str) -> str:
    shown = visible(text)
    fence = "`" * (_longest_run(shown) + 1)
    return f"{fence} {shown} {fence}"


def _longest_run(text: str) -> int:
    longest = run = 0
    for char in text:
        run = run + 1 if char == "`" else 0
        longest = max(longest, run)
    return longest
