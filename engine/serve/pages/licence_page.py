"""The page of the licence, for administrators."""

from __future__ import annotations

from engine.plan.viewer import LicenceView
from engine.serve.pages.html import html, viewer
from engine.serve.system import licence
from engine.serve.tenant.door import At, Door
from engine.serve.tenant.here import Here
from engine.serve.wire.answer import Answer
from renderer import licence as templates


async def _page(here: Here, _at: At) -> Answer:
    view = LicenceView(await licence.told(here))
    return html(templates.licence_page(here.app, viewer(here.tenant, here.me, here.language), view))


DOORS = (Door("page.licence", ("GET", "HEAD"), "system/licence", _page, who="administrator"),)
