"""Pages of rights: what a role or a person may do, why on one record, and looking with somebody else's eyes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from engine.label import Label
from engine.plan.viewer import RightsView, WhyView
from engine.serve.pages import forms
from engine.serve.pages.html import go, html, viewer
from engine.serve.people import audit, auth, session
from engine.serve.query import explaining, reading, request
from engine.serve.tenant.bind import EVERYONE, Me
from engine.serve.tenant.door import At, Door
from engine.serve.tenant.here import Here, looks_like_id
from engine.serve.wire.answer import Answer, said
from engine.serve.wire.fault import Refusal, refuse
from engine.serve.wire.parsing import pairs_of
from renderer import rights as templates

_ADDRESS = "/system/rights"
_HOURS = 4


async def _page(here: Here, _at: At) -> Answer:
    given = dict(pairs_of(here.asked.query))
    roles = ((EVERYONE, Label("所有人", "Everyone")), *((name, role.title) for name, role in here.app.roles.items()))
    view = RightsView(roles, people=here.app.people.users)
    status = 200
    try:
        if given.get("person"):
            me = await explaining.person_of(replace(here, asked=replace(here.asked, query=_only(given, "person"))))
            view = replace(view, person=await explaining.told_person(here, me), rows=await _rows(here, me))
        else:
            role = given.get("role") or roles[min(1, len(roles) - 1)][0]
            view = replace(view, role=role, rows=await _rows(here, Me(None, roles=(role,))))
    except Refusal as refusal:
        view, status = replace(view, said=said(refusal.faults, here.language)), refusal.status
    page = templates.rights_page(here.app, viewer(here.tenant, here.me, here.language), view)
    return html(page, status)


def _only(given: dict[str, str], name: str) -> bytes:
    return f"{name}={given[name]}".encode()


async def _rows(here: Here, me: Me) -> tuple[dict[str, Any], ...]:
    return tuple(
        [await explaining.of_entity(here, entity, me) for entity in here.app.entities.values() if not entity.owner]
    )


async def _why(here: Here, at: At) -> Answer:
    told = await explaining.on(here, at, await explaining.person_of(here))
    asking = request.one(here.app, here.me, at.entity, at.id, [("fields", "id")])
    record = json.loads(await reading.get_text(here, at.entity, asking, plain=True))
    view = WhyView(record, told, here.app.people.users if here.me.admin else "")
    return html(templates.why_page(here.app, viewer(here.tenant, here.me, here.language), at.entity, view))


async def _eyes(here: Here, _at: At) -> Answer:
    person = forms.inputs_of(here.asked.body).get("person", [""])[-1]
    seen = await auth.as_person(here.tenant, person) if looks_like_id(person) else None
    if seen is None or seen.admin:
        raise refuse("access.no-person")
    audit.note(here.tenant, "view-as", here.me.user, detail={"as": person}, address=here.asked.address)
    cookie = f"{session.EYES}={person}; Path=/; Max-Age={_HOURS * 3600}; HttpOnly; SameSite=Lax"
    return go("/", ((b"set-cookie", cookie.encode()),))


async def _closed(_here: Here, _at: At) -> Answer:
    return go(_ADDRESS, ((b"set-cookie", f"{session.EYES}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax".encode()),))


def _is_document(at: At) -> bool:
    return not at.entity.owner


SYSTEM = (
    Door("page.rights", ("GET", "HEAD"), "system/rights", _page, who="administrator"),
    Door("page.eyes", ("POST",), "system/rights/eyes", _eyes, who="administrator", scope="write"),
    Door("page.eyes-closed", ("POST",), "system/eyes-closed", _closed, who="anyone"),
)
DOORS = (Door("page.why", ("GET", "HEAD"), "r/{module}/{entity}/{id}/why", _why, fits=_is_document),)
