"""Subscriptions whose condition cannot be asked of what a plan leads to: it names what is no more, or is renamed."""

from __future__ import annotations

import json

from engine.catalog import Catalog
from engine.compile.names import table_of
from engine.db import Database
from engine.expr.build import Scope, Unavailable, parse_expression
from engine.expr.run.types import BOOLEAN
from engine.label import LANGUAGES, Label
from engine.plan.change import Line
from engine.problem import Problems
from engine.wording import in_language

_ASKED = "SELECT name, entities, condition FROM _webhook WHERE condition IS NOT NULL ORDER BY name"


async def lines(database: Database, old: Catalog, new: Catalog) -> list[Line]:
    """One for each that could be asked until now. Nothing is lost by it: its deliveries wait, and are tried again."""
    out = []
    before, after = ({table_of(one, path): path for path in one.entities} for one in (old, new))
    for name, entities, condition in await database.read(_ASKED):
        for table in json.loads(entities) if isinstance(entities, str) else entities:
            path = after.get(table, "")
            had = before.get(table, "")
            if path and had and _wrong(old, had, condition) is None and (said := _wrong(new, path, condition)):
                says = Label(
                    f"订阅「{name}」的条件不再可用：{said.zh}；改写之前不送达",
                    f"the condition of subscription “{name}” cannot be asked any more: {said.en}; nothing is delivered"
                    " until it is written anew",
                )
                out.append(Line("subscribed", path, "online", says))
    return out


def _wrong(catalog: Catalog, path: str, condition: str) -> Label | None:
    try:
        parse_expression(condition, Scope(catalog.world, catalog.entities[path].module, path), BOOLEAN)
    except Problems as found:
        return Label(*(in_language(found.problems[0], language)[0] for language in LANGUAGES))
    except Unavailable as found:
        return Label(found.waits_for, found.waits_for)
    return None
