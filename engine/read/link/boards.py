"""Dashboards: tiles over aggregations, and the filters that all of them share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from engine.catalog import Dashboard, Light, Tile
from engine.label import Label
from engine.read.link.desk import Desk
from engine.read.link.flows import desk_dimension, desk_measure, figure
from engine.read.link.structure import label, language_of
from engine.read.shape import views as shapes
from engine.read.switched import Written
from engine.read.tree import Scalar

_KINDS = ("figure", "chart", "pivot", "table")
_EACH = frozenset({"title", "unit", "then", "drill", "wide", "feature", "lights"})
_CHART = _EACH | {"chart", "of", "measure", "measures"}


@dataclass(frozen=True, slots=True)
class Look:
    """What a kind of tile needs, what it takes, and of which it takes no more than so many. ``measures`` stands for
    either way of naming them, ``bound`` for a limit or a target."""

    needs: tuple[str, ...]
    takes: frozenset[str]
    most: Mapping[str, int]


LOOKS: Mapping[str, Look] = {
    "figure": Look((), _EACH | {"figure", "compare", "limit", "target"}, {}),
    "line": Look(("of", "measures", "by"), _CHART | {"by"}, {"by": 2}),
    "area": Look(("of", "measures", "by"), _CHART | {"by"}, {"by": 2}),
    "bar": Look(("of", "measures", "by"), _CHART | {"by", "top", "level"}, {"by": 2}),
    "stacked": Look(("of", "measures", "by"), _CHART | {"by", "top", "level"}, {"by": 2}),
    "donut": Look(("of", "measures", "by"), _CHART | {"by", "top", "level"}, {"by": 1, "measures": 1}),
    "waterfall": Look(("of", "measures"), _CHART | {"by", "less"}, {"by": 1}),
    "bullet": Look(("of", "measures", "bound"), _CHART | {"by", "top", "limit", "target", "level"}, {"by": 1}),
    "s_curve": Look(("of", "measures", "by"), _CHART | {"by"}, {"by": 1}),
    "heat": Look(("of", "measures", "rows", "columns"), _CHART | {"rows", "columns", "level"},
                 {"measures": 1, "rows": 1, "columns": 1}),
    "ageing": Look(("of", "measures"), _CHART | {"by", "top"}, {"by": 2}),
    "pivot": Look(("rows", "columns", "measures"), _EACH | {"pivot", "rows", "columns", "measure", "measures", "level"},
                  {"measures": 1, "rows": 1, "columns": 1}),
    "table": Look(("by", "measures"), _EACH | {"table", "by", "measure", "measures", "top", "level"}, {}),
}  # fmt: skip


@dataclass(slots=True)
class Boards:
    desk: Desk

    def dashboard(self, one: Written, path: str, shape: shapes.Dashboard) -> Dashboard:
        name = path.partition(".")[2]
        tiles: dict[str, Tile] = {}
        for key, noun in (shape.tiles or {}).items():
            made = self.desk.part(f"{one.key}.dashboards.{name}.tiles.{key}", noun.place, self.tile, one, key, noun)
            if made is not None:
                tiles[key] = made
        filters = tuple(f for n in shape.filters or () if (f := self.filter(n, tiles)))
        return Dashboard(
            path, one.key, name, label(shape.title, language_of(one), name), filters, tiles,
            self.desk.role_names(shape.roles), shape.place,
        )  # fmt: skip

    def filter(self, name: Scalar, tiles: Mapping[str, Tile]) -> str:
        """A dimension that at least one tile's aggregation has."""
        known: dict[str, None] = {}
        for path in dict.fromkeys(t.aggregation for t in tiles.values()):
            _, shape = self.desk.things["aggregations"][path]
            for by in (shape.by, *(s.by for s in (shape.sources or {}).values())):
                known |= dict.fromkeys(by or {})
            known |= {s.spread.by.text: None for s in (shape.sources or {}).values() if s.spread and s.spread.by}
        if not tiles or name.text in known:
            return name.text if tiles else ""
        self.desk.unknown("dimension", name, known)
        return ""

    def tile(self, one: Written, name: str, shape: shapes.Tile) -> Tile | None:
        kind = next((k for k in _KINDS if getattr(shape, k) is not None), "")
        if not kind:  # none, or a misspelt look: told already
            self.desk.broken = True
            return None
        written = [m for m in (shape.measure, *(shape.measures or ())) if m is not None]
        self.judge(kind, shape, written)
        path, found = self.shown(one, kind, shape, written)
        if not path:
            self.desk.broken = self.desk.broken or not self.desk.sleeps
            return None

        def dimensions(names: Sequence[Scalar] | None) -> tuple[str, ...]:
            return tuple(desk_dimension(self.desk, path, n) for n in names or ())

        def measures(names: Sequence[Scalar] | None) -> tuple[str, ...]:
            return tuple(desk_measure(self.desk, path, n) for n in names or ())

        bound = shape.limit or shape.target
        title = label(shape.title, language_of(one)) if shape.title else self.measure_title(path, found, name)
        return Tile(
            name, title, cast(Any, kind), path, found, dimensions(shape.by), dimensions(shape.rows),
            dimensions(shape.columns), cast(Any, shape.chart or ""), shape.compare or "", shape.top or 0,
            shape.unit.text if shape.unit else "",
            self.desk.find("entities", shape.drill, one.key) if shape.drill else "", shape.wide or 0,
            measures(shape.less), measures([bound])[0] if bound else "",
            "above" if shape.limit else "below" if shape.target else "",
            self.lights(shape, (*found, *measures([bound] if bound else ()))), dimensions(shape.then),
            -1 if shape.level == "all" else int(shape.level or 0), shape.place,
        )  # fmt: skip

    def shown(self, one: Written, kind: str, shape: shapes.Tile, written: list[Scalar]) -> tuple[str, tuple[str, ...]]:
        """The aggregation and the measures of a tile."""
        if kind == "figure":
            path, measure = figure(self.desk, shape.figure, one.key)
            return path, (measure,)
        of = shape.of if kind == "chart" else shape.pivot if kind == "pivot" else shape.table
        path = self.desk.find("aggregations", of, one.key)
        return path, tuple(desk_measure(self.desk, path, m) for m in written) if path else ()

    def lights(self, shape: shapes.Tile, shown: Sequence[str]) -> dict[str, Light]:
        out = {}
        for name, noun in (shape.lights or {}).items():
            if name not in shown:
                self.desk.say("rule.tile-light", noun.place, measure=name)
            elif noun.warn is not None and noun.alarm is not None:
                out[name] = Light(noun.warn, noun.alarm)
        return out

    def judge(self, kind: str, shape: shapes.Tile, written: list[Scalar]) -> None:
        """Whether it has what its look needs, nothing that it makes no use of, and no more than it can show."""
        called = (shape.chart or kind) if kind == "chart" else kind
        look = LOOKS[called]
        has: dict[str, Any] = {key: getattr(shape, key) for key in shapes.TILE_KEYS}
        has |= {"measures": written or None}
        if missing := [key for key in look.needs if key != "bound" and not has[key]]:
            keys = ", ".join(f"`{key if key != 'measures' or called == 'table' else 'measure'}`" for key in missing)
            self.desk.say("rule.chart", shape.place, kind=kind, keys=keys)
        if "bound" in look.needs and not (shape.limit or shape.target):
            bounds = Label("`limit` 或 `target`", "`limit` or `target`")
            self.desk.say("rule.chart", shape.place, kind=called, keys=bounds)
        for key in shapes.TILE_KEYS:
            if getattr(shape, key) is not None and key not in look.takes and key not in _KINDS:
                kinds = ", ".join(k for k, other in LOOKS.items() if key in other.takes)
                self.desk.say("rule.tile-key", place_of(getattr(shape, key), shape), key=key, kind=called, kinds=kinds)
        if shape.level == "all" and called != "table":
            self.desk.say("rule.tile-key", shape.place, key="level: all", kind=called, kinds="table")
        for key, most in look.most.items():
            if has[key] and len(has[key]) > most:
                zh, en = ("个指标", "measure") if key == "measures" else ("个维度", "dimension")
                told = Label(f" {most} {zh}", f"one {en}" if most == 1 else f"{most} {en}s")
                self.desk.say("rule.tile-many", has[key][most].where, kind=called, most=told, found=len(has[key]))

    def measure_title(self, path: str, measures: Sequence[str], name: str) -> Label:
        one, shape = self.desk.things["aggregations"][path]
        noun = (shape.measures or {}).get(measures[0]) if measures else None
        if noun is None or noun.title is None:
            return label(None, "", name)
        return label(noun.title, language_of(one))


def place_of(value: Any, shape: shapes.Tile) -> Any:
    first = value[0] if isinstance(value, tuple) and value else value
    return first.where if isinstance(first, Scalar) else shape.place
