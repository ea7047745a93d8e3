"""Conversations kept as session files of Codex: what is written, when not, and what comes back."""

from __future__ import annotations

import json
import os
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import filelock
import pytest

from codex_lsp.agent.conversation import (
    AssistantMessage,
    Compaction,
    Item,
    Message,
    Opaque,
    Reasoning,
    ToolCall,
    ToolOutput,
)
from codex_lsp.agent.sessions import Told
from codex_lsp.responses.sessions import Sessions
from tests.e2e.tools import REPO

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
THREAD = "01a20324-1fd7-74c2-90b7-ac5626ce576d"


def _same(now: datetime) -> datetime:
    return now


def call(name: str, arguments: str = "{}", number: int = 1) -> ToolCall:
    raw = {"type": "function_call", "call_id": f"c{number}", "name": name, "arguments": arguments}
    return ToolCall(f"c{number}", name, arguments, freeform=False, raw=raw)


def patch(text: str, number: int = 2) -> ToolCall:
    kind = "custom_tool_call"
    raw = {"type": kind, "call_id": f"c{number}", "name": "apply_patch", "input": text}
    return ToolCall(f"c{number}", "apply_patch", text, freeform=True, raw=raw)


def says(text: str) -> AssistantMessage:
    content = [{"type": "output_text", "text": text}]
    raw = {"type": "message", "role": "assistant", "content": content}
    return AssistantMessage(text, raw)


def told(*items: Item, turn: str = "turn-1", whole: bool = True, folder: Path = Path("/w")) -> Told:
    return Told(THREAD, turn, folder, items, whole)


READ, PATCH = call("read_file", '{"path": "ä"}'), patch("*** Begin Patch\n*** End Patch")
FIRST: tuple[Item, ...] = (
    Message("developer", "Rules.", "context"),
    Message("user", "<environment_context>\n</environment_context>", "context"),
    Message("user", "File: a.py\n\n## My request for Codex:\nmend it"),
    Reasoning("hm", {"type": "reasoning", "summary": [{"text": "hm"}], "encrypted_content": "c=="}),
    READ,
    PATCH,
    ToolOutput(READ, "text \udc00😀"),
    ToolOutput(PATCH, "Success."),
    Opaque({"type": "web_search_call", "id": "ws_1", "score": 2.0}),
    says("Mended."),
)
SECOND: tuple[Item, ...] = (*FIRST, Message("user", "more"), says("Done."))


class Home:
    """A CODEX_HOME, and what of ours writes there."""

    def __init__(self, folder: Path) -> None:
        self.path = folder
        self.sessions = Sessions(
            folder, "codex_lsp", "0.1", "openai", now=lambda: NOW, patience=0.05
        )

    @property
    def files(self) -> list[Path]:
        return sorted(self.path.glob("sessions/*/*/*/rollout-*.jsonl"))

    def lines(self) -> list[dict[str, Any]]:
        [file] = self.files
        return [json.loads(line) for line in file.read_bytes().splitlines()]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_a_conversation_comes_back_as_it_was_after_each_turn(home: Home) -> None:
    for items in (FIRST, SECOND):
        home.sessions.save(told(*items))
        found = Home(home.path).sessions.load(THREAD, Path("/elsewhere"))
        assert found is not None
        name, back = found
        assert name == THREAD
        assert [type(item) for item in back] == [type(item) for item in items]
        said = [(i.role, i.text, i.kind) for i in back if isinstance(i, Message)]
        assert said == [(i.role, i.text, i.kind) for i in items if isinstance(i, Message)]
        calls = [item for item in back if isinstance(item, ToolCall)]
        assert calls == [READ, PATCH]
        assert [i.call for i in back if isinstance(i, ToolOutput)] == calls


def test_the_lines_have_the_form_that_codex_was_measured_to_take(home: Home) -> None:
    home.sessions.save(told(*FIRST))
    home.sessions.save(told(*SECOND, turn="turn-2", whole=False))
    text = (REPO / "tests/golden/captures/rollout-minimal-accepted.jsonl").read_text()
    theirs = [json.loads(line) for line in text.splitlines()]
    lines = home.lines()
    assert {*theirs[0]["payload"]} <= {*lines[0]["payload"]}
    assert all({*line} == {"timestamp", "type", "payload"} for line in lines)
    kinds = [line["payload"].get("type") for line in lines]
    assert kinds.count("user_message") == 2
    assert kinds[1] == "task_started"
    assert [kind for kind in kinds if kind in {"task_complete", "turn_aborted"}] == [
        "task_complete",
        "turn_aborted",
    ]
    [file] = home.files
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_bytes().isascii()
    local = NOW.astimezone()
    assert file.name == f"rollout-{local:%Y-%m-%dT%H-%M-%S}-{THREAD}.jsonl"


def test_no_line_holds_a_float(home: Home) -> None:
    odd = Opaque({"type": "odd", "logprobs": [0.5], "whole": 2.0, "half": {"list": [0.5]}})
    home.sessions.save(told(*FIRST, odd))
    [line] = [one for one in home.lines() if one["payload"].get("type") == "odd"]
    assert line["payload"] == {"type": "odd", "whole": 2, "half": {"list": [None]}}


def test_a_conversation_that_was_shortened_comes_back_short(home: Home) -> None:
    home.sessions.save(told(*FIRST))
    made = Compaction({"type": "compaction", "encrypted_content": "c=="})
    short: tuple[Item, ...] = (Message("user", "mend it"), made)
    home.sessions.save(told(*short))
    home.sessions.save(told(*short, says("Done.")))
    found = home.sessions.load(THREAD, Path("/w"))
    assert found is not None
    assert found[1] == (*short, says("Done."))


def test_what_was_rolled_back_is_forgotten_and_broken_lines_are_passed_over(home: Home) -> None:
    home.sessions.save(told(*SECOND))
    [file] = home.files
    back = {"type": "thread_rolled_back", "num_turns": 1}
    more = {"timestamp": "x", "type": "event_msg", "payload": back}
    with file.open("a") as out:
        out.write(
            f"{json.dumps(more)}\nnot json\n[]\n{'[' * 100_000}\n" + '{"type": "response_item"'
        )
    found = home.sessions.load(THREAD, Path("/w"))
    assert found is not None
    assert len(found[1]) == len(FIRST)


def test_a_session_that_others_have_open_or_went_on_with_is_left_alone(home: Home) -> None:
    home.sessions.save(told(*FIRST))
    [file] = home.files
    before = file.read_bytes()
    with filelock.FileLock(home.path / "thread-writer-locks" / f"{THREAD}.lock"):
        home.sessions.save(told(*SECOND))
    home.sessions.save(told(*SECOND))
    assert file.read_bytes() == before
    other = Home(home.path)
    other.sessions.save(replace(told(*FIRST), thread=str(uuid.uuid4())))
    newest = next(path for path in home.files if path != file)
    with newest.open("a") as out:
        out.write("{}\n")
    grown = newest.read_bytes()
    other.sessions.save(replace(told(*SECOND), thread=newest.stem[-36:]))
    assert newest.read_bytes() == grown


def test_a_home_that_cannot_be_written_costs_no_turn(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    Home(tmp_path / "file").sessions.save(told(*FIRST))


def test_the_newest_of_a_folder_is_found_and_no_other(home: Home, tmp_path: Path) -> None:
    later = [NOW.replace(minute=minute) for minute in (1, 2, 3)]
    for now, folder in zip(later, ("/a", "/a", "/b"), strict=True):
        sessions = Sessions(tmp_path, "codex_lsp", "0.1", "openai", now=partial(_same, now))
        one = told(Message("user", f"{folder} {now:%M}"), folder=Path(folder))
        sessions.save(replace(one, thread=str(uuid.uuid4())))
    found = home.sessions.load(None, Path("/a"))
    assert found is not None
    assert found[1] == (Message("user", "/a 02"),)
    assert home.sessions.load(None, Path("/c")) is None


@pytest.mark.parametrize("session", ["*", "../../x", "", "787d377d-6141-4220-a96b-f40d6ed2feac"])
def test_a_name_that_is_none_finds_nothing(home: Home, session: str) -> None:
    home.sessions.save(told(*FIRST))
    assert home.sessions.load(session, Path("/w")) is None
    assert os.listdir(home.path / "sessions")  # noqa: PTH208 - a name is enough
