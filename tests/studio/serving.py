"""The shop served by processes of its own, which can be killed."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from tests.studio.shop import Shop

ROOT = Path(__file__).resolve().parents[2]


def command(*told: object) -> list[str]:
    return [sys.executable, "-m", "engine.cli", *map(str, told)]


def free_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


def served(shop: Shop, port: int, workers: int) -> subprocess.Popen[bytes]:
    told = command("serve", shop.folder, "--database", shop.url, "--port", port, "--workers", workers)
    quiet: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(told, cwd=ROOT, start_new_session=True, **quiet)


def killed(server: subprocess.Popen[bytes]) -> None:
    """Its workers with it, in the midst of what they do."""
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()


async def ready(port: int) -> None:
    async with httpx.AsyncClient() as client:
        for _ in range(1200):
            with suppress(httpx.HTTPError):
                if (await client.get(f"http://127.0.0.1:{port}/health")).status_code == 200:
                    return
            await asyncio.sleep(0.1)
    raise AssertionError("the server does not start")


@contextmanager
def serving(shop: Shop, port: int, workers: int) -> Iterator[Callable[[], Awaitable[None]]]:
    server = served(shop, port, workers)
    try:
        yield lambda: ready(port)
    finally:
        killed(server)
