"""How often a JPEG goes over its picture: told by its markers, before anything is decoded."""

from __future__ import annotations

import re
from typing import BinaryIO

MOST_SEGMENTS = 20_000
"""A camera writes a few hundred, also where it adds a profile or a second picture."""
_BEGINNING = b"\xff\xd8\xff"
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")
"""What has a length, or is the end: not the bytes that a scan doubles, nor the signs between its pieces."""
_END, _SCAN = 0xD9, 0xDA
_PIECE = 64 * 1024
_LONGEST = 2 + 2 + 1
"""Bytes of a segment that are looked at: its marker, its length, and of a scan how many colours it brings."""


class TooMany(Exception):
    """Segments or scans."""


def scans_of(content: BinaryIO, most: int) -> list[int]:
    """The colours that each scan brings, none where it is no JPEG. Goes from marker to marker as the decoder does,
    so what is hidden in a comment, a profile or behind the end counts no more here than there."""
    content.seek(0)
    scans: list[int] = []
    if content.read(len(_BEGINNING)) != _BEGINNING:
        return scans
    piece, start, at = b"", 0, 2  # `piece` lies at `start` of the file; `at` is where to go on
    for _ in range(MOST_SEGMENTS):
        found = _MARKER.search(piece, at - start) if start <= at < start + len(piece) else None
        while found is None or found.start() + _LONGEST > len(piece):
            at = start + found.start() if found else max(at, start + len(piece) - 1)
            content.seek(at)
            start, piece = at, content.read(_PIECE)
            if len(piece) < _LONGEST:
                return scans
            found = _MARKER.search(piece)
        if piece[found.start() + 1] == _END:
            return scans
        length = int.from_bytes(piece[found.end() : found.end() + 2])
        if piece[found.start() + 1] == _SCAN:
            scans.append(piece[found.end() + 2])
            if len(scans) > most:
                raise TooMany
        at = start + found.end() + max(length, 2)
    raise TooMany
