"""What an answer that is no stream of events means: to the person, and for trying again.

`detail` of the errors made here names status, code and request id, and never repeats bodies:
those may quote what was asked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from codex_lsp.agent.events import (
    ContextTooLong,
    Misconfigured,
    ModelError,
    NotSignedIn,
    Overloaded,
    RequestRefused,
    StreamBroken,
    Unreachable,
    UsageLimitReached,
)
from codex_lsp.responses.fields import Json, moment, number, object_in, text_in
from codex_lsp.responses.retry import Final, Passing, Trouble, asked_wait, retry_after
from codex_lsp.responses.wire import Failed, Incomplete

ENCRYPTED = "invalid_encrypted_content"
_SERVER_ERRORS = 500
_FOREVER = 10.0**9  # seconds; a limit that resets in thirty years has no date


@dataclass(frozen=True, slots=True)
class Refusal:
    """An HTTP answer whose body is not the stream. Names in `headers` are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def error(self) -> Json:
        """The error object of the body; empty if there is none."""
        try:
            said = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        if not isinstance(said, dict):
            return {}
        error = object_in(said, "error")
        return error or {"message": text_in(said, "error") or text_in(said, "detail"), **said}

    @property
    def code(self) -> str:
        """The error's own name."""
        return text_in(self.error, "code") or text_in(self.error, "type")

    @property
    def detail(self) -> str:
        """For the log."""
        ids = ("x-request-id", "x-oai-request-id", "cf-ray", "x-openai-authorization-error")
        named = [f"{name} {self.headers[name]}" for name in ids if name in self.headers]
        return ", ".join([f"HTTP {self.status}", *([self.code] if self.code else []), *named])


def of_answer(refusal: Refusal, host: str, now: datetime) -> Trouble:
    """What `refusal` by `host` means."""
    said = text_in(refusal.error, "message")
    after = retry_after(refusal.headers.get("retry-after"), now)
    error = _by_code(refusal.code, said, refusal.detail)
    if error is not None:
        told_when = isinstance(error, Overloaded) and after is not None
        return (
            Passing("the model service is overloaded", error, after) if told_when else Final(error)
        )
    match refusal.status:
        case 429:
            return _too_many(refusal, after, said, now)
        case 408 | 409:
            return _server_trouble(refusal, host, after)
        case status if status >= _SERVER_ERRORS:
            return _server_trouble(refusal, host, after)
        case _:
            return Final(_mended_by_person(refusal, host, said))


def of_stream(ended: Failed | Incomplete) -> Trouble:
    """What it means that the stream itself says there will be no answer."""
    match ended:
        case Incomplete(reason):
            known = _by_code(reason, "", f"incomplete: {reason}")
            error = StreamBroken(
                "The model stopped before its answer was whole. Ask for less at once.",
                detail=f"incomplete: {reason}",
            )
            passing = Passing("the answer was cut short", error)
        case Failed(code, message):
            known = _by_code(code, message, f"failed: {code}")
            error = StreamBroken(
                f"The model service failed to answer{_quoted(message)}. Try again.",
                detail=f"failed: {code}",
            )
            passing = Passing("the model service failed", error, asked_wait(message))
    return passing if known is None else Final(known)


def no_stream(refusal: Refusal, host: str) -> Trouble:
    """What a success means that is no event stream: mostly that someone else answers."""
    if refusal.headers.get("content-type", "").startswith("text/html"):
        return Final(
            Unreachable(
                f"A web page came in place of {host}'s answer: maybe this network's sign-in page. "
                "Open a browser and sign in to the network, then try again.",
                detail=refusal.detail,
            )
        )
    return Final(
        Misconfigured(
            f"{host} answers, but not as a model service with the Responses API. "
            "Check the base URL.",
            detail=refusal.detail,
        )
    )


def _by_code(code: str, said: str, detail: str) -> ModelError | None:
    """What the service's own name for the trouble says, whether by status or in the stream."""
    match code:
        case "context_length_exceeded" | "string_above_max_length":
            return ContextTooLong(
                "This is more text than the model takes at once. Start a new conversation, or "
                "ask about a smaller part.",
                detail=detail,
            )
        case "insufficient_quota":
            return UsageLimitReached(
                "The API key's account has no credit left. Check its billing page.",
                resets_at=None,
                detail=detail,
            )
        case "usage_not_included":
            return UsageLimitReached(
                "Your ChatGPT plan does not include Codex. Upgrade it, or use an API key.",
                resets_at=None,
                detail=detail,
            )
        case "server_is_overloaded" | "slow_down":
            return Overloaded(
                "The model service is overloaded. Try again in a while.", detail=detail
            )
        case "invalid_prompt" | "cyber_policy" | "bio_policy" | "content_filter":
            return RequestRefused(
                f"The model service refuses this request{_quoted(said)}. Ask in another way.",
                detail=detail,
            )
        case _:
            return None


def _too_many(refusal: Refusal, after: float | None, said: str, now: datetime) -> Trouble:
    error = refusal.error
    if refusal.code == "usage_limit_reached":
        resets_at = moment(error.get("resets_at"))
        seconds = number(error.get("resets_in_seconds"))
        if resets_at is None and seconds is not None and abs(seconds) < _FOREVER:
            resets_at = now + timedelta(seconds=seconds)
        return Final(
            UsageLimitReached(
                "Your plan's usage limit is reached. " + _until(resets_at, now),
                resets_at=resets_at,
                detail=refusal.detail,
            )
        )
    if after is None:
        after = asked_wait(said)
    busy = Overloaded(
        "The model service gets too many requests from this account. "
        f"Try again {_in(after) if after else 'in a while'}.",
        detail=refusal.detail,
    )
    # Without a time to come back at, asking again only makes it worse.
    return Final(busy) if after is None else Passing("too many requests", busy, after)


def _server_trouble(refusal: Refusal, host: str, after: float | None) -> Trouble:
    when = _in(after) if after else "in a while"
    error = Overloaded(
        f"{host} has trouble of its own (HTTP {refusal.status}). Try again {when}.",
        detail=refusal.detail,
    )
    return Passing(f"{host} answers {refusal.status}", error, after)


def _mended_by_person(refusal: Refusal, host: str, said: str) -> ModelError:
    detail = refusal.detail
    match refusal.status:
        case 401:
            return NotSignedIn(
                f"{host} does not accept the credentials{_quoted(said)}. "
                "Sign in again, or check the API key.",
                detail=detail,
            )
        case 403 if not refusal.error:
            return Unreachable(
                f"A guard in front of {host} blocks this request (403). It can be this network "
                "or a VPN: try another one.",
                detail=detail,
            )
        case 403:
            return NotSignedIn(
                f"These credentials may not be used for this{_quoted(said)}. "
                "Sign in with another account, or check the key's permissions.",
                detail=detail,
            )
        case 404:
            return Misconfigured(
                f"{host} does not know the address or the model{_quoted(said)}. "
                "Check the base URL and the model's name.",
                detail=detail,
            )
        case 413:
            return ContextTooLong(
                "The request is larger than the service takes. Ask about a smaller part.",
                detail=detail,
            )
        case 301 | 302 | 303 | 307 | 308 as status:
            return Misconfigured(
                f"{host} points elsewhere (HTTP {status}), where credentials are not sent to. "
                "Put the right address into the base URL.",
                detail=detail,
            )
        case status:
            return RequestRefused(
                f"{host} refuses the request (HTTP {status}){_quoted(said)}. "
                "If it repeats, choose another model, or report it.",
                detail=detail,
            )


def _until(resets_at: datetime | None, now: datetime) -> str:
    if resets_at is None:
        return "Try again later, or use an API key."
    local = resets_at.astimezone()
    day = "" if local.date() == now.astimezone().date() else f" on {local:%d %B}"
    seconds = (resets_at - now).total_seconds()
    return f"It resets at {local:%H:%M}{day} ({_in(max(seconds, 0))})."


def _in(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"in {max(1, round(seconds))} s"
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [f"{n} {unit}" for n, unit in ((days, "d"), (hours, "h"), (minutes, "min")) if n]
    return "in " + " ".join(parts[:2])


def _quoted(said: str) -> str:
    said = " ".join(said.split()).rstrip(".")
    return f": “{said[:300]}”" if said else ""
