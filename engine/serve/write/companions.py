"""What people sort and search by: companions of the display and the search fields, kept by the writer.

``_sort`` is the sound of the display, then the display; ``_find`` holds texts, their sounds and initials, in small
letters, so that 钢筋, gangjin and gj all find the same team.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from engine.db import Body
from engine.expr.run.words import sounds
from engine.fieldtypes import REGISTRY
from engine.fieldtypes.storage import encode_list, encode_rows
from engine.plan.entity import Entity, Field, TableWrite
from engine.plan.question import Filter, Question
from engine.serve.document.store import World
from engine.serve.tenant.bind import call

_COLUMNS = (("id", "uuid", 0), ("_sort", "text", 0), ("_find", "text", 0))
_LONGEST = 2_000


def keep(world: World, entity: Entity, write: TableWrite, documents: list[dict[str, Any]]) -> Body[None]:
    """Writes the companions of those documents where they changed."""
    if write.companions is None or not documents:
        return
    displays = yield from _displays(world, entity, documents)
    changed = []
    for document in documents:
        shown = displays.get(document["id"], "")
        texts = [shown, *(_text(entity, name, document) for name, f in entity.fields.items() if _open(f))]
        sort, find = sort_key(shown), find_text(tuple(dict.fromkeys(t for t in texts if t)))
        if (document.get("_sort"), document.get("_find")) != (sort, find):
            changed.append({"id": document["id"], "_sort": sort, "_find": find})
    if changed:
        yield call(write.companions, world.moment, {"rows": encode_rows(_COLUMNS, changed, world.moment.dialect)})


def _displays(world: World, entity: Entity, documents: list[dict[str, Any]]) -> Body[dict[str, str]]:
    """Display texts; made here of the record's own fields, asked of the database when it speaks of others'."""
    paths = [part[0] for part in entity.display.parts if not isinstance(part, str)]
    own = all(path in entity.fields and not entity.fields[path].target for path in paths)
    if own and all(not part[1] for part in entity.display.parts if not isinstance(part, str)):
        return {
            d["id"]: "".join(p if isinstance(p, str) else _text(entity, p[0], d) for p in entity.display.parts).strip()
            for d in documents
        }
    question = Question(entity.path, fields=("display",), filters=(Filter("id", "in"),))
    asked = world.asker.records(world.app, question)
    out: dict[str, str] = {}
    for start in range(0, len(documents), 1000):
        ids = [d["id"] for d in documents[start : start + 1000]]
        inputs = {"f0": encode_list("uuid", 0, world.moment.dialect, ids), "limit": 1000}
        found = yield call(asked.statement, world.moment, inputs)
        out.update({item["id"]: item["display"] or "" for item in json.loads(found[0][0])["items"]})
    return out


def _open(field: Field) -> bool:
    """What some role does not see whole is no word that everyone may find the record by."""
    return field.searchable and not field.restricted


def _text(entity: Entity, name: str, document: Mapping[str, Any]) -> str:
    value = document.get(name)
    known = entity.fields[name]
    if value is None or known.target:
        return ""
    return REGISTRY[known.spec.type].format(value, known.spec, "zh")


@lru_cache(maxsize=20_000)
def sort_key(text: str) -> str:
    """By sound, then by the text itself, so that homophones keep one order."""
    if text.isascii():
        return text.lower()[:_LONGEST]
    return f"{' '.join(sounds(text)).lower()} {text}"[:_LONGEST]


@lru_cache(maxsize=20_000)
def find_text(texts: tuple[str, ...]) -> str:
    parts: list[str] = []
    for text in texts:
        parts.append(text.lower())
        if not text.isascii():
            told = sounds(text)
            parts += ["".join(told).lower(), "".join(sound[:1] for sound in told).lower()]
    return " ".join(dict.fromkeys(parts))[:_LONGEST]
