"""The server asks the client: answers, refusals, silence, answers that come too late."""

from __future__ import annotations

from typing import Any

from tests.doubles.raw_client import RawClient
from tests.lsp.conformance.probe import COMMAND


def question(client: RawClient, count: int = 1) -> Any:
    """The id of the server's `count`-th question."""

    def asked() -> list[Any]:
        return [m["id"] for m in client.received if m.get("method") == "codex/question"]

    client.wait_until(lambda: len(asked()) >= count)
    return asked()[count - 1]


def test_the_server_takes_answers_errors_and_silence() -> None:
    with RawClient(COMMAND) as client:
        client.initialize()

        asking = client.request("codex/ask", {"timeout": 3600})
        client.send({"jsonrpc": "2.0", "id": question(client), "result": {"a": [1]}})
        assert client.answer(asking)["result"] == {"result": {"a": [1]}}

        asking = client.request("codex/ask", {"timeout": 3600})
        error = {"code": -32601, "message": "no such thing"}
        client.send({"jsonrpc": "2.0", "id": question(client, 2), "error": error})
        refused = {"failure": "ClientError", "text": "no such thing"}
        assert client.answer(asking)["result"] == refused

        asking = client.request("codex/ask", {"timeout": 3600})
        client.send({"jsonrpc": "2.0", "id": question(client, 3), "error": "broken"})
        assert client.answer(asking)["result"]["failure"] == "ClientError"

        asking = client.request("codex/ask", {"timeout": 0.01})
        silent = client.answer(asking)["result"]
        assert silent["failure"] == "ClientTimeout"
        assert "codex/question" in silent["text"]

        late, start = question(client, 4), len(client.received)
        client.send({"jsonrpc": "2.0", "id": late, "result": 1})
        client.send({"jsonrpc": "2.0", "id": late, "result": 2})

        asking = client.request("codex/ask", {"timeout": 3600})
        client.notify("$/cancelRequest", {"id": asking})
        assert client.answer(asking)["error"]["code"] == -32800
        client.send({"jsonrpc": "2.0", "id": question(client, 5), "result": 3})

        client.call("codex/echo")
        said = [m.get("method") for m in client.received[start:]]
        assert said == ["codex/question", None, None]  # its question, two answers, no popup
        assert client.leave() == 0
        assert client.stderr == ""


def test_the_answer_to_a_question_may_overtake_a_request() -> None:
    with RawClient(COMMAND) as client:
        client.initialize()
        asking = client.request("codex/ask", {"timeout": 3600})
        sleeping = client.request("codex/sleep")
        client.send({"jsonrpc": "2.0", "id": question(client), "result": None})
        assert client.answer(asking)["result"] == {"result": None}
        assert client.answers(sleeping) == []
