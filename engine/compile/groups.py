"""Postings with ``each``: an entry per group of rows, told apart by the values it is grouped by (``_element``).

What an entry says is of its group as a whole: what it is grouped by, aggregates over the group's rows, and whatever
the document (``this.``) says. Rows that the posting itself has made are in no group, or nothing would be left the
second time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from engine.catalog import Catalog, Each, Posting, Value
from engine.compile import emit, texts
from engine.compile.codes import CODES
from engine.compile.draft import Draft
from engine.compile.names import ELEMENT, table_of
from engine.expr.build.sql import Context, Joins, to_sql, total
from engine.expr.build.sql import emit as node_sql
from engine.expr.build.tree import Agg, Fig, Lit, Node, Op, Par, Path
from engine.expr.run.types import Type
from engine.fieldtypes.storage import literal, quote
from engine.problem import Problem, problem

_GATHERED = ("SUM", "COUNT", "AVG", "MIN", "MAX")


class Loose(Exception):
    """Of this a group has as many values as it has rows."""


@dataclass(frozen=True, slots=True)
class Groups:
    """``sql`` gives ``_r``, the id of the row that posts, ``k<n>``, what it is grouped by, ``a<n>``, aggregates, and
    the element; ``set`` are the posting's values over such a row, aliased ``g``, and ``this``, the row that posts."""

    sql: str
    set: dict[str, Value]


def wrong(catalog: Catalog) -> Iterator[Problem]:
    for made in catalog.postings.values():
        for name, value in made.set.items() if made.each is not None else ():
            assert made.each is not None
            try:
                _Said(made.each, []).value(value)
            except Loose as loose:
                told = {"name": made.path, "field": name, "reads": str(loose)}
                yield problem(CODES["compile.each"], value.where, **told)


def groups(draft: Draft, catalog: Catalog, made: Posting, rows: str, terms: Sequence[str]) -> Groups:
    """``rows`` is the FROM item of those that post, aliased ``r``; ``terms`` say which of them do."""
    each = made.each
    assert each is not None
    entity = catalog.entities[each.entity]
    gathered: list[Agg] = []
    said = {name: _Said(each, gathered).value(value) for name, value in made.set.items()}
    joins = Joins(draft.binder)
    here = emit.context(draft, catalog, emit.Rows("e", "r"), joins)
    keys = [to_sql(by, here) for by in each.by]
    aggregates = [_total(agg, here) for agg in gathered]
    wanted = [*terms, "e.deleted_at IS NULL"]
    if entity.owned_by:
        wanted.append(f"{texts.of_root(catalog, entity, 'e', 'deleted_at')} IS NULL")
    if each.entity == made.into:
        differs = texts.differs(draft.dialect)
        root = texts.root_id(catalog, catalog.entities[made.of], "r")
        wanted.append(f"(e._posting {differs} {literal(made.path)} OR e._source_id {differs} {root})")
    if each.rows is not None:
        wanted.append(f"({to_sql(each.rows, here)})")
    columns = ["r.id AS _r", *(f"{sql} AS k{n}" for n, sql in enumerate(keys))]
    columns += [f"{sql} AS a{n}" for n, sql in enumerate(aggregates)]
    by = ", ".join(str(n + 1) for n in range(len(keys) + 1))
    table = quote(table_of(catalog, each.entity))
    grouped = (
        f"SELECT {', '.join(columns)} FROM {rows} AS r JOIN {table} AS e ON TRUE{joins.sql}"
        f" WHERE {' AND '.join(wanted)} GROUP BY {by}"
    )
    named = ", ".join(f"x.k{n}" for n in range(len(keys)))
    element = f"json_array({named})" if draft.dialect == "sqlite" else f"jsonb_build_array({named})::text"
    return Groups(f"SELECT x.*, {element} AS {ELEMENT} FROM ({grouped}) AS x", said)


def _total(agg: Agg, here: Context) -> str:
    """Over the rows of the group of which its own condition is true."""
    item = node_sql(agg.item, here) if agg.item is not None else None
    if agg.where is not None:
        item = f"CASE WHEN {node_sql(agg.where, here)} THEN {item if item is not None else '1'} END"
    type_ = agg.item.type if agg.item is not None else Type("integer", limit=1)
    return total(agg.func, item, type_ if item is not None else None, agg.distinct, here)


@dataclass(frozen=True, slots=True)
class _Said:
    """Values over rows, said over groups of them. ``gathered`` grows by the aggregates they need."""

    each: Each
    gathered: list[Agg]

    def value(self, made: Value) -> Value:
        return made if made.expr is None else replace(made, expr=replace(made.expr, tree=self.node(made.expr.tree)))

    def node(self, node: Node) -> Node:
        for n, by in enumerate(self.each.by):
            if node == by.tree:
                return Path(node.type, "row", (), "", f"k{n}", f"k{n}")
        match node:
            case Op():
                return replace(node, args=tuple(self.node(a) for a in node.args))
            case Fig():
                return replace(node, keys=tuple((name, self.node(key)) for name, key in node.keys))
            case Agg() if node.rows.owner is None and node.rows.entity == self.each.entity:
                return self._gathered(node)
            case Path() if node.root == "row" and node.start is None:
                return self._beyond(node)
            case Lit() | Par() | Path() | Agg():
                return node
            case _:
                raise Loose(type(node).__name__)

    def _gathered(self, node: Agg) -> Node:
        if node.func not in _GATHERED:
            raise Loose(node.func)
        if node not in self.gathered:
            self.gathered.append(node)
        name = f"a{self.gathered.index(node)}"
        return Path(node.type, "row", (), "", name, name)

    def _beyond(self, node: Path) -> Node:
        """What a reference leads to that it is grouped by."""
        for n, by in enumerate(self.each.by):
            key = by.tree
            if not isinstance(key, Path) or key.root != "row" or key.start is not None:
                continue
            way = (*(h.column for h in key.hops), key.column)
            if tuple(h.column for h in node.hops[: len(way)]) == way:
                hop = replace(node.hops[len(way) - 1], column=f"k{n}")
                return replace(node, hops=(hop, *node.hops[len(way) :]))
        raise Loose(".".join((*(h.name for h in node.hops), node.name)))
