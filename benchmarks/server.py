"""Servers under measurement: started as processes of their own, their CPU read from the system."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent


class NotStartedError(Exception):
    """The server did not come up; what it said is in the message."""


@dataclass(frozen=True, slots=True)
class Running:
    port: int
    pid: int

    def cpu(self) -> float:
        """Seconds of CPU used so far by the server and its children."""
        server = psutil.Process(self.pid)
        return sum(_used(p) for p in [server, *server.children(recursive=True)])


def _used(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def postgres_cpu(postmaster: int) -> float:
    """Seconds of CPU of a PostgreSQL server: living backends, and the ones that have ended."""
    server = psutil.Process(postmaster)
    times = server.cpu_times()
    ended = float(times.children_user + times.children_system)
    return ended + sum(_used(p) for p in [server, *server.children(recursive=True)])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(command: list[str], port: int, ready: str, env: dict[str, str], patience: float = 90) -> Iterator[Running]:
    """Runs the command until ``ready`` answers, gives it, and ends it in the end."""
    with tempfile.NamedTemporaryFile("w+", suffix=".log") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ | env, stdout=log, stderr=subprocess.STDOUT)
        try:
            deadline = time.monotonic() + patience
            while not _answers(f"http://127.0.0.1:{port}{ready}"):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise NotStartedError(f"{' '.join(command)}\n{Path(log.name).read_text()[-4_000:]}")
                time.sleep(0.1)
            yield Running(port, process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
