"""The shape of what people see: forms, lists, menus, dashboards."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from engine.read.shape.noun import Named, Noun, One, key, keys_of
from engine.read.shape.slot import Expression, Int, Label, Name, Names, Number, Text, Word, Words
from engine.read.tree import Scalar

_SORT = Names("list of paths, `-` for descending", Text())
_ROLES = Names("list of roles")
_FEATURE = "The feature it belongs to"


@dataclass(slots=True, eq=False)
class Section(Noun):
    thing: ClassVar[str] = "section"
    needs: ClassVar = (("fields",),)

    title: Words | None = key(Label(), "Its heading")
    columns: int | None = key(Int(), "1, 2 or 3; left out: 2 (on a phone always 1)")
    fields: tuple[Scalar, ...] | None = key(Names("list of fields"), "Its fields, in order; a lines field is a grid")
    visible: Scalar | None = key(Expression(), "Shown only while this holds")


@dataclass(slots=True, eq=False)
class Grid(Noun):
    thing: ClassVar[str] = "grid"
    needs: ClassVar = (("columns",),)

    columns: tuple[Scalar, ...] | None = key(Names("list of fields"), "Its columns, in order")


@dataclass(slots=True, eq=False)
class Form(Noun):
    thing: ClassVar[str] = "form"
    needs: ClassVar = (("of",), ("sections",))

    title: Words | None = key(Label(), "Its heading")
    of: Scalar | None = key(Name(), "The entity it shows; its first form replaces the generated one")
    sections: dict[str, Section] | None = key(Named("map of sections", One("section", Section)), "In order")
    grids: dict[str, Grid] | None = key(
        Named("map of grids", One("grid", Grid, short="columns")), "Lines field → columns"
    )
    feature: Scalar | None = key(Name(), _FEATURE)


@dataclass(slots=True, eq=False)
class List(Noun):
    thing: ClassVar[str] = "list"
    needs: ClassVar = (("of",),)

    title: Words | None = key(Label(), "Its heading")
    of: Scalar | None = key(Name(), "The entity it shows; its first list replaces the generated one")
    columns: tuple[Scalar, ...] | None = key(Names("list of paths"), "Fields and paths over references, in order")
    filters: tuple[Scalar, ...] | None = key(Names("list of paths"), "What the filter bar offers")
    sort: tuple[Scalar, ...] | None = key(_SORT, "First order: `-sheet_date`")
    search: tuple[Scalar, ...] | None = key(Names("list of fields"), "What the search box looks into")
    where: Scalar | None = key(Expression(), "Which rows it ever shows")
    feature: Scalar | None = key(Name(), _FEATURE)


@dataclass(slots=True, eq=False)
class Item(Noun):
    thing: ClassVar[str] = "menu item"
    needs: ClassVar = (("list", "dashboard", "form"),)
    either: ClassVar = (("list", "dashboard", "form"),)

    title: Words | None = key(Label(), "Its words; left out: its target's")
    list: Scalar | None = key(Name(), "A list, or an entity for its generated one")
    dashboard: Scalar | None = key(Name(), "A dashboard")
    form: Scalar | None = key(Name(), "A form, opened empty")
    roles: tuple[Scalar, ...] | None = key(_ROLES, "Who sees it; left out: whoever may read its target")
    feature: Scalar | None = key(Name(), _FEATURE)


@dataclass(slots=True, eq=False)
class Menu(Noun):
    thing: ClassVar[str] = "menu"
    needs: ClassVar = (("items",),)

    title: Words | None = key(Label(), "Its words")
    icon: Scalar | None = key(Text(), "A Tabler icon's name")
    roles: tuple[Scalar, ...] | None = key(_ROLES, "Who sees it")
    items: dict[str, Item] | None = key(Named("map of items", One("menu item", Item)), "In order")
    feature: Scalar | None = key(Name(), _FEATURE)


CHARTS = ("line", "area", "bar", "stacked", "donut", "waterfall", "bullet", "s_curve", "heat", "ageing")
COMPARE = ("previous month", "previous year", "previous day", "previous week", "previous quarter")


@dataclass(slots=True, eq=False)
class Light(Noun):
    thing: ClassVar[str] = "light"
    needs: ClassVar = (("warn",), ("alarm",))

    warn: Decimal | None = key(Number(), "Amber from here on")
    alarm: Decimal | None = key(Number(), "Red beyond this; less than `warn` where little is bad")


@dataclass(slots=True, eq=False)
class Tile(Noun):
    thing: ClassVar[str] = "tile"
    needs: ClassVar = (("figure", "chart", "pivot", "table"),)
    either: ClassVar = (("figure", "chart", "pivot", "table"), ("measure", "measures"), ("limit", "target"))

    title: Words | None = key(Label(), "Its heading; left out: the measure's title")
    figure: Scalar | None = key(Name("aggregation.measure"), "One number")
    chart: str | None = key(Word(" \\| ".join(CHARTS), CHARTS), "A chart's look")
    pivot: Scalar | None = key(Name("aggregation"), "A cross table of this aggregation, with totals")
    table: Scalar | None = key(Name("aggregation"), "A table of this aggregation")
    of: Scalar | None = key(Name("aggregation"), "A chart's aggregation")
    measure: Scalar | None = key(Name(), "What is drawn or summed")
    measures: tuple[Scalar, ...] | None = key(Names("list of measures"), "Several of them")
    by: tuple[Scalar, ...] | None = key(Names("list of dimensions"), "A chart's or table's dimensions")
    rows: tuple[Scalar, ...] | None = key(
        Names("list of dimensions"), "The rows of a pivot or a heat map: one dimension"
    )
    columns: tuple[Scalar, ...] | None = key(Names("list of dimensions"), "Their columns: one dimension")
    less: tuple[Scalar, ...] | None = key(Names("list of measures"), "Of a waterfall: the steps that lead down")
    limit: Scalar | None = key(Name("measure"), "What the figure or the bar should stay below")
    target: Scalar | None = key(Name("measure"), "What the figure or the bar should reach")
    lights: dict[str, Light] | None = key(
        Named("map of lights", One("light", Light)),
        "Measure → from where on it warns; of its share where there is a `limit` or a `target`",
    )
    top: int | None = key(Int(), "Only the greatest so many; the rest is one more where it can be added up")
    level: str | None = key(
        Word("whole number \\| all", ("all",), r"[1-9]\d?"),
        "Of a tree among its dimensions: what stands so far from the top, each with all below it; `all` in a table",
    )
    compare: str | None = key(Word("previous month, year, …", COMPARE), "A figure's comparison")
    unit: Scalar | None = key(Text(), "Shown after the number; left out: the measure's")
    then: tuple[Scalar, ...] | None = key(
        Names("list of dimensions"), "What a part of it is split by next, one after the other, before its records"
    )
    drill: Scalar | None = key(Name("entity"), "The entity whose records stand behind; left out: the source's")
    wide: int | None = key(Int(), "How many twelfths of the page it takes")
    feature: Scalar | None = key(Name(), _FEATURE)


TILE_KEYS = tuple(name for name in keys_of(Tile) if name != "feature")


@dataclass(slots=True, eq=False)
class Dashboard(Noun):
    thing: ClassVar[str] = "dashboard"
    needs: ClassVar = (("tiles",),)

    title: Words | None = key(Label(), "Its heading")
    filters: tuple[Scalar, ...] | None = key(Names("list of dimensions"), "What the bar above filters all tiles by")
    roles: tuple[Scalar, ...] | None = key(_ROLES, "Who sees it; left out: whoever may see a tile")
    tiles: dict[str, Tile] | None = key(Named("map of tiles", One("tile", Tile)), "In order")
    feature: Scalar | None = key(Name(), _FEATURE)
