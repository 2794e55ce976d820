"""A small made-up App for questions: a sheet with a field of every type, its lines, and what it refers to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache
from typing import Any

from engine.ask import Symbols
from engine.fieldtypes import REGISTRY
from engine.fieldtypes.spec import Option, Spec
from engine.label import Label
from engine.plan.app import App, PeoplePlan
from engine.plan.entity import Entity, Field, Template
from engine.plan.statement import Dialect
from engine.plan.table import Column, Table

SYSTEM = (
    Column("id", "uuid", nullable=False),
    Column("rev", "integer", nullable=False, default="1"),
    Column("created_at", "datetime"),
    Column("created_by", "uuid"),
    Column("updated_at", "datetime"),
    Column("updated_by", "uuid"),
    Column("deleted_at", "datetime"),
)


def ident(kind: int, n: int) -> str:
    return f"00000000-0000-7000-8{kind:03x}-{n:012x}"


def text(name: str, type_: str = "text", *, target: str = "", **more: Any) -> Field:
    """A field of any type, by its type's name."""
    row = REGISTRY[type_]
    given = {k: more.pop(k) for k in ("options", "scale") if k in more}
    spec = Spec(type_, target=target, **given)
    scale = row.scale_of(spec) if row.kind == "decimal" else 0
    return Field(name, Label(name, name), spec, column=name, kind=row.kind, scale=scale, target=target, **more)


def entity(path: str, fields: Sequence[Field], display: str | Template, **more: Any) -> Entity:
    module, _, name = path.partition(".")
    template = Template(((display, ""),)) if isinstance(display, str) else display
    return Entity(
        path, module, name, Label(name, name), path.replace(".", "__"), {f.name: f for f in fields}, template,
        more.pop("key", ()), access=more.pop("access", {}), **more,
    )  # fmt: skip


def table(e: Entity, required: Sequence[str] = (), extra: Sequence[Column] = ()) -> Table:
    owner = (Column(e.owner.rpartition(".")[2], "uuid", nullable=False), Column("position", "integer", nullable=False))
    own = [Column(f.name, f.kind, f.scale, f.name not in required) for f in e.fields.values() if f.kind != "lines"]
    return Table(e.table, (*SYSTEM, *(owner if e.owner else ()), *own, *extra), entity=e.path)


COMPANIONS = (Column("_sort", "text"), Column("_find", "text"))
LIABILITY = (Option("own", Label("自有成本", "Own cost")), Option("charge", Label("代工扣款", "Charged")))


def entities(access: Mapping[str, Mapping[str, Mapping[str, bool | str]]]) -> dict[str, Entity]:
    made = [
        entity("m.user", [text("name")], "name"),
        entity("m.project", [text("code"), text("name"), text("manager", "user", target="m.user")], "name"),
        entity(
            "m.team",
            [text("name"), text("project", "ref", target="m.project")],
            Template((("name", ""), "@", ("project.code", ""))),
        ),
        entity("m.worker", [text("name"), text("skills", "refs", target="m.team")], "name"),
        entity(
            "m.sheet",
            [
                text("number", "number"),
                text("project", "ref", target="m.project"),
                text("team", "ref", target="m.team"),
                text("sheet_date", "date"),
                text("month", "month"),
                text("at_time", "time"),
                text("moment", "datetime"),
                text("liability", "choice", options=LIABILITY),
                text("tags", "choices", options=(Option("x", Label("X", "X")), Option("y", Label("Y", "Y")))),
                text("amount", "money", hidden_from=("foreman",)),
                text("price", "price"),
                text("count", "integer"),
                text("late", "boolean"),
                text("note", "long_text"),
                text("place", "location"),
                text("lines", "lines", target="m.sheet_line"),
            ],
            Template((("number", ""), " ", ("team.name", ""), " ", ("liability", ""))),
        ),
        entity(
            "m.sheet_line",
            [text("worker", "ref", target="m.worker"), text("hours", "decimal", scale=2)],
            "worker.name",
            owner="m.sheet",
            owner_field="lines",
        ),
    ]
    return {e.path: Entity(**{**_dict(e), "access": access.get(e.path, e.access)}) for e in made}


def _dict(e: Entity) -> dict[str, Any]:
    return {name: getattr(e, name) for name in Entity.__slots__}


@cache
def _plain(dialect: Dialect) -> App:
    return _app(dialect, {}, None)


def app(
    dialect: Dialect, access: Mapping[str, Mapping[str, Mapping[str, bool | str]]] | None = None, symbols: Any = None
) -> App:
    return _app(dialect, access or {}, symbols) if access or symbols else _plain(dialect)


def _app(dialect: Dialect, access: Mapping[str, Mapping[str, Mapping[str, bool | str]]], symbols: Any) -> App:
    made = entities(access)
    tables = tuple(
        table(e, ("price",) if e.name == "sheet" else (), () if e.owner else COMPANIONS) for e in made.values()
    )
    return App(
        dialect, f"world {sorted(access.items())!r}", {}, tables, made, {}, {}, {}, {}, (), {}, {}, {},
        PeoplePlan("m.user"), {}, (), (), {}, symbols if symbols is not None else Symbols(None),  # type: ignore[arg-type]
    )  # fmt: skip


@dataclass
class Data:
    """Rows by table: Python values by column."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, table: str, id_: str, **values: Any) -> str:
        moment = datetime(2026, 1, 1, tzinfo=UTC)
        row = {"id": id_, "rev": 1, "created_at": moment, "updated_at": moment, **values}
        self.rows.setdefault(table, []).append(row)
        return id_


def standard() -> Data:
    data = Data()
    user = data.add("m__user", ident(1, 1), name="李工", _sort="ligong", _find="李工 ligong")
    projects = [
        data.add(
            "m__project", ident(2, n), code=f"P{n}", name=name, manager=user if n else None, _sort=sort, _find=name
        )
        for n, (name, sort) in enumerate([("安居", "anju"), ("滨江", "binjiang"), ('Ünïcode\'s "x"', "unicode")])
    ]
    teams = [
        data.add("m__team", ident(3, n), name=name, project=projects[n % 3], _sort=name, _find=name)
        for n, name in enumerate(["钢筋", "木工", "电工", "O'Neil"])
    ]
    workers = [
        data.add("m__worker", ident(4, n), name=f"W{n}", skills=teams[: n % 3] if n else None, _sort=f"w{n}")
        for n in range(4)
    ]
    for n in range(14):
        sheet = data.add(
            "m__sheet",
            ident(5, n),
            number=f"DG-{n % 5}" if n % 6 else None,
            project=projects[n % 3] if n % 7 else None,
            team=teams[n % 4] if n % 5 else None,
            sheet_date=date(2026, 1 + n % 3, 1 + n) if n % 4 else None,
            month=date(2026, 1 + n % 3, 1) if n % 4 else None,
            at_time=time(8 + n % 3, n, 5) if n % 3 else None,
            moment=datetime(2026, 3, 1, n, 30, n, tzinfo=UTC) if n % 5 else None,
            liability="own" if n % 2 else "charge",
            tags=["x"] if n % 3 == 0 else ["x", "y"] if n % 3 == 1 else None,
            amount=Decimal("12.30") * (n - 6) if n % 6 else None,
            price=Decimal("0.123456") + n,
            count=n % 4 - 1 if n % 5 else None,
            late=None if n % 3 == 0 else n % 3 == 1,
            note=["a_b%", 'Hello\n"World"', "'; DROP TABLE x; --", None][n % 4],
            place={"lat": "1.5", "lon": "2"} if n == 1 else None,
            created_by=user,
            deleted_at=datetime(2026, 5, 1, tzinfo=UTC) if n == 13 else None,
            _sort=f"s{n % 3}",
            _find=f"dg-{n} hello",
        )
        for at in range(n % 3):
            gone = datetime(2026, 5, 1, tzinfo=UTC) if n == 13 or (n == 5 and at == 0) else None
            data.add(
                "m__sheet_line", ident(6, n * 10 + at), sheet=sheet, position=2 - at, worker=workers[(n + at) % 4],
                hours=Decimal("7.50") + at, deleted_at=gone,
            )  # fmt: skip
    return data
