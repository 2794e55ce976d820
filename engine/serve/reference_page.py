"""The page that describes the API: the caller's own document, for people."""

from __future__ import annotations

from engine.serve import describing, reference
from engine.serve.answer import Answer
from engine.serve.door import At, Door
from engine.serve.here import Here
from engine.serve.html import html


def door(doors: tuple[Door, ...]) -> Door:
    """``doors``: the engine's own, which no pack describes."""

    async def docs(here: Here, _at: At) -> Answer:
        return html(reference.page(here.app, describing.document(here.tenant, here.me, doors), here.language))

    return Door("page.docs", ("GET", "HEAD"), "docs", docs, who="anyone")
