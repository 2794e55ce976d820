"""The site of ``fault_pack`` as it is served: real processes that can be killed, and people with tokens."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.server import ROOT, NotStartedError, free_port
from engine.serve.people import auth
from engine.serve.tenant.ids import uuid7
from engine.studio.tenant.opening import opened

PACK = Path(__file__).parent / "fault_pack"
PEOPLE = ("clerk", "approver", "reader")


async def prepare(url: str) -> dict[str, str]:
    """Installs the pack in an empty database; everybody's token, the administrator's too."""
    async with opened(PACK, url, make=True) as app:
        database, tokens = app.tenant.database, {}
        known = dict(await database.read("SELECT name, id FROM site__user"))
        admin = uuid7()
        for name, ident in {**known, "admin": admin}.items():
            await auth.set_password(database, str(ident), name, f"of-{name}-here", admin=name == "admin")
            tokens[name] = await auth.open_session(app.tenant, str(ident))
        return tokens


@dataclass
class Site:
    """``dougong serve`` in a folder of its own; the files of records lie in ``var/site.files`` there, or beside the
    SQLite file."""

    folder: Path
    database: str
    workers: int = 1
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "engine.cli", "serve", str(PACK), "--private-webhooks"]
        command += ["--database", self.database, "--port", str(self.port), "--workers", str(self.workers)]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=self.folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=log, stderr=log
            )

    async def ready(self, seconds: float = 180) -> None:
        until = time.monotonic() + seconds
        while not await asyncio.to_thread(self._healthy):
            if time.monotonic() > until:
                raise NotStartedError((self.folder / "server.log").read_text()[-4_000:])
            await asyncio.sleep(0.05)

    def _healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def served_by(self) -> list[psutil.Process]:
        """The processes that answer: the children of the one that looks after them, or that one alone."""
        assert self.process is not None
        first = psutil.Process(self.process.pid)
        return [p for p in first.children() if _lives(p)] if self.workers > 1 else [first]

    def kill(self, number: int) -> None:
        """``kill -9`` of one process; where it was the only one, another is started in its place."""
        found = self.served_by()
        if found:
            found[number % len(found)].kill()
        if self.workers == 1 and self.process is not None:
            self.process.wait()
            self.start()

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _lives(process: psutil.Process) -> bool:
    """One that is being reaped may be listed and gone in the next moment."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
