"""The page of webhooks: who is told of what, what became of it, and what to do about the rest."""

from __future__ import annotations

from collections.abc import Mapping

from engine.plan.viewer import Said, WebhooksView
from engine.serve.pages import forms
from engine.serve.pages.html import go, html, viewer
from engine.serve.system import webhooks
from engine.serve.tenant.door import At, Door
from engine.serve.tenant.here import Here, looks_like_id
from engine.serve.wire.answer import Answer, said
from engine.serve.wire.fault import Refusal, refuse
from engine.serve.wire.parsing import pairs_of
from renderer import webhooks as templates

_ADDRESS = "/system/webhooks"


async def _page(here: Here, _at: At) -> Answer:
    chosen = dict(pairs_of(here.asked.query)).get("of", "")
    return await _shown(here, chosen if looks_like_id(chosen) else "")


async def _shown(
    here: Here,
    chosen: str = "",
    told: tuple[Said, ...] = (),
    secret: str = "",
    values: Mapping[str, str] | None = None,
    status: int = 200,
) -> Answer:
    hooks = await webhooks.all_of(here)
    known = chosen if any(one["id"] == chosen for one in hooks) else ""
    log = tuple(await webhooks.log_of(here, known)) if known else ()
    view = WebhooksView(tuple(hooks), known, log, secret, told, values or {})
    return html(templates.webhooks_page(here.app, viewer(here.tenant, here.me, here.language), view), status)


async def _do(here: Here, _at: At) -> Answer:
    inputs = {name: values[-1] for name, values in forms.inputs_of(here.asked.body).items()}
    hook = inputs.get("webhook", "")
    try:
        match inputs.get("_do", ""):
            case "make":
                entities, kinds = _words(inputs.get("entities", "")), _words(inputs.get("kinds", ""))
                made = await webhooks.make(
                    here,
                    inputs.get("name", ""),
                    inputs.get("url", ""),
                    entities,
                    kinds,
                    inputs.get("condition", "").strip(),
                )
                return await _shown(here, secret=made["secret"])
            case "active" | "paused" as state:
                await webhooks.set_state(here, hook, state)
            case "rotate":
                return await _shown(here, secret=(await webhooks.rotate(here, hook))["secret"])
            case "remove":
                await webhooks.remove(here, hook)
                return go(_ADDRESS)
            case "replay":
                await webhooks.replay(here, hook, inputs.get("event", ""))
                return go(f"{_ADDRESS}?of={hook}")
            case _:
                raise refuse("api.no-route", path=_ADDRESS, nearest="")
    except Refusal as refusal:
        return await _shown(here, "", said(refusal.faults, here.language), "", inputs, refusal.status)
    return go(_ADDRESS)


def _words(text: str) -> list[str]:
    return text.replace(",", " ").replace("，", " ").split()


DOORS = (
    Door("page.webhooks", ("GET", "HEAD"), "system/webhooks", _page, who="administrator"),
    Door("page.webhooks-do", ("POST",), "system/webhooks", _do, who="administrator", scope="write"),
)
