"""Questions about records: one statement, one row, one column with the JSON text of the answer."""

from __future__ import annotations

from engine.ask import access, expressions, filters, order, places, record
from engine.ask.build import Build, start
from engine.ask.codes import CODES
from engine.ask.facts import Facts
from engine.ask.record import Shape
from engine.ask.rows import Rows
from engine.fieldtypes.storage import quote
from engine.plan.entity import Entity
from engine.plan.question import COUNTED, Asked, Question
from engine.problem import Problems, problem

MOST = 1000
"""No page is longer. Said in the statement too, so that a planner who does not see the limit knows it is small."""


def records(facts: Facts, question: Question) -> Asked:
    build = start(facts, question.roles)
    entity = facts.entity(question.entity)
    access.refuse_closed(build, entity)
    if question.one:
        return Asked(build.statement(_one(build, entity, question)))
    return _list(build, entity, question)


def _one(build: Build, entity: Entity, question: Question) -> str:
    rows = Rows(build, entity, build.alias(), of=question.of)
    shape = Shape(question.fields, question.expand, lines=True, bin=question.bin)
    answer = record.as_json(rows, rows.base, entity, shape)
    wanted = [f"{rows.base}.id = {build.input('id', 'uuid')}", rows.living(question.bin)]
    wanted += _allowed(build, entity, rows)
    return f"SELECT {_text(build, answer)} FROM {rows.source()} WHERE {' AND '.join(wanted)}"


def _list(build: Build, entity: Entity, question: Question) -> Asked:
    """Ids and sort keys of the page first (one more than the page, to know whether there is a next), then the
    records: joins and JSON are made for the page only."""
    rows = Rows(build, entity, build.alias())
    sorted_by = order.keys(rows, question.sort)
    if question.back:
        sorted_by = tuple(key.turned() for key in sorted_by)
    filtered, specs = filters.conditions(rows, question.filters)
    wanted = [rows.living(question.bin), *_allowed(build, entity, rows), *filtered, *_wanted(rows, question)]
    if question.export:
        wanted.append(access.predicate(build, entity, rows.base, "export"))
    all_ = f"SELECT 1 FROM {rows.source()} WHERE {' AND '.join(wanted)}"
    if question.tally:
        return Asked(build.statement(all_), filters=specs)
    counted = f"(SELECT count(*) FROM ({all_}{f' LIMIT {COUNTED + 1}' if question.bound else ''}) AS c)"
    columns = ", ".join(f"{key.sql} AS k{n}" for n, key in enumerate(sorted_by))
    limit = build.input("limit", "integer")
    walked = places.places(build, entity) if question.places else None
    arms = []
    for arm in order.arms(rows, sorted_by, question.after):
        kept, sort = (*wanted, *arm.conditions), f" ORDER BY {arm.order} LIMIT {MOST + 1}"
        walk = f"SELECT {columns} FROM {rows.source()} WHERE {' AND '.join(kept)}"
        if walked is None:
            arms.append(walk + sort)
            continue
        here = [places.run(build, rows.base, walked, n) for n in range(question.places)]
        merged = _together([f"SELECT * FROM ({walk} AND {one}{sort}) AS r LIMIT {limit} + 1" for one in here])
        arms.append(f"SELECT * FROM ({merged}) AS u ORDER BY {arm.merged(len(sorted_by))} LIMIT {limit} + 1")
    found = _together(arms)
    page = f"SELECT row_number() OVER () AS n, s.* FROM (SELECT * FROM ({found}) AS m LIMIT {limit} + 1) AS s"
    answer = _page(build, entity, question, sorted_by, counted if question.count else "")
    return Asked(build.statement(f"WITH p AS MATERIALIZED ({page}) SELECT {answer}"), filters=specs)


def _together(arms: list[str]) -> str:
    if len(arms) == 1:
        return arms[0]
    return " UNION ALL ".join(f"SELECT * FROM ({arm}) AS a{n}" for n, arm in enumerate(arms))


def _page(build: Build, entity: Entity, question: Question, sorted_by: tuple[order.Key, ...], counted: str) -> str:
    """The answer's JSON over the page ``p``. The page comes first and each record is found by its id: an order no
    planner may turn round."""
    limit = build.input("limit", "integer")
    rows = Rows(build, entity, build.alias())
    item = record.as_json(rows, rows.base, entity, Shape(question.fields, question.expand, bin=question.bin))
    sqlite = build.dialect == "sqlite"
    found = f"{quote(entity.table)} AS {rows.base} ON {rows.base}.id = p.k{len(sorted_by) - 1} {rows.joins()}"
    keys = ", ".join(order.cursor_json(rows, key, f"p.k{n}") for n, key in enumerate(sorted_by))
    array = "json_array" if sqlite else "json_build_array"
    more = f"(SELECT {array}({keys}) FROM p WHERE p.n = {limit} AND EXISTS (SELECT 1 FROM p WHERE n > {limit}))"
    turn = f"(SELECT {array}({keys}) FROM p WHERE p.n = 1)" if question.after else "NULL"
    next_, prev = (turn, more) if question.back else (more, turn)
    way = " DESC" if question.back else ""
    if sqlite:
        listed = f"SELECT {item} AS j FROM p CROSS JOIN {found} WHERE p.n <= {limit} ORDER BY p.n{way}"
        items = f"(SELECT group_concat(j, ',') FROM ({listed}))"
        total = f" || ',\"total\":' || {counted}" if counted else ""
        ends = f"COALESCE({next_}, 'null') || ',\"prev\":' || COALESCE({prev}, 'null')"
        return f"'{{\"items\":[' || COALESCE({items}, '') || '],\"next\":' || {ends}{total} || '}}'"
    items = (
        f"(SELECT COALESCE(json_agg({item} ORDER BY p.n{way}), '[]'::json) FROM p JOIN {found} WHERE p.n <= {limit})"
    )
    pairs = f"'items', {items}, 'next', {next_}, 'prev', {prev}" + (f", 'total', {counted}" if counted else "")
    return f"json_build_object({pairs})::text"


def _wanted(rows: Rows, question: Question) -> list[str]:
    """What is asked besides filters and rights."""
    out: list[str] = []
    if question.where:
        with rows.build.bound_literals():
            out.append(rows.sql(expressions.condition(rows.build, rows.entity, question.where)))
    out += [_search(rows, n) for n in range(question.search)]
    return out


def _allowed(build: Build, entity: Entity, rows: Rows) -> list[str]:
    if access.rule(build, entity, "read"):
        return []
    return [access.predicate(build, entity, rows.base, "read")]


def _search(rows: Rows, n: int) -> str:
    build = rows.build
    if build.facts.column(rows.entity, "_find") is None:
        raise Problems([problem(CODES["ask.unsearchable"], entity=rows.entity.path)])
    find = "INSTR" if build.dialect == "sqlite" else "STRPOS"
    wanted = f"LOWER({build.input(f'q{n}', 'text')})"
    # What some role does not see whole is not among the words kept for everyone: it is sought as this reader sees it.
    kept = [f.name for f in rows.known(rows.entity).values() if f.searchable and f.restricted]
    texts = [f"{rows.base}.{quote('_find')}", *(f"LOWER({rows.cell(name).sql})" for name in kept)]
    found = [f"{find}({text}, {wanted}) > 0" for text in texts]
    return found[0] if len(found) == 1 else f"({' OR '.join(found)})"


def _text(build: Build, sql: str) -> str:
    return sql if build.dialect == "sqlite" else f"({sql})::text"
