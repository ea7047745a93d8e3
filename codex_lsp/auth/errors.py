"""Why no bearer can be had, in the person's words: the cause, and one thing to do.

AuthError
  SignInNeeded         only a new sign-in helps; shown once per window and generation
    SignedOut
    AccountSwitched    the store holds another identity than the one asked for
    Expired            the refresh token is too old
    Reused             the refresh token had been spent, by someone
    Revoked            the refresh token was withdrawn
    Refused            the authority (or, for an API key, the service) said no without a known cause
    UnknownOutcome     a refresh was sent, its answer is lost; the token is not sent again by itself
  Offline              nothing was sent, or we were asked to wait; trying later helps
  Busy                 another program is in the middle of something; trying again helps
  StoreUnusable        the credentials cannot be read, locked or written here
"""

from __future__ import annotations

from typing import ClassVar


class AuthError(Exception):
    """No bearer can be had. `str()` is for the person: the cause, and one thing to do.

    `generation` names the credentials it is about, without telling them: whoever shows messages
    shows one for each pair of `kind` and `generation`.
    """

    kind: ClassVar[str] = "error"
    text: ClassVar[str] = "The credentials cannot be used. Sign in again."

    def __init__(
        self, message: str = "", *, generation: str = "", detail: str = "", at: float = 0.0
    ) -> None:
        super().__init__(message or self.text)
        self.generation = generation
        self.at = at
        self.detail = detail


class SignInNeeded(AuthError):
    """Only a new sign-in helps."""


class SignedOut(SignInNeeded):
    """There are no credentials."""

    kind = "signedOut"
    text = "You are signed out of Codex. Sign in."


class AccountSwitched(SignInNeeded):
    """The store holds another identity than the one this work began with."""

    kind = "accountSwitched"
    text = (
        "Codex is signed in to another account now. Start again to use that account, or sign in "
        "to the earlier one."
    )


class Expired(SignInNeeded):
    """The refresh token is too old."""

    kind = "expired"
    text = "Your Codex sign-in has expired. Sign in again."


class Reused(SignInNeeded):
    """The refresh token had been spent already."""

    kind = "reused"
    text = (
        "Your Codex sign-in can no longer be renewed, because another program renewed it and no "
        "newer credentials were saved. Sign in again."
    )


class Revoked(SignInNeeded):
    """The refresh token was withdrawn."""

    kind = "revoked"
    text = "Your Codex sign-in was revoked. Sign in again."


class Refused(SignInNeeded):
    """The authority said no, and not why."""

    kind = "refused"
    text = "The sign-in service refuses to renew your Codex sign-in. Sign in again."


class UnknownOutcome(SignInNeeded):
    """A refresh was sent and its answer is lost."""

    kind = "unknownOutcome"
    text = (
        "Renewing your Codex sign-in was interrupted, and whether it went through is not known. "
        "Sign in again (or try again anyway, which can end the sign-in everywhere)."
    )


class Offline(AuthError):
    """Nothing was sent, or the authority asked to wait."""

    kind = "offline"
    text = "The sign-in service cannot be reached. Check the network and try again."


class Busy(AuthError):
    """Another program is in the middle of writing, or holds the lock."""

    kind = "busy"
    text = "The credentials are being written by another program. Try again in a moment."


class StoreUnusable(AuthError):
    """The credentials cannot be read, locked or written here."""

    kind = "storeUnusable"
    text = "The credentials file cannot be used."
