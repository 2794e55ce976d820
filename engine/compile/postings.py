"""Postings as standing conditions: first the mirror of what no longer holds, then what newly holds.

``want`` is what the ledger should hold for the documents given, ``held`` the entries that stand: posted, and not
mirrored yet. Running both statements again changes nothing.
"""

from __future__ import annotations

from engine.catalog import Catalog, Entity, Field, Posting
from engine.compile import chain, emit, groups, periods, texts
from engine.compile.chain import Links
from engine.compile.draft import Draft, writing
from engine.compile.late import within
from engine.compile.names import COMPANIONS, ELEMENT, Column, column_of, columns_of, table_of
from engine.fieldtypes.storage import literal, quote
from engine.plan import entity as plan
from engine.plan.statement import Dialect, Statement

_SIGNED = ("money", "quantity", "decimal", "integer", "duration")
"""Types that a mirror entry negates; prices and percents stay as they are."""


def postings(catalog: Catalog, root: Entity, dialect: Dialect) -> tuple[plan.PostingWrite, ...]:
    """Every posting of this document's root or lines."""
    return tuple(
        plan.PostingWrite(p.path, p.into, _reverse(catalog, root, p, dialect), _post(catalog, root, p, dialect))
        for p in catalog.postings.values()
        if p.of in catalog.entities and catalog.root_of(catalog.entities[p.of]).path == root.path
    )


def _values(ledger: Entity, made: Posting) -> list[Field]:
    return [f for f in ledger.fields.values() if f.name in made.set]


def _signed(ledger: Entity) -> list[str]:
    return [f.name for f in ledger.fields.values() if f.spec.type in _SIGNED]


def _want(draft: Draft, catalog: Catalog, root: Entity, made: Posting) -> Links:
    """One row per entry that should stand, with every column of the ledger that an expression gives."""
    source, ledger = catalog.entities[made.of], catalog.entities[made.into]
    rows, given, table = emit.Rows("r"), made.set, quote(table_of(catalog, source.path))
    wanted = [within(draft, catalog, root, source, "r"), "r.deleted_at IS NULL", *_living_root(catalog, source)]
    wanted.append(emit.truth(draft, catalog, made.holds, rows))
    where, element = f"{table} AS r WHERE {' AND '.join(wanted)}", ""
    if made.each is not None:
        found = groups.groups(draft, catalog, made, table, wanted)
        rows, given, element = emit.Rows("g", "r"), found.set, f"g.{ELEMENT}"
        where = f"({found.sql}) AS g JOIN {table} AS r ON r.id = g._r"
    derived = {d.name: d for d in chain.derived(catalog, ledger) if d.name not in made.set}
    base = [f"{texts.root_id(catalog, source, 'r')} AS _source_id", "r.id AS _source_line"]
    base += [f"{element} AS {ELEMENT}"] if element else []
    for c in columns_of(catalog, ledger):
        if c.field is None:
            continue
        if c.called in made.set:
            sql = emit.slot(draft, catalog, given[c.called], rows, c.field)
        else:
            sql = texts.null(draft.dialect, c.kind, c.scale)
        if c.called in derived:
            base += [f"{sql} AS {quote('_i_' + c.name)}", f"{texts.no(draft.dialect)} AS {quote('_t_' + c.name)}"]
        else:
            base.append(f"{sql} AS {quote(c.name)}")
    select = f"SELECT {', '.join(base)} FROM {where}"
    return chain.links(draft, catalog, ledger, select, chain.levels(derived.values()))


def _living_root(catalog: Catalog, source: Entity) -> list[str]:
    """Lines of a document in the bin stand no more, even while they themselves have not been thrown away."""
    return [f"{texts.of_root(catalog, source, 'r', 'deleted_at')} IS NULL"] if source.owned_by else []


def _one(made: Posting, want: str, held: str) -> str:
    """What is wanted and what is held are entries of the same line, and of the same group of it."""
    lines = f"{want}._source_line = {held}._source_line"
    return lines if made.each is None else f"{lines} AND {want}.{ELEMENT} = {held}.{ELEMENT}"


def _held(draft: Draft, catalog: Catalog, made: Posting) -> str:
    table = quote(table_of(catalog, made.into))
    return (
        f"held AS MATERIALIZED (SELECT e.* FROM {table} AS e WHERE e._posting = {literal(made.path)}"
        f" AND {draft.among('e._source_id')} AND e._mirrors IS NULL AND e.deleted_at IS NULL"
        f" AND NOT EXISTS (SELECT 1 FROM {table} AS m WHERE m._mirrors = e.id))"
    )


def _worth(catalog: Catalog, ledger: Entity, made: Posting, alias: str) -> str:
    """Entries of nothing are not posted."""
    names = [column_of(catalog, ledger.path, n) for n in _signed(ledger) if n in made.set]
    if not names:
        return ""
    return f" AND ({' OR '.join(f'COALESCE({alias}.{quote(n)}, 0) <> 0' for n in names)})"


def _same(draft: Draft, catalog: Catalog, ledger: Entity, made: Posting, want: str) -> str:
    """The entry that stands says what should stand."""
    no = "IS NOT DISTINCT FROM" if draft.dialect == "postgresql" else "IS"
    moved = periods.closes(ledger)
    terms = [_one(made, want, "held")]
    for f in _values(ledger, made):
        if f.name == moved:
            terms.append(periods.same(draft, catalog, ledger, want, "held"))
        else:
            column = quote(column_of(catalog, ledger.path, f.name))
            terms.append(f"{want}.{column} {no} held.{column}")
    return " AND ".join(terms) + _worth(catalog, ledger, made, want)


def _reverse(catalog: Catalog, root: Entity, made: Posting, dialect: Dialect) -> Statement:
    draft = Draft(dialect)
    ledger = catalog.entities[made.into]
    want = _want(draft, catalog, root, made)
    signed = set(_signed(ledger))
    given: dict[str, str] = {}
    for c in columns_of(catalog, ledger):
        if c.field is not None:
            given[c.called] = f"-held.{quote(c.name)}" if c.called in signed else f"held.{quote(c.name)}"
        elif c.name in ("_source", "_source_id", "_source_line", "_posting", "_round", ELEMENT):
            given[c.name] = f"held.{quote(c.name)}"
    given["_mirrors"] = "held.id"
    if moved := periods.closes(ledger):
        column = quote(column_of(catalog, ledger.path, moved))
        given[moved] = periods.first_open(draft, catalog, ledger, "held", f"held.{column}")
    select = (
        f"FROM held WHERE NOT EXISTS (SELECT 1 FROM {want.last} WHERE {_same(draft, catalog, ledger, made, want.last)})"
    )
    return _insert(draft, catalog, ledger, f"{want.text}, {_held(draft, catalog, made)}", given, select)


def _post(catalog: Catalog, root: Entity, made: Posting, dialect: Dialect) -> Statement:
    draft = Draft(dialect)
    ledger = catalog.entities[made.into]
    want = _want(draft, catalog, root, made)
    w = want.last
    given = {c.called: f"{w}.{quote(c.name)}" for c in columns_of(catalog, ledger) if c.field is not None}
    given |= {
        "_source": literal(table_of(catalog, catalog.root_of(catalog.entities[made.of]).path)),
        "_source_id": f"{w}._source_id",
        "_source_line": f"{w}._source_line",
        "_posting": literal(made.path),
        "_round": (
            f"{_nth(made, w)} + COALESCE((SELECT MAX(e._round) FROM {quote(table_of(catalog, made.into))} AS e"
            f" WHERE e._posting = {literal(made.path)} AND e._source_line = {w}._source_line), 0)"
        ),
        "_mirrors": texts.null(dialect, "uuid", 0),
    }
    if moved := periods.closes(ledger):
        column = quote(column_of(catalog, ledger.path, moved))
        given[moved] = periods.first_open(draft, catalog, ledger, w, f"{w}.{column}")
    if made.each is not None:
        given[ELEMENT] = f"{w}.{ELEMENT}"
    standing = f"SELECT 1 FROM held WHERE {_one(made, w, 'held')}"
    select = f"FROM {w} WHERE NOT EXISTS ({standing}){_worth(catalog, ledger, made, w)}"
    return _insert(draft, catalog, ledger, f"{want.text}, {_held(draft, catalog, made)}", given, select)


def _nth(made: Posting, want: str) -> str:
    """Of the entries that a line posts at once each is a round of its own: no two of a line are alike."""
    if made.each is None:
        return "1"
    return f"ROW_NUMBER() OVER (PARTITION BY {want}._source_line ORDER BY {want}.{ELEMENT})"


def _insert(draft: Draft, catalog: Catalog, ledger: Entity, ctes: str, given: dict[str, str], select: str) -> Statement:
    now, me = draft.now(), draft.me()
    made = {
        "id": texts.new_id(draft.dialect, now),
        "rev": "1",
        "created_at": now,
        "created_by": me,
        "updated_at": now,
        "updated_by": me,
        "deleted_at": texts.null(draft.dialect, "datetime", 0),
        **given,
    }
    table = quote(table_of(catalog, ledger.path))
    columns: list[Column] = [c for c in columns_of(catalog, ledger) if c.called in made and c.name not in COMPANIONS]
    names = ", ".join(quote(c.name) for c in columns)
    values = ", ".join(made[c.called] for c in columns)
    return writing(draft, f"{ctes} INSERT INTO {table} ({names}) SELECT {values} {select} RETURNING {table}.id")
