"""How a request can fail before it is answered, split by what matters: did it leave this machine?

NetFailure
  NotSent          it never reached the server: safe to send again
    BadCertificates  the person's own certificate file cannot be used
  OutcomeUnknown   it may have been acted on: sending it again is a decision
"""

from __future__ import annotations


class NetFailure(Exception):
    """`str()` is for the person: what happened, one thing to do; `detail` is for the log."""

    def __init__(self, message: str, *, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail


class NotSent(NetFailure):
    """Nothing of the request was acted on (DNS, refused, connect timeout, proxy, TLS).

    `lasting`: trying again soon cannot help, because something has to be mended first.
    """

    def __init__(self, message: str, *, detail: str = "", lasting: bool = False) -> None:
        super().__init__(message, detail=detail)
        self.lasting = lasting


class BadCertificates(NotSent):
    """CODEX_CA_CERTIFICATE or SSL_CERT_FILE names a file that holds no usable certificate."""

    def __init__(self, message: str, *, detail: str = "") -> None:
        super().__init__(message, detail=detail, lasting=True)


class OutcomeUnknown(NetFailure):
    """Some of the request may have arrived (reset, timeout while reading, torn answer)."""
