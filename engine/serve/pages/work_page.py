"""The page of what goes on behind the others, for administrators."""

from __future__ import annotations

from engine.plan.viewer import WorkView
from engine.serve.pages.html import html, viewer
from engine.serve.system import work
from engine.serve.tenant.door import At, Door
from engine.serve.tenant.here import Here
from engine.serve.wire.answer import Answer
from renderer import work as templates


async def _page(here: Here, _at: At) -> Answer:
    found = await work.told(here)
    view = WorkView(found["outbox"], found["deliveries"], tuple(found["loops"]))
    return html(templates.work_page(here.app, viewer(here.tenant, here.me, here.language), view))


DOORS = (Door("page.work", ("GET", "HEAD"), "system/work", _page, who="administrator"),)
