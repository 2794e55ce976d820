"""A small world to type expressions against: sheets with lines, projects, prices."""

from __future__ import annotations

from engine.expr.build import Attribute, Figure, Relation, World, system_attributes
from engine.expr.run.types import BOOLEAN, DATE, DATETIME, DURATION, INTEGER, JSON, MONTH, TEXT, TIME, Type, stored

MONEY, PRICE, HOURS = stored("decimal", 2), stored("decimal", 6), stored("decimal", 2)
PERCENT = stored("decimal", 6)


def ref(entity: str) -> Type:
    return Type("ref", entity=entity)


def rows(name: str, entity: str, column: str) -> Attribute:
    return Attribute(name, Type("rows", entity=entity), column, "lines")


def relation(path: str, fields: dict[str, Type | Attribute], owner: str | None = None) -> Relation:
    own = system_attributes(path, "base.user")
    for name, made in fields.items():
        own[name] = made if isinstance(made, Attribute) else Attribute(name, made, name)
    return Relation(path, path.replace(".", "__"), own, owner)


def make_world() -> World:
    entities = [
        relation("base.user", {"name": TEXT, "department": ref("base.department")}),
        relation("base.department", {"name": TEXT, "leader": ref("base.user")}),
        relation("base.company", {"name": TEXT, "tax_rate": PERCENT}),
        relation("base.project", {"code": TEXT, "name": TEXT, "company": ref("base.company"), "hours_per_day": HOURS}),
        relation("base.worker", {"name": TEXT, "trade": TEXT, "id_number": TEXT}),
        relation("labor.price", {"work_type": TEXT, "price": PRICE, "cap": PRICE, "since": DATE}),
        relation(
            "labor.sheet",
            {
                "number": TEXT,
                "project": ref("base.project"),
                "sheet_date": DATE,
                "entered_on": DATE,
                "month": MONTH,
                "liability": stored("text", options=("own", "owner", "charge")),
                "state": stored("text", options=("draft", "in_approval", "effective", "void")),
                "amount": MONEY,
                "claimed": MONEY,
                "persons": INTEGER,
                "late": BOOLEAN,
                "note": TEXT,
                "tags": JSON,
                "lines": rows("lines", "labor.line", "sheet"),
                "double": Attribute("double", MONEY, None, "live", "amount * 2"),
                "again": Attribute("again", MONEY, None, "live", "double + project.hours_per_day"),
                "ring_a": Attribute("ring_a", MONEY, None, "live", "ring_b + 1"),
                "ring_b": Attribute("ring_b", MONEY, None, "live", "ring_a + 1"),
                "budget": Attribute("budget", ref("cost.budget"), None, "absent", waits_for="cost"),
                "team": Attribute("team", Type("rows", entity="base.worker"), None, "many",
                                  link=("labor__sheet__team", "sheet", "worker")),
            },
        ),
        relation(
            "labor.line",
            {
                "sheet": ref("labor.sheet"),
                "position": INTEGER,
                "worker": ref("base.worker"),
                "starts": DATETIME,
                "ends": DATETIME,
                "from_time": TIME,
                "rest": HOURS,
                "overtime": DURATION,
                "hours": HOURS,
                "price": PRICE,
                "price_row": ref("labor.price"),
                "amount": MONEY,
                "parts": rows("parts", "labor.part", "line"),
            },
            owner="sheet",
        ),
        relation("labor.part", {"line": ref("labor.line"), "position": INTEGER, "share": PERCENT}, owner="line"),
    ]  # fmt: skip
    return World(
        {r.path: r for r in entities},
        settings={"office_limit": MONEY, "backdate_days": INTEGER, "warn_at": PERCENT},
        me={"": ref("base.user"), "projects": Type("rows", entity="base.project")},
        figures={
            "labor.cost.used": Figure(MONEY, {"project": ref("base.project"), "month": MONTH}),
            "labor.cost.rate": Figure(PERCENT, {"project": ref("base.project")}, additive=False),
        },
        absent=frozenset({"cost"}),
    )
