"""Named rules that a mapping may ask for, applied to a cell's text in the order it names them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence

CELL_LIMIT = 1_000_000
_UNMOVED = (
    r"[\0-\u02ff\u0370-\u0482\u0e01-\u0e30\u0f0b\u3000-\u3029\u3041-\u3096\u30a0-\u30ff"
    r"\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uff01-\uff9d]"
)
"""Signs that neither join nor change places with what stands before them."""
_PIECE = re.compile(rf".{{1,100}}(?={_UNMOVED}|\Z)|.{{1,100}}", re.DOTALL)


def _no_thousands(text: str) -> str:
    return text.replace(",", "").replace("，", "")


def half_width(text: str) -> str:
    """In pieces: combining signs in a row take the square of their number, and no text needs a hundred."""
    return "".join(unicodedata.normalize("NFKC", piece) for piece in _PIECE.findall(text))


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
