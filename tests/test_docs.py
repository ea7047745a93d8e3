"""Documents that list what the code knows are compared with it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from codex_lsp import __version__
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
    default = {None: "unset", True: "`true`", False: "`false`"}.get(
        setting.default,  # type: ignore[call-overload]
        f"`{setting.default}`",
    )
    return f"| `{setting.key}` | {default} | {setting.doc} |"


def test_the_readme_has_the_table_of_settings() -> None:
    table = read("README.md").partition("<!-- settings -->")[2].partition("<!-- /settings -->")[0]
    assert table.strip().splitlines()[2:] == [row(setting) for setting in reference()]


@pytest.mark.parametrize("document", ["README.md", "editors/PROTOCOL.md"])
def test_every_command_is_documented_and_no_other(document: str) -> None:
    known = set(re.findall(r"`(codex\.(?:[a-z]+\.)?[a-zA-Z]+)`", read(document)))
    settings = {setting.key for setting in reference()}
    assert known - settings - {"codex.context.maxBytes"} == set(COMMANDS)


def test_every_custom_method_is_documented_and_no_other() -> None:
    sent = {
        name
        for path in (REPO / "codex_lsp" / "lsp").rglob("*.py")
        for name in re.findall(r'(?:notify|asked?)\("(codex/[a-zA-Z/]+)"', path.read_text("utf-8"))
    }
    served = {method for method in FEATURES if method.startswith("codex/")}
    documented = set(
        re.findall(r"^\| `(codex/[a-zA-Z/]+)`", read("editors/PROTOCOL.md"), re.MULTILINE)
    )
    assert documented == sent | served


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(REPO)))
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text("utf-8")):
        assert (path.parent / link).exists(), link


def test_the_version_is_a_release_or_unreleased() -> None:
    changes = read("CHANGELOG.md")
    assert "## [Unreleased]" in changes or f"## [{__version__}]" in changes
