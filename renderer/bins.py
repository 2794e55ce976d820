"""The page of a bin."""

from __future__ import annotations

from engine.plan.app import App
from engine.plan.viewer import BinView, Viewer
from renderer.environment import render, texts
from renderer.shell import Link, address, list_of, shell
from renderer.values import moment


def bin_page(app: App, viewer: Viewer, view: BinView) -> str:
    t = texts(viewer.language)
    entity = app.entities[view.entity]
    title = t("Bin: {what}", what=entity.title.to(viewer.language))
    href = f"{address('r', entity.path)}/bin"
    back = list_of(app, entity.path)
    trail = (Link(app.lists[back].title.to(viewer.language), address("m", back)),) if back else ()
    context = shell(app, viewer, title, (*trail, Link(title, href, True)), href)
    items = [
        {
            "id": one["id"],
            "display": one["display"] or one["id"],
            "when": moment(one["deleted_at"], viewer),
            "by": (one.get("updated_by") or {}).get("display", ""),
        }
        for one in view.items
    ]
    more = f"{href}?cursor={view.next}" if view.next else ""
    return render("bin.html", **context, items=items, more=more, said=view.said, href=href)
