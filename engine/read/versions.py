"""Versions of packs and ranges of them: `^1.0`, `~1.2`, `>=1.0 <2.0`, `1.2.3`, `*`."""

from __future__ import annotations

import re

Version = tuple[int, int, int]
_VERSION = re.compile(r"(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?")
_TERM = re.compile(r"(\^|~|>=|<=|>|<|=)?\s*(\d{1,6}(?:\.\d{1,6}){0,2})")


def version(text: str) -> Version | None:
    """`1.0` and `1.0.0` as three numbers; None when it is no version."""
    found = _VERSION.fullmatch(text.strip())
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def within(text: str, found: Version) -> bool | None:
    """Whether a version lies in the range ``text``; None when that is no range."""
    plain = text.strip()
    if plain == "*":
        return True
    terms = [_TERM.fullmatch(term) for term in re.sub(r"([\^~<>=])\s+", r"\1", plain).split()]
    if not terms or not all(terms):
        return None
    return all(_holds(term[1] or "", term[2], found) for term in terms if term)


def _holds(sign: str, text: str, found: Version) -> bool:
    parts = [int(part) for part in text.split(".")]
    low: Version = (parts[0], parts[1] if len(parts) > 1 else 0, parts[2] if len(parts) > 2 else 0)
    if sign == "^":
        high = (low[0] + 1, 0, 0) if low[0] else ((0, low[1] + 1, 0) if low[1] else (0, 0, low[2] + 1))
        return low <= found < high
    if sign == "~":
        return low <= found < ((low[0], low[1] + 1, 0) if len(parts) > 1 else (low[0] + 1, 0, 0))
    if sign in ("", "="):
        return found[: len(parts)] == tuple(parts)
    return {">=": found >= low, "<=": found <= low, ">": found > low, "<": found < low}[sign]
