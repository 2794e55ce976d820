"""Axes: round steps, and numbers with little room."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

_ZH = ((1e8, 1e8, "亿", 2), (1e4, 1e4, "万", 1))
_EN = ((1e9, 1e9, "B", 2), (1e6, 1e6, "M", 2), (1e4, 1e3, "k", 1))


def plain(value: float) -> str:
    """A number in as few letters as an SVG needs."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


@dataclass(frozen=True, slots=True)
class Scale:
    """From the lowest to the highest line of an axis, and the lines."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def place(self, value: float) -> float:
        """0 at the low end, 1 at the high end."""
        return (value - self.low) / (self.high - self.low)


def scale(values: Iterable[float], steps: int = 4) -> Scale:
    """Begins at nothing, unless something is below."""
    told = [v for v in values if math.isfinite(v)]
    low, high = min([0.0, *told]), max([0.0, *told])
    if low == high:
        high = 1.0
    step = round_step((high - low) / steps)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = tuple(n * step for n in range(first, last + 1))
    return Scale(ticks[0], ticks[-1], ticks)


def round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * n for n in (1, 2, 2.5, 5, 10) if power * n >= rough * 0.999)


def short(value: float | Decimal, most: float, language: str, percent: bool = False) -> str:
    """One step of ten thousands (thousands) for a whole drawing, by the greatest number in it."""
    number = float(value)
    if percent:
        return f"{_trimmed(number * 100, 0 if most > 0.05 else 1)} %"
    for least, unit, mark, digits in _ZH if language.startswith("zh") else _EN:
        if most >= least:
            return f"{_trimmed(number / unit, digits)}{mark}" if number else "0"
    return _trimmed(number, 2 if most < 100 else 0 if most >= 1000 else 1)


def _trimmed(number: float, digits: int) -> str:
    text = f"{number:,.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text.replace("-", "−")


def room(texts: Iterable[str]) -> int:
    """About how many pixels the longest of these is wide, at 12 px: a Chinese letter takes two of the others."""
    longest = max((sum(2 if ord(c) > 0x2E7F else 1 for c in text) for text in texts), default=0)
    return longest * 7 + 8
