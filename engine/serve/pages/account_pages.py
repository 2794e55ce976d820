"""The page of one's own account: password, where one is signed in, tokens for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.plan.viewer import AccountView, Said
from engine.serve.pages import forms
from engine.serve.pages.html import go, html, viewer
from engine.serve.people import auth, second
from engine.serve.system import account, second_doors, standins
from engine.serve.tenant.door import At, Door
from engine.serve.tenant.here import Here
from engine.serve.wire.answer import Answer, said
from engine.serve.wire.fault import Refusal, fault, refuse
from renderer import account as templates

_ADDRESS = "/system/me"


async def _page(here: Here, _at: At) -> Answer:
    return await _shown(here)


async def _shown(
    here: Here,
    told: tuple[Said, ...] = (),
    token: str = "",
    status: int = 200,
    second_step: Mapping[str, Any] | None = None,
) -> Answer:
    """``token``: one that was just made, shown this once."""
    held = await account.sessions_of(here, str(here.me.user)) if not here.me.must_change else []
    view = AccountView(
        here.me.name,
        here.me.must_change,
        tuple(one for one in held if one["kind"] != "token"),
        tuple(one for one in held if one["kind"] == "token"),
        tuple((role.name, role.title) for name, role in here.app.roles.items() if name in here.me.roles),
        token,
        told,
        await _second(here, second_step or {}),
        tuple(await standins.given(here)) if not here.me.must_change else (),
        here.tenant.policy.password_shortest,
    )
    return html(templates.account_page(here.app, viewer(here.tenant, here.me, here.language), view), status)


async def _second(here: Here, more: Mapping[str, Any]) -> dict[str, Any]:
    kept = await second.held(here.tenant, str(here.me.user))
    left = len(second.codes_of(kept)) if kept else 0
    told = {"asked": False, "secret": "", "address": "", "codes": ()}
    return {"on": kept is not None, "left": left, "must": here.me.must_enrol, **told, **more}


async def _do(here: Here, _at: At) -> Answer:
    inputs = {name: values[-1] for name, values in forms.inputs_of(here.asked.body).items()}
    try:
        match inputs.get("_do", ""):
            case "password":
                if inputs.get("new", "") != inputs.get("again", ""):
                    raise Refusal((fault("auth.password-again", "/again"),), 422)
                await account.change_password(here, inputs.get("old", ""), inputs.get("new", ""))
                return go(f"{_ADDRESS}?saved=1" if not here.me.must_change else "/")
            case "end":
                await account.end_one(here, inputs.get("session", ""), str(here.me.user))
            case "end-all":
                account.require_person(here)
                await auth.end(here.tenant, {"user": here.me.user})
                return go("/login")
            case "standin":
                account.require_person(here)
                roles = [inputs["role"]] if inputs.get("role") else None
                await standins.give(
                    here, inputs.get("to_user", ""), inputs.get("from", ""), inputs.get("to", ""), roles
                )
            case "standin-end":
                account.require_person(here)
                await standins.end(here, inputs.get("standin", ""))
            case "second-begin":
                account.require_person(here)
                return await _shown(here, second_step={"asked": True, **await second_doors.begin(here)})
            case "second-confirm":
                account.require_person(here)
                codes = await second_doors.confirm(here, inputs.get("code", "")[:80])
                return await _shown(here, second_step={"codes": codes, "must": False})
            case "second-end":
                account.require_person(here)
                await second_doors.give_up(here, inputs.get("password", ""))
            case "token":
                return await _token(here, inputs)
            case _:
                raise refuse("api.no-route", path=_ADDRESS, nearest="")
    except Refusal as refusal:
        asked = {"asked": inputs.get("_do") == "second-confirm"}
        return await _shown(here, said(refusal.faults, here.language), status=refusal.status, second_step=asked)
    return go(_ADDRESS)


async def _token(here: Here, inputs: dict[str, str]) -> Answer:
    scopes = ["write" if inputs.get("scope") == "write" else "read"]
    if inputs.get("role"):
        scopes.append(f"role:{inputs['role']}")
    days = inputs.get("days", "")
    given = int(days) if days.isascii() and days.isdigit() and len(days) < 5 else 0
    made = await account.new_token(here, inputs.get("name", ""), scopes, given)
    return await _shown(here, token=made["token"])


DOORS = (
    Door("page.account", ("GET", "HEAD"), "system/me", _page, who="anyone"),
    Door("page.account-do", ("POST",), "system/me", _do, who="anyone", scope="write"),
)
