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
| GET ``/docs`` | the reference of this system's API |
| GET ``/assets/{file}`` | built assets by the names of ``manifest.json``, cached for good |

A form is ``application/x-www-form-urlencoded``. Inputs are named by path: ``sheet_date``, ``lines.0.worker``,
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
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode

from engine.label import LANGUAGES
from engine.plan.app import App
from engine.plan.entity import Entity
from engine.plan.page import FormPage, ListPage
from engine.plan.viewer import Action, ListView, RecordView, Said
from engine.serve import actions, assets, auth, boards, decode, forms, reading, reference, request, rights, session
from engine.serve.answer import Answer, Asked, said
from engine.serve.bind import Me, call, id_array
from engine.serve.door import At, Door, let_in
from engine.serve.fault import Refusal, refuse
from engine.serve.here import Here, record_id
from engine.serve.html import go, html, viewer
from engine.serve.ids import uuid7
from engine.serve.store import Op
from engine.serve.tenancy import Tenant
from engine.serve.writing import perform
from renderer import pages as templates

_NOBODY = Me(None)
T = TypeVar("T")
Find = Callable[[App, str, Sequence[str]], tuple[Door, At] | None]


def refused(tenant: Tenant, refusal: Refusal, language: str) -> Answer:
    """A refusal as a page, for whoever stands outside a form."""
    title = said(refusal.faults[:1], language)[0].message
    seen = viewer(tenant, _NOBODY, language)
    return html(
        templates.problem_page(tenant.app, seen, refusal.status, title, said(refusal.faults, language)), refusal.status
    )


async def handle(tenant: Tenant, asked: Asked, language: str, find: Find) -> Answer:
    """``find`` gives the door of an address, or None."""
    language = session.chosen_language(asked.headers) or language
    place = find(tenant.app, asked.method, asked.path)
    if place is not None and place[0].who == "nobody":
        door, at = place
        return await door.handler(Here(tenant, tenant.app, _NOBODY, asked, language), at)
    form_token = ""
    if asked.method == "POST":
        form_token = forms.inputs_of(asked.body).get("_csrf", [""])[-1]
    me = await session.caller(tenant, asked.method, asked.headers, form_token)
    if me is None:
        came = "/" + "/".join(asked.path) + (f"?{asked.query.decode('latin-1')}" if asked.query else "")
        return go(f"/login?{urlencode({'next': came})}" if came != "/" else "/login")
    here = Here(tenant, tenant.app, me, asked, session.chosen_language(asked.headers) or me.language)
    await actions.people_names(tenant, tenant.app)
    try:
        if place is None:
            raise _no_page(here)
        door, at = place
        let_in(door, me)
        return await door.handler(here, at)
    except Refusal as refusal:
        seen = viewer(tenant, me, here.language)
        title = said(refusal.faults[:1], here.language)[0].message
        page = templates.problem_page(here.app, seen, refusal.status, title, said(refusal.faults, here.language))
        return html(page, refusal.status)


# signing in


async def _login(here: Here, _at: At) -> Answer:
    tenant, asked, language = here.tenant, here.asked, here.language
    seen = viewer(tenant, _NOBODY, language)
    if asked.method != "POST":
        next_ = dict(parse_qsl(asked.query.decode("latin-1"))).get("next", "/")
        return html(templates.login(tenant.app, seen, next=_safe(next_)))
    inputs = forms.inputs_of(asked.body)
    name, password = inputs.get("name", [""])[-1].strip(), inputs.get("password", [""])[-1]
    next_ = _safe(inputs.get("next", ["/"])[-1])
    origin = asked.headers.get("origin", "")
    try:
        if origin and origin != "null" and origin.partition("://")[2] != asked.headers.get("host", ""):
            raise refuse("auth.csrf")
        made = await auth.login(tenant, name, password, "page")
    except Refusal as refusal:
        page = templates.login(tenant.app, seen, said(refusal.faults, language), name, next_)
        return html(page, refusal.status)
    return go(next_, (_set_cookie(auth.COOKIE, made.token, 12 * 3600, asked.headers),))


def _safe(place: str) -> str:
    """Only within this site."""
    return place if re.fullmatch(r"/(?!/)[\x21-\x7e]*", place) and "\\" not in place else "/"


def _set_cookie(name: str, value: str, seconds: int, headers: Mapping[str, str] | None = None) -> tuple[bytes, bytes]:
    secure = "; Secure" if (headers or {}).get("x-forwarded-proto") == "https" else ""
    return b"set-cookie", f"{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}".encode()


async def _logout(here: Here, _at: At) -> Answer:
    await auth.logout(here.tenant, session.cookie(here.asked.headers))
    return go("/login", (_set_cookie(auth.COOKIE, "", 0),))


async def _language(here: Here, _at: At) -> Answer:
    inputs = forms.inputs_of(here.asked.body)
    language = inputs.get("language", [""])[-1]
    chosen = language if language in LANGUAGES else "zh"
    return go(_safe(inputs.get("next", ["/"])[-1]), (_set_cookie("language", chosen, 365 * 86400),))


# pages


async def _asset(here: Here, _at: At) -> Answer:
    return assets.asset(here.asked)


async def _docs(here: Here, _at: At) -> Answer:
    return html(reference.page(here.app, here.language))


async def _home(here: Here, _at: At) -> Answer:
    view = await boards.home(here)
    return html(templates.home(here.app, viewer(here.tenant, here.me, here.language), view))


async def _dashboard(here: Here, at: At) -> Answer:
    plan = _named(here, here.app.dashboards, at)
    if plan.access and not here.me.admin and not set(plan.access) & set(here.me.roles):
        raise refuse("access.denied", operation=rights.WORDS["read"], entity=plan.title)
    given = {k: v for k, v in request.pairs_of(here.asked.query) if v and k in plan.filters}
    view = await boards.dashboard(here, plan, given)
    return html(templates.dashboard_page(here.app, viewer(here.tenant, here.me, here.language), plan, view))


async def _list(here: Here, at: At) -> Answer:
    """What is wrong with a filter is told above an unfiltered list."""
    page = _named(here, here.app.lists, at)
    entity = here.app.entities[page.entity]
    rights.require(here.app, here.me, entity, "read")
    pairs = [(k, v) for k, v in request.pairs_of(here.asked.query) if v.strip()]
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
    machine = here.app.machines.get(entity.machine) if entity.machine else None
    hidden = rights.hidden(here.app, here.me, entity)
    names = [c for c in (*page.columns, *([machine.field] if machine else [])) if c.partition(".")[0] not in hidden]
    asking = request.listing(here.app, here.me, entity, own)
    return replace(asking, question=replace(asking.question, fields=tuple(dict.fromkeys(names))))


def form_of(app: App, entity: Entity) -> FormPage:
    return next(page for page in app.forms.values() if page.entity == entity.path)


async def _record(here: Here, at: At) -> Answer:
    entity, record = at.entity, at.names["id"]
    given = dict(request.pairs_of(here.asked.query))
    if record == "new":
        rights.require(here.app, here.me, entity, "create")
        sent = await _filled(here, entity, given)
        return _shown(here, entity, RecordView(None, sent=sent))
    view = await _view(here, entity, record_id(record, entity))
    return _shown(here, entity, replace(view, saved=given.get("saved") == "1"))


async def _filled(here: Here, entity: Entity, given: Mapping[str, str]) -> dict[str, Any] | None:
    """What the address says of a new record; references with their names."""
    known = {k: v for k, v in given.items() if k in entity.fields and entity.fields[k].origin == "input"}
    if not known:
        return None
    return {**known, **await boards.called(here, entity, known)}


def _shown(here: Here, entity: Entity, view: RecordView, status: int = 200) -> Answer:
    page = form_of(here.app, entity)
    return html(templates.record_page(here.app, viewer(here.tenant, here.me, here.language), page, view), status)


async def _view(here: Here, entity: Entity, record: str) -> RecordView:
    """A record with everything around it, in a fixed number of statements."""
    asking = request.one(here.app, here.me, entity, record, [])
    data = json.loads(await reading.get_text(here, entity, asking))
    told = tuple(
        Action(
            a["name"],
            actions.title_of(here.app, entity, a["name"]),
            a["kind"],
            a["reason"],
            tuple(a.get("require", ())),
        )
        for a in data.pop("actions", ())
    )
    data.pop("_steps", None)
    editable = await _editable(here, entity, record, data, data.pop("_editable", None))
    return RecordView(
        data,
        told,
        editable,
        editable is None and await _may(here, entity, record, "delete"),
        tuple(await boards.trail(here, record)) if entity.machine else (),
        tuple(await actions.history_of(here.tenant, here.app, record, here.me)),
    )


async def _editable(
    here: Here, entity: Entity, record: str, data: Mapping[str, Any], step: list[str] | None
) -> tuple[str, ...] | None:
    if entity.kind == "ledger":
        return ()
    machine = here.app.machines.get(entity.machine) if entity.machine else None
    if machine is not None:
        state = machine.states.get(str(data.get(machine.field)))
        if state is not None and not state.editable:
            return tuple(step or ())
    return None if await _may(here, entity, record, "update") else ()


async def _may(here: Here, entity: Entity, record: str, operation: str) -> bool:
    if rights.may_always(here.app, here.me, entity, operation):
        return True
    if not rights.may_ever(here.app, here.me, entity, operation):
        return False
    statement = here.tenant.asker.access(here.app, entity.path, operation, here.me.roles)
    if statement is None:
        return False
    made = call(statement, here.moment(), {"roots": id_array([record])})
    return bool(await here.tenant.database.read(made.sql, made.values))


async def _save(here: Here, at: At) -> Answer:
    """A form: written, acted on, or shown again with what was wrong."""
    entity, record = at.entity, at.names["id"]
    new = record == "new"
    form = forms.read(here.app, entity, here.asked.body, new, here.tenant.zone)
    place = f"/r/{entity.path.replace('.', '/')}"
    try:
        ops = _ops(here, entity, record, form)
        done = (await perform(here.tenant, here.me, ops, here.app))[-1]
    except Refusal as refusal:
        if refusal.status in (403, 404):
            raise
        shown = said(refusal.faults, here.language)
        sent = await _sent(here, entity, form.body)
        if new:
            return _shown(here, entity, RecordView(None, sent=sent, said=shown), 422)
        view = await _view(here, entity, record_id(record, entity))
        return _shown(here, entity, replace(view, sent=sent, said=shown), refusal.status)
    if form.do == "delete":
        back = next((name for name, page in here.app.lists.items() if page.entity == entity.path), "")
        return go(f"/m/{back.replace('.', '/')}" if back else "/")
    return go(f"{place}/{done.id}?saved=1")


def _ops(here: Here, entity: Entity, record: str, form: forms.Form) -> list[Op]:
    new = record == "new"
    rules = decode.Rules(text=True, hidden=rights.hidden_everywhere(here.app, here.me, entity))
    ids = "" if new else record_id(record, entity)
    if form.do == "delete" and not new:
        return [Op("delete", entity.path, ids, rev=form.rev)]
    if form.rev is None and not new:
        raise refuse("api.if-match")
    change = decode.document(here.app, entity, form.body, new, rules)
    if not new and form.action:
        return [Op("act", entity.path, ids, change, form.action, form.reason, form.reasons, form.rev, rules=rules)]
    if not new:
        return [
            Op("update", entity.path, ids, change, reason=form.reason, reasons=form.reasons, rev=form.rev, rules=rules)
        ]
    made = change if change.id else replace(change, id=uuid7())
    ops = [Op("create", entity.path, "", made, reason=form.reason, reasons=form.reasons, rules=rules)]
    if form.action:
        ops.append(Op("act", entity.path, made.id, action=form.action, reason=form.reason, reasons=form.reasons))
    return ops


async def _sent(here: Here, entity: Entity, body: Mapping[str, Any]) -> dict[str, Any]:
    """What a form held, shaped like a record: references get their names, one statement for each entity."""
    wanted: dict[str, set[str]] = {}

    def collect(plan: Entity, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            known = plan.fields.get(name)
            if known is not None and known.origin == "lines" and isinstance(value, list):
                for line in value:
                    collect(here.app.entities[known.target], line)
            elif known is not None and known.kind == "uuid" and isinstance(value, str) and value:
                wanted.setdefault(known.target, set()).add(value)

    collect(entity, body)
    names = {path: await boards.displays(here, path, ids) for path, ids in wanted.items()}

    def shaped(plan: Entity, values: Mapping[str, Any]) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for name, value in values.items():
            known = plan.fields.get(name)
            if known is not None and known.origin == "lines" and isinstance(value, list):
                out[name] = [shaped(here.app.entities[known.target], line) for line in value]
            elif known is not None and known.kind == "uuid":
                out[name] = {"id": value, "display": names.get(known.target, {}).get(value, "")} if value else None
            else:
                out[name] = value
        return out

    return shaped(entity, body)


def _named(here: Here, known: Mapping[str, T], at: At) -> T:
    found = known.get(f"{at.names['module']}.{at.names['name']}")
    if found is None:
        raise _no_page(here)
    return found


def _no_page(here: Here) -> Refusal:
    return refuse("api.no-route", path="/" + "/".join(here.asked.path)[:120], nearest="")


def _is_document(at: At) -> bool:
    return not at.entity.owner


DOORS = (
    Door("page.asset", ("GET", "HEAD"), "assets/{file}", _asset, who="nobody"),
    Door("page.login", ("GET", "HEAD", "POST"), "login", _login, who="nobody"),
    Door("page.language", ("POST",), "language", _language, who="nobody"),
    Door("page.logout", ("POST",), "logout", _logout, who="anyone"),
    Door("page.home", ("GET", "HEAD"), "", _home, who="anyone"),
    Door("page.docs", ("GET", "HEAD"), "docs", _docs, who="anyone"),
    Door("page.list", ("GET", "HEAD"), "m/{module}/{name}", _list),
    Door("page.dashboard", ("GET", "HEAD"), "d/{module}/{name}", _dashboard),
    Door("page.record", ("GET", "HEAD"), "r/{module}/{entity}/{id}", _record, fits=_is_document),
    Door("page.save", ("POST",), "r/{module}/{entity}/{id}", _save, scope="write", fits=_is_document),
)
