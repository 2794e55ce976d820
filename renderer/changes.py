"""Pages of changes: modules and features, overlays as text, revisions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set
from itertools import compress
from typing import Any

from engine.plan.app import App
from engine.plan.change import KINDS, MARKS, RISKS, Line
from engine.plan.metadata import ChangeView
from engine.plan.viewer import Viewer
from renderer.environment import Texts, render, texts
from renderer.shell import Link, shell
from renderer.values import moment

_SHOWN = 3
_SHORT = 12
"""So many lines are read; of more, those that ask for no attention are folded."""


def change_page(app: App, viewer: Viewer, page: str, view: ChangeView) -> str:
    t, language = texts(viewer.language), viewer.language
    titles = {
        "switches": t("Modules and features"), "changes": t("Change the system"), "revisions": t("Revisions"),
        "bundle": t("Bundles"),
    }  # fmt: skip
    title = titles[page]
    address = f"/system/{page}"
    lines, quiet = _parted(view.plan.lines) if view.plan is not None else ((), ())
    return render(
        "changes.html",
        **shell(app, viewer, title, (Link(title, address, True),), address),
        page=page,
        heading=title,
        view=view,
        address=address,
        lines=[_line(one, language) for one in lines],
        quiet=[_line(one, language) for one in quiet],
        short=_SHORT,
        switches=[
            {
                "name": one.name,
                "on": one.on,
                "title": one.title.to(language) or one.name,
                "feature": one.kind == "feature",
                "needed_by": one.needed_by,
                "holds": [(held.title.to(language) or held.path, held.records) for held in one.holds],
            }
            for one in view.switches
        ],
        revisions=[
            {
                "number": r.number,
                "at": moment(r.at, viewer),
                "by": r.by,
                "note": _note(r.note, t),
                "changes": len(r.changes),
            }
            for r in view.revisions
        ],
        bundle=_bundle(view.bundle, t) if view.bundle is not None else None,
        text=view.difference.text.splitlines() if view.difference is not None else [],
        between=[_told(one, language) for one in view.difference.changes] if view.difference is not None else [],
    )


def _parted(lines: Sequence[Line]) -> tuple[Sequence[Line], Sequence[Line]]:
    """(those to look at, those that are folded)"""
    if len(lines) <= _SHORT:
        return lines, ()
    whole = {one.path for one in lines if one.kind in ("added", "restored", "retired")}
    quiet = [_quiet(one, whole) for one in lines]
    return [one for one, folded in zip(lines, quiet, strict=True) if not folded], [*compress(lines, quiet)]


def _quiet(one: Line, whole: Set[str]) -> bool:
    """Rights come and go with the entity they are of."""
    told = one.against or one.offenders or (one.rights and ".".join(one.path.split(".")[:2]) not in whole)
    return one.risk == "safe" and not told


def _bundle(told: Mapping[str, Any], t: Texts) -> list[tuple[str, list[str]]]:
    """What is in it, by kind."""
    settings = (
        f"{name} = {json.dumps(value, ensure_ascii=False)}{' ' + t('from {day} on', day=since) if since else ''}"
        for name, since, value in told["settings"]
    )
    switches = (f"{name} {t('on') if on else t('off')}" for name, on in told["switches"].items())
    kinds = (
        (t("Packs"), [f"{name} {version}" for name, version in told["packs"].items()]),
        (t("Overlays"), list(told["overlays"])),
        (t("Switches"), list(switches)),
        (t("Settings"), list(settings)),
        (t("Engine"), [told["engine"]]),
        (t("Seal"), [told["seal"]]),
    )
    return [(kind, names) for kind, names in kinds if names]


def _note(note: str, t: Texts) -> str:
    return t("installed") if note == "installed" else note


def _line(one: Line, language: str) -> dict[str, Any]:
    records = one.records or [""] * len(one.offenders)
    return {
        "mark": MARKS[one.risk],
        "risk": RISKS[one.risk].to(language),
        "kind": KINDS[one.kind].to(language) if one.kind in KINDS else one.kind,
        "path": one.path,
        "says": one.says.to(language),
        "rows": one.rows,
        "amount": one.amount(language),
        "lock": one.lock.to(language),
        "reversible": one.reversible,
        "where": one.where,
        "people": one.people,
        "rights": [right.to(language, one.path) for right in one.rights],
        "overlays": [(layer.layer, layer.where) for layer in one.overlays[:_SHOWN]],
        "more": max(0, len(one.overlays) - _SHOWN),
        "against": one.against,
        # What is linked to need not be told by its id too.
        "offenders": [
            (name.removesuffix(f" ({place.rpartition('/')[2]})") if place else name, place)
            for name, place in zip(one.named(language), records, strict=False)
        ],
    }


def _told(one: Any, language: str) -> str:
    kind = KINDS[one["kind"]].to(language) if one["kind"] in KINDS else one["kind"]
    says = one["says"].get("zh" if language.startswith("zh") else "en", "")
    return f"{MARKS.get(one['risk'], '')} {kind} {one['path']}{' — ' + says if says else ''} ({one['revision']})"
