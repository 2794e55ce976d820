"""The figures of a dashboard: what each tile asks, all of it in one statement, so that they are of one moment."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from engine.db import Stale
from engine.plan.page import Dashboard, Figures, Tile
from engine.plan.periods import before, times
from engine.plan.question import FigureQuestion, Filter
from engine.plan.statement import Statement
from engine.plan.viewer import DashboardView
from engine.problem import Problems
from engine.serve.document import rights
from engine.serve.query import boards, grouping, reading
from engine.serve.query.grouping import AskingFigures
from engine.serve.tenant.combine import Combined
from engine.serve.tenant.here import Here
from engine.serve.wire.answer import said
from engine.serve.wire.fault import Fault, Refusal

GROUPS = 200
"""So many groups a tile shows; what is more is said, and is in its export."""
CELLS = 2000
TREND = 25
OPERATORS = ("eq", "in", "gte", "lte", "null", "under")
Given = Mapping[str, str]
Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One answer that a tile needs: ``part`` is main, before, trend, rows or columns."""

    tile: str
    part: str
    asking: AskingFigures


async def dashboard(here: Here, plan: Dashboard, given: Given, whole: bool = False) -> DashboardView:
    """What the viewer may not read is None. A filter that cannot be is told, and the board shown without it."""
    faults: tuple[Fault, ...] = ()
    try:
        found, closed = await _answers(here, plan, given, whole)
    except Refusal as refusal:
        if not given:
            raise
        faults, given = refusal.faults, {}
        found, closed = await _answers(here, plan, given, whole)
    now = here.moment().now.astimezone(ZoneInfo(here.tenant.zone))
    return DashboardView(
        {tile.name: None if tile.name in closed else found[tile.name, "main"] for tile in plan.tiles},
        given,
        await _chosen(here, plan, given),
        {tile: answer for (tile, part), answer in found.items() if part == "before"},
        now.strftime("%Y-%m-%d %H:%M"),
        {tile: answer for (tile, part), answer in found.items() if part == "trend"},
        {key: answer for key, answer in found.items() if key[1] in ("rows", "columns")},
        said(faults, here.language),
        0 if whole else GROUPS,
        0 if whole else CELLS,
    )


def asked(plan: Dashboard, pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The filters among an address's parameters: ``project=…``, ``project[in]=…,…``, ``month[gte]=…``."""
    out = {}
    for key, value in pairs:
        name, operator = _operator(key)
        if value.strip() and name in plan.filters and operator in OPERATORS:
            out[key.removesuffix("[eq]")] = value.strip()
    return out


def _operator(key: str) -> tuple[str, str]:
    name, bracket, rest = key.partition("[")
    return (name, rest.removesuffix("]")) if bracket else (name, "eq")


async def _answers(
    here: Here, plan: Dashboard, given: Given, whole: bool
) -> tuple[dict[tuple[str, str], Answer], set[str]]:
    """Every answer by tile and part, and the tiles that are closed to this reader."""
    closed: set[str] = set()
    wanted: list[Wanted] = []
    for tile in plan.tiles:
        mine = _open(here, tile, given, whole)
        if mine is None:
            closed.add(tile.name)
        else:
            wanted += mine
    try:
        return await _read(here, wanted, here.tenant.sums), closed
    except Stale:
        here.tenant.sums = frozenset()  # they were removed; what holds now is looked up by whoever keeps up
        return await _read(here, wanted, frozenset()), closed


def _open(here: Here, tile: Tile, given: Given, whole: bool) -> list[Wanted] | None:
    """The tile's questions, or None where this reader may not have one of them answered."""
    figures = here.app.figures.get(tile.aggregation)
    if figures is None or not rights.readable(here.app, here.me, figures.sources):
        return None
    if whole and not all(rights.may_ever(here.app, here.me, here.app.entities[s], "export") for s in figures.sources):
        return None
    wanted = list(_questions(here, tile, figures, given, whole))
    try:
        for one in wanted:
            here.tenant.asker.figures(here.app, replace(one.asking.question, kept=here.tenant.sums))
    except Problems as found:
        if any(p.code == "ask.operator" for p in found.problems):
            raise reading.of_problems(found) from found
        return None
    return wanted


def _questions(here: Here, tile: Tile, figures: Figures, given: Given, whole: bool) -> Iterator[Wanted]:
    def make(part: str, by: Sequence[str], chosen: Given, sort: tuple[str, ...] = (), limit: int = 0) -> Wanted:
        keys = [key for key in chosen if _operator(key)[0] in figures.dimensions]
        tree = here.app.tree_of(figures.dimensions[d] for d in by) if tile.level else ""
        below = chosen.get(f"{tree}[under]", "") if tree else ""
        question = FigureQuestion(
            tile.aggregation,
            by=tuple((d, d) for d in by),
            measures=tuple((m, m) for m in tile.shown),
            filters=tuple(Filter(*_operator(key)) for key in keys),  # type: ignore[arg-type]
            sort=sort,
            limit=bool(limit),
            totals=bool(by) and part == "main",
            tree=tree,
            level=max(tile.level, 0) if tree else 0,
            below=bool(below),
            roles=here.me.roles,
            export=whole,
        )
        inputs: dict[str, Any] = {"limit": limit} if limit else {}
        inputs |= {"below": below} if below else {}
        return Wanted(tile.name, part, AskingFigures(question, inputs, tuple(chosen[key] for key in keys)))

    first = tile.measures[0]
    most = grouping.MAX_GROUPS if whole else tile.top or (CELLS if tile.rows else GROUPS) + 1
    yield make("main", tile.split, given, (f"-{first}",) if tile.top else (), most if tile.split else 0)
    if tile.compare:
        time = next(iter(times(figures)), "")
        if earlier := before(tile.compare, figures, given):
            yield make("before", (), earlier)
        elif time and not any(_operator(key)[0] == time for key in given):
            yield make("trend", (time,), given, (f"-{time}",), TREND)
    if tile.rows and tile.columns and not figures.measures[first].adds:
        yield make("rows", (tile.rows,), given)
        yield make("columns", (tile.columns,), given)


async def _read(here: Here, wanted: list[Wanted], kept: frozenset[str]) -> dict[tuple[str, str], Answer]:
    """One statement. Tiles that ask the same groups of the same rows share a question."""
    groups: dict[Any, list[Wanted]] = {}
    for one in wanted:
        shape = replace(one.asking.question, measures=())
        sorted_by_its_own = one.asking.question.measures if shape.limit and shape.sort else ()
        groups.setdefault((shape, one.asking.texts, tuple(one.asking.inputs.items()), sorted_by_its_own), []).append(
            one
        )
    if not groups:
        return {}
    combined, columns = Combined(here.app.dialect), list[str]()
    inputs: dict[str, Any] = {}
    for n, ones in enumerate(groups.values()):
        measures = dict.fromkeys(pair for one in ones for pair in one.asking.question.measures)
        question = replace(ones[0].asking.question, measures=tuple(measures), kept=kept)
        made = here.tenant.asker.figures(here.app, question)
        values = grouping.figure_values(replace(ones[0].asking, question=question), made.filters)
        inputs |= {f"t{n}.{name}": value for name, value in values.items()}
        columns.append(f"({combined.embed(_named(made.statement, f't{n}.'))})")
    row = (await reading.run(here, combined.finish(columns), inputs))[0]
    out: dict[tuple[str, str], Answer] = {}
    for text, ones in zip(row, groups.values(), strict=True):
        answer = json.loads(text)
        out |= {(one.tile, one.part): answer for one in ones}
    return out


def _named(statement: Statement, prefix: str) -> Statement:
    own = (replace(p, name=f"{prefix}{p.name}") if p.source == "input" else p for p in statement.params)
    return replace(statement, params=tuple(own))


async def _chosen(here: Here, plan: Dashboard, given: Given) -> dict[str, dict[str, str]]:
    """What the chosen records are called: one statement for all filters."""
    wanted: dict[str, list[str]] = {}
    targets: dict[str, str] = {}
    for key, value in given.items():
        name = _operator(key)[0]
        for tile in plan.tiles:
            figures = here.app.figures.get(tile.aggregation)
            dimension = figures.dimensions.get(name) if figures else None
            if dimension is not None and dimension.target:
                targets[key] = dimension.target
                wanted.setdefault(dimension.target, []).extend(value.split(","))
                break
    names = await boards.names_of(here, wanted) if wanted else {}
    out = {}
    for key, target in targets.items():
        told = [names[target][one] for one in given[key].split(",") if one in names[target]]
        if told:
            out[key] = {"id": given[key], "display": "、".join(told) if here.language == "zh" else ", ".join(told)}
    return out
