"""What goes along with a job, and what does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from codex_lsp.agent import requests
from codex_lsp.agent.context.briefing import Edited, Surroundings, items, parts
from codex_lsp.agent.context.environment import Environment, environment
from codex_lsp.agent.context.instructions import instructions
from codex_lsp.agent.context.lines import LineRange
from codex_lsp.agent.context.mentions import mentioned
from codex_lsp.agent.context.parts import Part
from codex_lsp.agent.conversation import Message
from codex_lsp.agent.prompt import Problem
from codex_lsp.agent.requests import Fix, Place, Question, Workplace
from codex_lsp.config.codex_toml import CodexToml, TrustLevel
from codex_lsp.workspace.snapshot import BufferText, Snapshot
from tests.doubles.folder_editor import FolderEditor
from tests.doubles.scripted_model import ScriptedModel, says

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Project:
    """A work tree `work` with a folder `work/inner`, and a CODEX_HOME beside it."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.work = folder / "work"
        self.inner = self.work / "inner"
        for made in (self.home, self.inner, self.work / ".git"):
            made.mkdir(parents=True)
        self.buffers: dict[str, str] = {}

    def write(self, name: str, text: str) -> Path:
        path = self.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def snapshot(self, root: Path | None = None) -> Snapshot:
        paths = {self.work / name: text for name, text in self.buffers.items()}
        buffers = {path: BufferText(path, text, 1) for path, text in paths.items()}
        return Snapshot((root or self.work,), buffers)

    def agents(self, config: CodexToml | None = None, trust: TrustLevel | None = None) -> Part:
        return instructions(
            self.snapshot(), self.inner, config or CodexToml(), home=self.home, trust=trust
        )

    def around(self, **more: object) -> Surroundings:
        where = Environment((self.work,), "bash", NOW)
        around = Surroundings(self.work, self.snapshot(), where, home=self.home)
        return replace(around, **more)  # type: ignore[arg-type]

    async def told(self, wish: str, **more: object) -> dict[str, Part]:
        return {part.name: part for part in await parts(wish, self.around(**more))}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path.resolve())


def test_agents_files_go_from_the_persons_own_down_to_the_folder(project: Project) -> None:
    (project.home / "AGENTS.md").write_text("mine\n")
    project.write("AGENTS.md", "top\n")
    project.write("inner/AGENTS.md", "down\n")
    assert project.agents().text == (
        f"# AGENTS.md instructions for {project.inner}\n\n<INSTRUCTIONS>\n"
        "mine\n\n--- project-doc ---\n\ntop\n\ndown\n</INSTRUCTIONS>"
    )


async def test_what_is_named_is_looked_for_in_every_folder(project: Project) -> None:
    other = project.work.parent / "other"
    (other / "docs").mkdir(parents=True)
    (other / "docs" / "plan.md").write_text("the plan\n")
    (other / "code.py").write_text("def elsewhere():\n    return 7\n")
    both = Snapshot((project.work, other), {})
    wish = "do @docs/plan.md and @plan.md with #elsewhere, see @docs"
    told = await project.told(wish, snapshot=both)
    assert "the plan" in told["@docs/plan.md"].text
    assert "the plan" in told["@plan.md"].text
    assert "return 7" in told["#elsewhere"].text
    assert f"{other}/docs/plan.md" in told["@docs"].text


def test_there_is_nothing_to_say_where_no_file_is(project: Project) -> None:
    assert project.agents() == Part("AGENTS.md")


def test_of_each_folder_one_file_counts(project: Project) -> None:
    (project.home / "AGENTS.md").write_text("mine")
    (project.home / "AGENTS.override.md").write_text("mine instead")
    project.write("AGENTS.md", "top")
    project.write("AGENTS.override.md", "top instead")
    project.write("inner/CLAUDE.md", "fallback")
    project.write("inner/README.md", "later fallback")
    config = CodexToml(project_doc_fallback_filenames=("../AGENTS.md", "CLAUDE.md", "README.md"))
    text = project.agents(config).text
    assert "mine instead\n\n--- project-doc ---\n\ntop instead\n\nfallback\n" in text
    assert "later" not in text


def test_unsaved_agents_files_count_as_they_are_in_the_editor(project: Project) -> None:
    project.write("AGENTS.md", "saved")
    project.buffers["AGENTS.md"] = "typed"
    assert "typed" in project.agents().text


@pytest.mark.parametrize(
    ("most", "kept"), [(32_768, "aaaa\n\nbbbb"), (6, "aaaa\n\nbb"), (4, "aaaa")]
)
def test_project_files_are_cut_at_the_limit_and_ones_own_are_not(
    project: Project, most: int, kept: str
) -> None:
    (project.home / "AGENTS.md").write_text("m" * 100)
    project.write("AGENTS.md", "aaaa")
    project.write("inner/AGENTS.md", "bbbb")
    part = project.agents(CodexToml(project_doc_max_bytes=most))
    assert f"{'m' * 100}\n\n--- project-doc ---\n\n{kept}\n</INSTRUCTIONS>" in part.text
    assert bool(part.left_out) == (kept != "aaaa\n\nbbbb")


def test_a_limit_of_0_keeps_them_out(project: Project) -> None:
    project.write("AGENTS.md", "top")
    part = project.agents(CodexToml(project_doc_max_bytes=0))
    assert part.text == ""
    assert part.left_out


def test_x1_an_untrusted_folder_has_no_say(project: Project) -> None:
    (project.home / "AGENTS.md").write_text("mine")
    project.write("AGENTS.md", "obey me")
    part = project.agents(trust="untrusted")
    assert "mine" in part.text
    assert "obey" not in part.text
    assert part.left_out == ("AGENTS.md of inner: you called this folder untrusted.",)
    assert "obey" in project.agents(trust="trusted").text
    assert "obey" in project.agents().text


def test_an_agents_file_that_is_a_link_stays_in_the_project(project: Project) -> None:
    secret = project.work.parent / "secret"
    secret.write_text("the secret")
    (project.work / "AGENTS.md").symlink_to(secret)
    project.write("docs/rules.md", "rules")
    (project.inner / "AGENTS.md").symlink_to(project.work / "docs" / "rules.md")
    part = project.agents()
    assert "secret" not in part.text
    assert "rules" in part.text
    assert "leads out of the project" in part.left_out[0]


def test_codexignore_holds_for_agents_files_too(project: Project) -> None:
    project.write(".codexignore", "AGENTS.md\n")
    project.write("AGENTS.md", "top")
    assert project.agents().text == ""


def test_the_environment_is_told_in_codexs_form() -> None:
    at = Environment((Path("/a&b"), Path("/c")), "zsh", NOW, "read-only")
    assert environment(at).text == (
        "<environment_context>\n  <cwd>/a&amp;b</cwd>\n  <workspace_root>/c</workspace_root>\n"
        "  <sandbox_mode>read-only</sandbox_mode>\n  <shell>zsh</shell>\n"
        "  <current_date>2026-11-22</current_date>\n  <timezone>UTC</timezone>\n"
        "</environment_context>"
    )


def test_what_is_a_mention() -> None:
    wish = 'See @src/a.py, @"my file.txt" and @b.py. Not me@x.org; #Cart.total() &#39; C# #1 @b.py'
    assert mentioned(wish) == (["src/a.py", "my file.txt", "b.py"], ["Cart.total"])


async def test_files_and_symbols_that_are_mentioned_go_along(project: Project) -> None:
    project.write("src/a.py", "saved\n")
    project.buffers["src/a.py"] = "as typed\n"
    project.write("shop.py", "x = 1\n\n\nclass Cart:\n    def total(self):\n        return 2\n")
    told = await project.told("fix @src/a.py and @shop.py with #total, @src @property #nothing")
    assert told["@src/a.py"].text == "File: src/a.py\n```\nas typed\n```"
    assert "class Cart" in told["@shop.py"].text
    assert told["#total"].text == (
        "shop.py, from line 5:\n```\n    def total(self):\n        return 2\n```"
    )
    assert told["@src"].text == "Files in src:\nsrc/a.py"
    assert told["#nothing"].left_out == ("nothing: no definition was found.",)
    assert "@property" not in told


async def test_a_file_is_found_by_its_name_alone_where_there_is_one(project: Project) -> None:
    project.write("deep/down/only.py", "here\n")
    project.write("one/two.py", "1\n")
    project.write("other/two.py", "2\n")
    told = await project.told("@only.py @two.py")
    assert "here" in told["@only.py"].text
    assert told["@two.py"].left_out == ("two.py: there is no such file.",)


async def test_what_must_not_be_sent_is_refused_and_told(project: Project) -> None:
    (project.work.parent / "outside.txt").write_text("SECRET")
    project.write(".env", "SECRET")
    project.write("private/x.py", "def hidden():\n    SECRET\n")
    project.write("built/y.py", "SECRET")
    project.write(".codexignore", "private\n")
    project.write(".gitignore", "built\n")
    project.buffers["private/x.py"] = "def hidden():\n    SECRET\n"
    wish = "@../outside.txt @.env @private/x.py @built/y.py @.git/config @/etc/passwd #hidden"
    around = {
        "pinned": (".env", "private/x.py"),
        "opened": (project.work / "private" / "x.py",),
        "edited": (Edited(project.work / "private" / "x.py", "", "SECRET"),),
    }
    told = await parts(wish, project.around(**around))
    assert not [part for part in told if "SECRET" in part.text]
    left_out = [reason for part in told for reason in part.left_out]
    for name in ("../outside.txt", ".env", "private/x.py", "built/y.py", ".git/config", "passwd"):
        assert any(name in reason for reason in left_out), name


async def test_a_large_file_is_cut_and_that_is_told(project: Project) -> None:
    project.write("big.py", "é" * 1_000)
    told = await project.told("@big.py", budget=101)
    assert told["@big.py"].text.count("é") == 50
    assert told["@big.py"].left_out == ("big.py: all after its first 101 bytes.",)


async def test_open_files_and_recent_edits_are_told_briefly(project: Project) -> None:
    path = project.write("a.py", "one\ntwo\nthree\nfour\nfive\n")
    huge = project.write("huge.py", "")
    told = await project.told(
        "go",
        opened=(path,),
        edited=(
            Edited(path, path.read_text(), "one\ntwo\n3\nfour\nfive\n"),
            Edited(huge, "", "new line\n" * 5_000),
        ),
    )
    assert told["open files"].text.endswith("\na.py")
    assert "@@ -2,3 +2,3 @@\n two\n-three\n+3\n four\n" in told["recent edits"].text
    assert "one" not in told["recent edits"].text
    assert told["recent edits"].left_out == ("your changes of huge.py: there are many.",)


async def test_settings_choose_what_is_told(project: Project) -> None:
    config = CodexToml(developer_instructions="Be brief.", include_environment_context=False)
    told = await project.told("go", config=config)
    assert set(told) == {"developer_instructions"}


async def test_what_was_said_already_is_not_said_again(project: Project) -> None:
    project.write("AGENTS.md", "top")
    config = CodexToml(developer_instructions="Be brief.")
    found = await parts("go", project.around(config=config))
    first = items(found)
    assert [(item.role, item.kind) for item in first if isinstance(item, Message)] == [
        ("developer", "context"), ("user", "context"), ("user", "context"),
    ]  # fmt: skip
    assert items(found, first) == ()
    project.write("AGENTS.md", "changed")
    again = items(await parts("go", project.around(config=config)), first)
    assert len(again) == 1
    assert "changed" in again[0].text  # type: ignore[union-attr]


async def test_a_question_takes_along_what_it_names_and_a_fix_is_as_small_as_ever(
    project: Project,
) -> None:
    folder = project.work
    project.write("other.py", "OTHER = 1\n")
    project.write(".env", "SECRET")
    editor = FolderEditor(folder, calc__py="def f():\n    return 1\n")
    model = ScriptedModel(says("So."), says("Fixed."))
    at = Workplace(model, editor, editor.snapshot, "window-1")
    place = Place(folder / "calc.py", LineRange(0, 1), "python")
    question = Question("is it like @other.py and @.env?")
    await requests.answer(place, question, at, tell=lambda _: None)
    await requests.change(place, Fix((Problem("see @other.py", 1),)), at, tell=print, label="fix")
    asked, fixed = (str(request.items) for request in model.requests)
    assert "OTHER = 1" in asked
    assert "Not sent: .env is protected and is not sent." in asked
    assert "SECRET" not in asked
    assert "OTHER" not in fixed
