"""Rules over entities: rings, what may be stored, what checks need."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from engine.catalog import Catalog, Check, Entity, Field
from engine.expr.build.api import Expr
from engine.expr.build.tree import Agg, Fig, Node, Par, Path, walk
from engine.label import Label
from engine.problem import Problem, problem
from engine.read.codes import CODES

K = TypeVar("K", bound=Hashable)
LONGEST_TABLE = 48
"""Indexes and constraints are called after the table and what they are for; PostgreSQL cuts names off after 63."""
Spot = tuple[str, str]
"""(entity path, field name)"""


def names_are_free(catalog: Catalog) -> Iterable[Problem]:
    """No field has a name the engine gives: the owner's, the state's, a line's position."""
    for entity in catalog.entities.values():
        taken = {}
        if entity.owned_by:
            owner = entity.owned_by.rpartition(".")[2]
            taken[owner] = Label("明细所属的记录已用此名", "the record these lines belong to has it")
            taken["position"] = Label("引擎用它给明细排序", "the engine numbers lines by it")
        if any(catalog.workflows[w].field == "state" for w in entity.workflows if w in catalog.workflows):
            taken["state"] = Label("流程把状态存在那里", "the workflow keeps its state there")
        table = entity.path.replace(".", "__", 1)
        if len(table) > LONGEST_TABLE:
            yield problem(CODES["rule.long-table"], entity.where, entity=entity.path, table=table, most=LONGEST_TABLE)
        for name, why in taken.items():
            if name in entity.fields:
                yield problem(CODES["shape.reserved"], entity.fields[name].where, name=name, why=why)


def references_can_begin(catalog: Catalog) -> Iterable[Problem]:
    """Records that each need one of the other first can never be created."""
    needs: dict[str, list[tuple[str, Field]]] = {}
    for entity in catalog.entities.values():
        needs[entity.path] = [
            (f.target, f)
            for f in entity.fields.values()
            if f.required is True and f.spec.type in ("ref", "tree", "user") and f.input and f.default is None
        ]
    for ring in rings({path: [t for t, _ in found] for path, found in needs.items()}):
        first = next(f for t, f in needs[ring[0]] if t == ring[1 % len(ring)])
        yield problem(CODES["rule.reference-ring"], first.where, ring=" → ".join((*ring, ring[0])))


def expressions_of(field: Field) -> Iterator[Expr]:
    """What gives a field's value."""
    for expr in (field.compute, field.live, field.find):
        if expr is not None:
            yield expr
    if field.default is not None and field.default.expr is not None:
        yield field.default.expr
    for order in field.order:
        yield order.by


def computes_form_no_ring(catalog: Catalog) -> Iterable[Problem]:
    """Values computed from each other within one document have an order to be computed in."""
    graph: dict[Spot, list[Spot]] = {}
    for entity in catalog.entities.values():
        family = _family(catalog, entity)
        for field in entity.fields.values():
            reads = [spot for e in expressions_of(field) for spot in own_reads(catalog, entity, family, e.tree)]
            if field.keep:
                reads.append((entity.path, field.keep))
            graph[(entity.path, field.name)] = [spot for spot in dict.fromkeys(reads) if _derived(catalog, spot)]
    for ring in rings(graph):
        path, name = ring[0]
        shown = [spot[1] if spot[0] == path else f"{spot[0].rpartition('.')[2]}.{spot[1]}" for spot in (*ring, ring[0])]
        yield problem(CODES["rule.compute-ring"], catalog.entities[path].fields[name].where, ring=" → ".join(shown))


def _derived(catalog: Catalog, spot: Spot) -> bool:
    entity = catalog.entities.get(spot[0])
    return entity is not None and spot[1] in entity.fields


def own_reads(catalog: Catalog, entity: Entity, family: set[str], tree: Node) -> Iterator[Spot]:
    """The fields of the same document an expression reads: own, the owners', the lines'."""
    for node in walk(tree):
        if isinstance(node, Path) and node.start is None and node.root in ("row", "this") and node.entity in family:
            at, inside = entity.path, True
            for hop in node.hops:
                owner = catalog.entities[at].owned_by if at in catalog.entities else ""
                inside = inside and hop.entity == owner and hop.name == owner.rpartition(".")[2]
                at = hop.entity
            if inside or not node.hops:
                yield node.entity, node.name


def _family(catalog: Catalog, entity: Entity) -> set[str]:
    """The entities of one document: the root's and all its lines'."""
    out: set[str] = set()
    root = entity
    while root.owned_by in catalog.entities:
        root = catalog.entities[root.owned_by]
    todo = [root]
    while todo:
        member = todo.pop()
        if member.path not in out:
            out.add(member.path)
            todo.extend(catalog.entities[f.target] for f in member.lines if f.target in catalog.entities)
    return out


def rings(graph: Mapping[K, Sequence[K]]) -> Iterator[list[K]]:
    """Each ring once, from the first of it that stands in the graph."""
    done: set[K] = set()
    told: set[frozenset[K]] = set()
    for start in graph:
        trail: list[K] = []
        stack: list[tuple[K, Iterator[K]]] = []
        if start in done:
            continue
        trail.append(start)
        stack.append((start, iter(graph[start])))
        while stack:
            at, more = stack[-1]
            found = next(more, None)
            if found is None:
                stack.pop()
                trail.pop()
                done.add(at)
            elif found in trail:
                ring = trail[trail.index(found) :]
                if frozenset(ring) not in told:
                    told.add(frozenset(ring))
                    yield ring
            elif found not in done and found in graph:
                trail.append(found)
                stack.append((found, iter(graph[found])))


def stored_values_are_own(catalog: Catalog) -> Iterable[Problem]:
    """A stored value changes with its document only; what changes by itself is looked at: live."""
    for entity in catalog.entities.values():
        for field in entity.fields.values():
            if field.compute is not None and (what := _restless(field.compute.tree)):
                yield problem(
                    CODES["rule.make-live"], field.compute.where, what=what[0], what_zh=what[1], text=field.compute.text
                )


def _restless(tree: Node) -> tuple[str, str] | None:
    for node in walk(tree):
        if isinstance(node, Par) and node.source in ("today", "now"):
            return f"the clock (`{node.source}()`)", f"时钟（`{node.source}()`）"
        if isinstance(node, Par) and node.source == "me":
            return "who is looking (`me`)", "查看的人（`me`）"
        if isinstance(node, Agg) and (node.rows.owner is None or any(link.via for link in node.rows.links)):
            entity = node.rows.entity
            return f"rows of others (`{entity}`)", f"其他记录的行（`{entity}`）"
        if isinstance(node, Fig):
            return f"a figure (`{node.path}`)", f"指标（`{node.path}`）"
        if isinstance(node, Path) and node.live is not None:
            return f"a live value (`{node.name}`)", f"实时值（`{node.name}`）"
    return None


def checks_serialise(catalog: Catalog) -> Iterable[Problem]:
    """A check that looks at other rows has something concurrent writers queue by."""
    for entity in catalog.entities.values():
        for check in entity.checks.values():
            for expr, looked_at in _wide(check):
                if not check.lock and not any(e.entity == looked_at for e in expr.equalities):
                    yield problem(CODES["rule.no-equality"], check.where, entity=looked_at)


def _wide(check: Check) -> Iterator[tuple[Expr, str]]:
    """The parts of a check that look at rows outside the document, and whose."""
    if check.rows is not None:
        yield check.rows, check.none
    for expr in (check.that, check.when):
        for node in walk(expr.tree) if expr is not None else ():
            if isinstance(node, Agg) and node.rows.owner is None:
                yield expr, node.rows.entity  # type: ignore[misc]
