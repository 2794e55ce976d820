"""Doors of imports: which files may be brought, a rehearsal, the real thing, what is wrong as a workbook, and taking a
run back.

A file is sent in first, as any file (``POST /api/v1/system/files``); it stays as it came, as the proof of its run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any, cast

from engine.db import Body, Unsettled
from engine.fieldtypes.storage import moment_text
from engine.intake import Reading, read_content
from engine.plan.app import ImportPlan
from engine.plan.entity import Entity
from engine.problem import nearest
from engine.serve.document import rights
from engine.serve.document.decode import Rules
from engine.serve.document.store import Op
from engine.serve.files import files
from engine.serve.files.receiving import store_of
from engine.serve.people import audit
from engine.serve.query.export import MEDIA
from engine.serve.records import importing
from engine.serve.records.import_sheet import workbook
from engine.serve.records.importing import Bringing, Existing, Found, Outcome, Refs, Rehearsed
from engine.serve.tenant import idempotency, rows
from engine.serve.tenant.door import At, Door
from engine.serve.tenant.here import Here, looks_like_id
from engine.serve.tenant.ids import uuid7
from engine.serve.wire.answer import Answer, as_json, headers_of
from engine.serve.wire.answer import warning as told_fault
from engine.serve.wire.fault import refuse
from engine.serve.wire.parsing import own_body, storable, wrong
from engine.serve.wire.shapes import (
    FLAG,
    ID,
    MOMENT_OR_NOT,
    TEXT,
    TEXT_OR_NOT,
    WHOLE,
    body,
    items,
    listed,
    thing,
    words,
)
from engine.serve.write.write import require_writable
from engine.serve.write.writing import transact

MOST_BYTES = 64 * 1024 * 1024
MOST_TOLD = 500
MOST_RUNS = 200
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a body asks for."""

    file: str
    keep: bool
    partly: bool
    existing: Existing
    reason: str
    reasons: dict[str, str]


def open_to(here: Here) -> list[tuple[str, ImportPlan]]:
    """The imports whose entity the caller may make records of."""
    entities = here.app.entities
    return [
        (path, plan)
        for path, plan in here.app.imports.items()
        if rights.may_ever(here.app, here.me, entities[plan.entity], "create")
    ]


def plan_of(here: Here, name: str) -> tuple[str, ImportPlan]:
    known = dict(open_to(here))
    if name not in known:
        raise refuse("import.none", name=name[:80], nearest=nearest(name, known) or "")
    return name, known[name]


@dataclass(frozen=True, slots=True)
class Brought:
    """``run`` is the row of the run if it was kept, ``file`` that of the file."""

    outcome: Outcome
    reading: Reading
    run: Row | None
    file: Row


async def brought(here: Here, name: str, asked: Asked) -> Brought:
    """Reads the file and writes what it holds, or all but the COMMIT."""
    path, plan = plan_of(here, name)
    entity = here.app.entities[plan.entity]
    require_writable(here.app, entity, ())
    if asked.existing == "update":
        rights.require(here.app, here.me, entity, "update")
        if plan.lines:
            raise refuse("import.lines-stay", "/existing")
    file, content = await _content(here, asked.file)
    reading = await asyncio.to_thread(read_content, content, plan, entity, importing.child_of(here.tenant, plan))
    bringing = Bringing(plan, entity, asked.existing, asked.reason, asked.reasons, _rules(here, entity))
    refs, unknown = await importing.references(here.tenant, here.me, bringing, reading)
    found = [*map(importing.of_wrong, reading.wrong), *unknown]
    reading = _without(reading, {one.row for one in found})
    outcome, run = await _run(here, path, bringing, reading, refs, found, asked, file)
    return Brought(outcome, reading, run, file)


def _rules(here: Here, entity: Entity) -> Rules:
    """An administrator brings old running numbers along, as whoever moves in does; others what a form would take."""
    made = rights.rules(here.app, here.me, entity)
    return replace(made, trusted=here.me.admin)


def _without(reading: Reading, broken: set[int]) -> Reading:
    """Documents none of whose rows is known to be wrong."""
    return replace(reading, documents=tuple(d for d in reading.documents if not broken.intersection(d.rows)))


async def _held(here: Here, file: str) -> tuple[Row, int]:
    """A file that the caller sent in himself and no record holds, or that a run of his was made of; and its size."""
    row = await files.file_of(here.tenant, {"id": file}) if looks_like_id(file) else None
    mine = row is not None and row["user"] is not None and str(row["user"]) == here.me.user
    if row is None or not mine or row["entity"] not in (None, _HOLDER):
        raise refuse("file.none", "/file")
    if int(row["size"]) > MOST_BYTES:
        raise refuse("import.large-file", "/file", limit=f"{MOST_BYTES // 1024 // 1024} MB")
    return row, int(row["size"])


async def _content(here: Here, file: str) -> tuple[Row, bytes]:
    row, size = await _held(here, file)
    return row, b"".join([piece async for piece in store_of(here.tenant).read(row["digest"], 0, size)])


_HOLDER = "_import"


async def _run(
    here: Here,
    name: str,
    bringing: Bringing,
    reading: Reading,
    refs: Refs,
    found: list[Found],
    asked: Asked,
    file: Row,
) -> tuple[Outcome, Row | None]:
    moment = here.moment()
    key = idempotency.key_of(here.asked, here.me) if asked.keep else None
    run: Row = {"id": uuid7(), "name": name, "file": file["id"], "title": file["name"], "by": here.me.user}
    run |= {"at": moment.now, "existing": asked.existing}

    def work() -> Body[Outcome]:
        outcome = yield from importing.bring(here.tenant, moment, bringing, reading, refs)
        outcome.found[:0] = found
        if not asked.keep or (outcome.found and not asked.partly) or not outcome.kept:
            raise Rehearsed(outcome)
        run.update(rows=outcome.rows, created=outcome.created, updated=outcome.updated)
        run.update(skipped=outcome.skipped, refused=outcome.refused)
        yield from _kept(here, run, outcome)
        if key is not None:
            yield from idempotency.keep(key, Answer(201, as_json(report(here, outcome, reading, run))), moment)
        return outcome

    def once() -> Body[Outcome]:
        if key is not None and (kept := (yield from idempotency.find(key, moment))) is not None:
            raise _Known(kept)
        return (yield from work())

    about = [Op("create", bringing.entity.path)]
    with nullcontext() if key is None else idempotency.alone(here.tenant, key):
        try:
            try:
                return await transact(here.tenant, here.app, about, once), run
            except Unsettled:
                if key is None:
                    raise
                return await transact(here.tenant, here.app, about, once), run
        except Rehearsed as done:
            return done.outcome, None


class _Known(Exception):
    """The answer that was given to this key before."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        super().__init__()


def _kept(here: Here, run: Row, outcome: Outcome) -> Body[None]:
    dialect = here.tenant.database.dialect
    yield rows.insert("_import", [run], dialect)
    made = [
        {"run": run["id"], "record": record, "row": row, "rev": rev, "made": new}
        for record, row, rev, new in outcome.kept
    ]
    yield rows.insert("_import_row", made, dialect)
    owner = {"entity": _HOLDER, "record": run["id"], "field": "file"}
    yield rows.update("_file", dialect, {"id": run["file"]}, owner)
    told = {"import": run["name"], "file": run["title"], "created": run["created"], "updated": run["updated"]}
    yield rows.insert("_audit", [audit.row(here, "import", str(run["id"]), told)], dialect)


def report(here: Here, outcome: Outcome, reading: Reading, run: Row | None) -> dict[str, Any]:
    return {
        "run": run["id"] if run else None,
        "rows": reading.rows,
        "created": outcome.created,
        "updated": outcome.updated,
        "skipped": outcome.skipped,
        "refused": outcome.refused,
        "totals": {name: str(total) for name, total in reading.totals.items()},
        "left_out": [{"row": row, "text": text} for row, text in reading.left_out[:MOST_TOLD]],
        "problems": [_told(here, one) for one in sorted(outcome.found, key=lambda f: f.row)[:MOST_TOLD]],
        "warnings": [_told(here, one) for one in outcome.warnings[:MOST_TOLD]],
        "more": max(0, len(outcome.found) - MOST_TOLD),
    }


def _told(here: Here, one: Found) -> dict[str, Any]:
    return {"row": one.row, "column": one.header, **told_fault(one.fault, here.language)}


def _asked(here: Here) -> Asked:
    given = own_body(here.asked, *_BODY["properties"])
    asked = Asked(
        _one(given, "file", str, ""),
        _one(given, "keep", bool, False),
        _one(given, "partly", bool, False),
        cast(Existing, _one(given, "existing", str, "skip")),
        _one(given, "reason", str, ""),
        _one(given, "reasons", dict, {}),
    )
    if asked.existing not in importing.EXISTING:
        told, got = " | ".join(importing.EXISTING), asked.existing[:40]
        raise refuse("api.parameter", "/existing", name="existing", got=got, expected=told, expected_zh=told)
    if not all(isinstance(one, str) for one in asked.reasons.values()):
        raise wrong("reasons", '{"check": "text"}')
    storable(asked.reasons)
    return asked


def _one(given: dict[str, Any], name: str, kind: type, left_out: Any) -> Any:
    value = given.get(name, left_out)
    if not isinstance(value, kind):
        told = {str: "text", bool: "true | false", dict: "{…}"}[kind]
        raise refuse("api.parameter", f"/{name}", name=name, got=str(value)[:40], expected=told, expected_zh=told)
    return value


async def _bring(here: Here, at: At) -> Answer:
    asked = _asked(here)
    try:
        done = await brought(here, at.names["import"], asked)
    except _Known as known:
        return known.answer
    return Answer(201 if done.run else 200, as_json(report(here, done.outcome, done.reading, done.run)))


async def _sheet(here: Here, at: At) -> Answer:
    """What is wrong, as a workbook to mend: the rows as they came, those cells marked, and why."""
    return await sheet(here, at.names["import"], _asked(here))


async def sheet(here: Here, name: str, asked: Asked) -> Answer:
    done = await brought(here, name, replace(asked, keep=False))
    content = await asyncio.to_thread(workbook, done.reading, done.outcome.found, here.language)
    headers = {"content-disposition": 'attachment; filename="refused.xlsx"', "cache-control": "no-store"}
    return Answer(200, content, headers_of(headers), MEDIA["xlsx"])


async def _list(here: Here, _at: At) -> Answer:
    return Answer(200, as_json({"items": [_plan(here, path, plan) for path, plan in open_to(here)]}))


def _plan(here: Here, path: str, plan: ImportPlan) -> dict[str, Any]:
    columns = [{"field": c.field, "headers": list(c.headers), "required": c.required} for c in plan.columns]
    title = plan.title.to(here.language)
    return {"name": path, "title": title, "entity": plan.entity, "key": list(plan.key), "columns": columns}


async def runs_of(here: Here, **where: str | None) -> list[Row]:
    """The caller's own runs (of a ``name``, of an ``id``), the newest first; all of them for administrators."""
    where |= {} if here.me.admin else {"by": here.me.user}
    dialect = here.tenant.database.dialect
    order = "at DESC, id DESC"
    asked = rows.select("_import", dialect, where, order) if where else rows.select_all("_import", dialect, order)
    found = await here.tenant.database.read(f"{asked.sql} LIMIT {MOST_RUNS}", asked.values)
    return [rows.by_name("_import", row) for row in found]


def told_run(row: Row) -> dict[str, Any]:
    ids = {name: str(row[name]) if row[name] is not None else None for name in ("id", "file", "by", "undone_by")}
    moments = {name: moment_text(row[name]) for name in ("at", "undone")}
    plain = ("name", "title", "existing", "rows", "created", "updated", "skipped", "refused")
    return {**ids, **moments, **{name: row[name] for name in plain}}


async def _runs(here: Here, _at: At) -> Answer:
    return Answer(200, as_json({"items": [told_run(row) for row in await runs_of(here)]}))


async def _undo(here: Here, at: At) -> Answer:
    return Answer(200, as_json({"undone": await undo(here, at.names["run"])}))


async def undo(here: Here, run: str) -> int:
    """Takes a run back, under the caller's own rights; how many records that were."""
    found = await runs_of(here, id=run.lower()) if looks_like_id(run) else []
    if not found:
        raise refuse("import.no-run")
    plan = here.app.imports.get(found[0]["name"])
    if plan is None:
        raise refuse("import.none", name=found[0]["name"], nearest="")
    entity = here.app.entities[plan.entity]
    moment, dialect = here.moment(), here.tenant.database.dialect

    def work() -> Body[int]:
        again = yield rows.select("_import", dialect, {"id": run.lower()})
        if rows.by_name("_import", again[0])["undone"] is not None:
            raise refuse("import.undone")
        kept = [_record(row) for row in (yield rows.select("_import_row", dialect, {"run": run.lower()}, "row"))]
        done = yield from importing.undone(here.tenant, moment, entity, kept)
        yield rows.update("_import", dialect, {"id": run.lower()}, {"undone": moment.now, "undone_by": here.me.user})
        yield rows.insert("_audit", [audit.row(here, "import.undone", run.lower(), {"records": done})], dialect)
        return done

    return await transact(here.tenant, here.app, [Op("delete", entity.path)], work)


def _record(row: Sequence[Any]) -> tuple[str, int, int, bool]:
    one = rows.by_name("_import_row", row)
    return str(one["record"]), int(one["row"]), int(one["rev"]), bool(one["made"])


_BODY = body(
    "file",
    file=ID,
    keep=FLAG,
    partly=FLAG,
    existing=words(*importing.EXISTING),
    reason=TEXT,
    reasons={"type": "object", "additionalProperties": TEXT},
)
_PROBLEM = thing("row", "column", "code", "message", row=WHOLE, column=TEXT, code=TEXT, message=TEXT)
_REPORT = thing(
    "run", "rows", "created", "updated", "skipped", "refused", "totals", "left_out", "problems", "warnings",
    run=TEXT_OR_NOT, rows=WHOLE, created=WHOLE, updated=WHOLE, skipped=WHOLE, refused=WHOLE,
    totals={"type": "object", "additionalProperties": TEXT},
    left_out=listed(thing("row", "text", row=WHOLE, text=TEXT)),
    problems=listed(_PROBLEM), warnings=listed(_PROBLEM), more=WHOLE,
)  # fmt: skip
_RUN = thing(
    "id", "name", "title", "at", "created", "updated",
    id=ID, name=TEXT, title=TEXT, file=TEXT_OR_NOT, by=TEXT_OR_NOT, at=MOMENT_OR_NOT, existing=TEXT, rows=WHOLE,
    created=WHOLE, updated=WHOLE, skipped=WHOLE, refused=WHOLE, undone=MOMENT_OR_NOT, undone_by=TEXT_OR_NOT,
)  # fmt: skip
_COLUMN = thing("field", "headers", "required", field=TEXT, headers=listed(TEXT), required=FLAG)
DOORS = (
    Door(
        "import.list", ("GET",), "system/imports", _list, who="rights",
        says="The files that the caller may bring, and which columns they have",
        gives=items(thing("name", "title", "entity", "key", "columns", name=TEXT, title=TEXT, entity=TEXT,
                          key=listed(TEXT), columns=listed(_COLUMN))),
    ),
    Door(
        "import.runs", ("GET",), "system/imports/runs", _runs, who="anyone",
        says="What the caller has brought, the newest first; for administrators what anybody has", gives=items(_RUN),
    ),
    Door(
        "import.undo", ("POST",), "system/imports/runs/{run}/undo", _undo, who="rights", scope="write",
        says="Takes a run back: what it made goes to the bin, what it changed is set back",
        gives=thing("undone", undone=WHOLE),
    ),
    Door(
        "import.bring", ("POST",), "system/imports/{import}", _bring, who="rights", scope="write",
        says="Brings a file that was sent in; without `keep` it is a rehearsal, and nothing is kept",
        takes=_BODY, gives=_REPORT,
    ),
    Door(
        "import.sheet", ("POST",), "system/imports/{import}/workbook", _sheet, who="rights", scope="write",
        says="A rehearsal whose answer is a workbook of the rows that are refused, marked, with reasons",
        takes=_BODY, media=("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",),
    ),
)  # fmt: skip
