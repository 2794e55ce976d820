"""Bodies as they come: never more than the door takes, and never slower than anybody's line is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping

from engine.serve.wire.fault import Refusal, fault
from engine.serve.wire.shield import Receive

SLOWEST = 8 * 1024
"""Bytes a second that a body must bring, beyond the seconds it may stand still."""


class Gone(Exception):
    """The caller left before all of the body had come."""


async def chunks(receive: Receive, headers: Mapping[str, str], limit: int, seconds: float) -> AsyncIterator[bytes]:
    """The body piece by piece, or a refusal before it has grown past ``limit`` bytes or kept us waiting."""
    told = headers.get("content-length", "")
    if told.isascii() and told.isdigit() and int(told) > limit:
        raise _too_large(limit)
    size, began = 0, time.monotonic()
    while True:
        left = began + seconds + size / SLOWEST - time.monotonic()
        try:
            async with asyncio.timeout(left):
                message = await receive()
        except TimeoutError:
            raise Refusal((fault("api.slow-body"),), headers={"connection": "close"}) from None
        if message["type"] == "http.disconnect":
            raise Gone
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        if part:
            yield part
        if not message.get("more_body", False):
            return


async def whole(receive: Receive, headers: Mapping[str, str], limit: int, seconds: float) -> bytes:
    return b"".join([part async for part in chunks(receive, headers, limit, seconds)])


def _too_large(limit: int) -> Refusal:
    return Refusal((fault("api.too-large", limit=limit),), 413, {"connection": "close"})
