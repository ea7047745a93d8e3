"""The model service double is believed only because these hold, the real Codex CLI included."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.doubles.loopback import certificate_authority
from tests.doubles.model_rules import Rule, mends
from tests.doubles.model_script import (
    Call,
    Custom,
    Gate,
    Limits,
    Patch,
    Reasoning,
    Refusal,
    Silence,
    Step,
    Text,
    Turn,
    says,
    steps_from_json,
)
from tests.doubles.model_service import ModelService
from tests.e2e.tools import REPO, require

BODY: dict[str, Any] = {"model": "m", "input": [{"type": "message"}], "tools": []}
FAULTY = "def add(a, b):\n    return a - b\n"
RULE = Rule("calc.py", "    return a - b", "    return a + b")


async def ask(service: ModelService, body: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{service.base_url}/responses", json=body or BODY)
    return [json.loads(line[6:]) for line in answer.text.split("\n") if line.startswith("data: ")]


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


async def test_a_message_goes_through_the_stages_that_the_api_documents() -> None:
    async with ModelService([says("Hello")]) as service:
        events = await ask(service)
    assert kinds(events) == [
        "created", "in_progress", "output_item.added", "content_part.added", "output_text.delta",
        "output_text.done", "content_part.done", "output_item.done", "completed",
    ]  # fmt: skip
    assert events[-1]["response"]["output"] == [events[-2]["item"]]
    assert [event["sequence_number"] for event in events] == list(range(9))


async def test_every_kind_of_part_ends_in_a_finished_item() -> None:
    parts = (Reasoning("why"), Call("f", {"a": 1}), Custom("g", "raw"), Limits(1.0), Text("x"))
    async with ModelService([Turn(parts)]) as service:
        events = await ask(service)
    done = [event["item"] for event in events if event["type"].endswith("item.done")]
    assert [item["type"] for item in done] == [
        "reasoning", "function_call", "custom_tool_call", "message",
    ]  # fmt: skip
    assert done[0]["encrypted_content"]
    assert done[1]["arguments"] == '{"a": 1}'
    assert done[2]["input"] == "raw"
    assert "codex.rate_limits" in kinds(events)


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [("custom", "input", "text"), ("function", "arguments", '{"input": "text"}')],
)
async def test_a_patch_is_called_the_way_it_is_offered(kind: str, key: str, value: str) -> None:
    body = BODY | {"tools": [{"type": kind, "name": "apply_patch"}]}
    async with ModelService([Turn((Patch("text"),))]) as service:
        events = await ask(service, body)
    assert events[-1]["response"]["output"][0][key] == value


async def test_a_gate_holds_the_stream_until_it_is_released() -> None:
    async with ModelService([Turn((Text("a"), Gate("here"), Text("b")))]) as service:
        asking = asyncio.create_task(ask(service))
        await service.reached("here")
        assert not asking.done()
        await service.release("here")
        assert len(await asking) == 15


async def test_a_client_that_leaves_at_a_gate_is_noticed() -> None:
    async with ModelService([Turn((Gate("here"),))]) as service:
        asking = asyncio.create_task(ask(service))
        await service.reached("here")
        asking.cancel()
        await service.until(lambda: service.hangups == 1)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (says("hi", ending="reset", cut_at=40), httpx.ReadError),
        (says("hi", ending="eof", cut_at=40), httpx.RemoteProtocolError),
        (says("hi", ending="stall", cut_at=40), httpx.ReadTimeout),
        (Silence("reset"), httpx.ReadError),
        (Silence("eof"), httpx.RemoteProtocolError),
        (Silence("stall"), httpx.ReadTimeout),
    ],
)
async def test_each_break_is_what_a_real_one_looks_like(step: Step, expected: type) -> None:
    async with (
        ModelService([step]) as service,
        httpx.AsyncClient(timeout=httpx.Timeout(30, read=0.3)) as client,
    ):
        with pytest.raises(expected):
            await client.post(f"{service.base_url}/responses", json=BODY)


async def test_a_clean_cut_ends_the_body_after_exactly_that_many_bytes() -> None:
    async with (
        ModelService([says("hi", ending="clean", cut_at=77, chunk=5)]) as service,
        httpx.AsyncClient() as client,
    ):
        answer = await client.post(f"{service.base_url}/responses", json=BODY)
    assert len(answer.content) == 77


async def test_what_is_asked_is_recorded_and_refusals_are_passed_on() -> None:
    refusal = Refusal(429, {"error": {"type": "x"}}, {"retry-after": "3"})
    async with ModelService([refusal]) as service, httpx.AsyncClient() as client:
        url = f"{service.chatgpt_base_url}codex/responses?v=1"
        answer = await client.post(url, json=BODY, headers={"Originator": "me"})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")
    [request] = service.requests
    assert request.path == "/backend-api/codex/responses"
    assert request.query == {"v": "1"}
    assert request.headers["originator"] == "me"
    assert request.body == BODY


async def test_a_step_left_over_fails_the_test() -> None:
    with pytest.raises(AssertionError, match="not used"):
        async with ModelService([says("hi")]):
            pass


async def test_a_request_without_a_step_fails_the_test() -> None:
    with pytest.raises(AssertionError, match="no step"):
        async with ModelService([]) as service:
            await ask(service)


async def test_models_are_listed_and_websockets_refused(tmp_path: Path) -> None:
    _, tls = certificate_authority(tmp_path)
    async with (
        ModelService([], models=["a", "b"], tls=tls) as service,
        httpx.AsyncClient(verify=False) as client,
    ):
        listed = (await client.get(f"{service.base_url}/models")).json()
        refused = await client.get(
            f"{service.base_url}/responses", headers={"Upgrade": "websocket"}
        )
    assert [model["id"] for model in listed["data"]] == ["a", "b"]
    assert refused.status_code == 426


async def test_rules_mend_a_known_line_once_and_then_say_so() -> None:
    body = BODY | {"input": [{"type": "message", "content": [{"text": FAULTY}]}]}
    then = BODY | {"input": [*body["input"], {"type": "custom_tool_call_output"}]}
    async with ModelService(mends([RULE], say="ok")) as service:
        first, second, third = [await ask(service, b) for b in (body, then, BODY)]
    assert RULE.new in first[-1]["response"]["output"][0]["input"]
    assert second[-1]["response"]["output"][0]["content"][0]["text"] == "ok"
    assert third[-1]["response"]["output"][0]["type"] == "message"


def test_steps_are_readable_from_json() -> None:
    assert steps_from_json(
        [
            {"turn": [{"text": "hi"}, {"text": {"text": "x", "piece": 1}}], "ending": "eof"},
            {"refuse": 503, "headers": {"retry-after": "1"}},
            {"silence": "reset"},
        ]
    ) == [
        Turn((Text("hi"), Text("x", 1)), ending="eof"),
        Refusal(503, headers={"retry-after": "1"}),
        Silence("reset"),
    ]


@pytest.mark.parametrize(("used", "code"), [(True, 0), (False, 1)])
def test_as_a_process_it_prints_its_port_and_judges_the_script(
    used: bool, code: int, tmp_path: Path
) -> None:
    script = tmp_path / "script.json"
    script.write_text('{"steps": [{"turn": [{"text": "hi"}]}]}')
    with subprocess.Popen(
        [sys.executable, "-m", "tests.doubles.model_service", str(script)],
        cwd=REPO, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        assert child.stdout is not None
        base = f"http://127.0.0.1:{int(child.stdout.readline())}"
        if used:
            assert "response.completed" in httpx.post(f"{base}/v1/responses", json=BODY).text
            assert len(httpx.get(f"{base}/_requests").json()["requests"]) == 1
        child.communicate()
    assert child.returncode == code


@pytest.mark.codex
async def test_the_real_codex_cli_completes_a_turn_with_a_patch(tmp_path: Path) -> None:
    async with ModelService(mends([RULE], say="mended")) as service:
        said = await run_codex(service, tmp_path, f"Mend calc.py:\n{FAULTY}")
    assert "mended" in said
    assert (tmp_path / "work/calc.py").read_text() == FAULTY.replace("a - b", "a + b")
    assert_like_capture(service)


@pytest.mark.codex
async def test_the_real_codex_cli_takes_all_kinds_of_parts_and_troubles(tmp_path: Path) -> None:
    parts = (
        Limits(40),
        Reasoning("Because."),
        Text("Look."),
        Call("exec_command", {"cmd": "true"}),
    )
    script: list[Step] = [
        Turn(parts, headers={"x-codex-primary-used-percent": "40"}),
        Refusal(503),
        says("half", ending="eof"),
        says("All is well."),
    ]
    async with ModelService(script) as service:
        said = await run_codex(service, tmp_path, "Look.")
    items = [json.loads(line).get("item", {}) for line in said.splitlines()]
    assert {"reasoning", "agent_message", "command_execution"} <= {i.get("type") for i in items}
    assert "All is well." in [item.get("text") for item in items]
    last = service.requests[-1].body["input"]
    assert [i["type"] for i in last if i["type"] not in {"message", "function_call_output"}] == [
        "reasoning",
        "function_call",
    ]


async def run_codex(service: ModelService, folder: Path, prompt: str) -> str:
    """`codex exec` in `folder`/work, against `service`; gives its JSON lines."""
    codex = require("codex")
    home, work = folder / "home", folder / "work"
    home.mkdir()
    work.mkdir()
    (work / "calc.py").write_text(FAULTY)
    (home / "auth.json").write_text('{"OPENAI_API_KEY": "sk-made-up", "auth_mode": "apikey"}')
    (home / "config.toml").write_text(
        f'model = "gpt-5.5"\nopenai_base_url = "{service.base_url}"\n'
    )
    child = await asyncio.create_subprocess_exec(
        codex, "exec", "--json", "--skip-git-repo-check",
        "--dangerously-bypass-approvals-and-sandbox", prompt,
        cwd=work, env=os.environ | {"CODEX_HOME": str(home), "NO_PROXY": "127.0.0.1"},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    out, err = await child.communicate()
    assert child.returncode == 0, err.decode()
    return out.decode()


def assert_like_capture(service: ModelService) -> None:
    """What the CLI asks of the double is what it was captured asking of another fake."""
    golden = REPO / "tests/golden/captures/exec-apikey-sse-gpt-5.5.json"
    captured = json.loads(golden.read_text())["requests"][0]
    first, second = service.requests
    assert set(captured["body"]) == set(first.body)
    assert first.path == captured["path"]
    call, output = second.body["input"][-2:]
    assert (call["type"], output["type"]) == ("custom_tool_call", "custom_tool_call_output")
    assert call["call_id"] == output["call_id"]
