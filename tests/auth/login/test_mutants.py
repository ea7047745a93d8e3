"""Each defence of a sign-in, taken away in turn: the test that guards it must notice."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from codex_lsp.auth.login import api_key, browser, callback, device, grant
from codex_lsp.auth.login.callback import Door
from codex_lsp.auth.login.failures import DeadlinePassed, SignInFailed
from codex_lsp.auth.settings import AuthSettings
from codex_lsp.auth.tokens import Secret
from tests.auth.login import test_browser, test_device, test_small_ways

Patch = pytest.MonkeyPatch
Mutant = Callable[[Patch], None]


def any_state(patch: Patch) -> None:
    patch.setattr(callback, "hmac", SimpleNamespace(compare_digest=lambda _a, _b: True))


def any_host(patch: Patch) -> None:
    patch.setattr(Door, "_is_for_us", lambda _self, _head: True)


def any_path_is_the_callback(patch: Patch) -> None:
    async def page(self: Door, head: str) -> tuple[int, tuple[str, str]]:
        return await self._callback({})

    patch.setattr(Door, "_page", page)


def fixed_state(patch: Patch) -> None:
    patch.setattr(browser, "secrets", SimpleNamespace(token_urlsafe=lambda size: "a" * size))


def plain_challenge(patch: Patch) -> None:
    class Plain:
        def __init__(self, data: bytes) -> None:
            self.data = data

        def digest(self) -> bytes:
            return self.data

    patch.setattr(browser, "hashlib", SimpleNamespace(sha256=Plain))


def echoing_page(patch: Patch) -> None:
    original = Door._callback

    async def echo(self: Door, query: dict[str, str]) -> tuple[int, tuple[str, str]]:
        status, (title, _) = await original(self, query)
        return status, (title, str(query))

    patch.setattr(Door, "_callback", echo)


def signed_in_before_it_is_kept(patch: Patch) -> None:
    original = grant.redeem

    async def early(*args: Any) -> grant.SignedIn:
        signed_in = await original(*args)
        doors[-1].conclude(signed_in=True)
        return signed_in

    doors: list[Door] = []
    made = Door.__init__

    def remember(self: Door, port: int, state: str) -> None:
        made(self, port, state)
        doors.append(self)

    patch.setattr(Door, "__init__", remember)
    patch.setattr(browser, "redeem", early)


def no_turnstile(patch: Patch) -> None:
    @asynccontextmanager
    async def open_to_all(*args: Any, **rest: Any) -> AsyncIterator[None]:
        yield

    patch.setattr(test_browser, "only_sign_in", open_to_all)


def nobody_is_asked_to_end(patch: Patch) -> None:
    async def silent(port: int) -> None:
        pass

    patch.setattr(callback, "_send_cancel", silent)


def one_family_only(patch: Patch) -> None:
    patch.setattr(callback, "_bind", lambda port: [socket.create_server(("127.0.0.1", port))])


def any_workspace(patch: Patch) -> None:
    patch.setattr(grant, "_check_workspace", lambda _settings, _account: None)


def any_method(patch: Patch) -> None:
    for module in (browser, device, api_key):
        patch.setattr(module, "check_method", lambda _settings, _wanted: None)


def slow_down_is_forgotten(patch: Patch) -> None:
    patch.setattr(device, "_SLOWER", 0.0)


def expired_is_waited_out(patch: Patch) -> None:
    patch.setattr(device, "error_code", lambda _body: "authorization_pending")


def key_is_repeated(patch: Patch) -> None:
    def careless(text: str, settings: AuthSettings) -> Secret:
        raise SignInFailed(f"{text!r} is no key")

    patch.setattr(api_key, "from_text", careless)


@pytest.mark.parametrize(
    ("mutant", "guard"),
    [
        (any_state, lambda p: test_browser.test_without_our_state_nothing_happens(p, "guessed")),
        (any_host, test_browser.test_other_paths_methods_and_hosts_change_nothing),
        (any_path_is_the_callback, test_browser.test_other_paths_methods_and_hosts_change_nothing),
        (fixed_state, test_browser.test_no_two_sign_ins_share_a_state_or_a_challenge),
        (
            plain_challenge,
            test_browser.test_a_sign_in_is_kept_and_then_the_browser_says_so,
        ),
        (
            echoing_page,
            test_browser.test_pages_are_constant_and_repeat_nothing_of_the_request,
        ),
        (
            signed_in_before_it_is_kept,
            test_browser.test_a_store_that_fails_is_not_called_a_sign_in,
        ),
        (no_turnstile, test_browser.test_a_window_that_does_not_let_go_is_named),
        (
            nobody_is_asked_to_end,
            test_browser.test_an_earlier_sign_in_on_the_port_is_asked_to_end,
        ),
        (one_family_only, test_browser.test_both_loopback_families_are_answered),
        (any_workspace, test_browser.test_forced_workspaces_are_asked_for_and_checked),
        (any_workspace, test_device.test_the_wrong_workspace_is_refused),
        (any_method, test_browser.test_a_forced_api_key_stops_it_before_anything_is_shown),
        (any_method, test_device.test_a_forced_api_key_stops_it_before_anything_is_asked),
        (slow_down_is_forgotten, test_device.test_slow_down_is_for_good),
        (
            expired_is_waited_out,
            lambda p: test_device.test_a_final_word_ends_it(p, "expired_token", DeadlinePassed),
        ),
    ],
    ids=lambda value: getattr(value, "__name__", "guard"),
)
async def test_a_mutant_is_noticed(
    tmp_path: Path,
    monkeypatch: Patch,
    mutant: Mutant,
    guard: Callable[[Path], Awaitable[None]],
) -> None:
    mutant(monkeypatch)
    with pytest.raises((Exception, pytest.fail.Exception)):
        await guard(tmp_path)


async def test_a_missing_deadline_is_noticed(tmp_path: Path, monkeypatch: Patch) -> None:
    monkeypatch.setattr(browser, "asyncio", SimpleNamespace(timeout=lambda _: nullcontext()))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await test_browser.test_it_gives_up_after_its_deadline_and_frees_the_port(tmp_path)


def test_a_key_that_is_repeated_is_noticed(monkeypatch: Patch) -> None:
    key_is_repeated(monkeypatch)
    with pytest.raises(AssertionError):
        test_small_ways.test_what_is_no_key_is_refused_without_repeating_it("sk-1\nsk-2")
