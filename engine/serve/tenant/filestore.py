"""Where the bytes of files lie: by their digest, outside the database. Whoever opens a tenant hands him a store."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Protocol
from uuid import uuid4

from engine.serve.wire.fault import Refusal, refuse

PIECE = 256 * 1024
HEAD = 16 * 1024
"""Bytes of a beginning, from which the type is told."""
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class Put:
    digest: str
    size: int
    head: bytes


class FileStore(Protocol):
    """Contents by SHA-256 in hexadecimal. The same content put twice lies there once."""

    async def put(self, pieces: AsyncIterator[bytes]) -> Put:
        """Keeps a content for good, or raises and keeps nothing."""
        ...

    def read(self, digest: str, start: int, length: int) -> AsyncIterator[bytes]:
        """``length`` bytes from ``start`` on; OSError when there is no such content."""
        ...

    async def made(self, digest: str, name: str, make: Callable[[BinaryIO], bytes]) -> bytes:
        """What ``make`` makes of a content, kept beside it under ``name`` and made only once; OSError when there is no
        such content."""
        ...

    async def keep(self, digests: Iterable[str], older: float) -> None:
        """Forgets all other contents that nobody put since ``older`` (Unix seconds)."""
        ...


class Folder:
    """A store in a folder: ``ab/cdef…``, what was made of a content beside it
    (``cdef….small``). What is not whole has a name that no digest has."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def _path(self, digest: str) -> Path:
        return self.root / digest[:2] / digest[2:]

    async def put(self, pieces: AsyncIterator[bytes]) -> Put:
        part = self.root / f"part-{uuid4().hex}"
        digest, size, head = sha256(), 0, b""
        try:
            await asyncio.to_thread(self.root.mkdir, parents=True, exist_ok=True)
            with await asyncio.to_thread(open, part, "xb") as out:
                async for piece in pieces:
                    digest.update(piece)
                    size += len(piece)
                    head += piece[: HEAD - len(head)]
                    await asyncio.to_thread(out.write, piece)
                await asyncio.to_thread(_sync, out)
            name = digest.hexdigest()
            await asyncio.to_thread(self._settle, part, name)
        except OSError as error:
            if error.errno in _FULL:
                raise Refusal(refuse("file.no-space").faults, 507, {"connection": "close"}) from error
            raise
        finally:
            part.unlink(missing_ok=True)
        return Put(name, size, head)

    def _settle(self, part: Path, digest: str) -> None:
        path = self._path(digest)
        path.parent.mkdir(exist_ok=True)
        part.replace(path)  # also over the same content: it is young again, and no sweep takes it
        for folder in (path.parent, self.root):
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    async def read(self, digest: str, start: int, length: int) -> AsyncIterator[bytes]:
        with await asyncio.to_thread(open, self._path(digest), "rb") as source:
            source.seek(start)
            while length > 0:
                piece = await asyncio.to_thread(source.read, min(PIECE, length))
                if not piece:
                    raise OSError(errno.EIO, "a content is shorter than it was")
                length -= len(piece)
                yield piece

    async def made(self, digest: str, name: str, make: Callable[[BinaryIO], bytes]) -> bytes:
        return await asyncio.to_thread(self._made, digest, name, make)

    def _made(self, digest: str, name: str, make: Callable[[BinaryIO], bytes]) -> bytes:
        source = self._path(digest)
        path = source.with_name(f"{source.name}.{name}")
        with suppress(FileNotFoundError):
            return path.read_bytes()
        with open(source, "rb") as content:  # noqa: PTH123 - BinaryIO, as `make` is declared
            out = make(content)
        part = self.root / f"part-{uuid4().hex}"
        with suppress(OSError):  # a full disk: it is made again the next time
            try:
                part.write_bytes(out)
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
        return out

    async def keep(self, digests: Iterable[str], older: float) -> None:
        await asyncio.to_thread(self._keep, frozenset(digests), older)

    def _keep(self, digests: frozenset[str], older: float) -> None:
        for path in (*self.root.glob("??/*"), *self.root.glob("part-*")):
            if path.parent.name + path.name.partition(".")[0] in digests or path.stat().st_mtime >= older:
                continue
            aside = self.root / f"part-{uuid4().hex}"
            path.replace(aside)
            if aside.stat().st_mtime >= older:  # put again between the two looks
                aside.replace(path)
            else:
                aside.unlink()


def _sync(out: BinaryIO) -> None:
    out.flush()
    os.fsync(out.fileno())
