"""A file that was read → documents, in one transaction and under the rights of whoever brings it.

Each piece of documents has a savepoint: what is refused is set aside with its reasons, and the rest goes on. So a
rehearsal tells everything at once, with the very checks of the real thing, and keeps nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from engine.db import Body, Call, Violation
from engine.fieldtypes.storage import encode_rows, quote, row_source
from engine.intake import Document, Line, Reading, Wrong
from engine.plan.app import ImportPlan
from engine.plan.entity import Entity
from engine.serve.document import decode, licensing, rights
from engine.serve.document.decode import Rules
from engine.serve.document.store import Done, Op, World
from engine.serve.tenant import rows
from engine.serve.tenant.bind import Me, Moment, call, id_array
from engine.serve.tenant.ids import uuid7
from engine.serve.tenant.tenancy import Tenant
from engine.serve.wire.fault import Fault, Refusal, fault
from engine.serve.wire.parsing import escape
from engine.serve.write import history, resolve
from engine.serve.write.violations import of_violation
from engine.serve.write.write import documents
from engine.serve.write.writing import world_of

Existing = Literal["skip", "update", "refuse"]
EXISTING: tuple[Existing, ...] = ("skip", "update", "refuse")
_PIECE = 250
MOST_REFUSED = 1_000
"""Documents that are set aside one by one; of a file with more it is enough to know that."""
Seen = Callable[[int, int], None]
"""(documents done, of how many)."""


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that is wrong with, or was said of, a row (0: the file): ``header`` is the file's own word."""

    row: int
    header: str
    fault: Fault


@dataclass(frozen=True, slots=True)
class Brought:
    """A document on its way in: its operation, and the rows it is made of."""

    op: Op
    rows: tuple[int, ...]


@dataclass(slots=True)
class Outcome:
    """What became, or would become, of a file. ``kept``: record, its first row, its version, and whether it is new."""

    rows: int = 0
    skipped: int = 0
    created: int = 0
    updated: int = 0
    found: list[Found] = field(default_factory=list)
    warnings: list[Found] = field(default_factory=list)
    kept: list[tuple[str, int, int, bool]] = field(default_factory=list)

    @property
    def refused(self) -> int:
        """Rows that something is wrong with."""
        return len({one.row for one in self.found if one.row})


@dataclass(frozen=True, slots=True)
class Bringing:
    """How a file comes in. ``reasons`` let checks that only warn pass; ``rules`` say what this caller may set."""

    plan: ImportPlan
    entity: Entity
    existing: Existing = "skip"
    reason: str = ""
    reasons: Mapping[str, str] = field(default_factory=dict)
    rules: Rules = field(default_factory=Rules)
    seen: Seen = lambda done, of: None


class Rehearsed(Exception):
    """Carries what would have been out of a transaction that must leave nothing."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__()


def child_of(tenant: Tenant, plan: ImportPlan) -> Entity | None:
    """The entity of the lines field that a mapping fills."""
    entity = tenant.app.entities[plan.entity]
    return tenant.app.entities[entity.fields[plan.lines].target] if plan.lines else None


def of_wrong(wrong: Wrong) -> Found:
    return Found(wrong.row, wrong.header, fault(wrong.code, _pointer(wrong.row), **wrong.params))


def _pointer(row: int, header: str = "") -> str:
    return f"/rows/{row}" + (f"/{escape(header)}" if header else "") if row else ""


async def references(tenant: Tenant, me: Me, bringing: Bringing, reading: Reading) -> tuple[Refs, list[Found]]:
    """What the file's names mean, by field and text, among the records the caller may read; and the names that mean
    nothing. Names that the mapping lets be made have a new id."""
    refs = Refs()
    out: list[Found] = []
    child = child_of(tenant, bringing.plan)
    for column in bringing.plan.columns:
        texts = _named(reading, column.field)
        if not texts:
            continue
        below = child is not None and column.field in child.fields
        known = (child if below and child else bringing.entity).fields[column.field]
        target = tenant.app.entities[known.target]
        ids = await resolve.find(tenant, target.path, texts)
        seen = await _seen(tenant, me, target, ids.values())
        for text, row in texts.items():
            if ids.get(text) in seen:
                refs.ids[column.field, text] = ids[text]
            elif column.unknown == "empty":
                refs.ids[column.field, text] = None
            elif column.unknown == "create" and len(target.key) == 1 and text not in ids:
                refs.ids[column.field, text] = refs.make(target, text)
            else:
                params = {"header": column.headers[0], "entity": target.title, "value": text}
                out.append(Found(row, column.headers[0], fault("import.reference", _pointer(row), **params)))
    return refs, out


@dataclass(slots=True)
class Refs:
    ids: dict[tuple[str, str], str | None] = field(default_factory=dict)
    made: dict[tuple[str, str], str] = field(default_factory=dict)
    """(entity, key) → the id of a record that has to be made first."""

    def make(self, target: Entity, key: str) -> str:
        return self.made.setdefault((target.path, key), uuid7())

    def values(self, line: Line, zone: ZoneInfo) -> dict[str, Any]:
        typed = {name: _zoned(value, zone) for name, value in line.values.items()}
        return {**typed, **{name: self.ids[name, text] for name, text in line.keys.items()}}


def _zoned(value: Any, zone: ZoneInfo) -> Any:
    return value.replace(tzinfo=zone) if isinstance(value, datetime) and value.tzinfo is None else value


def _named(reading: Reading, name: str) -> dict[str, int]:
    """Text → the first row that holds it."""
    out: dict[str, int] = {}
    for document in reading.documents:
        for line in (document.head, *document.lines):
            if name in line.keys:
                out.setdefault(line.keys[name], line.number)
    return out


async def _seen(tenant: Tenant, me: Me, target: Entity, ids: Iterable[str]) -> set[str]:
    """Those of the records that the caller may read: a name tells nothing of the others, not even that they are."""
    wanted = list(ids)
    if not wanted or rights.may_always(tenant.app, me, target, "read"):
        return set(wanted)
    statement = rights.allowed_statement(tenant.app, tenant.asker, me, target, "read")
    if statement is None:
        return set()
    asked = call(statement, tenant.moment(me), {"roots": id_array(wanted)})
    return {str(row[0]) for row in await tenant.database.read(asked.sql, asked.values)}


def bring(tenant: Tenant, moment: Moment, bringing: Bringing, reading: Reading, refs: Refs) -> Body[Outcome]:
    """Writes what the file holds; what is refused is told, and nothing of it is there."""
    licensing.require(tenant, [bringing.entity.module])
    world = world_of(tenant, tenant.app, moment)
    out = Outcome(reading.rows)
    yield from _make(world, refs)
    bodies = [_body_of(tenant, bringing, document, refs) for document in reading.documents]
    there = yield from _known(world, bringing, bodies)
    fresh: list[Brought] = []
    for n, (document, body) in enumerate(zip(reading.documents, bodies, strict=True)):
        if n not in there or bringing.existing == "update":
            fresh += _typed(world, bringing, document, body, there.get(n, ""), f"/{n}", out)
        elif bringing.existing == "skip":
            out.skipped += 1
        else:
            out.found.append(Found(document.rows[0], "", fault("import.there", _pointer(document.rows[0]))))
    for kind in ("create", "update"):
        wanted = [one for one in fresh if one.op.kind == kind]
        for start in range(0, len(wanted), _PIECE):
            yield from _put(world, bringing, wanted[start : start + _PIECE], out)
            bringing.seen(out.created + out.updated, len(fresh))
    return out


def _make(world: World, refs: Refs) -> Body[None]:
    """Records that the file names and nobody has yet, by their key alone."""
    for (path, key), record in refs.made.items():
        entity = world.app.entities[path]
        known = entity.fields[entity.key[0]]
        change = decode.document(world.app, entity, {known.name: key}, True, Rules(text=True))
        yield from documents(world, [Op("create", path, "", replace(change, id=record))])


def _body_of(tenant: Tenant, bringing: Bringing, document: Document, refs: Refs) -> dict[str, Any]:
    zone, lines = ZoneInfo(tenant.zone), bringing.plan.lines
    body = refs.values(document.head, zone)
    return {**body, lines: [refs.values(line, zone) for line in document.lines]} if lines else body


def _typed(
    world: World, bringing: Bringing, document: Document, body: dict[str, Any], record: str, at: str, out: Outcome
) -> list[Brought]:
    """The document as the API would have been sent it; what no one could send is refused here."""
    entity, rules = bringing.entity, bringing.rules
    try:
        change = decode.document(world.app, entity, body, not record, rules)
    except Refusal as refusal:
        out.found += [_placed(bringing, document.rows, one, "") for one in refusal.faults]
        return []
    kind: Any = "update" if record else "create"
    op = Op(kind, entity.path, record, change, "", bringing.reason, bringing.reasons, rules=rules, pointer=at)
    return [Brought(op, document.rows)]


def _known(world: World, bringing: Bringing, bodies: Sequence[Mapping[str, Any]]) -> Body[dict[int, str]]:
    """Place among the documents → the living record that has its key already, as far as the caller may read it."""
    entity, dialect = bringing.entity, world.moment.dialect
    fields = [entity.fields[name] for name in bringing.plan.key]
    if not fields or not bodies:
        return {}
    columns = (("n", "integer", 0), *((f"k{i}", f.kind, f.scale) for i, f in enumerate(fields)))
    given = [{"n": n, **{f"k{i}": b.get(f.name) for i, f in enumerate(fields)}} for n, b in enumerate(bodies)]
    source = row_source(columns, dialect, rows.placeholder(dialect, 1), "k")
    terms = " AND ".join(f"t.{quote(str(f.column))} = k.k{i}" for i, f in enumerate(fields))
    found = yield Call(
        f"SELECT k.n, t.id FROM {source} JOIN {quote(entity.table)} AS t ON {terms} WHERE t.deleted_at IS NULL",
        (encode_rows(columns, given, dialect),),
    )
    me = world.moment.me
    there = {int(row[0]): str(row[1]) for row in found}
    ids = list(there.values())
    seen = yield from rights.admitted(world.app, world.asker, world.moment, entity, "read", ids, me.roles)
    return {n: record for n, record in there.items() if record in seen}


def _put(world: World, bringing: Bringing, piece: Sequence[Brought], out: Outcome) -> Body[None]:
    """Writes a piece. What its refusal names is set aside; where it names nothing, one half and then the other."""
    while piece:
        yield Call("SAVEPOINT piece")
        try:
            done = yield from documents(world, [one.op for one in piece])
        except (Refusal, Violation) as found:
            yield Call("ROLLBACK TO SAVEPOINT piece")
            yield Call("RELEASE SAVEPOINT piece")
            refusal = found if isinstance(found, Refusal) else of_violation(world.app, bringing.entity, found)
            named = _set_aside(bringing, piece, refusal, out)
            if len(out.found) >= MOST_REFUSED:
                raise Refusal([fault("import.many-wrong", limit=MOST_REFUSED)]) from found
            if named:
                piece = [one for one in piece if one.op.pointer not in named]
                continue
            yield from _put(world, bringing, piece[: len(piece) // 2], out)
            yield from _put(world, bringing, piece[len(piece) // 2 :], out)
            return
        yield Call("RELEASE SAVEPOINT piece")
        _note(bringing, piece, done, out)
        return


def _note(bringing: Bringing, piece: Sequence[Brought], done: Sequence[Done], out: Outcome) -> None:
    for one, made in zip(piece, done, strict=True):
        out.created += made.created
        out.updated += not made.created
        out.kept.append((made.id, one.rows[0], made.rev, made.created))
        out.warnings += [_placed(bringing, one.rows, warning, one.op.pointer) for warning in made.warnings]


def _set_aside(bringing: Bringing, piece: Sequence[Brought], refusal: Refusal, out: Outcome) -> set[str]:
    """Pointers of the documents that the refusal is about; what it says of them is noted at their rows."""
    places = {one.op.pointer: one for one in piece}
    named: set[str] = set()
    for one in refusal.faults:
        pointer = "/" + one.pointer.strip("/").partition("/")[0]
        if pointer not in places and len(piece) == 1:
            pointer = piece[0].op.pointer
        if pointer in places:
            named.add(pointer)
            out.found.append(_placed(bringing, places[pointer].rows, one, pointer))
    return named


def _placed(bringing: Bringing, rows_of: Sequence[int], one: Fault, pointer: str) -> Found:
    """A fault of a document, at the row and under the header it came from."""
    parts = one.pointer.removeprefix(pointer).strip("/").split("/")
    row = rows_of[0]
    if bringing.plan.lines and parts[0] == bringing.plan.lines and len(parts) > 1 and parts[1].isdigit():
        row = rows_of[min(int(parts[1]), len(rows_of) - 1)]
    column = next((c for c in bringing.plan.columns if c.headers and c.field == parts[-1]), None)
    header = column.headers[0] if column is not None else ""
    return Found(row, header, replace(one, pointer=_pointer(row, header)))


def undone(tenant: Tenant, moment: Moment, entity: Entity, kept: Sequence[tuple[str, int, int, bool]]) -> Body[int]:
    """Takes back what a run made, and sets back what it changed; refuses, naming each, if others changed it since."""
    licensing.require(tenant, [entity.module])
    world = world_of(tenant, tenant.app, moment)
    stands = yield from _stands(entity, [record for record, *_ in kept], moment)
    moved = [
        Found(row, "", fault("import.changed-since", _pointer(row), row=row))
        for record, row, rev, _ in kept
        if record in stands and stands[record] != rev
    ]
    if moved:
        raise Refusal([one.fault for one in moved[:MOST_REFUSED]], 409)
    living = [one for one in kept if one[0] in stands]
    made = [Op("delete", entity.path, record, rev=(rev,)) for record, _, rev, new in reversed(living) if new]
    changed = yield from _before(world, entity, [(record, rev) for record, _, rev, new in living if not new])
    done = 0
    for ops in (made, changed):
        for start in range(0, len(ops), _PIECE):
            done += len((yield from documents(world, ops[start : start + _PIECE])))
    return done


def _stands(entity: Entity, ids: Sequence[str], moment: Moment) -> Body[dict[str, int]]:
    """Living record → its version."""
    columns = (("id", "uuid", 0),)
    source = row_source(columns, moment.dialect, rows.placeholder(moment.dialect, 1), "k")
    sql = f"SELECT t.id, t.rev FROM {source} JOIN {quote(entity.table)} AS t ON t.id = k.id WHERE t.deleted_at IS NULL"
    found = yield Call(sql, (encode_rows(columns, [{"id": one} for one in ids], moment.dialect),))
    return {str(row[0]): int(row[1]) for row in found}


def _before(world: World, entity: Entity, changed: Sequence[tuple[str, int]]) -> Body[list[Op]]:
    """What sets records back to what their history says they were before a version."""
    ops = []
    dialect = world.moment.dialect
    for record, rev in changed:
        found = yield rows.select("_history", dialect, {"record": record, "rev": rev})
        changes = [history.parsed(rows.by_name("_history", row)["change"]) for row in found]
        fields: list[dict[str, Any]] = [change.get("fields", {}) for change in changes]
        told = [world.app.born.told(entity.path, one) for one in fields]
        values = {n: pair[0] for one in told for n, pair in one.items() if _set_by_people(entity, n)}
        change = decode.document(world.app, entity, values, False, Rules(trusted=True))
        ops.append(Op("update", entity.path, record, change, rev=(rev,)))
    return ops


def _set_by_people(entity: Entity, name: str) -> bool:
    return name in entity.fields and entity.fields[name].origin == "input"
