"""What tenants and their hosts may be called, and where their data lies when nobody says."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from engine.db.open import file_of, url_of_file
from engine.problem import Problems, problem
from engine.tenants.codes import CODES

RESERVED = ("admin", "api", "assets", "directory", "health", "login", "public", "system", "t", "www")
_NAME = re.compile(r"[a-z](?:[a-z0-9]|-(?=[a-z0-9])){1,31}")
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,62})(?:\.[a-z0-9](?:[a-z0-9-]{0,62}))*")


def require_name(name: str) -> str:
    if not _NAME.fullmatch(name) or name in RESERVED:
        raise Problems([problem(CODES["tenant.name"], name=name[:60] or '""', reserved=", ".join(RESERVED))])
    return name


def require_host(host: str) -> str:
    known = host.strip().lower().removesuffix(".")
    if not _HOST.fullmatch(known):
        raise Problems([problem(CODES["tenant.host"], host=host[:80] or '""')])
    return known


def place_beside(directory: str, name: str) -> str:
    """Beside a directory in a file: a file of its own; beside one on a server: a schema of its own."""
    parts = urlsplit(directory)
    if parts.scheme == "sqlite":
        return url_of_file(Path(file_of(directory)).parent / "tenants" / f"{name}.db")
    query = [(key, value) for key, value in parse_qsl(parts.query) if key != "schema"]
    return urlunsplit(parts._replace(query=urlencode([*query, ("schema", f"tenant_{name}")])))


def files_beside(url: str, directory: str, name: str) -> str:
    """Where the files of records lie: beside a database in a file, else ``files/<name>`` under the working folder."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return str(Path(file_of(url)).with_suffix(".files"))
    base = Path(file_of(directory)).parent if directory.startswith("sqlite:") else Path.cwd() / "var"
    return str((base / "files" / name).resolve())


def shown(url: str) -> str:
    """Without its password."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", ":…@")))
