"""The page that describes the API: the caller's own document, for people."""

from __future__ import annotations

from engine.serve.pages import reference
from engine.serve.pages.html import html
from engine.serve.system import describing
from engine.serve.tenant.door import At, Door
from engine.serve.tenant.here import Here
from engine.serve.wire.answer import Answer


def door(doors: tuple[Door, ...]) -> Door:
    """``doors``: the engine's own, which no pack describes."""

    async def docs(here: Here, _at: At) -> Answer:
        return html(reference.page(here.app, describing.document(here.tenant, here.me, doors), here.language))

    return Door("page.docs", ("GET", "HEAD"), "docs", docs, who="anyone")
