"""A turn over real HTTP: what is sent, what comes out, and when it may be asked again."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from codex_lsp.agent.conversation import (
    AssistantMessage,
    Compaction,
    CompactionTrigger,
    Message,
    Opaque,
    Reasoning,
    ToolCall,
    ToolOutput,
)
from codex_lsp.agent.events import (
    Completed,
    ItemDone,
    RateLimits,
    ReasoningDelta,
    RequestRefused,
    Restarted,
    StreamBroken,
    TextDelta,
    ToolInputDelta,
    Usage,
)
from codex_lsp.responses.body import OPENAI, PLAIN
from tests.doubles import model_script as script
from tests.doubles.model_script import Event, Gate, Limits, Refusal, Text, Turn, Wire, says
from tests.e2e.tools import REPO
from tests.responses.asking import REQUEST, ask, chatgpt, room

WHOLE = Turn(
    (
        script.Reasoning("think hard"),
        Text("I mend it."),
        script.Custom("apply_patch", "*** Begin Patch\n*** End Patch"),
        script.Call("read", {"path": "ä"}),
    )
)


async def test_a_whole_turn_arrives_in_our_words() -> None:
    async with room([WHOLE]) as here:
        asked = await ask(here.model)
    assert asked.error is None
    assert "".join(event.text for event in asked.of(TextDelta)) == "I mend it."
    assert "".join(event.text for event in asked.of(ReasoningDelta)) == "think hard"
    assert "".join(event.text for event in asked.of(ToolInputDelta)).startswith("*** Begin Patch")
    reasoning, message, patch, read = [event.item for event in asked.of(ItemDone)]
    assert isinstance(reasoning, Reasoning)
    assert reasoning.summary == "think hard"
    assert isinstance(message, AssistantMessage)
    assert message.text == "I mend it."
    assert isinstance(patch, ToolCall)
    assert patch.freeform
    assert patch.arguments == "*** Begin Patch\n*** End Patch"
    assert isinstance(read, ToolCall)
    assert not read.freeform
    assert json.loads(read.arguments) == {"path": "ä"}
    last = asked.events[-1]
    assert isinstance(last, Completed)
    assert last.usage == Usage(1000, 100, 50, 10, 1050)
    assert last.end_turn is None


async def test_what_the_model_sent_goes_back_verbatim_with_outputs_of_its_own_kind() -> None:
    async with room([WHOLE, says("done")]) as here:
        first = await ask(here.model)
        items = [event.item for event in first.of(ItemDone)]
        outputs = [ToolOutput(item, "ok") for item in items if isinstance(item, ToolCall)]
        await ask(here.model, replace(REQUEST, items=(*REQUEST.items, *items, *outputs)))
    sent = here.service.requests[1].body["input"][2:]
    assert sent[:4] == [item.raw for item in items]
    assert sent[0]["encrypted_content"] == "made-up-ciphertext=="
    assert sent[4:] == [
        {"type": "custom_tool_call_output", "call_id": items[2].call_id, "output": "ok"},
        {"type": "function_call_output", "call_id": items[3].call_id, "output": "ok"},
    ]


async def test_the_request_has_the_shape_that_codex_was_captured_sending() -> None:
    theirs = captured("exec-apikey-sse-gpt-5.5.json")[0]["body"]
    async with room([says("hi")]) as here:
        await ask(here.model)
    sent = here.service.requests[0].body
    # Codex also sends `text` (its model's verbosity), and its instructions as a first message.
    assert set(theirs) - set(sent) == {"text"}
    assert set(sent) - set(theirs) == {"instructions"}
    same = ("stream", "tool_choice", "parallel_tool_calls", "store", "include")
    assert {key: sent[key] for key in same} == {key: theirs[key] for key in same}
    assert {"session_id", "thread_id", "turn_id"} <= set(theirs["client_metadata"])
    assert set(sent["client_metadata"]) == {"session_id", "thread_id", "turn_id"}
    assert sent["reasoning"] == {"effort": "low"}
    assert sent["prompt_cache_key"] == "conversation-1"
    tools = {tool["type"]: tool for tool in theirs["tools"]}
    for tool in sent["tools"]:
        assert set(tool) == set(tools[tool["type"]])
    message = theirs["input"][2]
    assert set(message) - set(sent["input"][0]) == {
        "id",
        "internal_chat_message_metadata_passthrough",
    }
    assert sent["input"][1]["content"] == [{"type": "input_text", "text": "Mend it: Ä\u2028😀"}]


def captured(name: str) -> list[dict[str, Any]]:
    requests: list[dict[str, Any]] = json.loads(
        (REPO / "tests/golden/captures" / name).read_text()
    )["requests"]
    return requests


async def test_outputs_of_tools_have_the_shape_that_codex_was_captured_sending() -> None:
    theirs = {
        item["type"]: set(item) - {"id", "internal_chat_message_metadata_passthrough"}
        for item in captured("exec-chatgpt-sse-apply-patch.json")[-1]["body"]["input"]
    }
    async with room([WHOLE, says("done")]) as here:
        items = [event.item for event in (await ask(here.model)).of(ItemDone)]
        outputs = tuple(ToolOutput(item, "ok") for item in items if isinstance(item, ToolCall))
        await ask(here.model, replace(REQUEST, items=(*items, *outputs)))
    sent = here.service.requests[1].body["input"]
    for item in sent[2:]:  # what comes before is reasoning and prose, verbatim
        assert set(item) - {"id"} == theirs[item["type"]]


async def test_the_head_has_no_name_that_codex_was_not_captured_sending() -> None:
    theirs = {name for name, _ in captured("exec-chatgpt-sse-apply-patch.json")[0]["headers"]}
    async with room([says("x")], bearers=[chatgpt()]) as here:
        await ask(here.model)
    ours = set(here.service.requests[0].headers)
    # The account of `chatgpt()` is a FedRAMP one; the others are any HTTP client's.
    assert ours - theirs == {"accept-encoding", "connection", "x-openai-fedramp"}
    # Ours is plain JSON, and says nothing of windows, workspaces and versions of the CLI.
    assert theirs - ours == {
        "content-encoding",
        "version",
        "x-codex-beta-features",
        "x-codex-routing-hint",
        "x-codex-turn-metadata",
        "x-codex-window-id",
    }


async def test_the_head_of_an_api_key_request() -> None:
    async with room([says("hi")], headers={"OpenAI-Project": "p"}, query={"v": "1"}) as here:
        await ask(here.model)
    [request] = here.service.requests
    assert (request.path, request.query) == ("/v1/responses", {"v": "1"})
    head = request.headers
    assert head["authorization"] == "Bearer sk-made-up"
    assert head["accept"] == "text/event-stream"
    assert head["originator"] == "codex_lsp"
    assert head["user-agent"] == "codex_lsp/0 (Test)"
    assert head["openai-project"] == "p"
    assert head["session-id"] == head["thread-id"] == "conversation-1"
    assert "chatgpt-account-id" not in head


async def test_a_chatgpt_sign_in_goes_to_its_own_address_with_its_account() -> None:
    async with room([says("hi")], bearers=[chatgpt()]) as here:
        await ask(here.model)
    [request] = here.service.requests
    assert request.path == "/backend-api/codex/responses"
    assert request.headers["chatgpt-account-id"] == "account-1"
    assert request.headers["x-openai-fedramp"] == "true"
    assert request.headers["host"] == f"127.0.0.1:{here.service.port}"


async def test_a_plain_provider_gets_no_fields_or_heads_of_openais_own() -> None:
    async with room([says("hi")], signs_in=False, dialect=PLAIN) as here:
        await ask(here.model, replace(REQUEST, effort=None, instructions=""))
    [request] = here.service.requests
    assert not {"client_metadata", "reasoning", "instructions"} & set(request.body)
    assert request.body["parallel_tool_calls"] is False
    assert "originator" not in request.headers
    patch = request.body["tools"][0]
    assert (patch["type"], patch["name"]) == ("function", "apply_patch")
    assert patch["parameters"]["required"] == ["input"]


async def test_a_plain_provider_is_told_of_tools_only_when_there_are_some() -> None:
    async with room([says("hi"), says("hi")], signs_in=False, dialect=PLAIN) as here:
        await ask(here.model, replace(REQUEST, tools=()))
        here.model._provider = replace(here.model._provider, dialect=OPENAI)
        await ask(here.model, replace(REQUEST, tools=()))
    fields = {"tools", "tool_choice", "parallel_tool_calls"}
    to_plain, to_openai = [fields & set(request.body) for request in here.service.requests]
    assert to_plain == set()
    assert to_openai == fields


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        ('{"input": "*** Begin Patch"}', "*** Begin Patch"),
        ('"*** Begin Patch"', "*** Begin Patch"),
        ("*** Begin Patch", "*** Begin Patch"),
        ('{"patch": 1}', '{"patch": 1}'),
        ("", ""),
    ],
)
async def test_a_freeform_call_that_comes_as_a_function_is_freeform_again(
    arguments: str, meant: str
) -> None:
    async with room([Turn((script.Call("apply_patch", arguments),))]) as here:
        asked = await ask(here.model)
    call = asked.of(ItemDone)[0].item
    assert call.freeform
    assert call.arguments == meant


async def test_rate_limits_come_from_headers_and_events() -> None:
    heads = {
        "x-codex-primary-used-percent": "12.5",
        "x-codex-primary-window-minutes": "300",
        "x-codex-primary-reset-at": "2000000000",
        "x-codex-secondary-used-percent": "nonsense",
    }
    async with room([Turn((Limits(40, 50), Text("x")), headers=heads)]) as here:
        asked = await ask(here.model)
    told, later = asked.of(RateLimits)
    assert told.primary.used_percent == 12.5
    assert told.primary.window_minutes == 300
    assert told.primary.resets_at.year == 2033
    assert told.secondary is None
    assert (later.primary.used_percent, later.secondary.used_percent) == (40, 50)


async def test_unknown_and_unreadable_events_are_passed_over() -> None:
    parts = (
        Wire(b": keep-alive\n\n"),
        Wire(b'data: [DONE]\n\ndata: {not json\n\ndata: 3\n\ndata: {"type": 3}\n\n'),
        Event({"type": "response.brand_new", "delta": "x"}),
        Event({"type": "response.output_item.done", "item": {"type": "brand_new", "x": 1}}),
        Event({"type": "response.output_item.done", "item": None}),
        Event({"type": "response.output_text.delta", "delta": None}),
        Text("fine"),
    )
    async with room([Turn(parts)]) as here:
        asked = await ask(here.model)
    assert asked.error is None
    assert asked.of(ItemDone)[0].item == Opaque({"type": "brand_new", "x": 1})
    assert "".join(event.text for event in asked.of(TextDelta)) == "fine"


async def test_a_tool_call_that_comes_twice_is_handed_out_once() -> None:
    call = {"type": "function_call", "call_id": "c1", "name": "read", "arguments": "{}"}
    again = Event({"type": "response.output_item.done", "item": call | {"id": "other"}})
    parts = (Event({"type": "response.output_item.done", "item": call}), again)
    listed = Turn((*parts,), usage=None)
    async with room([listed]) as here:
        asked = await ask(here.model)
    assert len(asked.of(ItemDone)) == 1


async def test_items_that_come_only_with_the_completion_are_not_lost() -> None:
    item = {"type": "function_call", "call_id": "c1", "name": "read", "arguments": "{}"}
    done = {"type": "response.completed", "response": {"id": "r", "output": [item, item]}}
    async with room([Turn((Event(done),), ending="clean")]) as here:
        asked = await ask(here.model)
    assert [event.item.call_id for event in asked.of(ItemDone)] == ["c1"]
    assert asked.events[-1] == Completed(None, None)


async def test_the_models_wish_to_go_on_is_passed_on() -> None:
    interrupted = Turn((Text("x"),), ending="incomplete", failure={"reason": "interrupted"})
    async with room([says("x", end_turn=False), interrupted]) as here:
        for _ in range(2):
            assert (await ask(here.model)).events[-1].end_turn is False  # type: ignore[union-attr]


async def test_half_a_surrogate_pair_is_made_harmless_and_can_be_replayed() -> None:
    async with room([says("a\ud800b"), says("fine")]) as here:
        first = await ask(here.model)
        message = first.of(ItemDone)[0].item
        again = replace(REQUEST, items=(message, Message("user", "\udc00")))
        second = await ask(here.model, again)
    assert message.text == "a\ufffdb"
    assert second.error is None
    assert here.service.requests[1].body["input"][0] == message.raw


async def test_deltas_arrive_while_the_model_still_writes() -> None:
    async with room([Turn((Text("now"), Gate("more"), Text("later")))]) as here:
        events = here.model.stream(REQUEST)
        async for event in events:
            if isinstance(event, TextDelta) and event.text == "now":
                break
        await here.service.release("more")
        rest = [event async for event in events]
    assert TextDelta("later") in rest


async def test_closing_the_iterator_hangs_up() -> None:
    async with room([Turn((Text("x"), Gate("never")))]) as here:
        events = here.model.stream(REQUEST)
        await anext(events)
        await here.service.reached("never")
        await events.aclose()
        await here.service.until(lambda: here.service.hangups == 1)


async def test_cancelling_hangs_up_and_is_not_swallowed() -> None:
    async with room([Turn((Text("x"), Gate("never")))]) as here:
        asking = asyncio.create_task(ask(here.model))
        await here.service.reached("never")
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await here.service.until(lambda: here.service.hangups == 1)


async def test_one_connection_serves_many_turns() -> None:
    async with room([says("x"), says("y"), says("z")]) as here:
        for _ in range(3):
            assert (await ask(here.model)).error is None
    assert here.service.connections == 1


async def test_warming_up_sends_nothing() -> None:
    async with room([]) as here:
        await here.model.warm_up()
        assert here.model._client is not None
    assert here.service.connections == 0


async def test_streams_run_side_by_side() -> None:
    gated = Turn((Gate("both"), Text("x")))
    async with room([gated, gated]) as here:
        asking = [asyncio.create_task(ask(here.model)) for _ in range(2)]
        await here.service.until(lambda: len(here.service.requests) == 2)
        await here.service.release("both")
        assert all(one.error is None for one in await asyncio.gather(*asking))


async def test_a_conversation_that_the_service_shortened_goes_back_verbatim() -> None:
    made = {"type": "compaction", "id": "cmp_1", "encrypted_content": "c=="}
    answer = Turn((Event({"type": "response.output_item.done", "item": made}),))
    refused = {"error": {"code": "invalid_encrypted_content", "message": "another account"}}
    async with room([answer, says("x"), Refusal(400, refused), says("y")]) as here:
        items = (*REQUEST.items, CompactionTrigger())
        [done] = (await ask(here.model, replace(REQUEST, items=items))).of(ItemDone)
        assert done == ItemDone(Compaction(made))
        kept = replace(REQUEST, items=(done.item, *REQUEST.items))
        await ask(here.model, kept)
        assert (await ask(here.model, kept)).error is None
        sent = [one.body["input"] for one in here.service.requests]
    assert sent[0][-1] == {"type": "compaction_trigger"}
    assert sent[1][0] == made
    assert made not in sent[3]


async def test_the_routing_token_is_sent_back_in_its_own_turn_only() -> None:
    told = says("x", headers={"x-codex-turn-state": "here"})
    async with room([told, says("y"), says("z")]) as here:
        await ask(here.model)
        await ask(here.model)
        await ask(here.model, replace(REQUEST, turn_id="turn-2"))
    states = [request.headers.get("x-codex-turn-state") for request in here.service.requests]
    assert states == [None, "here", None]


async def test_turns_that_run_side_by_side_keep_their_own_routing_tokens() -> None:
    other = replace(REQUEST, turn_id="turn-2")
    heads = [{"x-codex-turn-state": "one"}, {"x-codex-turn-state": "two"}, {}, {}]
    async with room([says("x", headers=head) for head in heads]) as here:
        for request in (REQUEST, other, REQUEST, other):
            await ask(here.model, request)
        sent = [one.headers.get("x-codex-turn-state") for one in here.service.requests]
    assert sent == [None, None, "one", "two"]


@pytest.mark.parametrize("ending", ["clean", "eof", "reset", "failed", "incomplete"])
async def test_a_broken_answer_is_announced_and_asked_for_again(ending: str) -> None:
    broken = Turn((Text("half of"),), ending=ending)  # type: ignore[arg-type]
    async with room([broken, says("whole")]) as here:
        asked = await ask(here.model)
    assert asked.error is None
    [restart] = asked.of(Restarted)
    assert (restart.attempt, restart.wait) == (2, 0.5)
    assert here.time.slept == [0.5]
    after = asked.events[asked.events.index(restart) :]
    assert "".join(event.text for event in after if isinstance(event, TextDelta)) == "whole"
    assert here.service.requests[0].body == here.service.requests[1].body


async def test_five_tries_with_growing_waits_are_the_end() -> None:
    broken = says("x", ending="clean")
    async with room([broken] * 5) as here:
        asked = await ask(here.model)
    assert here.time.slept == [0.5, 1.0, 2.0, 4.0]
    assert [event.attempt for event in asked.of(Restarted)] == [2, 3, 4, 5]
    assert isinstance(asked.error, StreamBroken)
    assert not asked.of(Completed)


@pytest.mark.parametrize("ending", ["clean", "eof", "reset", "failed"])
async def test_nothing_is_asked_again_after_a_tool_call(ending: str) -> None:
    called = Turn((script.Call("read", {}), Text("and")), ending=ending)  # type: ignore[arg-type]
    async with room([called]) as here:
        asked = await ask(here.model)
    assert isinstance(asked.error, StreamBroken)
    assert "called a tool" in str(asked.error)
    assert not asked.of(Restarted, Completed)


async def test_silence_counts_as_broken() -> None:
    async with room([says("x", ending="stall"), says("y")], idle=0.3) as here:
        asked = await ask(here.model)
    assert asked.error is None
    assert "0.3 s" in asked.of(Restarted)[0].reason


async def test_silence_counts_as_broken_even_when_comments_keep_coming() -> None:
    comments = Turn((Text("x"), *[Wire(b": ping\n\n")] * 100), pause=0.01, ending="clean")
    async with room([comments], idle=0.2, tries=1) as here:
        asked = await ask(here.model)
    assert isinstance(asked.error, StreamBroken)
    assert "nothing came" in str(asked.error)


async def test_an_event_too_large_to_hold_is_refused() -> None:
    async with room([Turn((Wire(b"data: " + b"x" * 17 * 2**20 + b"\n\n"),), chunk=2**16)]) as here:
        asked = await ask(here.model)
    assert isinstance(asked.error, StreamBroken)
    assert not asked.of(Restarted)


async def test_ciphertext_that_is_not_taken_is_left_out() -> None:
    refusal = script.Refusal(400, {"error": {"code": "invalid_encrypted_content"}})
    reasoning = Reasoning("why", {"type": "reasoning", "encrypted_content": "of-another"})
    request = replace(REQUEST, items=(*REQUEST.items, reasoning))
    async with room([refusal, says("x")]) as here:
        assert (await ask(here.model, request)).error is None
    assert here.service.requests[0].body["input"][-1]["type"] == "reasoning"
    assert here.service.requests[1].body["input"] == here.service.requests[0].body["input"][:-1]
    async with room([refusal]) as here:
        assert isinstance((await ask(here.model)).error, RequestRefused)
