"""Doors and the page of who may sign in, for administrators."""

from __future__ import annotations

from urllib.parse import parse_qsl

from engine.plan.viewer import PeopleView, Said
from engine.serve import account, auth, forms, logins
from engine.serve.answer import Answer, as_json, said
from engine.serve.door import At, Door
from engine.serve.fault import Refusal, refuse
from engine.serve.here import Here, looks_like_id
from engine.serve.html import go, html, viewer
from engine.serve.shapes import FLAG, ID, TEXT, items, thing
from renderer import people as templates

_ADDRESS = "/system/people"


def _asked(here: Here) -> tuple[str, str]:
    given = dict(parse_qsl(here.asked.query.decode("latin-1")))
    for name in given:
        if name not in ("q", "after"):
            raise refuse("api.unknown-parameter", name=name[:60], nearest="")
    return given.get("q", ""), given.get("after", "")


async def _list(here: Here, _at: At) -> Answer:
    listed, following = await logins.found(here.tenant, *_asked(here))
    return Answer(200, as_json({"items": listed, "next": following or None}))


async def _give(here: Here, _at: At) -> Answer:
    account.require_person(here)
    given = await logins.give(here.tenant, await logins.without(here.tenant))
    told = [{"id": g.user, "name": g.name, "display": g.display, "password": g.password} for g in given]
    return Answer(200, as_json({"items": told}))


async def _set(here: Here, at: At) -> Answer:
    account.require_person(here)
    await _do(here, at.names["what"], at.names["user"].lower())
    return Answer(204)


async def _do(here: Here, what: str, user: str) -> None:
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
            raise refuse("api.no-route", path=_ADDRESS, nearest="")


async def _page(here: Here, _at: At) -> Answer:
    return await _shown(here)


async def _shown(
    here: Here, sheet: tuple[logins.Given, ...] = (), told: tuple[Said, ...] = (), status: int = 200
) -> Answer:
    """``sheet``: temporary passwords that were just made, shown this once."""
    words, after = _asked(here)
    listed, following = await logins.found(here.tenant, words, after)
    waiting = [] if sheet else await logins.without(here.tenant)
    view = PeopleView(
        tuple(listed),
        words,
        following,
        len(waiting),
        tuple({"name": g.name, "display": g.display, "password": g.password} for g in sheet),
        told,
    )
    return html(templates.people_page(here.app, viewer(here.tenant, here.me, here.language), view), status)


async def _post(here: Here, _at: At) -> Answer:
    inputs = {name: values[-1] for name, values in forms.inputs_of(here.asked.body).items()}
    user, what = inputs.get("user", ""), inputs.get("_do", "")
    try:
        if what == "give":
            return await _shown(here, tuple(await logins.give(here.tenant, await logins.without(here.tenant))))
        if what == "password":
            row = await auth.login_of(here.tenant, {"user": user}) if looks_like_id(user) else None
            secret = await account.give_password(here, user)
            return await _shown(here, (logins.Given(user, str(row["name"]) if row else "", "", secret),))
        await _do(here, what, user)
    except Refusal as refusal:
        return await _shown(here, told=said(refusal.faults, here.language), status=refusal.status)
    return go(_ADDRESS)


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
PAGES = (
    Door("page.people", ("GET", "HEAD"), "system/people", _page, "administrator"),
    Door("page.people-do", ("POST",), "system/people", _post, "administrator", scope="write"),
)
