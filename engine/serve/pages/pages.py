"""Pages: routing and gathering of data. Templates belong to the renderer, which builds these functions in
``renderer.pages`` (each returns a whole HTML document as text; ``app`` is the pinned ``engine.plan.app.App``):

```
login(app, viewer, said: tuple[Said, ...] = (), name: str = "", next: str = "/") -> str
home(app, viewer, view: HomeView) -> str
list_page(app, viewer, page: ListPage, view: ListView) -> str
record_page(app, viewer, page: FormPage, view: RecordView) -> str
dashboard_page(app, viewer, page: Dashboard, view: DashboardView) -> str
problem_page(app, viewer, status: int, title: str, said: tuple[Said, ...]) -> str
```
``Viewer``, ``ListView``, ``RecordView``, ``DashboardView``, ``HomeView``, ``Action`` and ``Said`` are in
``engine.plan.viewer``. Before a login ``viewer.user_id`` is empty.

| address | page |
|---|---|
| GET ``/`` | home |
| GET, POST ``/login`` | form fields ``name``, ``password``, ``next``; POST ``/logout`` |
| POST ``/language`` | ``language`` (zh, en), ``next`` |
| GET ``/m/{module}/{list}`` | a list; parameters as the API's: ``state=…&hours[gte]=8&q=…&sort=-date&cursor=…`` |
| GET ``/r/{module}/{entity}/new`` | an empty form; ``?field=value`` fills fields |
| GET ``/r/{module}/{entity}/{id}`` | a record; ``?saved=1`` after a save |
| POST ``/r/{module}/{entity}/new``, ``…/{id}`` | a form, below; 303 to the record, or the form and what was wrong |
| GET ``/d/{module}/{dashboard}`` | a dashboard; its filters are parameters (``?project=<id>&month=2026-03``) |
| GET ``/d/{module}/{dashboard}/{tile}`` | one tile, split (``?by=subject``); ``…/export?format=xlsx``, ``csv`` |
| GET ``/docs`` | the reference of this system's API |
| GET ``/assets/{file}`` | built assets by the names of ``manifest.json``, cached for good |

A form is ``application/x-www-form-urlencoded``, of a record also ``multipart/form-data`` (its files are taken in as if
they had been sent to ``system/files`` before; ``photos`` may hold files, and ids of files). Inputs are named by path:
``sheet_date``, ``lines.0.worker``,
``lines.0.id`` (of a stored line), ``lines.0.$delete=1``. An input that is sent empty means null; one that is not sent
is left alone; a checkbox sends a hidden ``false`` before its ``true`` (the last value wins). Datetimes may be sent
without a zone (``2026-03-05T07:30``): the tenant's is taken. Percents may be sent as ``9%``. ``choices`` and ``refs``
repeat the input. Besides: ``_csrf``, ``_rev`` (of the record shown), ``_action`` (name of the action; empty or
absent: save only; else saves what is editable, then acts, in one transaction), ``_reason``, ``_reasons.<check>``
(reasons that let warnings pass), ``_do=delete`` (to the bin).

A picker in the browser asks ``GET /api/v1/{module}/{entity}?q=…&where=…&limit=20&fields=id`` with the session's
cookie; every item has ``id`` and ``display``. ``POST /api/v1/{module}/{entity}/check`` previews a document: its body
is a document, it answers ``{"record": …, "checks": […]}`` and keeps nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar
from urllib.parse import urlencode

from engine.label import LANGUAGES
from engine.plan.app import App
from engine.plan.entity import Entity
from engine.plan.page import ListPage
from engine.plan.viewer import ListView, Said
from engine.serve.document import licensing, rights
from engine.serve.document.facts import machine_of
from engine.serve.files import uploads
from engine.serve.pages import assets, forms
from engine.serve.pages.html import go, html, viewer
from engine.serve.people import audit, auth, session
from engine.serve.people.called import people_names
from engine.serve.query import boards, reading, request
from engine.serve.tenant.bind import Me
from engine.serve.tenant.door import OWN_PASSWORD, At, Door, let_in
from engine.serve.tenant.here import Here
from engine.serve.tenant.tenancy import Tenant
from engine.serve.wire.answer import Answer, Asked, headers_of, said
from engine.serve.wire.fault import Refusal, refuse
from engine.serve.wire.parsing import pairs_of
from renderer import pages as templates

_NOBODY = Me(None)
T = TypeVar("T")
Find = Callable[[App, str, Sequence[str]], tuple[Door, At] | None]


def refused(tenant: Tenant, refusal: Refusal, language: str, me: Me = _NOBODY) -> Answer:
    """A refusal as a page, for whoever stands outside a form."""
    title = said(refusal.faults[:1], language)[0].message
    seen = viewer(tenant, me, language)
    page = templates.problem_page(tenant.app, seen, refusal.status, title, said(refusal.faults, language))
    return html(page, refusal.status, headers_of(refusal.headers))


async def handle(
    tenant: Tenant, asked: Asked, language: str, find: Find, count: Callable[[str, Me], None] = lambda *_: None
) -> Answer:
    """``find`` gives the door of an address, or None; ``count`` refuses who asks too often."""
    language = session.chosen_language(asked.headers) or language
    place = find(tenant.app, asked.method, asked.path)
    if place is not None and place[0].who == "nobody":
        door, at = place
        return await door.handler(Here(tenant, tenant.app, _NOBODY, asked, language), at)
    if asked.chunks is not None:
        asked = await _received(tenant, asked, place)
    form_token = ""
    if asked.method == "POST":
        form_token = forms.inputs_of(asked.body).get("_csrf", [""])[-1]
    me = await session.caller(tenant, asked.method, asked.headers, form_token)
    if me is None:
        came = "/" + "/".join(asked.path) + (f"?{asked.query.decode('latin-1')}" if asked.query else "")
        return go(f"/login?{urlencode({'next': came})}" if came != "/" else "/login")
    here = Here(tenant, tenant.app, me, asked, session.chosen_language(asked.headers) or me.language)
    count(tenant.name, me)
    await people_names(tenant, tenant.app, (me.user,))
    try:
        if place is None:
            raise _no_page(here)
        door, at = place
        if (me.must_change or me.must_enrol) and door.name not in OWN_PASSWORD:
            return go("/system/me")
        let_in(door, me)
        licensing.admit(tenant, door, at)
        return await audit.through(here, door, at, await door.handler(here, at))
    except Refusal as refusal:
        return refused(tenant, refusal, here.language, me)


async def _received(tenant: Tenant, asked: Asked, place: tuple[Door, At] | None) -> Asked:
    """A form with files as one without: they are kept by then. A stranger's is not read at all."""
    me = await session.caller(tenant, "GET", asked.headers)
    if me is None:
        return replace(asked, chunks=None)
    if place is None or not place[0].files:
        raise refuse("api.media-type", expected="application/x-www-form-urlencoded")
    door, at = place
    let_in(door, me)
    licensing.admit(tenant, door, at)

    def admit(token: str) -> None:
        if session.cookie(asked.headers):
            session.check_origin(me, asked.headers, token)

    return await uploads.received(tenant, me, asked, at.found.path if at.found else "", admit)


# signing in


async def _login(here: Here, _at: At) -> Answer:
    tenant, asked, language = here.tenant, here.asked, here.language
    seen = viewer(tenant, _NOBODY, language)
    if asked.method != "POST":
        next_ = dict(pairs_of(asked.query)).get("next", "/")
        return html(templates.login(tenant.app, seen, next=_safe(next_)))
    inputs = forms.inputs_of(asked.body)
    name, password = inputs.get("name", [""])[-1].strip(), inputs.get("password", [""])[-1]
    next_ = _safe(inputs.get("next", ["/"])[-1])
    try:
        if session.from_elsewhere(asked.headers):
            raise refuse("auth.csrf")
        came = auth.From(asked.address, asked.headers.get("user-agent", ""))
        made = await auth.login(tenant, name, password, "page", came, inputs.get("code", [""])[-1][:80])
    except Refusal as refusal:
        two = any(f.code.startswith("second.") for f in refusal.faults)
        page = templates.login(tenant.app, seen, said(refusal.faults, language), name, next_, two)
        return html(page, refusal.status)
    return go(next_, (_set_cookie(auth.COOKIE, made.token, tenant.policy.page_hours * 3600),))


def _safe(place: str) -> str:
    """Only within this site."""
    return place if re.fullmatch(r"/(?!/)[\x21-\x7e]*", place) and "\\" not in place else "/"


def _set_cookie(name: str, value: str, seconds: int) -> tuple[bytes, bytes]:
    """Over https ``shield`` makes it stricter."""
    return b"set-cookie", f"{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax".encode()


async def _logout(here: Here, _at: At) -> Answer:
    await auth.logout(here.tenant, session.cookie(here.asked.headers))
    return go("/login", (_set_cookie(auth.COOKIE, "", 0),))


async def _language(here: Here, _at: At) -> Answer:
    if session.from_elsewhere(here.asked.headers):
        raise refuse("auth.csrf")
    inputs = forms.inputs_of(here.asked.body)
    language = inputs.get("language", [""])[-1]
    chosen = language if language in LANGUAGES else "zh"
    return go(_safe(inputs.get("next", ["/"])[-1]), (_set_cookie("language", chosen, 365 * 86400),))


# pages


async def _asset(here: Here, _at: At) -> Answer:
    return assets.asset(here.asked)


async def _home(here: Here, _at: At) -> Answer:
    view = await boards.home(here)
    return html(templates.home(here.app, viewer(here.tenant, here.me, here.language), view))


async def _list(here: Here, at: At) -> Answer:
    """What is wrong with a filter is told above an unfiltered list."""
    page = _named(here, here.app.lists, at)
    entity = here.app.entities[page.entity]
    rights.require(here.app, here.me, entity, "read")
    pairs = [(k, v) for k, v in pairs_of(here.asked.query) if v.strip()]
    asked = dict(pairs)
    wrong: tuple[Said, ...] = ()
    try:
        asking = _asking(here, page, entity, pairs)
        text, cursor = await reading.ask_list(here, entity, asking)
    except Refusal as refusal:
        wrong = said(refusal.faults, here.language)
        text, cursor = await reading.ask_list(here, entity, _asking(here, page, entity, []))
    data = json.loads(text)
    chosen = await boards.called(here, entity, asked)
    view = ListView(tuple(data["items"]), asked, cursor, data.get("total"), wrong, chosen)
    return html(templates.list_page(here.app, viewer(here.tenant, here.me, here.language), page, view))


def _asking(here: Here, page: ListPage, entity: Entity, pairs: list[tuple[str, str]]) -> request.Asking:
    """The list's own rows, narrowed further by what the address says."""
    own = [(k, v) for k, v in pairs if k not in ("fields", "expand")]
    if page.sort and not any(k == "sort" for k, _ in own):
        own.append(("sort", page.sort))
    if page.where:
        more = next((v for k, v in own if k == "where"), "")
        own = [(k, v) for k, v in own if k != "where"]
        own.append(("where", f"({page.where}) AND ({more})" if more else page.where))
    machine = machine_of(here.app, entity)
    hidden = rights.hidden(here.app, here.me, entity)
    names = [c for c in (*page.columns, *([machine.field] if machine else [])) if c.partition(".")[0] not in hidden]
    asking = request.listing(here.app, here.me, entity, own)
    return replace(asking, question=replace(asking.question, fields=tuple(dict.fromkeys(names))))


def _named(here: Here, known: Mapping[str, T], at: At) -> T:
    found = known.get(f"{at.names['module']}.{at.names['name']}")
    if found is None:
        raise _no_page(here)
    return found


def _no_page(here: Here) -> Refusal:
    return refuse("api.no-route", path="/" + "/".join(here.asked.path)[:120], nearest="")


DOORS = (
    Door("page.asset", ("GET", "HEAD"), "assets/{file}", _asset, who="nobody"),
    Door("page.login", ("GET", "HEAD", "POST"), "login", _login, who="nobody"),
    Door("page.language", ("POST",), "language", _language, who="nobody"),
    Door("page.logout", ("POST",), "logout", _logout, who="anyone"),
    Door("page.home", ("GET", "HEAD"), "", _home, who="anyone"),
    Door("page.list", ("GET", "HEAD"), "m/{module}/{name}", _list),
)
