"""The page of one's own account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.plan.app import App
from engine.plan.viewer import AccountView, Viewer
from renderer.environment import render, texts
from renderer.shell import Link, shell
from renderer.values import moment

_ADDRESS = "/system/me"
_FIELDS = ("/old", "/new", "/again", "/name", "/days", "/to_user", "/to", "/from", "/code", "/password")
"""What is wrong with one of these is said beside it."""
_BROWSERS = ("Edg", "MicroMessenger", "DingTalk", "Chrome", "Firefox", "Safari")
_DEVICES = ("Android", "iPhone", "iPad", "Windows", "Macintosh", "Linux")


def account_page(app: App, viewer: Viewer, view: AccountView) -> str:
    t = texts(viewer.language)
    context = shell(app, viewer, t("My account"), (Link(t("My account"), _ADDRESS, True),), _ADDRESS)
    if view.must_change or view.second.get("must"):  # there is nowhere to go yet
        context |= {"menus": (), "begin": ()}
    roles = [(name, title.to(viewer.language)) for name, title in view.roles]
    wrong = {said.pointer.removeprefix("/"): said for said in view.said if said.pointer in _FIELDS}
    return render(
        "account.html",
        **context,
        view=view,
        roles=roles,
        wrong=wrong,
        said=[said for said in view.said if said.pointer not in _FIELDS],
        standins=[_standin(one, viewer, dict(roles)) for one in view.standins],
        sessions=[_row(one, viewer) for one in view.sessions],
        tokens=[{**_row(one, viewer), "scopes": _scopes(one, viewer, dict(roles))} for one in view.tokens],
    )


def _row(one: Mapping[str, Any], viewer: Viewer) -> dict[str, Any]:
    return {
        "id": one["id"],
        "name": one["name"] or _device(str(one["agent"] or "")) or texts(viewer.language)("A program"),
        "address": one["address"] or "",
        "born": moment(one["born"], viewer),
        "seen": moment(one["seen"], viewer),
        "ends": moment(one["ends"], viewer),
        "this": one["this"],
    }


def _standin(one: Mapping[str, Any], viewer: Viewer, roles: Mapping[str, str]) -> dict[str, Any]:
    t = texts(viewer.language)
    told = [roles.get(role, role) for role in one["roles"] or ()]
    return {**one, "what": " · ".join(told) if one["roles"] is not None else t("All tasks")}


def _device(agent: str) -> str:
    """``Chrome · Windows``: enough to know one's own again."""
    browser = next((b for b in _BROWSERS if b in agent), "")
    device = next((d for d in _DEVICES if d in agent), "")
    named = {"Edg": "Edge", "MicroMessenger": "WeChat", "Macintosh": "Mac"}
    return " · ".join(named.get(part, part) for part in (browser, device) if part)


def _scopes(one: Mapping[str, Any], viewer: Viewer, roles: Mapping[str, str]) -> str:
    t = texts(viewer.language)
    told = [t("May read and write") if "write" in (one["scopes"] or ()) else t("May read")]
    told += [roles.get(s[5:], s[5:]) for s in one["scopes"] or () if s.startswith("role:")]
    return " · ".join(told)
