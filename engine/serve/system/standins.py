"""Standing in: somebody lets another decide his tasks for a time, all of them or those asked of some of his roles.

Only what waits for the giver himself is the taker's: who stands in for somebody gets none of the tasks that reached him
by a stand-in. Nobody decides on what he, or the one he stands in for, created or handed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from engine.db import Body
from engine.fieldtypes.storage import bind
from engine.serve.people import audit, auth, standing
from engine.serve.system.account import require_person
from engine.serve.tenant import rows
from engine.serve.tenant.door import At, Door
from engine.serve.tenant.here import Here, looks_like_id
from engine.serve.tenant.ids import uuid7
from engine.serve.wire.answer import Answer, as_json
from engine.serve.wire.fault import refuse
from engine.serve.wire.parsing import own_body, wrong
from engine.serve.wire.shapes import FLAG, ID, TEXT, body, items, thing

MOST_DAYS = 366


async def given(here: Here) -> list[dict[str, Any]]:
    """What this person gave and was given, ended ones left out, the newest first."""
    dialect, me = here.tenant.database.dialect, here.me.user
    p = rows.placeholder(dialect, 1)
    today = bind("date", 0, dialect, here.moment().today)
    sql = (
        "SELECT s.id, s.giver, g.name, s.taker, t.name, s.roles, s.starts, s.ends FROM _standin AS s"
        ' LEFT JOIN _login AS g ON g."user" = s.giver LEFT JOIN _login AS t ON t."user" = s.taker'
        f" WHERE (s.giver = {p} OR s.taker = {p}) AND s.ended IS NULL"
        f" AND s.ends >= {rows.placeholder(dialect, 2)} ORDER BY s.id DESC"
    )
    return [
        {
            "id": str(record),
            "giver": {"id": str(giver), "display": giver_name or ""},
            "taker": {"id": str(taker), "display": taker_name or ""},
            "roles": standing.listed(roles),
            "from": _day(starts),
            "to": _day(ends),
            "mine": str(giver) == me,
        }
        for record, giver, giver_name, taker, taker_name, roles, starts, ends in await here.tenant.database.read(
            sql, (me, today)
        )
    ]


def _day(value: Any) -> str:
    return str(value)[:10]


async def give(here: Here, name: str, starts: str, ends: str, roles: Iterable[str] | None = None) -> dict[str, Any]:
    """Lets the person who logs in as ``name`` decide this person's tasks, from one day to another, both included."""
    me, tenant = here.me, here.tenant
    days = [_date(text, which) for text, which in ((starts, "from"), (ends, "to"))]
    if days[1] < days[0] or days[1] < here.moment().today or (days[1] - days[0]).days > MOST_DAYS:
        raise refuse("standin.days", "/to", most=MOST_DAYS)
    wanted = None if roles is None else list(dict.fromkeys(roles))
    held = [role for role in me.roles if role in here.app.roles]
    if wanted == []:
        raise refuse("standin.role", "/roles", role="—", known=", ".join(held) or "—")
    for n, role in enumerate(wanted or ()):
        if role not in held:
            raise refuse("standin.role", f"/roles/{n}", role=role[:40], known=", ".join(held) or "—")
    row = await auth.login_of(tenant, {"name": name.replace("\0", "").strip()})
    if row is None or not await auth.may_enter(tenant, str(row["user"]), row):
        raise refuse("standin.nobody", "/to_user", name=name[:80])
    if str(row["user"]) == me.user:
        raise refuse("standin.self", "/to_user")
    made = {
        "id": uuid7(),
        "giver": me.user,
        "taker": str(row["user"]),
        "roles": wanted,
        "starts": days[0],
        "ends": days[1],
        "born": tenant.clock(),
        "ended": None,
    }

    def body() -> Body[None]:
        yield rows.insert("_standin", [made], tenant.database.dialect)

    await tenant.database.write(body)
    tenant.forget_people()
    detail = {"to": row["name"], "from": starts, "until": ends, **({"roles": ", ".join(wanted)} if wanted else {})}
    audit.note(tenant, "standin.give", me.user, detail=detail, address=here.asked.address)
    return {"id": made["id"], "taker": {"id": made["taker"], "display": row["name"]}}


def _date(text: str, name: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise refuse(
            "api.parameter", f"/{name}", name=name, got=text[:40], expected="YYYY-MM-DD", expected_zh="YYYY-MM-DD"
        ) from None


async def end(here: Here, record: str) -> None:
    """Either of the two may end it."""
    tenant, me = here.tenant, here.me
    dialect = tenant.database.dialect

    def body() -> Body[Mapping[str, Any] | None]:
        found = (yield rows.select("_standin", dialect, {"id": record})) if looks_like_id(record) else []
        one = rows.by_name("_standin", found[0]) if found else None
        if one is None or one["ended"] is not None or me.user not in (str(one["giver"]), str(one["taker"])):
            return None
        yield rows.update("_standin", dialect, {"id": record}, {"ended": tenant.clock()})
        return one

    one = await tenant.database.write(body)
    if one is None:
        raise refuse("standin.none")
    tenant.forget_people()
    detail = {"giver": str(one["giver"]), "taker": str(one["taker"])}
    audit.note(tenant, "standin.end", me.user, detail=detail, address=here.asked.address)


# doors


async def _list_door(here: Here, _at: At) -> Answer:
    return Answer(200, as_json({"items": await given(here)}))


async def _give(here: Here, _at: At) -> Answer:
    require_person(here)
    sent = own_body(here.asked, "to_user", "from", "to", "roles")
    for name in ("to_user", "from", "to"):
        if not isinstance(sent.get(name), str):
            raise wrong(name, "text", "文本")
    roles = sent.get("roles")
    if roles is not None and (not isinstance(roles, list) or not all(isinstance(r, str) for r in roles)):
        raise wrong("roles", "list", "列表")
    return Answer(201, as_json(await give(here, sent["to_user"], sent["from"], sent["to"], roles)))


async def _end(here: Here, at: At) -> Answer:
    require_person(here)
    await end(here, at.names["standin"].lower())
    return Answer(204)


_PERSON = {"type": "object", "properties": {"id": ID, "display": TEXT}}
_ROLES = {"type": ["array", "null"], "items": TEXT}
_MADE = thing("id", id=ID, taker=_PERSON)
_ONE = thing("id", "giver", id=ID, giver=_PERSON, taker=_PERSON, roles=_ROLES, mine=FLAG, **{"from": TEXT, "to": TEXT})
DOORS = (
    Door(
        "standins",
        ("GET",),
        "system/standins",
        _list_door,
        who="anyone",
        says="Who stands in for you, and for whom you stand in",
        gives=items(_ONE),
    ),
    Door(
        "standins.give",
        ("POST",),
        "system/standins",
        _give,
        who="anyone",
        scope="write",
        says="Let somebody decide your tasks for a time",
        status=201,
        takes=body("to_user", "from", "to", to_user=TEXT, roles=_ROLES, **{"from": TEXT, "to": TEXT}),
        gives=_MADE,
    ),
    Door(
        "standins.end",
        ("DELETE",),
        "system/standins/{standin}",
        _end,
        who="anyone",
        scope="write",
        says="End standing in",
        status=204,
    ),
)
