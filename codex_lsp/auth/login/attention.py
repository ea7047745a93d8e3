"""Waiting for a person: something is shown to them while something else is awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


async def beside(showing: Awaitable[None], waiting: Coroutine[Any, Any, _T]) -> _T:
    """The result of `waiting`. `showing` may end early, and ends the wait only by raising."""
    shown, waited = asyncio.ensure_future(showing), asyncio.ensure_future(waiting)
    try:
        await asyncio.wait({shown, waited}, return_when=asyncio.FIRST_COMPLETED)
        if not waited.done():
            shown.result()
        return await waited
    finally:
        shown.cancel()
        waited.cancel()
        await asyncio.gather(shown, waited, return_exceptions=True)
