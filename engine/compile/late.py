"""What a row cannot compute when it is written, because it depends on rows written after it: the passes.

Lines are written after their root, so ``SUM(lines.amount)`` is known only then, and so is whatever depends on it,
in the root and in the lines. Passes follow the dependencies; each is one UPDATE of one table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.catalog import Catalog, Entity
from engine.compile import chain, texts
from engine.compile.chain import Derived
from engine.compile.draft import Draft, writing
from engine.compile.names import columns_of, owner_column, table_of
from engine.fieldtypes.storage import quote
from engine.plan.statement import Dialect, Statement

Node = tuple[str, str]
"""(entity path, field)"""


@dataclass(frozen=True, slots=True)
class Late:
    """``fields`` by entity path; ``passes`` in order: entity path and the fields it computes."""

    fields: Mapping[str, frozenset[str]]
    passes: tuple[tuple[str, tuple[Derived, ...]], ...]

    def of(self, entity: str) -> frozenset[str]:
        return self.fields.get(entity, frozenset())


def document(catalog: Catalog, root: Entity) -> tuple[Entity, ...]:
    """The root and every entity of lines under it, owners before what they own."""
    out = [root]
    for entity in out:
        out += [catalog.entities[f.target] for f in entity.lines]
    return tuple(out)


def late(catalog: Catalog, root: Entity) -> Late:
    nodes: dict[Node, Derived] = {
        (e.path, d.name): d for e in document(catalog, root) for d in chain.derived(catalog, e)
    }
    found = {node for node, d in nodes.items() if d.reads.children and d.follows}
    while True:
        more = {node for node, d in nodes.items() if node not in found and d.follows and needs(node[0], d) & found}
        if not more:
            break
        found |= more
    fields: dict[str, set[str]] = {}
    for entity, name in found:
        fields.setdefault(entity, set()).add(name)
    order = [e.path for e in document(catalog, root)]
    return Late({e: frozenset(f) for e, f in sorted(fields.items())}, tuple(_passes(nodes, found, order)))


def needs(entity: str, made: Derived) -> set[Node]:
    """What it is made of, within its document."""
    return {(entity, n) for n in made.reads.own} | set(made.reads.document)


def _passes(
    nodes: Mapping[Node, Derived], found: Iterable[Node], order: list[str]
) -> Iterable[tuple[str, tuple[Derived, ...]]]:
    todo = [node for node in nodes if node in set(found)]
    while todo:
        for entity in reversed(order):
            taken = _ready(nodes, todo, entity)
            if taken:
                break
        else:  # a ring over owner and lines: reading has told it
            taken = todo[:1]
        yield taken[0][0], tuple(nodes[n] for n in taken)
        todo = [n for n in todo if n not in taken]


def _ready(nodes: Mapping[Node, Derived], todo: list[Node], entity: str) -> list[Node]:
    """Fields of one entity that wait for nothing but each other."""
    taken = [n for n in todo if n[0] == entity]
    while True:
        blocked = [n for n in taken if any(w in todo and w not in taken for w in needs(entity, nodes[n]))]
        blocked += [n for n in taken if any(w in taken and w[0] == entity for w in nodes[n].reads.document)]
        if not blocked:
            return taken
        taken = [n for n in taken if n not in blocked]


def passes(catalog: Catalog, root: Entity, made: Late, dialect: Dialect) -> tuple[Statement, ...]:
    return tuple(_pass(catalog, root, catalog.entities[path], fields, dialect) for path, fields in made.passes)


def _pass(catalog: Catalog, root: Entity, entity: Entity, fields: tuple[Derived, ...], dialect: Dialect) -> Statement:
    """Computes ``fields`` over what is stored; a document in force keeps what it has."""
    draft = Draft(dialect)
    frozen = texts.frozen(dialect, catalog, entity, "t")
    where = f"{within(draft, catalog, root, entity, 't')} AND t.deleted_at IS NULL"
    if frozen:
        where += f" AND NOT {frozen}"
    return computing(draft, catalog, entity, fields, where)


def computing(draft: Draft, catalog: Catalog, entity: Entity, fields: tuple[Derived, ...], where: str) -> Statement:
    """Computes ``fields`` of the rows ``t`` that ``where`` holds for, from what else they hold."""
    table = table_of(catalog, entity.path)
    mine = {d.name for d in fields}
    base = []
    for c in columns_of(catalog, entity):
        if c.called in mine:
            made = next(d for d in fields if d.name == c.called)
            base.append(f"t.{quote(c.name)} AS {quote('_i_' + c.name)}")
            base.append(f"{_stands(draft, made)} AS {quote('_t_' + c.name)}")
        else:
            base.append(f"t.{quote(c.name)} AS {quote(c.name)}")
    chained = chain.links(
        draft,
        catalog,
        entity,
        f"SELECT {', '.join(base)} FROM {quote(table)} AS t WHERE {where}",
        chain.levels(fields),
    )
    distinct = texts.differs(draft.dialect)
    sets = ", ".join(f"{quote(d.column)} = {chained.last}.{quote(d.column)}" for d in fields)
    moved = " OR ".join(f"{quote(table)}.{quote(d.column)} {distinct} {chained.last}.{quote(d.column)}" for d in fields)
    return writing(
        draft,
        f"{chained.text} UPDATE {quote(table)} SET {sets} FROM {chained.last}"
        f" WHERE {quote(table)}.id = {chained.last}.id AND ({moved}) RETURNING {quote(table)}.id",
    )


def _stands(draft: Draft, made: Derived) -> str:
    if made.how != "default":
        return texts.no(draft.dialect)
    return texts.holds_text(draft.dialect, "t._typed", made.column)


def within(draft: Draft, catalog: Catalog, root: Entity, entity: Entity, alias: str) -> str:
    """A condition: the row belongs to one of the documents of ``roots``."""
    if entity.path == root.path:
        return draft.among(f"{alias}.id")
    owner = catalog.entities[entity.owned_by]
    column = f"{alias}.{quote(owner_column(catalog, entity))}"
    if owner.path == root.path:
        return draft.among(column)
    up = f"{alias}_o"
    return (
        f"{column} IN (SELECT {up}.id FROM {quote(table_of(catalog, owner.path))} AS {up}"
        f" WHERE {within(draft, catalog, root, owner, up)})"
    )


class Gathered:
    """CTEs with the rows of the documents, one per entity that is asked for: many questions are asked of the same few
    rows, which are looked up once. ``living``: without lines in the bin."""

    def __init__(self, draft: Draft, catalog: Catalog, root: Entity, living: bool) -> None:
        self._draft, self._catalog, self._root, self._living = draft, catalog, root, living
        self._ctes: dict[str, str] = {}

    def rows(self, entity: Entity) -> str:
        """The name of the CTE with the entity's rows."""
        if entity.path not in self._ctes:
            where = within(self._draft, self._catalog, self._root, entity, "r")
            where += " AND r.deleted_at IS NULL" if self._living else ""
            table = quote(table_of(self._catalog, entity.path))
            self._ctes[entity.path] = f"SELECT r.* FROM {table} AS r WHERE {where}"
        return f"d{list(self._ctes).index(entity.path)}"

    def before(self, sql: str) -> str:
        """The statement with its CTEs in front."""
        ctes = [f"d{n} AS MATERIALIZED ({cte})" for n, cte in enumerate(self._ctes.values())]
        return f"WITH {', '.join(ctes)} {sql}" if ctes else sql
