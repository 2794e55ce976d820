"""The page of the audit: who saw and changed what, newest first, narrowed by person, act, entity, record and days."""

from __future__ import annotations

from engine.plan.viewer import AuditView
from engine.serve.pages.html import html, viewer
from engine.serve.people.called import people_names
from engine.serve.system import audit_doors
from engine.serve.tenant.door import At, Door
from engine.serve.tenant.here import Here
from engine.serve.wire.answer import Answer, said
from engine.serve.wire.fault import Refusal
from renderer import audit as templates


async def _page(here: Here, _at: At) -> Answer:
    given = audit_doors.filters_of(here, ("before",))
    before = given.pop("before", "")
    status = 200
    try:
        items = await audit_doors.found(here, given, before)
        told = ()
    except Refusal as refusal:
        items, told, status = [], said(refusal.faults, here.language), refusal.status  # type: ignore[assignment]
    names = await people_names(here.tenant, here.app, [one["by"] for one in items])
    rows = tuple({**one, "name": names.get(one["by"] or "", {}).get("display", "")} for one in items)
    more = items[-1]["id"] if len(items) == audit_doors.PAGE else ""
    page = templates.audit_page(
        here.app, viewer(here.tenant, here.me, here.language), AuditView(rows, given, more, told)
    )
    return html(page, status)


DOORS = (Door("page.audit", ("GET", "HEAD"), "system/audit", _page, who="auditor", audited="read-audit"),)
