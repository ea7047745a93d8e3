"""The life of a session, in real processes: how it begins, how it ends, with which code."""

import pytest

from tests.doubles.raw_client import RawClient


def test_an_orderly_session_ends_with_0() -> None:
    with RawClient() as client:
        answer = client.initialize()
        assert answer["result"]["serverInfo"]["name"] == "codex-lsp"
        assert client.leave() == 0
        assert client.garbage == b""


@pytest.mark.parametrize("after_initialize", [False, True])
def test_exit_without_shutdown_ends_with_1(after_initialize: bool) -> None:
    with RawClient() as client:
        if after_initialize:
            client.initialize()
        client.notify("exit")
        assert client.wait() == 1


@pytest.mark.parametrize("after_initialize", [False, True])
def test_closing_stdin_without_shutdown_ends_with_1(after_initialize: bool) -> None:
    with RawClient() as client:
        if after_initialize:
            client.initialize()
        client.close_stdin()
        assert client.wait() == 1


def test_closing_stdin_after_shutdown_ends_with_0() -> None:
    with RawClient() as client:
        client.initialize()
        assert client.call("shutdown")["result"] is None
        client.close_stdin()
        assert client.wait() == 0
