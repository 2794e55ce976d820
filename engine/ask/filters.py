"""Filters: a path, an operator of its type, a bound value."""

from __future__ import annotations

from collections.abc import Sequence

from engine.ask import trees
from engine.ask.build import Build
from engine.ask.codes import CODES
from engine.ask.rows import Cell, Rows
from engine.fieldtypes import REGISTRY
from engine.fieldtypes.spec import Spec
from engine.fieldtypes.storage import among, link_table, quote
from engine.plan.question import Filter
from engine.problem import Problems, problem

_COMPARE = {"eq": "=", "ne": "<>", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}


def conditions(rows: Rows, filters: Sequence[Filter]) -> tuple[list[str], tuple[Spec, ...]]:
    """One condition and the type of its value per filter, in order; all problems at once."""
    out: list[str] = []
    specs: list[Spec] = []
    wrong: list[Problems] = []
    for n, asked in enumerate(filters):
        try:
            cell = rows.cell(asked.path)
            check_operator(rows.build, asked, cell.field.spec)
            specs.append(cell.field.spec)
            if cell.field.spec.type == "refs" and asked.operator != "null":
                out.append(_linked(rows.build, asked.operator, f"f{n}", cell))
                continue
            target = cell.field.target
            out.append(condition(rows.build, asked.operator, f"f{n}", cell.sql, cell.kind, cell.scale, target))
        except Problems as found:
            wrong.append(found)
    if wrong:
        raise Problems([p for found in wrong for p in found.problems])
    return out, tuple(specs)


def check_operator(build: Build, asked: Filter, spec: Spec) -> None:
    operators: tuple[str, ...] = REGISTRY[spec.type].operators
    if spec.type == "tree" or trees.tree_of(build, spec.target) is not None:
        operators = (*operators, "under")
    if asked.operator not in operators:
        code = CODES["ask.operator"]
        said = ", ".join(operators) or "-"
        raise Problems([problem(code, name=asked.path, type=spec.type, operator=asked.operator, operators=said)])


def condition(build: Build, operator: str, name: str, sql: str, kind: str, scale: int, target: str = "") -> str:
    """SQL of ``sql [operator] value``; a condition that is unknown leaves the row out, as everywhere."""
    if operator == "under":
        tree = trees.tree_of(build, target)
        assert tree is not None, "checked before"
        return trees.under(build, tree, sql, build.input(name, kind, scale))
    if operator == "known":
        return f"{sql} IS NOT NULL"
    if operator in _COMPARE:
        return f"{sql} {_COMPARE[operator]} {build.input(name, kind, scale)}"
    if operator == "in":
        return among(build.dialect, sql, build.input(name, "json"), kind)
    if operator == "null":
        return f"({sql} IS NULL) = {build.input(name, 'boolean')}"
    if kind == "json":
        return _member(build, build.input(name, "text"), sql)
    value = f"LOWER({build.input(name, 'text')})"
    if operator == "contains":
        find = "INSTR" if build.dialect == "sqlite" else "STRPOS"
        return f"{find}(LOWER({sql}), {value}) > 0"
    return f"SUBSTR(LOWER({sql}), 1, LENGTH({value})) = {value}"


def _linked(build: Build, operator: str, name: str, cell: Cell) -> str:
    """Whether a set of references holds the id, or one of them; a set the reader does not see holds nothing."""
    links = quote(link_table(cell.entity.table, cell.field.column or cell.field.name))
    wanted = (
        f"k.target = {build.input(name, 'uuid')}"
        if operator == "contains"
        else among(build.dialect, "k.target", build.input(name, "json"))
    )
    held = f"EXISTS (SELECT 1 FROM {links} AS k WHERE k.owner = {cell.alias}.id AND {wanted})"
    return f"{cell.sql} IS NOT NULL AND {held}"


def _member(build: Build, value: str, sql: str) -> str:
    """Whether a JSON array holds the text."""
    if build.dialect == "sqlite":
        return f"EXISTS (SELECT 1 FROM json_each({sql}) AS e WHERE e.value = {value})"
    return f"{sql} @> jsonb_build_array({value})"
