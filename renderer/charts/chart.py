"""What is drawn, in whichever look: categories, and series of values along them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Point:
    """One value: ``told`` is it in full words, ``href`` leads to what is behind it."""

    value: Decimal | None = None
    told: str = ""
    href: str = ""

    @property
    def size(self) -> float:
        return float(self.value or 0)


@dataclass(frozen=True, slots=True)
class Series:
    name: str
    look: str
    """Its class: s1 … s6, a1 … a6 for bands of age."""
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Category:
    name: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    title: str
    categories: tuple[Category, ...]
    series: tuple[Series, ...]
    language: str = "zh"
    percent: bool = False
    time: bool = False
    width: int = 580
    """About how many pixels it will have on a desk; on a phone it has 340."""

    @property
    def most(self) -> float:
        return max((abs(p.size) for s in self.series for p in s.points), default=0.0)
