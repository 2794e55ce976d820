"""Why a document is refused: the checks that do not hold, worded for people, with the place in the body they are about.

The truth is SQL's; here it only gets its words, and warnings the chance to pass with a reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from engine.db import Body
from engine.label import Label
from engine.plan.entity import Check, Entity, Message, Template, Write
from engine.serve.document.store import Doc, World
from engine.serve.tenant.bind import call, id_array
from engine.serve.wire.fault import Fault, Refusal, fault, yaml_of
from engine.serve.write.words import fill

_ALSO = {"submit": ("save", "submit"), "approve": ("save", "approve"), "move": ()}
"""Handing in and coming into force ask again what every save asks; other moves must stay possible."""

_CODES = {"required": "field.required", "lines": "field.lines", "outside": "ref.outside"}
"""Codes of the rules that fields bring along, by the first word of their names."""


def judge(world: World, entity: Entity, write: Write, docs: list[Doc]) -> Body[None]:
    """Refuses with every check that fails; warnings that need no reason, or were given one, are kept as said."""
    faults: list[Fault] = []
    seen: set[tuple[str, str, str, str]] = set()
    for stage in dict.fromkeys(s for doc in docs for made in doc.stages for s in _ALSO.get(made, (made,))):
        statement = write.checks.get(stage)
        if statement is None:
            continue
        about = {d.id: d for d in docs if any(stage in _ALSO.get(made, (made,)) for made in d.stages)}
        for name, root, line, said in (yield call(statement, world.moment, {"roots": id_array(list(about))}, 4)):
            values = json.loads(said) if said else {}
            level = said if "$level" in values else ""  # a control speaks once for each level where it is judged
            key = (str(name), str(root), str(line), level)
            if key not in seen:
                seen.add(key)
                faults += _one(world, entity, about[root], str(name), line, values)
    if faults and world.preview:
        docs[0].warnings += faults
    elif faults:
        raise Refusal(faults, 409 if all(f.code == "api.referenced" for f in faults) else 422)


def _one(
    world: World, entity: Entity, doc: Doc, name: str, line: str | None, values: Mapping[str, Any]
) -> Iterator[Fault]:
    if name == "referred":
        other = world.app.entities[values["entity"]]
        field = other.fields[values["field"]]
        yield fault("api.referenced", doc.op.pointer, other=other.title, field=field.title)
        return
    check, pointer = _find(world, entity, doc, name, line)
    code = _CODES.get(name.partition(":")[0], f"check.{name}") if ":" in name else f"check.{name}"
    says = fill(world, world.app.entities[check.entity], check.message, values)
    where = yaml_of(check.where)
    told = Fault(code, says, pointer, check=name, where=where)
    level = values.get("$level") or check.level
    reason = doc.op.reasons.get(name) or doc.op.reason
    overrides = [role for role in check.override.split(",") if role]
    lifted = world.moment.me.admin or any(role in world.moment.me.roles for role in overrides)
    if level == "error" and not (overrides and lifted):
        yield told
        return
    needs = check.reason or level == "error"
    if needs and not (isinstance(reason, str) and reason.strip()):
        hint = fault("api.needs-reason", check=name).hint
        yield Fault("api.needs-reason", says, pointer, hint, name, where, reason=True)
        return
    if needs:
        doc.note = {**doc.note, "reasons": {**doc.note.get("reasons", {}), name: reason}}
    doc.warnings.append(Fault(code, says, pointer, check=name, where=where, warning=True))


def _find(world: World, entity: Entity, doc: Doc, name: str, line: str | None) -> tuple[Check, str]:
    """The check, and the pointer to what it is about."""
    if line is None:
        check = entity.checks[name]
        return check, f"{doc.op.pointer}{check.pointer}"
    place = doc.places.get(line) or _stored_place(doc.before or {}, line, doc.op.pointer)
    for owner in _lines_of(world, entity, place.removeprefix(doc.op.pointer)):
        if name in owner.checks:
            return owner.checks[name], f"{place}{owner.checks[name].pointer}"
    blank = Label(f"“{name}”不成立", f"{name} does not hold")
    return Check(name, entity.path, "error", "save", _plain(blank)), place


def _plain(words: Label) -> Message:
    return Message(Template((words.zh,)), Template((words.en,)))


def _stored_place(value: Any, line: str, at: str) -> str:
    """Where a line that was not sent stands in the stored document."""
    for name, found in value.items() if isinstance(value, Mapping) else ():
        if isinstance(found, list):
            for n, item in enumerate(found):
                if isinstance(item, Mapping):
                    if item.get("id") == line:
                        return f"{at}/{name}/{n}"
                    deeper = _stored_place(item, line, f"{at}/{name}/{n}")
                    if deeper:
                        return deeper
    return ""


def _lines_of(world: World, entity: Entity, place: str) -> Iterator[Entity]:
    """The line entity a pointer leads to; without one every line entity of the document."""
    names = [part for part in place.split("/") if part and not part.isdigit()]
    if names:
        for name in names:
            entity = world.app.entities[entity.fields[name].target]
        yield entity
        return
    for field in entity.fields.values():
        if field.origin == "lines":
            child = world.app.entities[field.target]
            yield child
            yield from _lines_of(world, child, "")
