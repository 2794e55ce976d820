"""The page of the audit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from engine.plan.app import App
from engine.plan.viewer import AuditView, Viewer
from renderer.environment import render, texts
from renderer.shell import Link, shell
from renderer.values import moment

_ADDRESS = "/system/audit"


def audit_page(app: App, viewer: Viewer, view: AuditView) -> str:
    t = texts(viewer.language)
    context = shell(app, viewer, t("Audit"), (Link(t("Audit"), _ADDRESS, True),), _ADDRESS)
    more = f"{_ADDRESS}?{urlencode({**view.given, 'before': view.next})}" if view.next else ""
    given = f"&{urlencode(view.given)}" if view.given else ""
    return render(
        "audit.html",
        **context,
        view=view,
        given=view.given,
        more=more,
        files=[
            (word, f"/api/v1/system/audit/export?format={name}{given}")
            for word, name in (("CSV", "csv"), ("JSON", "ndjson"))
        ],
        rows=[_row(one, app, viewer) for one in view.rows],
        acts=_acts(viewer),
        paths=sorted(
            (path, entity.title.to(viewer.language)) for path, entity in app.entities.items() if not entity.owner
        ),
    )


def _acts(viewer: Viewer) -> dict[str, str]:
    t = texts(viewer.language)
    return {
        "read": t("Looked at"),
        "read-history": t("Looked at its history"),
        "export": t("Took away"),
        "create": t("Created"),
        "update": t("Changed"),
        "delete": t("Put into the bin"),
        "restore": t("Brought back"),
        "login": t("Signed in"),
        "login.failed": t("Could not sign in"),
        "read-audit": t("Looked at the audit"),
        "export-audit": t("Took the audit away"),
    }


def _row(one: Mapping[str, Any], app: App, viewer: Viewer) -> dict[str, Any]:
    path = str(one["entity"] or "")
    module, _, name = path.partition(".")
    at = datetime.fromtimestamp(one["at"] / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    owned = path in app.entities and bool(app.entities[path].owner)
    return {
        **one,
        "when": moment(at, viewer),
        "who": one["name"] or (texts(viewer.language)("The engine") if not one["by"] else one["by"]),
        "word": _acts(viewer).get(one["act"], one["act"]),
        "title": app.entities[path].title.to(viewer.language) if path in app.entities else path,
        "href": f"/r/{module}/{name}/{one['record']}" if one["record"] and not owned else "",
    }
