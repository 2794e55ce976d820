"""What the browser is told of a form, as data: programs it may run to anticipate the server, never code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.plan.app import App
from engine.plan.entity import Check, Entity, Field, Message
from engine.plan.page import FormPage
from engine.plan.viewer import RecordView, Viewer
from renderer.environment import texts
from renderer.values import hidden, in_part
from renderer.visible import bound


def field_data(app: App, field: Field, language: str, part: bool = False) -> dict[str, Any]:
    """``part``: the reader may see it in part; then only the server can say whether it is filled."""
    out: dict[str, Any] = {
        "name": field.name,
        "title": field.title.to(language),
        "type": field.spec.type,
        "kind": field.kind,
        "scale": field.scale,
        "origin": field.origin,
        "required": "no" if part else field.required,
    }
    for name in ("required_when", "visible", "default", "compute"):
        if (program := getattr(field, name)) is not None:
            out[name] = program
    if field.default_follows:
        out["follows"] = True
    if field.spec.options:
        out["words"] = {o.name: o.title.to(language) for o in field.spec.options}
    elif field.spec.type == "boolean":
        out["words"] = {"true": texts(language)("Yes"), "false": texts(language)("No")}
    if field.spec.unit:
        out["unit"] = field.spec.unit
    if field.spec.min is not None:
        out["min"] = str(field.spec.min)
    if field.spec.max is not None:
        out["max"] = str(field.spec.max)
    if field.spec.min_length:
        out["min_length"] = field.spec.min_length
    if field.kind == "lines" and field.target in app.entities:
        out["least"] = field.lines_min
    return out


def message_parts(message: Message, language: str) -> list[Any]:
    template = message.zh if language.startswith("zh") else message.en
    return [p if isinstance(p, str) else list(p) for p in template.parts]


def check_data(check: Check, language: str) -> dict[str, Any]:
    return {
        "name": check.name,
        "level": check.level,
        "stage": check.stage,
        "program": check.program,
        "message": message_parts(check.message, language),
        "pointer": check.pointer,
    }


def entity_data(app: App, viewer: Viewer, entity: Entity) -> dict[str, Any]:
    """Fields and checks that may be judged in the browser; nothing that is hidden from the reader."""
    shown = [f for f in entity.fields.values() if not hidden(app, entity, f, viewer.roles)]
    return {
        "fields": [field_data(app, f, viewer.language, in_part(app, entity, f, viewer.roles)) for f in shown],
        "checks": [check_data(c, viewer.language) for c in entity.checks.values() if c.program is not None],
        "owner": entity.owner_field,
        "lines": {
            f.name: entity_data(app, viewer, app.entities[f.target])
            for f in shown
            if f.kind == "lines" and f.target in app.entities
        },
    }


def form_data(app: App, viewer: Viewer, page: FormPage, view: RecordView, values: Mapping[str, Any]) -> dict[str, Any]:
    entity = app.entities[page.entity]
    t = texts(viewer.language)
    return {
        "entity": entity_data(app, viewer, entity),
        "api": f"/api/v1/{entity.module}/{entity.name}",
        "id": (view.record or {}).get("id"),
        "rev": (view.record or {}).get("rev"),
        "values": values,
        "bound": bound(viewer),
        "zone": viewer.zone,
        "texts": {
            "required": t("Is needed."),
            "leave": t("There are changes that were not saved."),
            "removed": t("Removed"),
            "undo": t("Undo"),
            "none": t("Nothing found"),
            "pasted": t("{n} lines pasted", n="{n}"),
            "unknown": t("Not found: {what}", what="{what}"),
            "files": t("At most {n} files", n="{n}"),
            "large": t("Larger than {size}", size="{size}"),
            "unsent": t("It was not sent; is there a connection?"),
            "sending": t("Files are on their way; the form is saved when they have come."),
            "sum": t("{n} problems to solve first", n="{n}"),
        },
    }
