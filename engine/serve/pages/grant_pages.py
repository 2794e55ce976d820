"""The page of rights that are given for a time: every administrator sees them all, gives them and ends them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.plan.viewer import GrantsView, Said
from engine.serve.pages import forms
from engine.serve.pages.html import go, html, viewer
from engine.serve.system import grants
from engine.serve.tenant.door import At, Door
from engine.serve.tenant.here import Here
from engine.serve.wire.answer import Answer, said
from engine.serve.wire.fault import Refusal, refuse
from renderer import grants as templates

_ADDRESS = "/system/grants"


async def _page(here: Here, _at: At) -> Answer:
    return await _shown(here)


async def _shown(
    here: Here,
    told: tuple[Said, ...] = (),
    made: Mapping[str, Any] | None = None,
    values: Mapping[str, str] | None = None,
    status: int = 200,
) -> Answer:
    """``made``: one that was just given, whose password is told this once."""
    name, password = (str(made["name"]), str(made["password"])) if made else ("", "")
    view = GrantsView(tuple(await grants.all_of(here)), name, password, told, values or {})
    return html(templates.grants_page(here.app, viewer(here.tenant, here.me, here.language), view), status)


async def _do(here: Here, _at: At) -> Answer:
    inputs = {name: values[-1] for name, values in forms.inputs_of(here.asked.body).items()}
    try:
        match inputs.get("_do", ""):
            case "give":
                return await _shown(here, made=await grants.grant(here, grants.wanted_of(_typed(inputs))))
            case "end":
                await grants.end(here, inputs.get("grant", "").lower())
            case _:
                raise refuse("api.no-route", path=_ADDRESS, nearest="")
    except Refusal as refusal:
        return await _shown(here, said(refusal.faults, here.language), None, inputs, refusal.status)
    return go(_ADDRESS)


def _typed(inputs: Mapping[str, str]) -> dict[str, Any]:
    """As a body would have it."""
    told: dict[str, Any] = {name: inputs.get(name, "") for name in ("name", "what", "reason")}
    hours = inputs.get("hours", "")
    told["hours"] = int(hours) if hours.isascii() and hours.isdigit() and len(hours) < 6 else 0
    return {**told, "write": inputs.get("write") == "true"}


DOORS = (
    Door("page.grants", ("GET", "HEAD"), "system/grants", _page, who="administrator"),
    Door("page.grants-do", ("POST",), "system/grants", _do, who="administrator", scope="write"),
)
