"""What a content is, told by its beginning; never by what its sender says.

Containers are looked into no further than their beginning holds: nothing is unpacked but the small list of contents
that office files begin with, and of that at most ``_LIST`` bytes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import puremagic

UNKNOWN = "application/octet-stream"
OFFICE = "application/vnd.openxmlformats-officedocument."
_PARTS = {
    b"xl/": OFFICE + "spreadsheetml.sheet",
    b"word/": OFFICE + "wordprocessingml.document",
    b"ppt/": OFFICE + "presentationml.presentation",
}
_LISTED = {
    b"spreadsheetml.sheet.main": _PARTS[b"xl/"],
    b"wordprocessingml.document.main": _PARTS[b"word/"],
    b"presentationml.presentation.main": _PARTS[b"ppt/"],
}
_OLD = {"doc": "application/msword", "wps": "application/msword", "xls": "application/vnd.ms-excel"}
_OLD["ppt"] = "application/vnd.ms-powerpoint"
_TEXTS = {"csv": "text/csv", "txt": "text/plain"}
_SAME = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "application/x-zip-compressed": "application/zip"}
_LIST = 256 * 1024


def detect(head: bytes, name: str = "") -> str:
    """The media type. ``name`` only tells apart what looks alike: old office files by their ending, plain texts."""
    ending = name.rpartition(".")[2].lower()
    if head[:4] == b"PK\x03\x04":
        return _packed(head)
    if head[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        return _OLD.get(ending, UNKNOWN)
    if head[:4] == b"AC10":
        return "image/x-dwg"
    if ending == "dxf" and _is_text(head) and head.split(b"\n", 2)[1:2] in ([b"SECTION\r"], [b"SECTION"]):
        return "image/vnd.dxf"
    try:
        told = puremagic.from_string(head, mime=True)
    except (puremagic.PureError, ValueError):
        told = ""
    if told in ("", UNKNOWN, "text/plain"):
        return _TEXTS[ending] if ending in _TEXTS and _is_text(head) else UNKNOWN
    return _SAME.get(told, str(told))


def _packed(head: bytes) -> str:
    """A ZIP, or the office file that it is: by the parts whose names its beginning shows, or its list of contents."""
    for name, packed, method in _entries(head):
        for start, media in _PARTS.items():
            if name.startswith(start):
                return media
        if name == b"[Content_Types].xml":
            listed = packed if method == 0 else _inflated(packed)
            for word, media in _LISTED.items():
                if word in listed:
                    return media
    return "application/zip"


def _entries(head: bytes) -> Iterator[tuple[bytes, bytes, int]]:
    """Name, packed bytes as far as they are here, and method of the parts that follow each other from the start."""
    at = 0
    while head[at : at + 4] == b"PK\x03\x04" and len(head) >= at + 30:
        flags, method = struct.unpack_from("<HH", head, at + 6)
        size = struct.unpack_from("<I", head, at + 18)[0]
        name, extra = struct.unpack_from("<HH", head, at + 26)
        start = at + 30 + name + extra
        streamed = bool(flags & 8) and size == 0
        yield head[at + 30 : at + 30 + name], head[start:] if streamed else head[start : start + size], method
        following = head.find(b"PK\x03\x04", start) if streamed else start + size
        if following < 0:
            return
        at = following


def _inflated(packed: bytes) -> bytes:
    try:
        return zlib.decompressobj(-15).decompress(packed, _LIST)
    except zlib.error:
        return b""


def _is_text(head: bytes) -> bool:
    """Readable as text, in an encoding that spreadsheets write, and nothing a browser would take for a page."""
    if b"\0" in head or b"<script" in head.lower() or head.lstrip()[:1] == b"<":
        return False
    for encoding in ("utf-8", "gb18030"):
        for cut in range(4):  # the beginning may end within a character
            try:
                head[: len(head) - cut].decode(encoding)
            except UnicodeDecodeError:
                continue
            return True
    return False
