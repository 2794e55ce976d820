"""Small pictures of pictures: decoded with limits, turned as the camera was held, without what it wrote beside.

The original stays as it came; only what is made here has lost its place, time and camera.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from io import BytesIO
from typing import BinaryIO

SIZES: Mapping[str, int] = {"small": 320, "large": 1600}
"""Pixels of the longer side."""
MOST_PIXELS = 120_000_000
"""A JPEG is read at a fraction of its size, so it may be large; whatever must be unpacked whole may have a third."""
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

    with Image.open(content, formats=_FORMATS) as opened:
        lazily = opened.format == "JPEG" and not opened.info.get("progressive")
        if opened.width * opened.height > (MOST_PIXELS if lazily else MOST_PIXELS // 3):
            raise NoPicture
        profile = opened.info.get("icc_profile")
        opened.draft("RGB", (size, size))
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
