"""Records that hang under each other: what is below a record, and figures of each with all that is below it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.ask import access
from engine.ask.build import Build
from engine.ask.codes import CODES
from engine.ask.facts import unknown
from engine.ask.slices import Slice
from engine.fieldtypes.storage import quote
from engine.plan.entity import Entity
from engine.plan.question import FigureQuestion
from engine.problem import Problems, problem


@dataclass(frozen=True, slots=True)
class Tree:
    entity: Entity
    parent: str
    """Its column that points one up."""


def tree_of(build: Build, target: str) -> Tree | None:
    """The tree a reference leads into, where the reader may know how its records hang together."""
    entity = build.facts.entities.get(target)
    if entity is None or entity.kind != "tree":
        return None
    found = next((f for f in entity.fields.values() if f.spec.type == "tree" and f.column), None)
    if found is None or build.hidden(entity, found):
        return None
    return Tree(entity, str(found.column))


def under(build: Build, tree: Tree, sql: str, top: str) -> str:
    """Whether a reference leads to the record ``top`` or to one below it."""

    def said(here: str) -> str:
        table, parent = quote(tree.entity.table), quote(tree.parent)
        return f"(id) AS (SELECT {top} UNION SELECT c.id FROM {here} JOIN {table} AS c ON c.{parent} = {here}.id)"

    steps = build.steps
    here = next((name for name, step in (steps or {}).items() if step == said(name)), "") or build.alias("n")
    if steps is None:
        return f"{sql} IN (WITH RECURSIVE {here}{said(here)} SELECT id FROM {here})"
    steps[here] = said(here)
    return f"{sql} IN (SELECT id FROM {here})"


def with_all_below(build: Build, made: Slice, question: FigureQuestion) -> Slice:
    """The slice with its tree dimension grouped by each record that is asked for, with all below it; which those are is
    said in the statement's steps."""
    assert build.steps is not None
    if not question.tree:
        return made
    names = {d.name: d for d in made.dimensions}
    if question.tree not in names:
        raise Problems([unknown("ask.unknown-dimension", question.tree, names, figure=made.name)])
    tree = tree_of(build, names[question.tree].target)
    if tree is None:
        what = f"tree={question.tree}: it is no tree"
        raise Problems([problem(CODES["ask.unavailable"], what=what)])
    pairs, walk, spans = build.alias("h"), build.alias("h"), build.alias("h")
    table, parent = quote(tree.entity.table), quote(tree.parent)
    named = "id" if build.facts.column(tree.entity, "_sort") is None else quote("_sort")
    text, mark = ("", "char(1)") if build.dialect == "sqlite" else ('::text COLLATE "C"', "chr(1)")
    build.steps |= {
        pairs: f"(top, node) AS (SELECT id, id FROM {table} UNION SELECT {pairs}.top, c.id FROM {pairs}"
        f" JOIN {table} AS c ON c.{parent} = {pairs}.node)",
        walk: f"(id, level, path) AS (SELECT id, 1, COALESCE({named}{text}, '') FROM {table} WHERE {parent} IS NULL"
        f" UNION ALL SELECT c.id, {walk}.level + 1, {walk}.path || {mark} || COALESCE(c.{named}{text}, '') FROM {walk}"
        f" JOIN {table} AS c ON c.{parent} = {walk}.id)",
        spans: f" AS MATERIALIZED ({_spans(build, tree, question, pairs, walk)})",
    }
    dimensions = tuple(
        replace(d, spans=spans, walk=walk, pairs=pairs, whole=not (question.level or question.depth or question.below))
        if d.name == question.tree
        else d
        for d in made.dimensions
    )
    return replace(made, dimensions=dimensions)


def _spans(build: Build, tree: Tree, question: FigureQuestion, pairs: str, walk: str) -> str:
    """Which records are shown (``top``), each with those it holds (``node``). One that the reader may not read is shown
    only for what is its own, as it would be without the tree."""
    wanted = []
    base = "0"
    if question.below:
        below = build.input("below", "uuid")
        base = f"COALESCE((SELECT MIN(level) FROM {walk} WHERE id = {below}), 0)"
        wanted.append(f"p.top <> {below} AND p.top IN (SELECT node FROM {pairs} WHERE top = {below})")
    if question.level:
        wanted.append(f"w.level = {base} + {question.level}")
    if question.depth:
        wanted.append(f"w.level <= {base} + {question.depth}")
    if not access.rule(build, tree.entity, "read"):
        wanted.append(f"(p.top = p.node OR {access.predicate(build, tree.entity, 'n', 'read')})")
    where = f" WHERE {' AND '.join(wanted)}" if wanted else ""
    return (
        f"SELECT p.top, p.node FROM {pairs} AS p JOIN {walk} AS w ON w.id = p.top"
        f" JOIN {quote(tree.entity.table)} AS n ON n.id = p.top{where}"
    )
