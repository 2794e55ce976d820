"""Questions about figures: one grouped statement, several sources side by side, displays for the groups only."""

from __future__ import annotations

from collections.abc import Sequence

from engine.ask import beside, display, expressions, filters, grouping, slices, trees
from engine.ask.build import Build, start
from engine.ask.codes import CODES
from engine.ask.facts import Facts, unknown
from engine.ask.grouping import Grouping
from engine.ask.order import Key
from engine.ask.rows import Rows
from engine.ask.slices import Dimension, Slice
from engine.expr.build.sql import Context, to_sql
from engine.expr.run.types import BOOLEAN, Type
from engine.fieldtypes.spec import Spec
from engine.fieldtypes.storage import json_object, json_value, quote
from engine.plan.question import Asked, FigureQuestion, Filter
from engine.problem import Problems, problem

_TYPES = {"uuid": "ref", "text": "text"}


def figures(facts: Facts, question: FigureQuestion) -> Asked:
    build = start(facts, question.roles)
    build.steps = {}
    made = trees.with_all_below(build, slices.resolve(build, question), question)
    narrowed = grouping.Narrow(question.filters, question.where, question.export)
    specs = _specs(build, made, question.filters)
    here = Grouping(build, made, narrowed, frozenset() if question.export else question.kept)
    whole = beside.Whole(build, made, here, question)
    parts = [("rows", _list(build, _rows(build, made, whole, question)))]
    if question.limit:
        parts.append(("groups", f"(SELECT COUNT(*) FROM {whole.groups})"))
    if question.others:
        parts.append(("others", f"({whole.others(lambda at: _measures(build, made, whole, at))})"))
    if question.totals:
        parts.append(("totals", f"({_totals(build, made, whole)})"))
    if build.dialect == "sqlite":
        told = " || ',' || ".join(f"'\"{name}\":' || COALESCE({sql}, 'null')" for name, sql in parts)
        answer = f"'{{' || {told} || '}}'"
    else:
        named = ", ".join(f"'{name}', {sql}" for name, sql in parts)
        answer = f"json_build_object({named})::text"
    columns = (
        *((d.name, d.kind, d.scale) for d in made.dimensions),
        *((name, *type_.storage) for name, type_, _ in whole.shown("")),
    )
    served = here.served.pop() if len(here.served) == 1 else "mixed"
    statement = build.statement(f"{whole.steps()}SELECT {answer}")
    return Asked(statement, columns, here.specs or specs, served)  # type: ignore[arg-type]


def _list(build: Build, rows: str) -> str:
    if build.dialect == "sqlite":
        return f"(SELECT '[' || COALESCE(group_concat(j, ','), '') || ']' FROM ({rows}))"
    return f"(SELECT COALESCE(json_agg(j), '[]'::json) FROM ({rows}) AS s)"


def _rows(build: Build, made: Slice, whole: beside.Whole, question: FigureQuestion) -> str:
    """The groups as JSON objects, in order."""
    at = build.alias("c")
    labels = _Labels(build, at)
    pairs = [(d.name, labels.json(d, f"{at}.d{n}")) for n, d in enumerate(made.dimensions)]
    pairs += _measures(build, made, whole, at)
    sort = question.sort or ((f"-{made.shown[0].name}",) if question.others else ())
    order = ", ".join(key.order(key.sql) for key in _order(build, made, labels, at, sort))
    having = f" WHERE {_having(build, made, at, question.having)}" if question.having else ""
    by = f" ORDER BY {order}" if order else ""
    item = json_object(build.dialect, pairs)
    if not question.limit:
        return f"SELECT {item} AS j FROM ({whole.source}) AS {at} {labels.joins()}{having}{by}"
    # Whichever are shown is decided once, for what the others come to must be the rest.
    keys = ", ".join((*(f"{at}.d{n} AS d{n}" for n in range(len(made.dimensions))), f"{item} AS j"))
    place = f"ROW_NUMBER() OVER ({by.strip()}) AS place"
    found = f"SELECT {keys}, {place} FROM ({whole.source}) AS {at} {labels.joins()}{having}"
    return whole.page(found)


def _totals(build: Build, made: Slice, whole: beside.Whole) -> str:
    at = build.alias("c")
    return f"SELECT {json_object(build.dialect, _measures(build, made, whole, at))} FROM ({whole.total}) AS {at}"


def _measures(build: Build, made: Slice, whole: beside.Whole, at: str) -> list[tuple[str, str]]:
    return [(name, _number(build, type_, sql)) for name, type_, sql in whole.shown(at)]


def _number(build: Build, type_: Type, sql: str) -> str:
    """A measure's JSON. One that may pass 64 bits is text on SQLite; its digits are pointed off as text."""
    kind, scale = type_.storage
    if build.dialect == "postgresql" or not type_.wide:
        return json_value(kind, scale, build.dialect, sql)
    if kind != "decimal":
        return f"json({sql})"
    padded = f"REPLACE(printf('%{scale + 1}s', LTRIM({sql}, '-')), ' ', '0')"
    sign = f"CASE WHEN SUBSTR({sql}, 1, 1) = '-' THEN '-' ELSE '' END"
    point = f"SUBSTR({padded}, 1, LENGTH({padded}) - {scale}) || '.' || SUBSTR({padded}, -{scale})" if scale else padded
    return f"CASE WHEN {sql} IS NOT NULL THEN {sign} || {point} END"


def _having(build: Build, made: Slice, at: str, text: str) -> str:
    """A condition over shown measures and declared ones; those that are not shown cannot be looked at here."""
    with build.bound_literals():
        expr = expressions.typed(text, made.scope(build), BOOLEAN, "having")
        names = {s.name: n for n, s in enumerate(made.shown)}
        missing = [m for m in expr.measures if m not in names]
        if missing or expr.groups:
            what = f"having {text}: name measures of the answer"
            raise Problems([problem(CODES["ask.unavailable"], what=what)])
        context = Context(build.binder, at, measure_sql=lambda node: f"{at}.m{names[node.name]}")
        return to_sql(expr, context)


def _order(build: Build, made: Slice, labels: _Labels, at: str, sort: Sequence[str]) -> list[Key]:
    """As asked, then by the dimensions in their order, so that no two answers differ."""
    known = {d.name: labels.key(d, f"{at}.d{n}") for n, d in enumerate(made.dimensions)}
    known |= {s.name: _size(build, s.expr.type, f"{at}.m{n}") for n, s in enumerate(made.shown)}
    out: list[Key] = []
    wrong = []
    for text in sort:
        name = text.removeprefix("-")
        key = known.get(name)
        if key is None:
            wrong.append(unknown("ask.unknown-measure", name, known, figure=made.name))
        else:
            out.append(Key(key.sql, key.kind, key.scale, text.startswith("-"), True))
    if wrong:
        raise Problems(wrong)
    rest = [known[d.name] for d in made.dimensions]
    ids = [Key(f"{at}.d{n}", d.kind, d.scale, False, True) for n, d in enumerate(made.dimensions) if d.target]
    return [*out, *rest, *ids]


def _size(build: Build, type_: Type, sql: str) -> Key:
    """What a measure is sorted by; text digits are compared as the numbers they are."""
    wide = build.dialect == "sqlite" and type_.wide
    return Key(f"CAST({sql} AS REAL)" if wide else sql, *type_.storage, False, True)


def _specs(build: Build, made: Slice, asked: Sequence[Filter]) -> tuple[Spec, ...]:
    """Of declared dimensions' filters; those of an entity's fields are found with its rows."""
    if not made.declared:
        return ()
    out = []
    for one in asked:
        found = made.by_name.get(one.path)
        if found is None:
            raise Problems([unknown("ask.unknown-dimension", one.path, made.by_name, figure=made.name)])
        spec = Spec(_TYPES.get(found.kind, found.kind), scale=found.scale, target=found.target)
        filters.check_operator(build, one, spec)
        out.append(spec)
    return tuple(out)


class _Labels:
    """Displays of the records that groups stand for, joined to the groups."""

    def __init__(self, build: Build, at: str) -> None:
        self._build = build
        self._at = at
        self._joined: dict[str, tuple[str, Rows]] = {}

    def joins(self) -> str:
        return " ".join(
            f"LEFT JOIN {quote(rows.entity.table)} AS {rows.base} ON {rows.base}.id = {sql} {rows.joins()}"
            for sql, (_alias, rows) in self._joined.items()
        )

    def json(self, dimension: Dimension, sql: str) -> str:
        build = self._build
        if not dimension.target or dimension.target not in build.facts.entities:
            return json_value(dimension.kind, dimension.scale, build.dialect, sql)
        rows = self._rows(dimension, sql)
        parts = [("id", sql), ("display", display.of_record(rows, rows.base, rows.entity))]
        if dimension.walk:
            held = f"SELECT 1 FROM {dimension.pairs} AS x WHERE x.top = {sql} AND x.node <> x.top"
            parts.append(("level", f"(SELECT MIN(level) FROM {dimension.walk} WHERE id = {sql})"))
            leaf = f"NOT EXISTS ({held})"
            parts.append(("leaf", json_value("boolean", 0, build.dialect, leaf)))
        shown = json_object(build.dialect, parts)
        return f"CASE WHEN {sql} IS NOT NULL THEN {shown} END"

    def key(self, dimension: Dimension, sql: str) -> Key:
        if dimension.walk:
            return Key(f"(SELECT MIN(path) FROM {dimension.walk} WHERE id = {sql})", "text", 0, False, True)
        if dimension.target and dimension.target in self._build.facts.entities:
            rows = self._rows(dimension, sql)
            if self._build.facts.column(rows.entity, "_sort"):
                return Key(f"{rows.base}.{quote('_sort')}", "text", 0, False, True)
        return Key(sql, dimension.kind, dimension.scale, False, True)

    def _rows(self, dimension: Dimension, sql: str) -> Rows:
        if sql not in self._joined:
            entity = self._build.facts.entity(dimension.target)
            rows = Rows(self._build, entity, self._build.alias("j"))
            self._joined[sql] = (rows.base, rows)
        return self._joined[sql][1]
