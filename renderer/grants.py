"""The page of rights for a time: who has them, who had them, and giving them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.plan.app import App
from engine.plan.viewer import GrantsView, Viewer
from renderer.environment import render, texts
from renderer.shell import Link, shell
from renderer.values import moment

_ADDRESS = "/system/grants"
_FIELDS = ("/name", "/what", "/hours", "/reason", "/write")


def grants_page(app: App, viewer: Viewer, view: GrantsView) -> str:
    t = texts(viewer.language)
    context = shell(app, viewer, t("Access for a time"), (Link(t("Access for a time"), _ADDRESS, True),), _ADDRESS)
    kinds = {"support": t("Support"), "auditor": t("Auditor")}
    return render(
        "grants.html",
        **context,
        view=view,
        kinds=kinds,
        wrong={said.pointer.removeprefix("/"): said for said in view.said if said.pointer in _FIELDS},
        said=[said for said in view.said if said.pointer not in _FIELDS],
        running=[_row(one, kinds, viewer) for one in view.grants if one["running"]],
        ended=[_row(one, kinds, viewer) for one in view.grants if not one["running"]],
    )


def _row(one: Mapping[str, Any], kinds: Mapping[str, str], viewer: Viewer) -> dict[str, Any]:
    over = one["ended"] or one["ends"]
    return {**one, "kind": kinds[one["what"]], "from": moment(one["born"], viewer), "to": moment(over, viewer)}
