"""Pages of one record: shown, filled in, saved, acted on, or shown again with what was wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from engine.fieldtypes import REGISTRY
from engine.fieldtypes.links import Files
from engine.fieldtypes.storage import moment_text
from engine.plan.app import App
from engine.plan.entity import Entity
from engine.plan.page import FormPage
from engine.plan.viewer import Action, RecordView
from engine.serve.document import actions, decode, rights
from engine.serve.document.facts import machine_of
from engine.serve.document.store import Op
from engine.serve.files import files
from engine.serve.pages import forms
from engine.serve.pages.html import go, html, viewer
from engine.serve.people.called import people_names
from engine.serve.query import boards, past, reading, request
from engine.serve.tenant.door import At, Door
from engine.serve.tenant.here import Here, looks_like_id, record_id
from engine.serve.tenant.ids import uuid7
from engine.serve.wire.answer import Answer, said
from engine.serve.wire.fault import Refusal, refuse
from engine.serve.wire.parsing import pairs_of
from engine.serve.write import resolve
from engine.serve.write.writing import perform
from renderer import pages as templates


def form_of(app: App, entity: Entity) -> FormPage:
    return next(page for page in app.forms.values() if page.entity == entity.path)


async def _record(here: Here, at: At) -> Answer:
    entity, record = at.entity, at.names["id"]
    given = dict(pairs_of(here.asked.query))
    if record == "new":
        rights.require(here.app, here.me, entity, "create")
        sent = await _filled(here, entity, given)
        return _shown(here, entity, RecordView(None, sent=sent, fixed=await _fixed(here, entity, "")))
    view = await _view(here, entity, record_id(record, entity))
    return _shown(here, entity, replace(view, saved=given.get("saved") == "1"))


async def _filled(here: Here, entity: Entity, given: Mapping[str, str]) -> dict[str, Any] | None:
    """What the address says of a new record, and the references it begins with; with their names."""
    hidden = rights.hidden(here.app, here.me, entity)
    known = {k: v for k, v in given.items() if k in entity.fields and entity.fields[k].origin == "input"}
    for name, key in _begins_with(here.app, entity).items():
        if name not in known and name not in hidden:
            found = await resolve.find(here.tenant, entity.fields[name].target, [key])
            if key in found:
                known[name] = found[key]
    if not known:
        return None
    return {**known, **await boards.called(here, entity, known)}


def _begins_with(app: App, entity: Entity) -> dict[str, str]:
    return {f.name: f.default_key for f in entity.fields.values() if f.default_key and f.target in app.entities}


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
    happened, more = await past.changes(here, record, past.MOST)
    return RecordView(
        data,
        told,
        editable,
        await _fixed(here, entity, record),
        editable is None and await _may(here, entity, record, "delete"),
        tuple(await boards.trail(here, record)) if entity.machine else (),
        tuple(happened),
        bool(more),
        files=await _brought(here, entity, record),
    )


async def _brought(here: Here, entity: Entity, record: str) -> dict[str, tuple[str, str]]:
    """Who brought each file of a record, and when."""
    if not any(_holds_files(here.app.entities[path]) for path, _ in _paths(here.app, entity)):
        return {}
    held = list(await files.of_record(here.tenant, entity, record))
    people = await people_names(here.tenant, here.app, [row["user"] for row in held])
    return {
        str(row["id"]): (people.get(str(row["user"]), {}).get("display", ""), moment_text(row["at"]) or "")
        for row in held
    }


def _holds_files(entity: Entity) -> bool:
    return any(isinstance(REGISTRY.get(field.spec.type), Files) for field in entity.fields.values())


async def _editable(
    here: Here, entity: Entity, record: str, data: Mapping[str, Any], step: list[str] | None
) -> tuple[str, ...] | None:
    if entity.kind == "ledger":
        return ()
    machine = machine_of(here.app, entity)
    if machine is not None:
        state = machine.states.get(str(data.get(machine.field)))
        if state is not None and not state.editable:
            return tuple(step or ())
    return None if await _may(here, entity, record, "update") else ()


async def _fixed(here: Here, entity: Entity, record: str) -> frozenset[str]:
    """Paths of the fields that no role of the caller's changes on this record; of a new one, by all of his roles."""
    out = set()
    by_roles: dict[tuple[str, ...], bool] = {}
    for path, prefix in _paths(here.app, entity):
        operation = "update" if record else "create"
        for name, roles in rights.fixed(here.app, here.me, here.app.entities[path], operation).items():
            if roles not in by_roles:
                by_roles[roles] = bool(roles) and (not record or await here.admits(entity, "update", record, roles))
            if not by_roles[roles]:
                out.add(prefix + name)
    return frozenset(out)


def _paths(app: App, entity: Entity, prefix: str = "") -> Iterator[tuple[str, str]]:
    """A document and its lines, with what stands before their fields' names in a path."""
    yield entity.path, prefix
    for known in entity.fields.values():
        if known.origin == "lines":
            yield from _paths(app, app.entities[known.target], f"{prefix}{known.name}.")


async def _may(here: Here, entity: Entity, record: str, operation: str) -> bool:
    return await here.admits(entity, operation, record, here.me.roles)


async def _save(here: Here, at: At) -> Answer:
    """A form: written, acted on, or shown again with what was wrong."""
    entity, record = at.entity, at.names["id"]
    new = record == "new"
    form = forms.read(here.app, entity, here.asked.body, new, here.tenant.zone)
    place = f"/r/{entity.path.replace('.', '/')}"
    wrong = here.asked.refused
    try:
        if wrong:
            raise Refusal(wrong, max(one.status for one in wrong))
        ops = _ops(here, entity, record, form)
        done = (await perform(here.tenant, here.me, ops, here.app))[-1]
    except Refusal as refusal:
        if refusal.status in (403, 404):
            raise
        shown = said(refusal.faults, here.language)
        sent = await _sent(here, entity, form.body, "" if new else record)
        if new:
            fixed = await _fixed(here, entity, "")
            return _shown(
                here, entity, RecordView(None, sent=sent, said=shown, fixed=fixed), refusal.status if wrong else 422
            )
        view = await _view(here, entity, record_id(record, entity))
        return _shown(here, entity, replace(view, sent=sent, said=shown), refusal.status)
    if form.do == "delete":
        back = next((name for name, page in here.app.lists.items() if page.entity == entity.path), "")
        return go(f"/m/{back.replace('.', '/')}" if back else "/")
    return go(f"{place}/{done.id}?saved=1")


def _ops(here: Here, entity: Entity, record: str, form: forms.Form) -> list[Op]:
    new = record == "new"
    rules = rights.rules(here.app, here.me, entity, text=True)
    ids = "" if new else record_id(record, entity)
    if form.do == "delete" and not new:
        return [Op("delete", entity.path, ids, rev=form.seen)]
    if form.rev is None and not new:
        raise refuse("api.if-match")
    change = decode.document(here.app, entity, form.body, new, rules)
    if not new and form.action:
        return [Op("act", entity.path, ids, change, form.action, form.reason, form.reasons, form.seen, rules=rules)]
    if not new:
        return [
            Op("update", entity.path, ids, change, reason=form.reason, reasons=form.reasons, rev=form.seen, rules=rules)
        ]
    made = change if change.id else replace(change, id=uuid7())
    ops = [Op("create", entity.path, "", made, reason=form.reason, reasons=form.reasons, rules=rules)]
    if form.action:
        ops.append(Op("act", entity.path, made.id, action=form.action, reason=form.reason, reasons=form.reasons))
    return ops


async def _sent(here: Here, entity: Entity, body: Mapping[str, Any], record: str) -> dict[str, Any]:
    """What a form held, shaped like a record: references get their names, files what is known of them."""
    wanted: dict[str, set[str]] = {}
    held: set[str] = set()

    def collect(plan: Entity, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            known = plan.fields.get(name)
            if known is not None and known.origin == "lines" and isinstance(value, list):
                for line in value:
                    collect(here.app.entities[known.target], line)
            elif known is not None and known.kind == "uuid" and isinstance(value, str) and value:
                wanted.setdefault(known.target, set()).add(value)
            elif known is not None and isinstance(REGISTRY[known.spec.type], Files):
                held.update(v for v in (value if isinstance(value, list) else [value]) if looks_like_id(str(v)))

    collect(entity, body)
    names = await boards.names_of(here, wanted)
    attached = await files.shown_again(here.tenant, here.me.user, held, entity, record)

    def shaped(plan: Entity, values: Mapping[str, Any]) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for name, value in values.items():
            known = plan.fields.get(name)
            if known is not None and known.origin == "lines" and isinstance(value, list):
                out[name] = [shaped(here.app.entities[known.target], line) for line in value]
            elif known is not None and isinstance(REGISTRY[known.spec.type], Files):
                found = [attached[v] for v in (value if isinstance(value, list) else [value]) if v in attached]
                out[name] = found if isinstance(value, list) else found[0] if found else None
            elif known is not None and known.kind == "uuid":
                out[name] = {"id": value, "display": names.get(known.target, {}).get(value, "")} if value else None
            else:
                out[name] = value
        return out

    return shaped(entity, body)


def _is_document(at: At) -> bool:
    return not at.entity.owner


DOORS = (
    Door("page.record", ("GET", "HEAD"), "r/{module}/{entity}/{id}", _record, fits=_is_document, audited="read"),
    Door("page.save", ("POST",), "r/{module}/{entity}/{id}", _save, scope="write", files=True, fits=_is_document),
)
