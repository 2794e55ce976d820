"""Several server processes on one socket, looked after by the process that bound it.

Children inherit the listening socket: whoever is free takes the next connection, and a child that dies takes none of
those still waiting with it. A child that ends is started again, later and later if it keeps ending.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from uuid import uuid4

_FD = "DOUGONG_SOCKET"
_HOLDER = "DOUGONG_HOLDER"
_GRACE = 15.0
_SLOWEST = 30.0
_log = logging.getLogger("dougong.serve")


def inherited() -> socket.socket | None:
    """The socket this process was started to serve, if it was started by ``supervise``."""
    told = os.environ.pop(_FD, "")
    return socket.socket(fileno=int(told)) if told else None


def holder() -> str:
    """In whose name this process holds leases: that of the one it stands in for, who is dead, so that what he held
    goes on at once; else a name nobody had."""
    return os.environ.pop(_HOLDER, "") or str(uuid4())


@dataclass(slots=True)
class _Child:
    process: subprocess.Popen[bytes]
    born: float
    holder: str
    pause: float = 0.0


def supervise(listening: socket.socket, count: int) -> None:
    """Keeps ``count`` processes alive that run this same command; ends them when it is told to end."""
    ending = False

    def end(_number: int, _frame: object) -> None:
        nonlocal ending
        ending = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    children = [_start(listening, str(uuid4())) for _ in range(count)]
    waiting: list[tuple[float, float, str]] = []
    while not ending:
        time.sleep(0.1)
        now = time.monotonic()
        for child in [one for one in children if one.process.poll() is not None]:
            children.remove(child)
            pause = 0.0 if now - child.born > 10 else min(_SLOWEST, child.pause * 2 + 0.5)
            _log.warning("a server process ended (%s); another one starts in %.1f s", child.process.returncode, pause)
            waiting.append((now + pause, pause, child.holder))
        for due in [one for one in waiting if one[0] <= now]:
            waiting.remove(due)
            children.append(_start(listening, due[2], due[1]))
    _end([child.process for child in children])


def _start(listening: socket.socket, holder: str, pause: float = 0.0) -> _Child:
    command = [sys.executable, "-m", "engine.cli", *sys.argv[1:]]
    environment = os.environ | {_FD: str(listening.fileno()), _HOLDER: holder}
    process = subprocess.Popen(command, pass_fds=[listening.fileno()], env=environment)
    return _Child(process, time.monotonic(), holder, pause)


def _end(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
    until = time.monotonic() + _GRACE
    for process in processes:
        try:
            process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
