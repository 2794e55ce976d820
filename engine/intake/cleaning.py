"""Named rules that a mapping may ask for, applied to a cell's text in the order it names them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence

CELL_LIMIT = 1_000_000


def _no_thousands(text: str) -> str:
    return text.replace(",", "").replace("，", "")


def half_width(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _one_line(text: str) -> str:
    return re.sub(r"\s*\n\s*", " ", text)


def _dash_is_empty(text: str) -> str:
    return "" if text in ("-", "—", "/", "N/A", "n/a", "无") else text


CLEANING: Mapping[str, Callable[[str], str]] = {
    "thousands": _no_thousands,
    "half_width": half_width,
    "one_line": _one_line,
    "dash_is_empty": _dash_is_empty,
}


def cleaned(cell: str, rules: Sequence[str]) -> str:
    text = cell.replace("\r\n", "\n").replace("\xa0", " ").strip()[:CELL_LIMIT]
    for rule in rules:
        text = CLEANING[rule](text)
    return text


def plain(text: str) -> str:
    """A header as it is compared: full width made half, blanks and line breaks gone, case ignored."""
    return re.sub(r"\s+", "", half_width(text)).casefold()
