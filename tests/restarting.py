"""A PostgreSQL of one's own that can be taken away and brought back: crashed, stopped, started on the same data."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from tests import pg

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "synchronous_commit": "on",  # what was acknowledged outlives a crash of the server's processes
    "max_connections": "100",
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "log_min_messages": "fatal",
}


class Restarting:
    """``durable``: flushed to the disk too, as in production; without it only the machine must not crash."""

    def __init__(self, folder: Path, durable: bool = False) -> None:
        self._user = pg.unprivileged()
        self._programs, self._data = pg.binaries(folder), folder / "data"
        self.port = pg.free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        self._process: subprocess.Popen[bytes] | None = None
        self._settings = _SETTINGS | {"port": str(self.port), "fsync": "on" if durable else "off"}
        self._data.mkdir(mode=0o700)
        if self._user:
            shutil.chown(self._data, self._user)
        made = [self._programs / "initdb", "-D", self._data, "-U", "postgres", "--auth=trust", "--encoding=UTF8"]
        subprocess.run(
            [*made, "--no-sync", "--locale=C.UTF-8"], user=self._user, cwd="/", capture_output=True, check=True
        )

    def start(self) -> None:
        for _ in range(600):  # after a crash it listens before it lets anybody in
            # After kill -9 it does not start while sessions of before still hold its shared memory.
            if self._process is None or self._process.poll() is not None:
                self._process = self._spawn()
            with suppress(psycopg.OperationalError):
                psycopg.connect(self.url).close()
                return
            time.sleep(0.05)
        raise RuntimeError("PostgreSQL did not start")

    def _spawn(self) -> subprocess.Popen[bytes]:
        options = [f"--{name}={value}" for name, value in self._settings.items()]
        quiet = subprocess.DEVNULL
        told = [self._programs / "postgres", "-D", self._data, *options]
        return subprocess.Popen(told, user=self._user, cwd="/", stdout=quiet, stderr=quiet)

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """At once, as in a crash (SIGQUIT, or SIGKILL without a word to its sessions); in order (SIGINT)."""
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(60)


@contextmanager
def restarting(durable: bool = False) -> Iterator[Restarting]:
    folder = Path(tempfile.mkdtemp(prefix="dougong-pg-"))
    folder.chmod(0o755)
    made = Restarting(folder, durable)
    made.start()
    try:
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)
