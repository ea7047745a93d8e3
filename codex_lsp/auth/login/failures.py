"""How a sign-in can end without a login. `str()` says what happened and one thing to do.

AuthError
  SignInFailed          the authority's refusal, or an answer that makes no sense
    Cancelled           the person, or a newer sign-in, ended this one
    Denied              the authority or the person said no
    DeadlinePassed      nobody finished it in time
    NotAllowed          forced_login_method or forced_chatgpt_workspace_id forbids it
    PortsTaken          the browser has nowhere to come back to
    AlreadyUnderWay     another window of this machine is signing in and does not let go
"""

from __future__ import annotations

from codex_lsp.auth.errors import AuthError


class SignInFailed(AuthError):
    """No login came of it. Nothing that was stored before has changed."""

    kind = "signInFailed"


class Cancelled(SignInFailed):
    """The person, or a newer sign-in, ended this one."""

    kind = "cancelled"


class Denied(SignInFailed):
    """The authority or the person said no."""

    kind = "denied"


class DeadlinePassed(SignInFailed):
    """Nobody finished it in time."""

    kind = "deadlinePassed"


class NotAllowed(SignInFailed):
    """This way of signing in, or this workspace, is forbidden by the configuration."""

    kind = "notAllowed"


class PortsTaken(SignInFailed):
    """Other programs listen where the browser would come back to."""

    kind = "portsTaken"


class AlreadyUnderWay(SignInFailed):
    """Another window holds the machine's one sign-in and does not let go of it."""

    kind = "alreadyUnderWay"
