"""The archive of a tenant: one zip with its database, the files it names, and a manifest of what each entry is.

The manifest is written last and its digest is the archive's *seal*: whoever keeps the seal elsewhere can tell that
nothing in the archive was changed since, the manifest included.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from engine.problem import Problems, problem
from engine.tenants.codes import CODES

MANIFEST = "manifest.json"
DATABASE = "database.sqlite"
FILES = "files/"
FORMAT = 1
_NAMES = re.compile(r"database\.sqlite|layout\.json|tables/[^/\\]{1,63}\.copy|files/[0-9a-f]{64}")
_PIECE = 1024 * 1024
_MOST_MANIFEST = 64 * 1024 * 1024


class Writer:
    """Takes entries one after another, and says what each was."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.entries: dict[str, dict[str, Any]] = {}

    @contextmanager
    def put(self, name: str) -> Iterator[_Measured]:
        with self._archive.open(name, "w", force_zip64=True) as place:
            measured = _Measured(place)
            yield measured
        self.entries[name] = {"size": measured.size, "sha256": measured.digest.hexdigest()}

    def put_file(self, name: str, source: Path) -> None:
        with source.open("rb") as read, self.put(name) as place:
            while piece := read.read(_PIECE):
                place.write(piece)

    def finish(self, told: dict[str, Any]) -> str:
        """The seal."""
        text = json.dumps({**told, "format": FORMAT, "entries": self.entries}, ensure_ascii=False, indent=1).encode()
        self._archive.writestr(MANIFEST, text)
        return hashlib.sha256(text).hexdigest()


class _Measured:
    def __init__(self, place: Any) -> None:
        self._place = place
        self.size = 0
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self.digest.update(data)
        self.size += len(data)
        self._place.write(data)


def _broken(file: object, reason: object) -> Problems:
    return Problems([problem(CODES["archive.broken"], file=Path(str(file)).name, reason=reason)])


@contextmanager
def opened_archive(file: Path) -> Iterator[zipfile.ZipFile]:
    """Raises Problems where it is none, and where reading it finds it damaged."""
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    except FileNotFoundError:
        raise _broken(file, "there is no such file") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise _broken(file, error) from error


def seal_of(archive: zipfile.ZipFile) -> str:
    return hashlib.sha256(_manifest_bytes(archive)).hexdigest()


def _manifest_bytes(archive: zipfile.ZipFile) -> bytes:
    if MANIFEST not in archive.namelist():
        raise _broken(archive.filename, "it has no manifest")
    if archive.getinfo(MANIFEST).file_size > _MOST_MANIFEST:
        raise _broken(archive.filename, "its manifest is too large")
    return archive.read(MANIFEST)


def manifest_of(archive: zipfile.ZipFile) -> dict[str, Any]:
    """The manifest, after every entry was compared with it: nothing more, nothing less, nothing else."""
    file = archive.filename
    try:
        told = json.loads(_manifest_bytes(archive))
        entries, known = dict(told["entries"]), told["format"] == FORMAT
        sizes = {str(name): (int(one["size"]), str(one["sha256"])) for name, one in entries.items()}
        needed = told["tenant"], told["dialect"], told["tables"], told["made"], told["options"], told["id"]
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise _broken(file, f"its manifest cannot be read ({type(error).__name__})") from error
    if not known or not all(isinstance(one, str | dict) for one in needed):
        raise _broken(file, f"its format is not {FORMAT}")
    names = [name for name in archive.namelist() if name != MANIFEST]
    if len(set(names)) != len(names) or set(names) != set(sizes):
        odd = sorted(set(names) ^ set(sizes))[:3] or ["an entry twice"]
        raise _broken(file, f"its entries are not those of its manifest: {', '.join(odd)}")
    for name, (size, digest) in sizes.items():
        if not _NAMES.fullmatch(name) or (name.startswith(FILES) and name != FILES + digest):
            raise _broken(file, f"{name} is no entry of an archive")
        found, long = hashlib.sha256(), 0
        with archive.open(name) as place:
            while long <= size and (piece := place.read(_PIECE)):
                found.update(piece)
                long += len(piece)
        if (long, found.hexdigest()) != (size, digest):
            raise _broken(file, f"{name} was altered")
    return dict(told)


@contextmanager
def entry(archive: zipfile.ZipFile, name: str) -> Iterator[BinaryIO]:
    with archive.open(name) as place:
        yield place  # type: ignore[misc]
