"""Keys that serialise cross-row checks: who looks and who is looked at take the same row of ``_guard``.

A key is made of the equality terms of the check, as the looked-at entity has them:
``day_labor.sheet_line:sheet.sheet_date,worker|2026-03-05|<id>``. The checker takes it with its own values, a writer of
the looked-at entity with the row's; where both mean the same rows the keys are the same text. Keys are taken in
order, so two writers never wait for each other in a ring, and are held to the end of the transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from engine.catalog import Catalog, Check, Entity
from engine.compile import emit, late
from engine.compile.draft import Draft, writing
from engine.compile.names import owner_column
from engine.expr.build.tree import Agg, Node, Op, Path, walk
from engine.fieldtypes.storage import literal
from engine.plan.statement import Dialect, Statement


@dataclass(frozen=True, slots=True)
class Key:
    """``terms``: (path in the looked-at entity, that path, the checker's own value), sorted by path."""

    check: Check
    holder: str
    target: str
    terms: tuple[tuple[str, Path, Node], ...]

    @property
    def name(self) -> str:
        return f"{self.target}:{','.join(path for path, _, _ in self.terms)}"


def keys(catalog: Catalog) -> tuple[Key, ...]:
    """Every key of every check, one per entity looked at."""
    return tuple(
        key for entity in catalog.entities.values() for c in entity.checks.values() for key in _keys(catalog, entity, c)
    )


def _keys(catalog: Catalog, entity: Entity, check: Check) -> Iterator[Key]:
    seen = set()
    for target, where in _looks(check):
        if target not in catalog.entities:
            continue
        terms = {name: (name, there, own) for name, there, own in _equal(catalog, catalog.entities[target], where)}
        chosen = [t for name, t in terms.items() if name in check.lock] or list(terms.values())
        key = Key(check, entity.path, target, tuple(sorted(chosen, key=lambda t: t[0])))
        if (key.name, str(key.terms)) not in seen:
            seen.add((key.name, str(key.terms)))
            yield key


def _looks(check: Check) -> Iterator[tuple[str, Node | None]]:
    """(entity, condition) of every look at other rows."""
    if check.none and check.rows is not None:
        yield check.none, check.rows.tree
    if check.that is not None:
        for node in walk(check.that.tree):
            if isinstance(node, Agg) and node.rows.owner is None:
                yield node.rows.entity, node.where


def _equal(catalog: Catalog, target: Entity, where: Node | None) -> Iterator[tuple[str, Path, Node]]:
    for term in _conjuncts(where):
        if isinstance(term, Op) and term.name == "eq":
            one, other = term.args
            for there, own in ((one, other), (other, one)):
                if _is_theirs(there) and _is_own(own) and isinstance(there, Path):
                    if _in_document(catalog, target, there):
                        yield ".".join((*(h.name for h in there.hops), there.name)), there, own
                    break


def _conjuncts(node: Node | None) -> Iterator[Node]:
    if isinstance(node, Op) and node.name == "and":
        for part in node.args:
            yield from _conjuncts(part)
    elif node is not None:
        yield node


def _is_theirs(node: Node) -> bool:
    return isinstance(node, Path) and node.root == "row" and node.live is None


def _is_own(node: Node) -> bool:
    """A value of the record that holds the check, of nobody else; a constant narrows but serialises nothing."""
    paths = [n for n in walk(node) if isinstance(n, Path)]
    return bool(paths) and all(p.root == "this" for p in paths) and not any(isinstance(n, Agg) for n in walk(node))


def _in_document(catalog: Catalog, target: Entity, path: Path) -> bool:
    """Whoever writes the looked-at row writes what the path reads: it only goes up to owners."""
    for hop in path.hops:
        if not target.owned_by or hop.column != owner_column(target):
            return False
        target = catalog.entities[target.owned_by]
    return True


def columns(known: Iterable[Key]) -> Mapping[str, Iterable[tuple[str, ...]]]:
    """Per entity the columns that checks look it up by: worth an index."""
    out: dict[str, list[tuple[str, ...]]] = {}
    for key in known:
        names = tuple(there.column for _, there, _ in key.terms if not there.hops and there.column)
        if names:
            out.setdefault(key.target, []).append(names)
    return out


def statements(catalog: Catalog, root: Entity, known: Iterable[Key], dialect: Dialect) -> tuple[Statement, ...]:
    """At most one statement per document. SQLite has one writer at a time: nothing to serialise."""
    if dialect == "sqlite":
        return ()
    draft = Draft(dialect)
    entities = {e.path: e for e in late.document(catalog, root)}
    gathered = late.Gathered(draft, catalog, root, living=False)
    parts = list(dict.fromkeys(_parts(draft, catalog, gathered, entities, known)))
    if not parts:
        return ()
    keys_ = " UNION ".join(parts)
    return (
        writing(
            draft,
            gathered.before(
                f'INSERT INTO "_guard" (key, n) SELECT g.key, 1 FROM ({keys_}) AS g(key) WHERE g.key IS NOT NULL'
                ' ORDER BY 1 ON CONFLICT (key) DO UPDATE SET n = "_guard".n + 1 RETURNING key',
            ),
        ),
    )


def _parts(
    draft: Draft, catalog: Catalog, gathered: late.Gathered, entities: Mapping[str, Entity], known: Iterable[Key]
) -> Iterator[str]:
    for key in known:
        if key.holder in entities:
            values = [emit.node_text(draft, catalog, own, emit.Rows("", this="r")) for _, _, own in key.terms]
            yield _select(gathered.rows(entities[key.holder]), key.name, values)
        if key.target in entities:
            values = [emit.node_text(draft, catalog, there, emit.Rows("r")) for _, there, _ in key.terms]
            yield _select(gathered.rows(entities[key.target]), key.name, values)
    for entity in entities.values():
        if entity.kind == "tree":  # two moves that are fine alone may make a ring together
            yield _select(gathered.rows(entity), f"{entity.path}:^", ())


def _select(rows: str, name: str, values: Iterable[str]) -> str:
    """NULL equals nothing: a row without a value there takes no key."""
    made = " || '|' || ".join((literal(name), *values))
    return f"SELECT {made} FROM {rows} AS r"
