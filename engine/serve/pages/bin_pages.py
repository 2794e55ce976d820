"""The bin of an entity: what was thrown away, for whoever may throw away; and its way back."""

from __future__ import annotations

import json
from dataclasses import replace

from engine.plan.entity import Entity
from engine.plan.viewer import BinView, Said
from engine.serve.document import rights
from engine.serve.document.store import Op
from engine.serve.pages import forms
from engine.serve.pages.html import go, html, viewer
from engine.serve.query import reading, request
from engine.serve.tenant.door import At, Door
from engine.serve.tenant.here import Here, looks_like_id
from engine.serve.wire.answer import Answer, said
from engine.serve.wire.fault import Refusal, refuse
from engine.serve.wire.parsing import pairs_of
from engine.serve.write.writing import perform
from renderer import bins as templates

_FIELDS = ("display", "deleted_at", "updated_by")


def _is_document(at: At) -> bool:
    return at.entity.write is not None and not at.entity.owner and at.entity.kind != "ledger"


async def _page(here: Here, at: At) -> Answer:
    given = dict(pairs_of(here.asked.query))
    return await _shown(here, at.entity, given.get("cursor", ""))


async def _shown(
    here: Here, entity: Entity, cursor: str = "", told: tuple[Said, ...] = (), status: int = 200
) -> Answer:
    rights.require(here.app, here.me, entity, "delete")
    asked = [("bin", "true"), ("sort", "-deleted_at"), *([("cursor", cursor)] if cursor else [])]
    asking = request.listing(here.app, here.me, entity, asked)
    asking = replace(asking, question=replace(asking.question, fields=("id", *_FIELDS)))
    text, more = await reading.ask_list(here, entity, asking)
    view = BinView(entity.path, tuple(json.loads(text)["items"]), more, told)
    return html(templates.bin_page(here.app, viewer(here.tenant, here.me, here.language), view), status)


async def _restore(here: Here, at: At) -> Answer:
    entity = at.entity
    record = forms.inputs_of(here.asked.body).get("id", [""])[-1]
    if not looks_like_id(record):
        raise refuse("api.not-found", entity=entity.title)
    try:
        await perform(here.tenant, here.me, [Op("restore", entity.path, record.lower())], here.app)
    except Refusal as refusal:
        if refusal.status in (403, 404):
            raise
        return await _shown(here, entity, "", said(refusal.faults, here.language), refusal.status)
    return go(f"/r/{entity.path.replace('.', '/')}/{record.lower()}?saved=1")


_BIN = "r/{module}/{entity}/bin"
DOORS = (
    Door("page.bin", ("GET", "HEAD"), _BIN, _page, fits=_is_document),
    Door("page.bin-restore", ("POST",), _BIN, _restore, scope="write", fits=_is_document),
)
