"""The page of an import: choose a file, see what would become of it, keep it or mend it, take a run back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.plan.app import ImportPlan
from engine.plan.viewer import ImportView
from engine.serve.document import rights
from engine.serve.pages import forms
from engine.serve.pages.html import go, html, viewer
from engine.serve.records import import_doors, importing
from engine.serve.records.import_doors import Asked
from engine.serve.records.importing import Existing
from engine.serve.tenant.door import At, Door
from engine.serve.tenant.here import Here
from engine.serve.wire.answer import Answer, said
from engine.serve.wire.fault import Refusal, refuse
from engine.serve.wire.parsing import pairs_of
from renderer import imports as templates


def _address(path: str) -> str:
    module, _, name = path.partition(".")
    return f"/i/{module}/{name}"


def _of(here: Here, at: At) -> tuple[str, ImportPlan]:
    return import_doors.plan_of(here, f"{at.names['module']}.{at.names['import']}")


async def _page(here: Here, at: At) -> Answer:
    path, plan = _of(here, at)
    done = dict(pairs_of(here.asked.query)).get("run", "")
    return await _shown(here, path, plan, done=done)


async def _shown(here: Here, path: str, plan: ImportPlan, status: int = 200, **more: Any) -> Answer:
    entity = here.app.entities[plan.entity]
    child = importing.child_of(here.tenant, plan)
    columns = tuple(
        (c.headers, (child if child and c.field in child.fields else entity).fields[c.field].title, c.required)
        for c in plan.columns
        if c.headers
    )
    runs = await import_doors.runs_of(here, name=path)
    view = ImportView(
        _address(path),
        plan.title,
        plan.entity,
        columns,
        changes=bool(plan.key and not plan.lines and rights.may_ever(here.app, here.me, entity, "update")),
        runs=tuple(import_doors.told_run(row) for row in runs[:50]),
        **more,
    )
    return html(templates.import_page(here.app, viewer(here.tenant, here.me, here.language), view), status)


async def _do(here: Here, at: At) -> Answer:
    path, plan = _of(here, at)
    inputs = {name: values[-1] for name, values in forms.inputs_of(here.asked.body).items()}
    what = inputs.get("_do", "")
    try:
        if here.asked.refused:
            raise Refusal(here.asked.refused)
        if what == "undo":
            await import_doors.undo(here, inputs.get("run", ""))
            return go(_address(path))
        return await _brought(here, path, plan, what, inputs)
    except Refusal as refusal:
        told = said(refusal.faults, here.language)
        return await _shown(here, path, plan, refusal.status, said=told, existing=_existing(inputs))


def _existing(inputs: Mapping[str, str]) -> Existing:
    given = inputs.get("existing", "skip")
    return next((one for one in importing.EXISTING if one == given), "skip")


async def _brought(here: Here, path: str, plan: ImportPlan, what: str, inputs: Mapping[str, str]) -> Answer:
    file = inputs.get("file", "")
    if not file:
        raise refuse("import.no-choice", "/file")
    keep = what in ("keep", "partly")
    asked = Asked(file, keep, what == "partly", _existing(inputs), inputs.get("reason", ""), {})
    if what == "sheet":
        return await import_doors.sheet(here, path, asked)
    done = await import_doors.brought(here, path, asked)
    if done.run is not None:
        return go(f"{_address(path)}?run={done.run['id']}")
    report = import_doors.report(here, done.outcome, done.reading, None)
    return await _shown(here, path, plan, report=report, file=(file, done.file["name"]), existing=asked.existing)


DOORS: tuple[Door, ...] = (
    Door("page.import", ("GET", "HEAD"), "i/{module}/{import}", _page),
    Door("page.import-do", ("POST",), "i/{module}/{import}", _do, scope="write", files=True),
)
