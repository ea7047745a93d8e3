"""The life of a session, in real processes: how it begins, how it ends, with which code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from codex_lsp.lsp.connection.frames import MAX_BODY
from codex_lsp.lsp.connection.session import editor_process
from tests.doubles.raw_client import SERVE, RawClient, framed, wait_for_file
from tests.lsp.conformance.probe import COMMAND, SECRET

INITIALIZE = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}}}

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")


@pytest.mark.parametrize("words", [(), ("serve", "--stdio")])
def test_an_orderly_session_ends_with_0(words: tuple[str, ...]) -> None:
    with RawClient((*SERVE, *words)) as client:
        answer = client.initialize()
        assert answer["result"]["serverInfo"]["name"] == "codex-lsp"
        assert client.leave() == 0
        assert client.garbage == b""
        assert client.stderr == ""


@pytest.mark.parametrize("after_initialize", [False, True])
def test_exit_without_shutdown_ends_with_1(after_initialize: bool) -> None:
    with RawClient(COMMAND) as client:
        if after_initialize:
            client.initialize()
        client.notify("exit")
        assert client.wait() == 1


@pytest.mark.parametrize("after_initialize", [False, True])
def test_closing_stdin_without_shutdown_ends_with_1(after_initialize: bool) -> None:
    with RawClient(COMMAND) as client:
        if after_initialize:
            client.initialize()
        client.close_stdin()
        assert client.wait() == 1
        assert client.stderr == ""


def test_closing_stdin_after_shutdown_ends_with_0() -> None:
    with RawClient(COMMAND) as client:
        client.initialize()
        assert client.call("shutdown")["result"] is None
        client.close_stdin()
        assert client.wait() == 0


def test_what_came_before_stdin_closed_is_still_answered() -> None:
    with RawClient(COMMAND) as client:
        client.initialize()
        client.call("codex/echo")  # now it is loaded, and will end in less than the deadline
        client.send({"jsonrpc": "2.0", "id": 2, "method": "codex/echo", "params": {"a": 1}})
        client.close_stdin()
        assert client.wait() == 1
        assert client.answer(2)["result"] == {"a": 1}


def test_shutdown_and_exit_work_before_anything_is_loaded() -> None:
    with RawClient(COMMAND) as client:
        shutdown = {"jsonrpc": "2.0", "id": 2, "method": "shutdown"}
        client.send(INITIALIZE, shutdown, {"jsonrpc": "2.0", "method": "exit"})
        assert client.wait() == 0
        assert client.answer(2)["result"] is None


def test_shutdown_cancels_what_is_running_and_answers_it() -> None:
    with RawClient(COMMAND) as client:
        client.initialize()
        arguments = {"command": "probe.sleep"}
        running = [
            client.request("codex/sleep"),
            client.request("workspace/executeCommand", arguments),
            client.request("codex/ask", {"timeout": 3600}),
        ]
        client.wait_for(lambda message: message.get("method") == "codex/question")
        assert client.leave() == 0
        for request in running:
            (answer,) = client.answers(request)
            assert answer["error"]["code"] == -32800


def test_a_session_that_cannot_be_put_together_ends_and_says_so() -> None:
    with RawClient(COMMAND) as client:
        client.initialize(initializationOptions="fail to compose")
        assert client.wait() == 1
        assert "RuntimeError" in client.stderr
        assert SECRET not in client.stderr


def test_nothing_printed_reaches_the_client() -> None:
    with RawClient(COMMAND) as client:
        client.initialize()
        assert client.call("codex/print")["result"] == "0"
        assert client.leave() == 0
        assert client.garbage == b""
        assert "from print" in client.stderr
        assert "from fd 1" in client.stderr
        assert "from a child" in client.stderr


@pytest.mark.parametrize("length", [MAX_BODY + 1, 99999999999, 10**40])
def test_an_oversize_frame_ends_the_session_with_a_reason(length: int) -> None:
    with RawClient(COMMAND) as client:
        client.initialize()
        client.send_bytes(b"Content-Length: %d\r\n\r\n{" % length)
        assert client.wait() == 1
        assert "the limit is" in client.stderr


def test_exit_does_not_wait_for_a_handler_that_hangs(tmp_path: Path) -> None:
    with RawClient(COMMAND) as client:
        client.initialize()
        client.notify("codex/hang", {"path": str(tmp_path / "hanging")})
        wait_for_file(tmp_path / "hanging")
        assert client.leave() == 0


def test_exit_does_not_wait_for_the_client_to_read() -> None:
    with RawClient(COMMAND) as client:
        client.initialize()
        client.stop_reading()
        client.request("codex/echo", {"a": "x" * (1 << 20)})
        client.request("codex/echo", {"a": "x" * (1 << 20)})
        client.request("shutdown")
        client.notify("exit")
        assert client.process.wait(60) == 0


def test_exit_waits_for_exit_hooks(tmp_path: Path) -> None:
    with RawClient(COMMAND) as client:
        client.initialize()
        client.call("codex/echo")
        client.notify("codex/linger", {"seconds": 3, "path": str(tmp_path / "saved")})
        client.close_stdin()
        assert client.wait() == 1
        assert (tmp_path / "saved").exists()


def test_exit_hooks_have_a_deadline(tmp_path: Path) -> None:
    """Of half a second here."""
    shorter = ("codex_lsp.lsp.connection.server", "HOOKS_DEADLINE = 10.0", "HOOKS_DEADLINE = 0.5")
    with RawClient((sys.executable, "-m", "tests.lsp.conformance.mutated", *shorter)) as client:
        client.initialize()
        client.notify("codex/linger", {"seconds": 3600, "path": str(tmp_path / "saved")})
        assert client.leave() == 0
        assert not (tmp_path / "saved").exists()


@posix
@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("SIGTERM", "unborn"),
        ("SIGTERM", "idle"),
        ("SIGTERM", "working"),
        ("SIGHUP", "idle"),
        ("SIGINT", "idle"),
    ],
)
def test_a_signal_ends_the_session_quietly(name: str, state: str, tmp_path: Path) -> None:
    with RawClient(COMMAND) as client:
        if state == "unborn":
            client.call("codex/echo")
        else:
            client.initialize()
            client.notify("codex/linger", {"seconds": 0, "path": str(tmp_path / "saved")})
            client.call("codex/echo")
        if state == "working":
            client.request("codex/sleep")
            client.wait_for(lambda message: message.get("method") == "codex/asleep")
        client.process.send_signal(getattr(signal, name))
        assert client.wait() == 1
        assert client.stderr == ""
        assert (tmp_path / "saved").exists() == (state != "unborn")


@pytest.mark.parametrize("state", ["idle", "working", "streaming"])
@pytest.mark.parametrize("how", ["killed", "pipes closed", "process gone, stdin open"])
def test_the_server_goes_when_its_editor_is_gone(state: str, how: str) -> None:
    """TS5. The editor is a small process that starts the server and hands us its process id."""
    editor = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
    )
    with editor, RawClient(COMMAND) as client:
        client.initialize(processId=editor.pid if how != "pipes closed" else os.getpid())
        client.call("codex/echo")
        if state == "working":
            client.request("codex/sleep")
            client.wait_for(lambda message: message.get("method") == "codex/asleep")
        if state == "streaming":
            client.request("codex/stream", {"total": 1 << 30})
            client.wait_for(lambda message: message.get("method") == "codex/piece")
        if how == "pipes closed":
            client.hang_up()
        else:
            editor.kill()
            if how == "killed":  # a zombie for now: nobody has waited for it
                client.close_stdin()
            else:
                editor.wait()
        assert client.process.wait(60) == 1
        assert client.stderr == ""


def test_a_process_id_that_is_gone_already_ends_the_session() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with RawClient(COMMAND) as client:
        client.initialize(processId=gone.pid)
        assert client.wait() == 1


@pytest.mark.parametrize("value", [None, 0, -1, True, "5", 1.5, [], 2**80])
def test_what_is_no_process_id_is_not_watched(value: object) -> None:
    assert editor_process(value) is None


@posix
@pytest.mark.parametrize("closed", ["<&-", ">&-"])
def test_without_stdin_or_stdout_it_says_so(closed: str) -> None:
    run = subprocess.run(
        ["/bin/sh", "-c", f"exec {sys.executable} -m codex_lsp {closed}"],
        stderr=subprocess.PIPE,
        check=False,
    )
    assert run.returncode == 2
    assert b"must be open" in run.stderr


@posix
def test_without_stderr_it_serves() -> None:
    shell = ("/bin/sh", "-c", f"exec {sys.executable} -m tests.lsp.conformance.probe 2>&-")
    with RawClient(shell) as client:
        client.initialize()
        assert client.call("codex/print")["result"] == "0"
        assert client.leave() == 0
        assert client.garbage == b""


def test_ten_thousand_requests_sent_at_once_are_answered_in_order() -> None:
    with RawClient(COMMAND) as client:
        client.initialize()
        echo = {"jsonrpc": "2.0", "method": "codex/echo", "params": {}}
        client.send_bytes(b"".join(framed(echo | {"id": number}) for number in range(10_000)))
        client.answer(9_999)
        assert [answer["id"] for answer in client.replies()][-10_000:] == list(range(10_000))
