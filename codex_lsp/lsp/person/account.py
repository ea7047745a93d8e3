"""The sign-in as the person meets it in the editor: asked for once, shown in whatever way the
editor has, and told when another window or the Codex CLI changed it.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Literal

from codex_lsp.agent.events import ModelError, NotSignedIn
from codex_lsp.lsp.connection.client import ClientFailure
from codex_lsp.lsp.connection.faults import Refused
from codex_lsp.lsp.person.messages import ERROR, INFO, choose, say
from codex_lsp.lsp.tasks import Task, Tasks, Work

if TYPE_CHECKING:
    from codex_lsp.auth.accounts import Accounts
    from codex_lsp.auth.login.device import DeviceCode
    from codex_lsp.auth.source import AuthEvent, Status
    from codex_lsp.lsp.capabilities import Client
    from codex_lsp.lsp.person.progress import Wire

log = logging.getLogger(__name__)

BY_BROWSER = "Sign in"
BY_CODE = "Sign in with a code"
OPEN_PAGE = "Open the page"
GIVE_UP = "Cancel"
_PATIENCE = 15 * 60.0  # seconds that a person may take to answer
HOW = "Run the command codex.auth.login, or `codex-lsp login` in a terminal."


class Account:
    """The sign-in of one window; `accounts` is None where none can be kept."""

    def __init__(self, wire: Wire, client: Client, tasks: Tasks, accounts: Accounts | None) -> None:
        self._wire = wire
        self._client = client
        self._tasks = tasks
        self._accounts = accounts
        self._asked: set[tuple[str, str]] = set()
        self.alternatives: Callable[[], Awaitable[dict[str, Callable[[], object]]]] | None = None
        """What a person without a sign-in may use instead, by the title of the button."""
        self._own_change = False

    @property
    def accounts(self) -> Accounts:
        """Raises `Refused` where none can be kept."""
        if self._accounts is None:
            raise Refused("No credentials can be kept here; the log of codex-lsp says why.")
        return self._accounts

    def sign_in(self, way: Literal["browser", "code"]) -> Task:
        """Start signing in, as a task that can be cancelled."""
        work = self._by_browser if way == "browser" else self._by_code
        return self._tasks.start("Codex: sign in", self._guarded(work), signs=True)

    def sign_out(self) -> Task:
        """Start signing out."""
        return self._tasks.start("Codex: sign out", self._guarded(self._out), signs=True)

    def retry(self) -> Task:
        """Try to refresh once more, although the person was told that it cannot work."""
        return self._tasks.start("Codex: try again", self._guarded(self._again), signs=True)

    def note(self, event: AuthEvent) -> None:
        """The sign-in changed: here, in another window, or in the Codex CLI."""
        log.info("credentials: %s", event.kind)
        if self._client.shows_status:
            self._wire.notify("codex/account/updated", describe_update(event.status))
        if event.kind in {"switched", "signedOut"}:
            self._tasks.cancel_turns()
        ours, self._own_change = self._own_change, False
        if event.kind in {"switched", "signedOut"} and not ours:
            self._say(INFO, f"Codex: {sentence(event.status)}")

    async def tell(self) -> None:
        """What is known of it may read otherwise now."""
        if self._accounts is not None and self._client.shows_status:
            status = await self._accounts.source.status()
            self._wire.notify("codex/account/updated", describe_update(status))

    async def ask_to_sign_in(self, error: NotSignedIn) -> None:
        """Offer to sign in, once for each cause and generation of credentials; then only say it."""
        cause = error.__cause__
        key = (getattr(cause, "kind", ""), getattr(cause, "generation", ""))
        if key in self._asked:
            self._say(ERROR, str(error))
            return
        self._asked.add(key)
        instead = {} if self.alternatives is None else await self.alternatives()
        ways = [] if self._accounts is None else [BY_BROWSER, BY_CODE]
        chosen = await self._choose(
            ERROR, str(error), [*ways, *instead], otherwise=f"{error} {HOW}"
        )
        if chosen in instead:
            instead[chosen]()
            return
        match chosen:
            case "Sign in":
                self.sign_in("browser")
            case "Sign in with a code":
                self.sign_in("code")
            case _:
                pass

    async def open_page(self, url: str) -> None:
        """Show a page of the authority in the person's browser, or tell its address."""
        if self._client.show_document:
            try:
                asked = {"uri": url, "external": True}
                answer = await self._wire.ask("window/showDocument", asked, timeout=30)
            except ClientFailure:
                answer = None
            if isinstance(answer, dict) and answer.get("success") is True:
                return
        self._say(INFO, f"To sign in to Codex, open {url}")

    async def show_code(self, code: DeviceCode, give_up: Callable[[], object]) -> None:
        """Show the code to type in, for as long as it takes or until it is typed in."""
        text = (
            f"Codex: open {code.url} and type in {code.code}. Do this only if you asked to sign "
            f"in; the code is good for {code.minutes} minutes."
        )
        match await self._choose(INFO, text, [OPEN_PAGE, GIVE_UP], otherwise=text):
            case "Open the page":
                await self.open_page(code.url)
                self._say(INFO, text)
            case "Cancel":
                give_up()
            case _:
                pass

    async def _by_browser(self, task: Task) -> str:
        task.progress.report("waiting for you in the browser")
        return sentence(await self.accounts.sign_in_by_browser(self.open_page))

    async def _by_code(self, task: Task) -> str:
        task.progress.report("waiting for the code to be typed in")

        async def show(code: DeviceCode) -> None:
            await self.show_code(code, lambda: self._tasks.cancel(task.id))

        return sentence(await self.accounts.sign_in_by_code(show))

    async def _out(self, _task: Task) -> str:
        heard = await self.accounts.sign_out()
        self._tasks.cancel_turns()  # at once: the watch over the file may come later
        return "Signed out." if heard else "Signed out here; the authority could not be told."

    async def _again(self, _task: Task) -> str:
        await self.accounts.source.retry()
        return "The sign-in works again."

    def _guarded(self, work: Callable[[Task], Awaitable[str]]) -> Work:
        """`work` whose `AuthError` is told as what it is."""

        async def guarded(task: Task) -> str:
            from codex_lsp.auth.tokens import AuthError

            try:
                message = await work(task)
            except AuthError as error:
                raise ModelError(str(error)) from error
            self._asked.clear()
            self._own_change = True
            self._say(INFO, f"Codex: {message}")
            task.told = True
            return message

        return guarded

    async def _choose(
        self, kind: int, text: str, titles: list[str], *, otherwise: str
    ) -> str | None:
        """Ask the person; where the editor has no question, tell them `otherwise`."""
        if titles:
            with contextlib.suppress(ClientFailure):
                return await choose(self._wire, text, titles, patience=_PATIENCE, kind=kind)
        self._say(kind, otherwise)
        return None

    def _say(self, kind: int, message: str) -> None:
        say(self._wire, message, kind)


def sentence(status: Status, keyless: str | None = None) -> str:
    """The sign-in in one sentence. `keyless`: who is asked without one."""
    match status.kind:
        case "chatgpt":
            plan = f" ({status.plan})" if status.plan else ""
            return f"Signed in as {status.email or 'a ChatGPT user'}{plan}."
        case "apiKey":
            return "Signed in with an API key."
        case "other":
            return "Signed in to Codex in a way that is not supported here."
        case "none" if keyless:
            return f"No sign-in is needed for {keyless}."
        case "none":
            return "Signed out."


def describe_account(status: Status, keyless: str | None) -> dict[str, object]:
    """As the Codex app-server answers `account/read`, and in words."""
    account: dict[str, object] | None = None
    if status.kind == "chatgpt":
        account = {"type": "chatgpt", "email": status.email, "planType": status.plan}
    elif status.kind == "apiKey":
        account = {"type": "apiKey"}
    message = sentence(status, keyless)
    return {"account": account, "requiresOpenaiAuth": keyless is None, "message": message}


def describe_update(status: Status) -> dict[str, object]:
    """As the Codex app-server tells `account/updated`."""
    modes = {"chatgpt": "chatgpt", "apiKey": "apikey"}
    return {"authMode": modes.get(status.kind), "planType": status.plan}
