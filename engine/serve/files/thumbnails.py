"""Small pictures of pictures: decoded with limits, turned as the camera was held, without what it wrote beside.

The original stays as it came; only what is made here has lost its place, time and camera.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from io import BytesIO
from typing import BinaryIO

from engine.serve.files.scans import scans_of

SIZES: Mapping[str, int] = {"small": 320, "large": 1600}
"""Pixels of the longer side."""
MOST_PIXELS = 120_000_000
"""A JPEG is read at a fraction of its size, so it may be large; whatever must be unpacked whole may have a third."""
MOST_SCANS = 50
"""A progressive JPEG goes over its picture ten to twenty times; a scan in which nothing changes is a few bytes long."""
_MOST_SCANNED = 8 * MOST_PIXELS
"""Pixels, counted once for each scan."""
_MOST_WHOLE = MOST_PIXELS // 3
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
_MOST_PROFILE = 64 * 1024
_one_at_a_time = threading.Semaphore(2)
"""Pictures decoded at once in a process: what they may take of its memory."""


class NoPicture(Exception):
    """It cannot be read as a picture, or is larger than we unpack."""


def make(content: BinaryIO, size: int) -> bytes:
    """A JPEG of at most ``size`` pixels a side."""
    with _one_at_a_time:
        try:
            return _made(content, size)
        except Exception as error:  # whatever a decoder stumbles over in a stranger's bytes
            raise NoPicture from error


def _made(content: BinaryIO, size: int) -> bytes:
    from PIL import Image, ImageOps  # noqa: PLC0415  (20 MB that a process without pictures does not need)

    scans = scans_of(content, MOST_SCANS)
    with Image.open(content, formats=_FORMATS) as opened:
        # one scan with all colours is unpacked row by row, anything else of a JPEG is kept whole until the last scan
        lazily = scans == [len(opened.getbands())] and not opened.info.get("progressive")
        pixels = opened.width * opened.height
        if pixels > (MOST_PIXELS if lazily else _MOST_WHOLE) or pixels * len(scans) > _MOST_SCANNED:
            raise NoPicture
        profile = opened.info.get("icc_profile")
        opened.draft("RGB", _within(opened.size, size))
        if opened.width * opened.height > _MOST_WHOLE:
            raise NoPicture
        turned = ImageOps.exif_transpose(opened)
    turned.thumbnail((size, size), Image.Resampling.LANCZOS)
    flat = Image.new("RGB", turned.size, "white")  # nothing that came with the picture comes with this one
    if turned.mode in ("RGBA", "LA", "PA") or "transparency" in turned.info:
        seen = turned.convert("RGBA")
        flat.paste(seen, mask=seen)
    else:
        flat.paste(turned.convert("RGB"))
    kept = profile if isinstance(profile, bytes) and len(profile) <= _MOST_PROFILE and turned.mode == "RGB" else None
    out = BytesIO()
    flat.save(out, "JPEG", quality=82, optimize=True, icc_profile=kept)
    return out.getvalue()


def _within(whole: tuple[int, int], size: int) -> tuple[int, int]:
    """What ``thumbnail`` will make: a long thin picture is unpacked by its long side, not by its short one."""
    longer = max(*whole, size)
    return -(-whole[0] * size // longer), -(-whole[1] * size // longer)
