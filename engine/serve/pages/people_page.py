"""The page of who may sign in, for administrators."""

from __future__ import annotations

from engine.plan.viewer import PeopleView, Said
from engine.serve.pages import forms
from engine.serve.pages.html import go, html, viewer
from engine.serve.people import auth
from engine.serve.system import account, logins, people
from engine.serve.tenant.door import At, Door
from engine.serve.tenant.here import Here, looks_like_id
from engine.serve.wire.answer import Answer, said
from engine.serve.wire.fault import Refusal
from renderer import people as templates


async def _page(here: Here, _at: At) -> Answer:
    return await _shown(here)


async def _shown(
    here: Here, sheet: tuple[logins.Given, ...] = (), told: tuple[Said, ...] = (), status: int = 200
) -> Answer:
    """``sheet``: temporary passwords that were just made, shown this once."""
    words, after = people.asked(here)
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
        await people.do(here, what, user)
    except Refusal as refusal:
        return await _shown(here, told=said(refusal.faults, here.language), status=refusal.status)
    return go(people.ADDRESS)


DOORS = (
    Door("page.people", ("GET", "HEAD"), "system/people", _page, "administrator"),
    Door("page.people-do", ("POST",), "system/people", _post, "administrator", scope="write"),
)
