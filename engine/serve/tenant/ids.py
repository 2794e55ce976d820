"""Ids of records: UUIDv7, made here, so that a document's lines know their parent before anything is written."""

from __future__ import annotations

import os
import time


def uuid7() -> str:
    """48 bits of milliseconds, then random: ids sort by birth, so indexes grow at one end."""
    stamp = time.time_ns() // 1_000_000
    noise = int.from_bytes(os.urandom(10))
    value = (stamp << 80) | (0x7 << 76) | ((noise >> 68) << 64) | (0b10 << 62) | (noise & ((1 << 62) - 1))
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
