"""The shape of aggregations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from engine.read.shape.noun import Named, Noun, One, key
from engine.read.shape.slot import Bool, Expression, Int, Label, Name, Names, Text, Word, Words
from engine.read.tree import Scalar


@dataclass(slots=True, eq=False)
class Dimension(Noun):
    thing: ClassVar[str] = "dimension"
    needs: ClassVar = (("compute",),)

    compute: Scalar | None = key(Expression(), "Its value for a row: a path, or `TO_MONTH(date)`")
    ageing: tuple[int, ...] | None = key(
        Names("list of whole numbers", Int()), "Bands of days since that day: `[30, 60, 90]` ends the first with day 30"
    )
    title: Words | None = key(Label(), "What people call it; left out: the field's title")


_BY = Named("map of dimensions", One("dimension", Dimension, short="compute"))


@dataclass(slots=True, eq=False)
class Shift(Noun):
    thing: ClassVar[str] = "shift"
    needs: ClassVar = (("months", "days"),)

    months: Scalar | None = key(Expression(), "So many months later: a number, or a field of the row")
    days: Scalar | None = key(Expression(), "So many days later, after the months")


@dataclass(slots=True, eq=False)
class Spread(Noun):
    thing: ClassVar[str] = "spread"
    needs: ClassVar = (("value",), ("from",), ("to",), ("by",))

    value: Scalar | None = key(Expression(), "What of a row is laid over time: measures sum the same")
    from_: Scalar | None = key(Expression(), "Its first day")
    to: Scalar | None = key(Expression(), "Its last day; of a month, the month's")
    by: Scalar | None = key(Name(), "The dimension of months it is laid along")
    curve: str | None = key(
        Word("linear \\| s", ("linear", "s")), "The same every day (`linear`, the default), or slow, fast, slow (`s`)"
    )


@dataclass(slots=True, eq=False)
class Source(Noun):
    thing: ClassVar[str] = "source"
    needs: ClassVar = (("of",), ("by",))

    of: Scalar | None = key(Name(), "The entity whose rows it takes")
    where: Scalar | None = key(Expression(), "Which rows")
    by: dict[str, Dimension] | None = key(_BY, "Dimension → its value; sources meet on dimensions of one name")
    spread: Spread | None = key(One("spread", Spread), "A value of its rows is laid over the months between two days")
    shift: Shift | None = key(
        One("shift", Shift), "Its rows count later than they say: a lag, of cash behind an invoice"
    )


@dataclass(slots=True, eq=False)
class Measure(Noun):
    thing: ClassVar[str] = "measure"
    needs: ClassVar = (("compute",),)

    compute: Scalar | None = key(
        Expression(), "An aggregate over the source (`SUM(hours)`, `SUM(entry.net)`), or over other measures"
    )
    title: Words | None = key(Label(), "What people call it")
    each: tuple[Scalar, ...] | None = key(Names("list of dimensions"), "Computed at this grain, then summed")
    running: Scalar | None = key(Name(), "The time dimension it accumulates along")
    stock: str | None = key(
        Word("last \\| first", ("last", "first")), "A balance: along time the last (first) one counts"
    )
    unit: Scalar | None = key(Text(), "Shown after the number")
    feature: Scalar | None = key(Name(), "The feature it belongs to")


@dataclass(slots=True, eq=False)
class Rollup(Noun):
    thing: ClassVar[str] = "rollup"
    needs: ClassVar = (("by",),)

    by: tuple[Scalar, ...] | None = key(Names("list of dimensions"), "The dimensions it keeps sums by")
    feature: Scalar | None = key(Name(), "The feature it belongs to")


@dataclass(slots=True, eq=False)
class Aggregation(Noun):
    thing: ClassVar[str] = "aggregation"
    needs: ClassVar = (("of", "sources"), ("measures",))
    either: ClassVar = (("of", "sources"), ("by", "sources"))

    title: Words | None = key(Label(), "What people call it")
    of: Scalar | None = key(Name(), "The entity whose rows it takes, when there is one source")
    where: Scalar | None = key(Expression(), "Which rows (of every source)")
    by: dict[str, Dimension] | None = key(_BY, "Dimension → its value")
    sources: dict[str, Source] | None = key(
        Named("map of sources", One("source", Source)), "Several entities on shared dimensions"
    )
    measures: dict[str, Measure] | None = key(
        Named("map of measures", One("measure", Measure, short="compute")), "The figures"
    )
    fill: tuple[Scalar, ...] | None = key(Names("list of dimensions"), "Time dimensions without gaps")
    rollups: dict[str, Rollup] | None = key(
        Named("map of rollups", One("rollup", Rollup, short="by")),
        "Sums that are kept as records change, so that figures cost the same however many records there are",
    )
    wide: bool | None = key(Bool(), "Its figures may cover more rows than the reader may see")
    feature: Scalar | None = key(Name(), "The feature it belongs to")
