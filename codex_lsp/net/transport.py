"""What httpx needs to know of us, and what its errors mean to a person.

Imports httpx, which costs 0.1 s; `net.client` is the door for whoever should not pay that early.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module

import httpx

from codex_lsp.net.certificates import tls_context
from codex_lsp.net.failures import NetFailure, NotSent, OutcomeUnknown

# At INFO httpx logs addresses, which can hold keys; at DEBUG httpcore logs the bearer itself.
for _talkative in ("httpx", "httpcore"):
    logging.getLogger(_talkative).setLevel(logging.WARNING)

# httpx loads these at its first request, on the event loop, which stands still for 40 ms then.
with suppress(ImportError):
    import_module("httpcore")
    import_module("anyio._backends._asyncio")

# What is on this machine is reached directly, whatever HTTP_PROXY says: a proxy could only see it.
_HERE = ("localhost", "127.0.0.1", "[::1]")
_DIRECT: dict[str, httpx.AsyncBaseTransport | None] = {f"all://{host}": None for host in _HERE}

_KEPT_ALIVE = 90.0  # seconds; a person thinks longer than httpx's five before asking again

_OFFLINE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL}


def open_client(*urls: str, timeout: httpx.Timeout) -> httpx.AsyncClient:
    """A client for requests to `urls`: verified TLS, the environment's proxies, no redirects.

    A redirect would carry the bearer to wherever the answer points. The first client for https
    takes 0.1 s to make. Raises `BadCertificates`, and `NotSent` for an address or a proxy variable
    that cannot be used.
    """
    secure = any(url.lower().startswith("https:") for url in urls)
    try:
        return httpx.AsyncClient(
            # Plain http needs no roots; a context without any trusts nobody.
            verify=tls_context() if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            mounts=_DIRECT,
            # A proxy setting that cannot be used must not keep one from a server of one's own.
            trust_env=not all(_is_here(_host(url)) for url in urls),
            timeout=timeout,
            limits=httpx.Limits(keepalive_expiry=_KEPT_ALIVE),
            follow_redirects=False,
        )
    except (ValueError, httpx.InvalidURL, ImportError) as error:
        raise NotSent(
            f"A proxy setting in the environment cannot be used ({_proxy_variables()}): {error}. "
            "Correct it, or unset it.",
            detail=repr(error),
            lasting=True,
        ) from error


# All that httpx raises for a request, whatever is wrong with it.
HttpxError = httpx.HTTPError | httpx.InvalidURL | UnicodeEncodeError
HTTPX_ERRORS = (httpx.HTTPError, httpx.InvalidURL, UnicodeEncodeError)


def failure(error: HttpxError, url: str) -> NetFailure:
    """`error`, met while asking `url`, as one of ours."""
    host = _host(url)
    detail = f"{type(error).__name__}: {error}"
    match error:
        case httpx.ProxyError():
            return proxy_refusal(str(error), detail)
        case httpx.ConnectError():
            return _connect_failure(error, host, detail)
        case httpx.ConnectTimeout():
            return NotSent(
                f"{host} did not answer in time. Check the network, or a proxy that it needs.",
                detail=detail,
            )
        case httpx.PoolTimeout():
            return NotSent("Too many requests are under way. Try again.", detail=detail)
        case httpx.InvalidURL() | httpx.UnsupportedProtocol():
            return NotSent(
                f"“{url}” is not a web address. Correct the base URL in the settings.",
                detail=detail,
                lasting=True,
            )
        case httpx.LocalProtocolError() | UnicodeEncodeError():
            return NotSent(
                "The request cannot be written as HTTP. Look for stray characters in the key "
                "and in configured headers.",
                detail=type(error).__name__,  # the text of these quotes the header: maybe a key
                lasting=True,
            )
        case httpx.TimeoutException():
            return OutcomeUnknown(f"{host} stopped answering. Try again.", detail=detail)
        case _:
            return OutcomeUnknown(f"The connection to {host} broke off. Try again.", detail=detail)


def proxy_refusal(reason: str, detail: str) -> NotSent:
    """What to say when the proxy itself said no; `reason` starts with its status, if it has one."""
    if reason.startswith("407"):
        return NotSent(
            "The proxy wants a user name and password (407). "
            f"Put them into the proxy address ({_proxy_variables()}).",
            detail=detail,
            lasting=True,
        )
    return NotSent(
        f"The proxy would not pass the request on ({reason}). Check {_proxy_variables()}.",
        detail=detail,
    )


def _connect_failure(error: httpx.ConnectError, host: str, detail: str) -> NotSent:
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                return NotSent(
                    f"The certificate of {host} cannot be verified ({cause.verify_message}). "
                    "If a proxy inspects this network's traffic, set CODEX_CA_CERTIFICATE to its "
                    "certificate file (PEM).",
                    detail=detail,
                    lasting=True,
                )
            case ssl.SSLError():
                return NotSent(
                    f"No secure connection to {host} could be made ({cause.reason}). "
                    "Check that the address really speaks https, and any proxy between.",
                    detail=detail,
                )
            case socket.gaierror():
                return NotSent(
                    f"The name {host} could not be found. "
                    "Check that this machine is online, and its DNS.",
                    detail=detail,
                )
            case ConnectionRefusedError():
                return NotSent(
                    f"Nothing answers at {host}. Check that it is running there, or the proxy.",
                    detail=detail,
                    lasting=_is_here(host),  # a server of one's own does not start by waiting
                )
            case OSError() if cause.errno in _OFFLINE:
                return NotSent(
                    f"There is no way to {host}: this machine seems to be offline.", detail=detail
                )
    return NotSent(
        f"No connection to {host} could be made. Check the network, or a proxy that it needs.",
        detail=detail,
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """`error` and all that led to it, also inside groups (one attempt for each address)."""
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        cause = waiting.pop()
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [cause.__context__, cause.__cause__]
        if isinstance(cause, BaseExceptionGroup):
            waiting += cause.exceptions


def _host(url: str) -> str:
    try:
        return httpx.URL(url).netloc.decode("ascii") or url
    except httpx.InvalidURL:
        return url


def _is_here(host: str) -> bool:
    name = host if host.endswith("]") else host.rsplit(":", 1)[0]
    return name in _HERE


def _proxy_variables() -> str:
    names = [
        name
        for name in (
            "HTTPS_PROXY",
            "https_proxy",
            "HTTP_PROXY",
            "http_proxy",
            "ALL_PROXY",
            "all_proxy",
        )
        if os.environ.get(name)
    ]
    return ", ".join(names) or "the system's proxy settings"
