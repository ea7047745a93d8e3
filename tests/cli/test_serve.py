"""The verb `serve` from outside: its words, its log, and TCP for debugging."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from codex_lsp import __version__
from codex_lsp.cli.main import VERBS, main
from codex_lsp.lsp.connection.frames import Framer
from tests.doubles.raw_client import SERVE, RawClient, environment, framed


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert left.value.code == 0
    assert capsys.readouterr().out == f"codex-lsp {__version__}\n"


def test_every_verb_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in VERBS:
        with pytest.raises(SystemExit) as left:
            main([verb, "--help"])
        assert left.value.code == 0
        assert f"codex-lsp {verb}" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["nonsense"], ["serve", "--nonsense"], ["--nonsense"]])
def test_nonsense_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.parametrize(
    "address", ["0.0.0.0:1", "192.168.0.1:1", "[::]:1", "example.org:1", "127.0.0.1", "127.0.0.1:x"]
)
def test_tcp_is_for_this_machine_only(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["serve", "--tcp", address])
    assert left.value.code == 2
    assert "--tcp" in capsys.readouterr().err


def test_a_session_over_tcp() -> None:
    command = [*SERVE, "serve", "--tcp", "localhost:0"]
    process = subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE)
    with process:
        assert process.stderr is not None
        said = process.stderr.readline().decode()
        port = re.search(r"port (\d+)", said)
        assert port, said
        with socket.create_connection(("127.0.0.1", int(port[1])), timeout=60) as client:
            params: dict[str, object] = {"capabilities": {}}
            client.sendall(
                framed({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params})
                + framed({"jsonrpc": "2.0", "id": 2, "method": "shutdown"})
                + framed({"jsonrpc": "2.0", "method": "exit"})
            )
            framer, came = Framer(), list[bytes]()
            while chunk := client.recv(65536):
                came += framer.feed(chunk)
        assert len(came) == 2
        assert process.wait(60) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="there is no pty to be a terminal")
def test_a_person_who_starts_it_in_a_terminal_is_told_what_it_is() -> None:
    import pty

    terminal, given = pty.openpty()
    try:
        with subprocess.Popen(SERVE, stdin=given, env=environment(), stderr=subprocess.PIPE) as it:
            assert it.stderr is not None
            assert b"which an editor starts" in it.stderr.readline()
            it.terminate()
    finally:
        os.close(terminal)
        os.close(given)


def test_the_log_goes_to_a_file_and_has_no_bodies(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with RawClient([*SERVE, "serve", "--log-file", str(log), "--log-level", "info"]) as client:
        client.initialize(initializationOptions={"secret": "sk-planted"})
        client.call("codex/nothing", {"secret": "sk-planted"})
        assert client.leave() == 0
        assert client.stderr == ""
    assert "ending with 0, because the client said exit" in log.read_text()
    assert "sk-planted" not in log.read_text()


def test_whoever_has_read_enough_sees_no_traceback() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    run = subprocess.run(
        [sys.executable, "-m", "codex_lsp", "local", "list"],
        check=False, stdout=writing, stderr=subprocess.PIPE,
    )  # fmt: skip
    os.close(writing)
    assert (run.returncode, run.stderr) == (1, b"")


def test_the_module_is_the_program() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "codex_lsp", "--version"], capture_output=True, check=True
    )
    assert run.stdout.decode().strip() == f"codex-lsp {__version__}"
