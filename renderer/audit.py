"""The page of the audit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from engine.label import Label
from engine.plan.app import App
from engine.plan.entity import Entity
from engine.plan.viewer import AuditView, Viewer
from renderer.environment import render, texts
from renderer.shell import Link, shell
from renderer.values import moment

_ADDRESS = "/system/audit"
_DECISIONS = {
    "approve": Label("同意", "Approved"),
    "reject": Label("驳回", "Rejected"),
    "withdraw": Label("撤回", "Withdrew"),
}


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
        "grant.support": t("Gave support access"),
        "grant.auditor": t("Made somebody an auditor"),
        "grant.ended": t("Ended access given for a time"),
        "command.import": t("Imported, at the server's terminal"),
        "command.repost": t("Reposted ledgers, at the server's terminal"),
        "command.user": t("Gave a password, at the server's terminal"),
        "command.serve": t("Began to serve, made the administrator"),
        "command.apply": t("Applied a change of the packs"),
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
        "word": _word(one["act"], app.entities.get(path), app, viewer),
        "detail": _detail(one["detail"]),
        "title": app.entities[path].title.to(viewer.language) if path in app.entities else path,
        "href": f"/r/{module}/{name}/{one['record']}" if one["record"] and not owned else "",
    }


def _word(act: str, entity: Entity | None, app: App, viewer: Viewer) -> str:
    """What was done, in the words of the engine or of the record's own workflow."""
    known = {**_acts(viewer), **{name: t.to(viewer.language) for name, t in _DECISIONS.items()}}
    machine = app.machines.get(entity.machine) if entity is not None and entity.machine else None
    if machine is not None and act in machine.transitions:
        return machine.transitions[act].title.to(viewer.language)
    return known.get(act, act)


def _detail(told: Any) -> str:
    """``v3`` for a version; anything else as it was written down."""
    data = json.loads(told) if isinstance(told, str) and told.startswith("{") else told
    if not isinstance(data, dict):
        return str(told or "")
    parts = [f"v{data['rev']}" if "rev" in data else ""]
    parts += [f"{name} {value}" for name, value in data.items() if name not in ("rev", "kind")]
    return " · ".join(part for part in parts if part)
