"""Doors to who may sign in, for administrators."""

from __future__ import annotations

from engine.serve.people import auth
from engine.serve.system import account, logins
from engine.serve.tenant.door import At, Door
from engine.serve.tenant.here import Here, looks_like_id
from engine.serve.wire.answer import Answer, as_json
from engine.serve.wire.fault import refuse
from engine.serve.wire.parsing import parameters_of
from engine.serve.wire.shapes import FLAG, ID, TEXT, items, thing

ADDRESS = "/system/people"


def asked(here: Here) -> tuple[str, str]:
    given = parameters_of(here.asked, "q", "after")
    return given.get("q", ""), given.get("after", "")


async def _list(here: Here, _at: At) -> Answer:
    listed, following = await logins.found(here.tenant, *asked(here))
    return Answer(200, as_json({"items": listed, "next": following or None}))


async def _give(here: Here, _at: At) -> Answer:
    account.require_person(here)
    given = await logins.give(here.tenant, await logins.without(here.tenant))
    told = [{"id": g.user, "name": g.name, "display": g.display, "password": g.password} for g in given]
    return Answer(200, as_json({"items": told}))


async def _set(here: Here, at: At) -> Answer:
    account.require_person(here)
    await do(here, at.names["what"], at.names["user"].lower())
    return Answer(204)


async def do(here: Here, what: str, user: str) -> None:
    if not looks_like_id(user):
        raise refuse("auth.no-login")
    match what:
        case "disable":
            await logins.disable(here.tenant, user)
        case "enable":
            await logins.enable(here.tenant, user)
        case "administrator" | "no-administrator":
            await logins.administer(here.tenant, user, what == "administrator")
        case "end":
            await auth.end(here.tenant, {"user": user})
        case _:
            raise refuse("api.no-route", path=ADDRESS, nearest="")


_LOGIN = thing("id", "name", id=ID, name=TEXT, display=TEXT, administrator=FLAG, disabled=FLAG, must_change=FLAG)
_SECRET = thing("id", "name", id=ID, name=TEXT, display=TEXT, password=TEXT)
DOORS = (
    Door(
        "people.list",
        ("GET",),
        "system/people",
        _list,
        "administrator",
        says="Who may sign in, by name, fifty at a time",
        query={"q": {"type": "string"}, "after": {"type": "string"}},
        gives=items(_LOGIN),
    ),
    Door(
        "people.give",
        ("POST",),
        "system/people/passwords",
        _give,
        "administrator",
        scope="write",
        says="Give everybody without a login a temporary password",
        gives=items(_SECRET),
    ),
    Door(
        "people.set",
        ("POST",),
        "system/people/{user}/{what}",
        _set,
        "administrator",
        scope="write",
        says="Let a person sign in (`enable`, `disable`) or administer (`administrator`, `no-administrator`)",
        status=204,
        fits=lambda at: at.names["what"] in ("enable", "disable", "administrator", "no-administrator"),
    ),
)
