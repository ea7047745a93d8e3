"""Each defence of the wire, taken out of a real server: the check named beside it must notice.

The same checks pass on the server as it is: here, or in `test_table`.
"""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from tests.doubles.raw_client import RawClient
from tests.lsp.conformance.probe import SECRET
from tests.lsp.conformance.table import AFTER, BEFORE, RUNNING, Case
from tests.lsp.conformance.test_table import check

Check = Callable[["Client"], None]
NOTICED = (AssertionError, KeyError, IndexError, subprocess.TimeoutExpired, BrokenPipeError)
RUN = (sys.executable, "-m", "tests.lsp.conformance.mutated")


class Client(RawClient):
    """Of the server as it is: there is time."""

    def hurry(self) -> None:
        """From here on a mutant owes what it will not give."""


class Mutilated(Client):
    """Of a mutant: what it has not said soon after an answer to something else, it never will."""

    def hurry(self) -> None:
        self.deadline = 2


@dataclass(frozen=True)
class Mutant:
    module: str
    old: str
    new: str
    noticed_by: Check


def begin(client: Client) -> None:
    client.initialize()
    client.call("codex/echo")
    client.hurry()


def named(cases: list[Case], name: str) -> Case:
    (found,) = [one for one in cases if one.name == name]
    return found


def running(name: str) -> Check:
    def noticed_by(client: Client) -> None:
        begin(client)
        check(client, named(RUNNING, name))

    return noticed_by


def before(client: Client, name: str) -> None:
    client.call("codex/echo")
    client.hurry()
    check(client, named(BEFORE, name))


def after(client: Client, name: str) -> None:
    begin(client)
    client.call("shutdown")
    check(client, named(AFTER, name))


def nothing_secret_is_told(client: Client) -> None:
    begin(client)
    client.call("codex/failLater")
    assert SECRET not in str(client.received)
    assert "Traceback" not in str(client.received)


def nothing_secret_is_logged(client: Client) -> None:
    begin(client)
    client.call("codex/failLater")
    client.leave()
    assert SECRET not in client.stderr


def printing_stays_off_the_wire(client: Client) -> None:
    begin(client)
    assert client.call("codex/print")["result"] == "0"
    client.leave()
    assert client.garbage == b""


def children_get_no_stdin_of_ours(client: Client) -> None:
    begin(client)
    client.request("codex/print")
    assert client.call("codex/echo")["result"] == {}


def shutdown_stops_what_runs(client: Client) -> None:
    begin(client)
    sleeping = client.request("codex/sleep")
    client.wait_for(lambda message: message.get("method") == "codex/asleep")
    client.call("shutdown")
    assert client.answer(sleeping)["error"]["code"] == -32800


def silence_has_a_deadline(client: Client) -> None:
    begin(client)
    assert client.call("codex/ask", {"timeout": 0.01})["result"]["failure"] == "ClientTimeout"


def leaving_without_shutdown_is_1(client: Client) -> None:
    begin(client)
    client.close_stdin()
    assert client.wait() == 1


def oversize_ends_the_session(client: Client) -> None:
    begin(client)
    client.send_bytes(b"Content-Length: 99999999999\r\n\r\n")
    assert client.wait() == 1


def a_hanging_handler_is_left_behind(client: Client) -> None:
    begin(client)
    client.notify("codex/hang", {"path": "/dev/null"})
    client.close_stdin()
    assert client.wait() == 1


def a_dead_editor_is_noticed(client: Client) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    client.initialize(processId=gone.pid)
    client.hurry()
    assert client.wait() == 1


def a_handler_sees_the_text_of_its_moment(client: Client) -> None:
    begin(client)
    document = {"uri": "u", "languageId": "x", "version": 1, "text": "old"}
    change = {"textDocument": {"uri": "u", "version": 2}, "contentChanges": [{"text": "new"}]}
    client.notify("textDocument/didOpen", {"textDocument": document})
    message = {"jsonrpc": "2.0", "id": 1, "method": "codex/textLater", "params": {"uri": "u"}}
    client.send(message, {"jsonrpc": "2.0", "method": "textDocument/didChange", "params": change})
    first, second = client.answer(1)["result"]
    assert (first["text"], second["text"]) == ("old", "new")


GATE = "codex_lsp.lsp.connection.gate"
FRAMES = "codex_lsp.lsp.connection.frames"
PROTOCOL = "codex_lsp.lsp.connection.protocol"
TRANSPORT, DOCUMENTS, FAULTS = (
    "codex_lsp.lsp.connection.transport",
    "codex_lsp.lsp.editing.documents",
    "codex_lsp.lsp.connection.faults",
)
CLIENT = "codex_lsp.lsp.connection.client"
ENDING = "codex_lsp.lsp.connection.ending"
HOST = "codex_lsp.lsp.connection.host"

MUTANTS = {
    "serves before initialize": Mutant(
        GATE, "elif not self._initialized:", "elif False:", partial(before, name="a request")
    ),
    "initializes twice": Mutant(
        GATE,
        "        if self._initialized:\n            self._refuse",
        "        if False:\n            self._refuse",
        running("a second initialize"),
    ),
    "serves after shutdown": Mutant(
        GATE,
        "        if self._ending.orderly:\n            self._refuse",
        "        if False:\n            self._refuse",
        partial(after, name="a request"),
    ),
    "is silent on broken JSON": Mutant(
        GATE, "self._refuse(None, jsonrpc.PARSE_ERROR", "str((None, 1", running("no JSON")
    ),
    "is silent on batches": Mutant(
        GATE, "self._refuse_batch(message)", "pass", running("an empty batch")
    ),
    "goes on with work after shutdown": Mutant(
        GATE, "self._deliver(STOP_WORK, 0)", "pass", shutdown_stops_what_runs
    ),
    "knows one spelling of the header": Mutant(
        FRAMES,
        'rb"content-length[ \\t]*:[ \\t]*([0-9]+)[ \\t]*\\Z", re.IGNORECASE',
        'rb"Content-Length[ \\t]*:[ \\t]*([0-9]+)[ \\t]*\\Z"',
        running("a lower-case header"),
    ),
    "finds no header in garbage": Mutant(
        FRAMES, "_LENGTH.search(line)", "_LENGTH.match(line)", running("garbage glued to a header")
    ),
    "takes frames of any size": Mutant(
        FRAMES, "MAX_BODY = 64 * 1024 * 1024", "MAX_BODY = 10**20", oversize_ends_the_session
    ),
    "calls bad params a bug": Mutant(
        PROTOCOL,
        "        except _MISFITS:\n            raise",
        "        except ZeroDivisionError:\n            raise",
        running("code action: no range"),
    ),
    "serves an id twice at once": Mutant(
        PROTOCOL,
        "if request in self._running:",
        "if False:",
        running("a request whose id is being served"),
    ),
    "does not cancel": Mutant(
        PROTOCOL, "            task.cancel()", "            pass", running("cancelling a command")
    ),
    "is silent on what was cancelled": Mutant(
        PROTOCOL,
        "self._send_error(request, jsonrpc.REQUEST_CANCELLED",
        "str((request, jsonrpc.REQUEST_CANCELLED",
        running("cancelling a request"),
    ),
    "complains of others' commands": Mutant(
        PROTOCOL,
        "return None  # lsp-mode",
        "raise Refused(command)  # lsp-mode",
        running("an unknown command"),
    ),
    "tells the client what was raised": Mutant(
        FAULTS,
        'f"Internal error. The log of codex-lsp has it as {record(error, what)}."',
        "repr(error)",
        nothing_secret_is_told,
    ),
    "logs what was raised": Mutant(
        FAULTS,
        "what, describe(error))",
        "what, error)",
        nothing_secret_is_logged,
    ),
    "applies half of a change": Mutant(
        DOCUMENTS,
        'changes = [_read_change(change) for change in params["contentChanges"]]',
        'changes = map(_read_change, params["contentChanges"])',
        running("one bad change spoils all"),
    ),
    "waits for the client for ever": Mutant(
        CLIENT, "asyncio.timeout(timeout)", "asyncio.timeout(None)", silence_has_a_deadline
    ),
    "leaves stdout to everyone": Mutant(
        TRANSPORT,
        "    os.dup2(2, 1)\n    sys.stdout",
        "    sys.stdout",
        printing_stays_off_the_wire,
    ),
    "leaves stdin to children": Mutant(
        TRANSPORT, "    os.dup2(void, 0)\n", "", children_get_no_stdin_of_ours
    ),
    "always ends with 0": Mutant(
        ENDING, "0 if self.orderly and not self.failed else 1", "0", leaving_without_shutdown_is_1
    ),
    "waits for what hangs": Mutant(
        ENDING, "self._orders.put(DEADLINE)", "pass", a_hanging_handler_is_left_behind
    ),
    "outlives its editor": Mutant(
        "codex_lsp.lsp.connection.session",
        "wait_until_gone(pid)",
        "return",
        a_dead_editor_is_noticed,
    ),
    "reads on before a handler has begun": Mutant(
        HOST,
        "        await asyncio.sleep(0)",
        "        pass",
        a_handler_sees_the_text_of_its_moment,
    ),
}

OWN_CHECKS = (
    nothing_secret_is_told,
    nothing_secret_is_logged,
    printing_stays_off_the_wire,
    children_get_no_stdin_of_ours,
    shutdown_stops_what_runs,
    silence_has_a_deadline,
    leaving_without_shutdown_is_1,
    oversize_ends_the_session,
    a_hanging_handler_is_left_behind,
    a_dead_editor_is_noticed,
    a_handler_sees_the_text_of_its_moment,
)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_noticed(name: str) -> None:
    mutant = MUTANTS[name]
    with (
        Mutilated((*RUN, mutant.module, mutant.old, mutant.new)) as client,
        pytest.raises(NOTICED),
    ):
        mutant.noticed_by(client)


@pytest.mark.parametrize("noticed_by", OWN_CHECKS, ids=lambda one: one.__name__)
def test_the_checks_that_are_not_in_the_table_pass_on_the_real_server(noticed_by: Check) -> None:
    with Client(RUN) as client:
        noticed_by(client)


def test_each_mutant_still_finds_what_it_breaks() -> None:
    for name, mutant in MUTANTS.items():
        module: Any = importlib.import_module(mutant.module)
        assert inspect.getsource(module).count(mutant.old) == 1, name
