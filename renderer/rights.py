"""Pages of rights: what a role or a person may do with everything, and why on one record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.plan.app import App
from engine.plan.entity import Entity
from engine.plan.viewer import RightsView, Viewer, WhyView
from renderer.environment import render, texts
from renderer.shell import Link, address, shell
from renderer.values import display_of

_ADDRESS = "/system/rights"


def operations(viewer: Viewer) -> dict[str, str]:
    t = texts(viewer.language)
    return {
        "read": t("See"),
        "create": t("Create"),
        "update": t("Change"),
        "delete": t("Put into the bin"),
        "export": t("Take away"),
        "act": t("Act on"),
    }


def rights_page(app: App, viewer: Viewer, view: RightsView) -> str:
    t = texts(viewer.language)
    groups: dict[str, list[dict[str, Any]]] = {}
    closed = 0
    for one in view.rows:
        if not any(told["ever"] for told in one["operations"].values()):
            closed += 1
            continue
        entity = app.entities[one["entity"]]
        module = next((m for m in app.modules.values() if m.key == entity.module), None)
        title = module.title.to(viewer.language) if module is not None else entity.module
        rules = [rule for told in one["operations"].values() for rule in told["rules"]]
        fields = [f for f in one["fields"] if f["seen"] != "whole" or f["readonly_for"]]
        groups.setdefault(title, []).append(
            {
                **one,
                "title": entity.title.to(viewer.language),
                "fields": fields,
                "where": list(dict.fromkeys(rule["where"] for rule in rules if rule["where"])),
            }
        )
    return render(
        "rights.html",
        **shell(app, viewer, t("Rights"), (Link(t("Rights"), _ADDRESS, True),), _ADDRESS),
        view=view,
        groups=groups,
        closed=closed,
        operations=operations(viewer),
        roles=[(name, title.to(viewer.language)) for name, title in view.roles],
        source=f"/api/v1{address('', view.people)}" if view.people else "",
        seen=_seen(viewer),
    )


def why_page(app: App, viewer: Viewer, entity: Entity, view: WhyView) -> str:
    t = texts(viewer.language)
    called = display_of(app, entity, view.record, viewer.language, viewer.zone)
    place = f"{address('r', entity.path)}/{view.told['record']}"
    trail = (Link(called or entity.title.to(viewer.language), place), Link(t("Rights"), current=True))
    titles: Mapping[str, str] = operations(viewer)
    return render(
        "why.html",
        **shell(app, viewer, f"{t('Rights')} · {called}", trail),
        told=view.told,
        called=called,
        what=entity.title.to(viewer.language),
        place=place,
        operations=[(titles[name], one) for name, one in view.told["operations"].items()],
        source=f"/api/v1{address('', view.people)}" if view.people else "",
        seen=_seen(viewer),
    )


def _seen(viewer: Viewer) -> dict[str, str]:
    t = texts(viewer.language)
    return {
        "whole": t("seen"),
        "rows": t("seen on some records"),
        "part": t("seen in part"),
        "hidden": t("not seen"),
    }
