"""Expressions over records, said over what is kept of them: a rollup's columns, or the rows of a change log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from engine.ask.symbols import KeptMeasure, RollupSymbol
from engine.expr.build.laid import is_laid
from engine.expr.build.sql import NATIVE_SUM
from engine.expr.build.tree import Group, Lit, Node, Op, Par, Path
from engine.expr.run.sqlite_functions import HALF
from engine.fieldtypes.storage import Dialect

SIGN = "_sign"
"""The log's column that says whether a row came (1) or went (-1)."""


class Unkept(Exception):
    """The expression reads something that is not kept."""


def of_rows(node: Node, source: str = "") -> Node:
    """A tree whose paths begin at the row, be they written with the source's name or not."""
    match node:
        case Path() if node.root in (source, "this"):
            return replace(node, root="row")
        case Op():
            return replace(node, args=tuple(of_rows(a, source) for a in node.args))
        case _:
            return node


def steps(path: Path) -> tuple[str, ...]:
    """Where a stored value is found: the columns on the way there, and its own."""
    return (*(hop.column for hop in path.hops), path.column)


@dataclass(frozen=True, slots=True)
class Over:
    """What stands for what: whole expressions (``nodes``), and stored values by the steps that lead to them."""

    nodes: Mapping[Node, str]
    columns: Mapping[tuple[str, ...], str]

    def say(self, node: Node) -> Node:
        """The same value, read from what is kept. Raises Unkept where that cannot be."""
        known = self.nodes.get(node)
        if known is not None:
            return Path(node.type, "row", (), "", known, known)
        match node:
            case Lit() | Par():
                return node
            case Op() if not is_laid(node):
                return replace(node, args=tuple(self.say(a) for a in node.args))
            case Path() if node.root == "row" and node.start is None:
                return self._path(node)
            case _:
                raise Unkept

    def _path(self, node: Path) -> Path:
        """A stored value that is kept, or one that a kept reference leads to."""
        if node.live is None and (column := self.columns.get(steps(node))) is not None:
            return replace(node, hops=(), column=column)
        for at in range(len(node.hops), 0, -1):
            hop = node.hops[at - 1]
            column = self.columns.get(tuple(h.column for h in node.hops[:at]))
            if column is not None:
                return replace(node, hops=(replace(hop, column=column), *node.hops[at:]))
        raise Unkept


@dataclass(slots=True)
class Kept:
    """A rollup as statements use it, in one dialect."""

    symbol: RollupSymbol
    folded: Over = field(init=False)
    pending: Over = field(init=False)

    def __post_init__(self) -> None:
        nodes: dict[Node, str] = {}
        columns: dict[tuple[str, ...], str] = {}
        for n, dimension in enumerate(self.symbol.dimensions):
            node = dimension.node
            if isinstance(node, Path):
                columns[steps(node)] = f"d{n}"
            else:
                nodes[node] = f"d{n}"
        self.folded = Over(nodes, columns)
        self.pending = Over({}, {key: column for key, (column, _, _) in self.symbol.leaves.items()})

    def measure(self, group: Group) -> int | None:
        """Which kept measure an aggregate is."""
        made = kept_measure(group)
        return self.symbol.measures.index(made) if made is not None and made in self.symbol.measures else None


def kept_measure(group: Group) -> KeptMeasure | None:
    """What would have to be kept for an aggregate; None when adding up cannot give it."""
    if group.distinct or group.func not in ("SUM", "COUNT"):
        return None
    item = of_rows(group.item, group.source) if group.item is not None else None
    where = of_rows(group.where, group.source) if group.where is not None else None
    if group.func == "COUNT" and isinstance(item, Path) and steps(item) == ("id",):
        item = None  # every record has one
    return KeptMeasure("SUM" if group.func == "SUM" else "COUNT", item, where)


def halved(measure: KeptMeasure, dialect: Dialect) -> bool:
    """Whether a sum is kept in two columns, of what is above and below ``HALF``."""
    return dialect == "sqlite" and measure.item is not None and measure.func == "SUM" and (
        measure.item.type.limit > NATIVE_SUM
    )  # fmt: skip


def columns_of(measure: KeptMeasure, n: int, dialect: Dialect) -> tuple[str, ...]:
    return (f"m{n}", f"l{n}") if halved(measure, dialect) else (f"m{n}",)


def contributions(measure: KeptMeasure, item: str, where: str, sign: str, dialect: Dialect) -> tuple[str, ...]:
    """What one record adds to each column of a measure; ``item`` and ``where`` are its SQL, empty where it has none."""
    if measure.func == "COUNT":
        terms = [t for t in (where, f"{item} IS NOT NULL" if item else "") if t]
        return (f"CASE WHEN {' AND '.join(terms)} THEN {sign} ELSE 0 END" if terms else sign,)
    parts = (f"({item} / {HALF})", f"({item} % {HALF})") if halved(measure, dialect) else (f"({item})",)
    signed = [part if sign == "1" else f"{sign} * {part}" for part in parts]
    return tuple(f"CASE WHEN {where} THEN {s} END" if where else s for s in signed)


def total(func: str, columns: tuple[str, ...], dialect: Dialect) -> str:
    """The aggregate over contributions."""
    if func == "COUNT":
        counted = f"COALESCE(SUM({columns[0]}), 0)"
        return f"{counted}::bigint" if dialect == "postgresql" else counted
    if len(columns) == 1:
        return f"COALESCE(SUM({columns[0]}), 0)"
    return f"COALESCE(dg_halves(SUM({columns[0]}), SUM({columns[1]})), 0)"
