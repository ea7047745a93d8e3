"""Finds model servers that run on this machine. Asks loopback and nothing else, and only a list."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import httpx
from pydantic import BaseModel, Field, ValidationError

# Where each listens when nobody says otherwise; the order is the order of preference.
USUAL_PORTS = (("Ollama", 11434), ("LM Studio", 1234), ("llama.cpp", 8080), ("vLLM", 8000))
_WAIT = 0.2  # seconds; a server on this machine answers in a few milliseconds
_LARGEST_LIST = 2**20


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A server that listed its models; `base` is what a provider takes."""

    name: str
    base: str
    models: tuple[str, ...]


async def detect_local_servers(
    ports: Sequence[tuple[str, int]] = USUAL_PORTS,
) -> list[LocalServer]:
    """The servers that answer within 0.2 s, in the order of `ports`."""
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=_WAIT) as client:  # noqa: S501 - plain http to loopback only: there is no TLS to verify
        found = await asyncio.gather(*(_ask(client, name, port) for name, port in ports))
    return [server for server in found if server is not None]


async def _ask(client: httpx.AsyncClient, name: str, port: int) -> LocalServer | None:
    base = f"http://127.0.0.1:{port}/v1"
    try:
        async with asyncio.timeout(_WAIT), client.stream("GET", f"{base}/models") as answer:
            text = b""
            async for chunk in answer.aiter_bytes():
                text += chunk
                if len(text) > _LARGEST_LIST:
                    return None
    except (httpx.HTTPError, TimeoutError):
        return None
    models = _ids(text) if answer.status_code == httpx.codes.OK else ()
    return LocalServer(name, base, models) if models else None


class _Model(BaseModel):
    id: str = Field(min_length=1)


class _Listing(BaseModel):
    data: list[_Model]


def _ids(text: bytes) -> tuple[str, ...]:
    try:
        return tuple(model.id for model in _Listing.model_validate_json(text).data)
    except ValidationError:
        return ()
