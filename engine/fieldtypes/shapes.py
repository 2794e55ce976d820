"""Types whose values lie in one storage kind and yet look different."""

from __future__ import annotations

_SHAPES = {
    "file": "file",
    "image": "file",
    "signature": "file",
    "files": "files",
    "images": "files",
    "location": "location",
    "choices": "choices",
    "refs": "refs",
    "json": "json",
}


def holds(old: str, new: str) -> bool:
    """Whether a field of type ``new`` can hold what one of type ``old`` held, as far as the storage kind leaves it
    open. Every value is JSON; JSON becomes choices where it lists some, which is asked of the records."""
    one, other = _SHAPES.get(old, ""), _SHAPES.get(new, "")
    return not (one and other) or other in (one, "json") or (one, other) == ("json", "choices")
