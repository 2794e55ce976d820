"""Levels of a control: a budget of a node of a tree limits what hangs under it, and one without a node everything.

An entry is judged once for each level that its control names: there its own node is replaced by the one above, whose
mode, shares and name the control's expressions then read; at the whole it is empty. A node's figures hold all that
hangs under it. A level without a limit is not judged, unless there is a limit at none: then it is the entry's own,
where any cost is too much.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from engine.ask.figure import At
from engine.catalog import Catalog, Control, Entity, Value
from engine.compile import emit, figures, texts
from engine.compile.draft import Draft
from engine.compile.names import column_of, columns_of, table_of
from engine.expr.build.sql import Context
from engine.expr.build.tree import Agg, Fig, Path, walk
from engine.fieldtypes.storage import literal, quote


def rows(draft: Draft, catalog: Catalog, control: Control, wanted: str, measured: Callable[[Context], str]) -> str:
    """The entries ``wanted``, each with its figures at every level where it is judged."""
    ledger = catalog.entities[control.of]
    table = quote(table_of(catalog, ledger.path))
    names = list(control.levels)
    steps = [_up(catalog, ledger, table, name, wanted) for name in names]
    kept = [c.name for c in columns_of(catalog, ledger) if c.called not in names]
    columns = [f"e.{quote(name)}" for name in kept]
    columns += [f"{_cte('up', n)}.at AS {quote(column_of(catalog, ledger.path, n))}" for n in names]
    joined = "".join(f" JOIN {_cte('up', n)} ON {_cte('up', n)}.entry = e.id" for n in names)
    deep = " + ".join(f"{_cte('up', n)}.deep" for n in names)
    judged = " AND ".join(_judged(draft, catalog, control.levels[n], _cte("up", n)) for n in names)
    steps.append(f"_at AS (SELECT {', '.join(columns)}, {deep} AS _deep FROM {table} AS e{joined} WHERE {judged})")
    applies = f" WHERE {emit.truth(draft, catalog, control.when, emit.Rows('e'))}" if control.when is not None else ""
    steps.append(f"_lv AS MATERIALIZED (SELECT e.* FROM _at AS e{applies})")
    steps += [_below(draft, catalog, ledger, name, control.levels[name]) for name in names]
    key = [quote(column_of(catalog, ledger.path, k)) for k in control.key]
    here = replace(emit.context(draft, catalog, emit.Rows("e")), figure_sql=_figures(catalog, ledger, names))
    steps.append(
        f"_fig AS MATERIALIZED (SELECT e.*, {measured(here)} FROM (SELECT DISTINCT {', '.join(key)} FROM _lv) AS e)"
    )
    same = " AND ".join(texts.equal(draft.dialect, f"l.{k}", f"f.{k}") for k in key)
    limits = "SUM(CASE WHEN f._limit <> 0 THEN 1 ELSE 0 END) OVER (PARTITION BY l.id)"
    found = f"SELECT l.*, f._value, f._before, f._limit, {limits} AS _limits FROM _lv AS l JOIN _fig AS f ON {same}"
    turn = f"ROW_NUMBER() OVER (PARTITION BY w._source_id, {', '.join(f'w.{k}' for k in key)} ORDER BY w._deep, w.id)"
    counts = "w._limit <> 0 OR w._limits = 0 AND w._deep = 0"
    once = f"SELECT w.*, {turn} AS _turn FROM ({found}) AS w WHERE {counts}"
    return f"WITH RECURSIVE {', '.join(steps)} SELECT t.* FROM ({once}) AS t WHERE t._turn = 1"


def _cte(kind: str, name: str) -> str:
    return quote(f"_{kind}_{name}")


def _tree(catalog: Catalog, ledger: Entity, name: str) -> tuple[str, str]:
    """(table, the column that names the node above)."""
    tree = catalog.entities[ledger.fields[name].target]
    return quote(table_of(catalog, tree.path)), quote(column_of(catalog, tree.path, tree.parent))


def _up(catalog: Catalog, ledger: Entity, table: str, name: str, wanted: str) -> str:
    """An entry's node, each one above, and at last none: the whole."""
    tree, parent = _tree(catalog, ledger, name)
    up, node = _cte("up", name), quote(column_of(catalog, ledger.path, name))
    return (
        f"{up}(entry, at, deep) AS (SELECT e.id, e.{node}, 0 FROM {table} AS e WHERE {wanted}"
        f" UNION ALL SELECT u.entry, p.{parent}, u.deep + 1 FROM {up} AS u JOIN {tree} AS p ON p.id = u.at)"
    )


def _below(draft: Draft, catalog: Catalog, ledger: Entity, name: str, level: Value) -> str:
    """A judged node with itself and, where levels above are judged, all that hangs under it."""
    tree, parent = _tree(catalog, ledger, name)
    node, below = quote(column_of(catalog, ledger.path, name)), _cte("below", name)
    alone = f" WHERE {told(draft, catalog, level)} <> 'own'" if of_nobody(level) else ""
    return (
        f"{below}(at, node) AS (SELECT DISTINCT {node}, {node} FROM _lv WHERE {node} IS NOT NULL"
        f" UNION SELECT b.at, c.id FROM {below} AS b JOIN {tree} AS c ON c.{parent} = b.node{alone})"
    )


def told(draft: Draft, catalog: Catalog, level: Value) -> str:
    if level.expr is not None:
        return f"({emit.value(draft, catalog, level.expr, emit.Rows('e'))})"
    return literal(str(level.literal))


def of_nobody(level: Value) -> bool:
    """Whether it is the same for every entry: said at once, or by a setting."""
    return level.expr is None or not any(isinstance(n, Path | Agg | Fig) for n in walk(level.expr.tree))


def _judged(draft: Draft, catalog: Catalog, level: Value, up: str) -> str:
    said = told(draft, catalog, level)
    return (
        f"({up}.at IS NOT NULL AND ({up}.deep = 0 OR {said} IN ('above', 'whole'))"
        f" OR {up}.at IS NULL AND {said} = 'whole')"
    )


def _figures(catalog: Catalog, ledger: Entity, names: list[str]) -> Callable[[Fig, Context], str]:
    under = {name: _under(column_of(catalog, ledger.path, name), _cte("below", name)) for name in names}
    return lambda figure, context: figures.figure_sql(catalog, figure, context, under)


def _under(column: str, below: str) -> At:
    node = f"e.{quote(column)}"

    def at(by: str | None) -> str:
        """At the whole also what has no such dimension."""
        if by is None:
            return f"{node} IS NULL"
        return f"({node} IS NULL OR {by} IN (SELECT b.node FROM {below} AS b WHERE b.at = {node}))"

    return at
