"""Keys that serialise cross-row checks: who looks and who is looked at take the same row of ``_guard``.

A key is made of the equality terms of the check, as the looked-at entity has them:
``day_labor.sheet_line:sheet.sheet_date,worker|2026-03-05|<id>``. The checker takes it with its own values, a writer of
the looked-at entity with the row's, a document that posts into a looked-at ledger with what it posts and has posted;
where all mean the same rows the keys are the same text. Keys are taken in order, so two writers never wait for each
other in a ring, and are held to the end of the transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from engine.catalog import Aggregation, Catalog, Check, Control, Entity, Posting, Source, Value
from engine.compile import emit, groups, late, levels
from engine.compile.draft import Draft, writing
from engine.compile.names import column_of, owner_column, table_of
from engine.expr.build.tree import Agg, Fig, Group, Measure, Node, Op, Path, walk
from engine.fieldtypes.storage import literal, quote
from engine.plan.statement import Dialect, Statement


@dataclass(frozen=True, slots=True)
class Term:
    """``there``: a value of the looked-at row, called ``name``; ``own``: the checker's value that equals it.
    ``level``: how far up a tree it is looked from; past the row's own node all of the tree takes one key."""

    name: str
    there: Node
    own: Node
    level: Value | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """``holder`` takes it with its own values, or whoever posts into it when it is a ledger that is controlled.
    ``terms`` are sorted by name."""

    holder: str
    target: str
    terms: tuple[Term, ...]
    controlled: bool = False

    @property
    def name(self) -> str:
        return f"{self.target}:{','.join(term.name for term in self.terms)}"


def keys(catalog: Catalog) -> tuple[Key, ...]:
    """Every key of every check and control, one per entity looked at."""
    checks = (
        key for entity in catalog.entities.values() for c in entity.checks.values() for key in _keys(catalog, entity, c)
    )
    controls = (key for control in catalog.controls.values() for key in _of_control(catalog, control))
    return (*checks, *controls)


def _of_control(catalog: Catalog, control: Control) -> Iterator[Key]:
    """Of the entries' own fields, at the sources of both figures."""
    ledger = catalog.entities[control.of]
    seen = set()
    for path, measure in (control.value, control.limit):
        for source in _read(catalog, path, measure, [name for name in control.key if name not in control.levels]):
            if source.of not in catalog.entities:
                continue
            terms = []
            for name in control.lock or control.key:
                made = source.by.get(name)
                if made is not None and _of_document(catalog, source.of, made.tree):
                    own = Path(made.type, "row", (), ledger.path, name, column_of(catalog, ledger.path, name))
                    level = control.levels.get(name)
                    terms.append(Term(_called(made.tree) or f"~{made.text}", made.tree, own, level))
            key = Key(ledger.path, source.of, tuple(sorted(terms, key=lambda term: term.name)), True)
            if (key.name, source.of) not in seen:
                seen.add((key.name, source.of))
                yield key


def _keys(catalog: Catalog, entity: Entity, check: Check) -> Iterator[Key]:
    seen = set()
    for target, found in _looks(catalog, check):
        if target not in catalog.entities:
            continue
        terms = {term.name: term for term in found}
        chosen = [term for name, term in terms.items() if name in check.lock] or list(terms.values())
        key = Key(entity.path, target, tuple(sorted(chosen, key=lambda term: term.name)))
        if (key.name, str(key.terms)) not in seen:
            seen.add((key.name, str(key.terms)))
            yield key


def _looks(catalog: Catalog, check: Check) -> Iterator[tuple[str, list[Term]]]:
    """(entity, equality terms) of every look at other rows: by a condition, an aggregate, a figure."""
    if check.none and check.rows is not None:
        yield check.none, list(_equal(catalog, check.none, check.rows.tree))
    if check.that is None:
        return
    for node in walk(check.that.tree):
        if isinstance(node, Agg) and node.rows.owner is None:
            yield node.rows.entity, list(_equal(catalog, node.rows.entity, node.where))
        elif isinstance(node, Fig):
            path, _, measure = node.path.rpartition(".")
            for source in _read(catalog, path, measure, [dimension for dimension, _ in node.keys]):
                yield source.of, list(_at_key(catalog, source.of, source.by, node))


def _read(catalog: Catalog, path: str, measure: str, key: Iterable[str]) -> Iterator[Source]:
    """The sources whose rows the measure counts at a key: one that lacks a dimension of it has none there."""
    aggregation = catalog.aggregations[path]
    names = set(_named(aggregation, measure))
    for source in aggregation.sources.values():
        if source.name in names and all(dimension in source.by for dimension in key):
            yield source


def _named(aggregation: Aggregation, measure: str) -> Iterator[str]:
    for node in walk(aggregation.measures[measure].expr.tree):
        if isinstance(node, Group):
            yield node.source
        elif isinstance(node, Measure):
            yield from _named(aggregation, node.name)


def _at_key(catalog: Catalog, target: str, by: Mapping[str, emit.Expr], figure: Fig) -> Iterator[Term]:
    """A source's rows at the figure's key; a dimension it reads elsewhere narrows, but serialises nothing."""
    for dimension, own in figure.keys:
        made = by.get(dimension)
        if made is not None and target in catalog.entities and _of_document(catalog, target, made.tree):
            yield Term(_called(made.tree) or f"~{made.text}", made.tree, own)


def _called(node: Node) -> str:
    return ".".join((*(h.name for h in node.hops), node.name)) if isinstance(node, Path) else ""


def _of_document(catalog: Catalog, target: str, node: Node) -> bool:
    paths = [n for n in walk(node) if isinstance(n, Path)]
    plain = not any(isinstance(n, Agg | Fig) for n in walk(node))
    return plain and all(p.live is None and _in_document(catalog, catalog.entities[target], p) for p in paths)


def _equal(catalog: Catalog, target: str, where: Node | None) -> Iterator[Term]:
    for term in _conjuncts(where) if target in catalog.entities else ():
        if isinstance(term, Op) and term.name == "eq":
            one, other = term.args
            for there, own in ((one, other), (other, one)):
                if _is_theirs(there) and _is_own(own) and isinstance(there, Path):
                    if _in_document(catalog, catalog.entities[target], there):
                        yield Term(_called(there), there, own)
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
        if not target.owned_by or hop.column != owner_column(catalog, target):
            return False
        target = catalog.entities[target.owned_by]
    return True


def columns(known: Iterable[Key]) -> Mapping[str, Iterable[tuple[str, ...]]]:
    """Per entity the columns that checks look it up by: worth an index."""
    out: dict[str, list[tuple[str, ...]]] = {}
    for key in known:
        plain = [t.there for t in key.terms if isinstance(t.there, Path)]
        names = tuple(there.column for there in plain if not there.hops and there.column)
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
            own = [_text(draft, catalog, term, term.own, emit.Rows("r", this="r")) for term in key.terms]
            yield _select(gathered.rows(entities[key.holder]), key.name, own)
        if key.target in entities:
            values = [_text(draft, catalog, term, term.there, emit.Rows("r")) for term in key.terms]
            yield _select(gathered.rows(entities[key.target]), key.name, values)
        for posting in catalog.postings.values():
            if posting.of in entities:
                rows = gathered.rows(entities[posting.of])
                if posting.into == key.target:
                    yield from _posted(draft, catalog, rows, posting, key.name, [(t, t.there) for t in key.terms])
                elif posting.into == key.holder and key.controlled:
                    yield from _posted(draft, catalog, rows, posting, key.name, [(t, t.own) for t in key.terms])
    for entity in entities.values():
        if entity.kind == "tree":  # two moves that are fine alone may make a ring together
            yield _select(gathered.rows(entity), f"{entity.path}:^", ())


def _text(
    draft: Draft,
    catalog: Catalog,
    term: Term,
    node: Node,
    rows: emit.Rows,
    column: Callable[[str, Path], str | None] | None = None,
) -> str:
    made = emit.node_text(draft, catalog, node, rows, column)
    if term.level is None:
        return made
    if not levels.of_nobody(term.level):
        return "''"
    return f"CASE WHEN {levels.told(draft, catalog, term.level)} = 'own' THEN {made} ELSE '' END"


def _select(rows: str, name: str, values: Iterable[str]) -> str:
    """NULL equals nothing: a row without a value there takes no key."""
    made = " || '|' || ".join((literal(name), *values))
    return f"SELECT {made} FROM {rows} AS r"


def _posted(
    draft: Draft, catalog: Catalog, rows: str, posting: Posting, name: str, terms: list[tuple[Term, Node]]
) -> Iterator[str]:
    """The keys of the entries a document is about to post, and of those it has posted and may have to take back."""
    ledger = catalog.entities[posting.into]
    here, given, source = emit.Rows("r"), posting.set, rows
    holds = emit.truth(draft, catalog, posting.holds, here)
    if posting.each is not None:
        found = groups.groups(draft, catalog, posting, rows, [holds])
        here, given, holds = emit.Rows("g", "r"), found.set, "TRUE"
        source = f"({found.sql}) AS g JOIN {rows}"

    def will_be(alias: str, path: Path) -> str | None:
        made = given.get(path.name) if alias == "e" else None
        return emit.slot(draft, catalog, made, here, ledger.fields[path.name]) if made is not None else None

    # What a posting leaves out is empty, and equals nothing.
    if all(n.name in posting.set for _, node in terms for n in walk(node) if isinstance(n, Path)):
        values = [_text(draft, catalog, term, node, emit.Rows("e"), will_be) for term, node in terms]
        joined = " ON r.id = g._r" if posting.each is not None else ""
        yield f"{_select(source, name, values)}{joined} WHERE {holds}"
    stored = [_text(draft, catalog, term, node, emit.Rows("r")) for term, node in terms]
    entries = f"{quote(table_of(catalog, ledger.path))} AS r WHERE r._posting = {literal(posting.path)}"
    made = " || '|' || ".join((literal(name), *stored))
    yield f"SELECT {made} FROM {entries} AND {draft.among('r._source_id')}"
