"""The page of webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.plan.app import App
from engine.plan.viewer import Viewer, WebhooksView
from renderer.environment import render, texts
from renderer.shell import Link, shell
from renderer.values import moment

_ADDRESS = "/system/webhooks"
_FIELDS = ("/name", "/url", "/condition")


def webhooks_page(app: App, viewer: Viewer, view: WebhooksView) -> str:
    t = texts(viewer.language)
    context = shell(app, viewer, t("Webhooks"), (Link(t("Webhooks"), _ADDRESS, True),), _ADDRESS)
    pointers = {said.pointer: said for said in view.said}
    wrong = {name.removeprefix("/"): pointers[name] for name in _FIELDS if name in pointers}
    entities = {said.pointer: said for said in view.said if said.pointer.startswith("/entities")}
    if entities:
        wrong["entities"] = next(iter(entities.values()))
    return render(
        "webhooks.html",
        **context,
        view=view,
        wrong=wrong,
        said=[said for said in view.said if said.pointer not in (*_FIELDS, *entities)],
        hooks=[_hook(one, app, viewer) for one in view.hooks],
        chosen=next((one for one in view.hooks if one["id"] == view.chosen), None),
        log=[_row(one, app, viewer) for one in view.log],
        paths=sorted(path for path, entity in app.entities.items() if not entity.owner),
    )


def _title(app: App, viewer: Viewer, path: str) -> str:
    return app.entities[path].title.to(viewer.language) if path in app.entities else path


def _hook(one: Mapping[str, Any], app: App, viewer: Viewer) -> dict[str, Any]:
    t = texts(viewer.language)
    what = "、".join(_title(app, viewer, path) for path in one["entities"]) or t("All")
    return {**one, "what": " · ".join([what, *one["kinds"], *([one["condition"]] if one["condition"] else [])])}


def _row(one: Mapping[str, Any], app: App, viewer: Viewer) -> dict[str, Any]:
    t = texts(viewer.language)
    words = {"waiting": t("Waiting"), "done": t("Delivered"), "dead": t("Given up"), "skipped": t("Not wanted")}
    module, _, name = str(one["entity"]).partition(".")
    return {
        **one,
        "title": _title(app, viewer, one["entity"]),
        "href": f"/r/{module}/{name}/{one['record']}",
        "word": words.get(one["state"], one["state"]),
        "sent": moment(one["sent"], viewer) if one["sent"] else "",
        "due": moment(one["due"], viewer) if one["due"] and one["state"] == "waiting" else "",
    }
