"""The page behind a figure: what it is made of, the records it sums, and the proof."""

from __future__ import annotations

from engine.serve.pages.html import html, viewer
from engine.serve.query import reckoning
from engine.serve.tenant.door import At, Door
from engine.serve.tenant.here import Here
from engine.serve.wire.answer import Answer
from engine.serve.wire.parsing import pairs_of
from renderer import reckoning as templates


async def _page(here: Here, at: At) -> Answer:
    figures = reckoning.named(here, at)
    told = await reckoning.explained(here, figures, pairs_of(here.asked.query))
    return html(templates.page(here.app, viewer(here.tenant, here.me, here.language), figures, told))


DOORS = (Door("page.figure", ("GET", "HEAD"), "f/{module}/{name}", _page),)
