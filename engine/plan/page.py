"""What pages show: lists, forms, menus, dashboards. Templates get these and decoded answers, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from engine.label import Label


@dataclass(frozen=True, slots=True)
class ListPage:
    """Columns are paths (``team.name``, ``lines.hours`` is refused); filters are fields; sort as in the API."""

    name: str
    entity: str
    title: Label
    columns: tuple[str, ...]
    column_titles: tuple[Label, ...]
    filters: tuple[str, ...] = ()
    sort: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    name: str
    title: Label
    fields: tuple[str, ...]
    columns: int = 2


@dataclass(frozen=True, slots=True)
class Grid:
    """A line grid: the lines field and the child's columns shown."""

    field: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FormPage:
    name: str
    entity: str
    title: Label
    sections: tuple[Section, ...]
    grids: Mapping[str, Grid] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MenuItem:
    name: str
    title: Label
    kind: str
    """``list``, ``dashboard`` or ``link``."""
    target: str
    """Name of the list page or the dashboard (``module.name``)."""
    entity: str = ""


@dataclass(frozen=True, slots=True)
class Menu:
    name: str
    module: str
    title: Label
    icon: str
    items: tuple[MenuItem, ...]


@dataclass(frozen=True, slots=True)
class Light:
    """From where on a value warns, and past what it alarms; ``alarm`` below ``warn`` where little is bad."""

    warn: Decimal
    alarm: Decimal


@dataclass(frozen=True, slots=True)
class Tile:
    """``kind`` is figure, line, area, bar, stacked, donut, waterfall, bullet, s_curve, heat, ageing, pivot or table;
    ``by`` are dimensions of ``aggregation``."""

    name: str
    title: Label
    kind: str
    aggregation: str
    measures: tuple[str, ...]
    by: tuple[str, ...] = ()
    rows: str = ""
    columns: str = ""
    top: int = 0
    compare: str = ""
    drill: str = ""
    """Entity path whose list the figure opens."""
    wide: bool = False
    less: tuple[str, ...] = ()
    """Measures that lead a waterfall down."""
    bound: str = ""
    """The measure that the others are held against; ``bad`` says on which side of it they should not be."""
    bad: str = ""
    lights: Mapping[str, Light] = field(default_factory=dict)
    """Of the measure's value, or where there is a bound, of its share of that."""
    then: tuple[str, ...] = ()
    """Dimensions that a part of it is split by next."""
    unit: str = ""
    level: int = 0
    """Of the tree among its dimensions: what is shown stands so far from the top, with all below it; -1: all of it."""

    @property
    def split(self) -> tuple[str, ...]:
        """Every dimension it is split by, in order."""
        return tuple(dict.fromkeys(d for d in (*self.by, self.rows, self.columns) if d))

    @property
    def shown(self) -> tuple[str, ...]:
        """Every measure it needs, in order."""
        return tuple(dict.fromkeys(m for m in (*self.measures, self.bound) if m))


@dataclass(frozen=True, slots=True)
class Dashboard:
    name: str
    module: str
    title: Label
    filters: tuple[str, ...]
    tiles: tuple[Tile, ...]
    access: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dimension:
    """A way to split figures; ``kind`` and ``target`` as of a field. ``paths`` say what it is of a row: source
    entity → expression text, for the way from a figure to its records. With ``bands`` they are days, and the
    dimension says how long ago: ``-1`` not yet, else the first day of a band, which ends with one of ``bands``."""

    name: str
    title: Label
    kind: str
    target: str = ""
    paths: Mapping[str, str] = field(default_factory=dict)
    bands: tuple[int, ...] = ()

    def band(self, first: int) -> tuple[int, int | None]:
        """The days of the band that begins with ``first``; the last one has no end."""
        return first, next((last for last in self.bands if last >= first), None)

    @property
    def ages(self) -> tuple[int, ...]:
        """The first day of each band, what is not due yet left out."""
        return (0, *(last + 1 for last in self.bands)) if self.bands else ()


@dataclass(frozen=True, slots=True)
class Measure:
    name: str
    title: Label
    kind: str
    scale: int = 0
    unit: str = ""
    percent: bool = False
    where: str = ""
    """Expression text over its source's rows: which of them it counts, when it is one aggregate."""
    formula: str = ""
    """As the pack says it: ``SUM(entry.net WHERE kind = 'actual')``, or of other measures, ``actual + reserved``."""
    adds: bool = False
    """The value of two groups together is the sum of their values."""
    running: bool = False
    """It accumulates along time already."""
    sources: tuple[str, ...] = ()
    """Entity paths it is made of, be it by way of other measures."""


@dataclass(frozen=True, slots=True)
class Figures:
    """An aggregation as people see it: what it can be split by and what it measures."""

    name: str
    module: str
    title: Label
    dimensions: Mapping[str, Dimension]
    measures: Mapping[str, Measure]
    sources: tuple[str, ...]
    """Entity paths it reads: the reader needs to read each."""
    where: Mapping[str, str] = field(default_factory=dict)
    """Source entity → expression text: which of its rows count."""
