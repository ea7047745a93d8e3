"""Whether a service can be reached, without asking it for anything."""

from __future__ import annotations


async def reach(url: str) -> int:
    """The status of a bare GET to `url`: any means that it answers. Raises `NetFailure`."""
    import httpx  # noqa: PLC0415 - 0.1 s of import that start-up must not pay

    from codex_lsp.net import transport  # noqa: PLC0415 - as above

    try:
        async with transport.open_client(url, timeout=httpx.Timeout(10.0)) as client:
            return (await client.get(url)).status_code
    except transport.HTTPX_ERRORS as error:
        raise transport.failure(error, url) from error
