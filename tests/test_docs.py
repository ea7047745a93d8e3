"""Documents that list what the code knows are compared with it."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from codex_lsp import __version__
from codex_lsp.cli.main import parsed
from codex_lsp.config import editor_schema
from codex_lsp.config import reference as config_reference
from codex_lsp.config.check import check
from codex_lsp.config.editor_settings import Setting, reference
from codex_lsp.lsp.registry import COMMANDS, FEATURES

REPO = Path(__file__).resolve().parent.parent


DOCUMENTS = [
    path
    for path in sorted(REPO.rglob("*.md"))
    if not {part for part in path.relative_to(REPO).parts if part.startswith(".")}
    and "node_modules" not in path.parts
    and "golden" not in path.parts
]


def read(name: str) -> str:
    return (REPO / name).read_text("utf-8")


def row(setting: Setting) -> str:
    shown = {"None": "unset", "True": "`true`", "False": "`false`"}
    default = shown.get(str(setting.default), f"`{setting.default}`")
    return f"| `{setting.key}` | {default} | {setting.doc} |"


def test_the_readme_has_the_table_of_settings() -> None:
    table = read("README.md").partition("<!-- settings -->")[2].partition("<!-- /settings -->")[0]
    assert table.strip().splitlines()[2:] == [row(setting) for setting in reference()]


def test_the_reference_of_config_toml_is_the_schema() -> None:
    """`python -m codex_lsp.config.reference` prints what has to stand there."""
    page = read("docs/configuration.md").partition("<!-- keys -->")[2]
    assert page.partition("<!-- /keys -->")[0].strip() == config_reference.table()


def commands_in(document: str) -> set[str]:
    known = set(re.findall(r"`(codex\.(?:[a-z]+\.)?[a-zA-Z]+)`", read(document)))
    return known - {setting.key for setting in reference()}


@pytest.mark.parametrize("document", ["docs/commands.md", "editors/PROTOCOL.md"])
def test_every_command_is_documented_and_no_other(document: str) -> None:
    assert commands_in(document) == set(COMMANDS)


def test_the_readme_names_commands_that_there_are() -> None:
    assert commands_in("README.md") < set(COMMANDS)


def test_every_custom_method_is_documented_and_no_other() -> None:
    sent = {
        name
        for path in (REPO / "codex_lsp" / "lsp").rglob("*.py")
        for name in re.findall(r'(?:notify|ask)\(\s*"(codex/[a-zA-Z/]+)"', path.read_text("utf-8"))
    }
    served = {method for method in FEATURES if method.startswith("codex/")}
    documented = set(
        re.findall(r"^\| `(codex/[a-zA-Z/]+)`", read("editors/PROTOCOL.md"), re.MULTILINE)
    )
    assert documented == sent | served


def command_lines(text: str) -> list[str]:
    """Calls of the program, in code spans and in lines of blocks, without what a shell takes."""
    spans = re.findall(r"`(codex-lsp(?: [^`]*)?)`", text)
    lines = re.findall(r"^(?:[^`\n]*\| )?(codex-lsp .*)$", "\n".join(blocks(text)), re.MULTILINE)
    return [re.split(r" +[#&|]", line)[0] for line in (*spans, *lines)]


def blocks(text: str) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(REPO)))
def test_every_call_in_a_document_is_one_that_the_program_takes(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for line in command_lines(path.read_text("utf-8")):
        words = shlex.split(line.replace("EDITOR", "helix"))[1:]
        if words == ["--version"]:
            continue
        try:
            parsed(words)
        except SystemExit:
            pytest.fail(f"{line}: {capsys.readouterr().err}")


def test_what_documents_say_of_config_toml_is_right() -> None:
    shown = re.findall(r"```toml\n(.*?)```", read("docs/mcp.md"), re.DOTALL)
    assert [problem for text in shown for problem in check(text).problems] == []
    assert shown


def vscode() -> Any:
    """What the VS Code extension declares."""
    return json.loads(read("editors/vscode/package.json"))


def test_the_vscode_extension_declares_the_servers_settings() -> None:
    """`python -m codex_lsp.config.editor_schema` prints what has to stand there."""
    declared = vscode()["contributes"]["configuration"]["properties"]
    own = [key for key in declared if key.startswith("codex.server.")]
    assert {key: declared[key] for key in declared if key not in own} == editor_schema.properties()
    assert {declared[key]["scope"] for key in own} == {"machine"}  # a workspace has no say in them


def test_the_vscode_extension_has_each_command_that_a_person_calls() -> None:
    declared = {command["command"] for command in vscode()["contributes"]["commands"]}
    own = {"codex.menu", "codex.auth.signIn", "codex.log.show", "codex.server.restart"}
    # These need an argument that only a code action has, or answer what only a program reads.
    for_programs = {
        *("codex.turn.accept", "codex.turn.reject", "codex.task.list"),
        *("codex.hunk.list", "codex.mcp.list"),
        *("codex.approval.respond", "codex.approval.list", "codex.context.list"),
    }
    assert declared - own == set(COMMANDS) - for_programs


def test_each_client_asks_for_a_request_before_the_same_commands() -> None:
    clients = ("vscode/src/place.ts", "neovim/plugin/codex.lua", "emacs/codex-lsp.el")
    asked = []
    for client in clients:
        row = r"""^ +['"(\[]+(codex\.[a-zA-Z.]+)['"\]]+(?::| =| \.) ['"].*[:?]"""
        asked.append({*re.findall(row, read(f"editors/{client}"), re.MULTILINE)})
    assert asked[0] == asked[1] == asked[2]
    assert asked[0] <= set(COMMANDS)
    assert asked[0]


def test_the_vscode_extension_has_the_version_of_the_server() -> None:
    lock = json.loads(read("editors/vscode/package-lock.json"))
    assert vscode()["version"] == lock["version"] == lock["packages"][""]["version"] == __version__
    assert '"resolved"' not in json.dumps(lock)  # it names no registry: anyone's serves


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(REPO)))
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text("utf-8")):
        assert (path.parent / link).exists(), link


def test_the_version_is_a_release_or_unreleased() -> None:
    changes = read("CHANGELOG.md")
    assert "## [Unreleased]" in changes or f"## [{__version__}]" in changes
