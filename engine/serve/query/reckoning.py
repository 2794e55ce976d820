"""How a figure came to be: its formula down to the sums it is made of, the choice it was asked for, the records behind
it, and the same figure reckoned anew from these records."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from engine.plan.page import Figures, Measure
from engine.plan.question import FigureQuestion, Filter, Operator
from engine.problem import nearest
from engine.serve.document import rights
from engine.serve.query import boards, grouping, reading
from engine.serve.query.grouping import AskingFigures
from engine.serve.tenant.door import At, Door
from engine.serve.tenant.here import Here
from engine.serve.wire.answer import Answer, as_json
from engine.serve.wire.fault import refuse
from engine.serve.wire.parsing import pairs_of
from renderer.drill import all_of, narrowed, parted

_NAME = re.compile(r"(?<![\w.'])[a-z_]\w*(?![\w.(])")
Told = dict[str, Any]


def named(here: Here, at: At) -> Figures:
    name = f"{at.names['module']}.{at.names['name']}"
    found = here.app.figures.get(name)
    if found is None:
        meant = nearest(name, here.app.figures) or ""
        shown = f"/api/v1/{meant.replace('.', '/figures/', 1)}/explain" if meant else ""
        raise refuse("api.no-route", path="/" + "/".join(here.asked.path)[:120], nearest=shown)
    for path in found.sources:
        rights.require(here.app, here.me, here.app.entities[path], "read")
    return found


async def explained(here: Here, figures: Figures, pairs: list[tuple[str, str]]) -> Told:
    given = dict(pairs)
    name = given.pop("measure", "") or next(iter(figures.measures))
    measure = figures.measures.get(name)
    if measure is None:
        meant = nearest(name, figures.measures) or "–"
        raise refuse("api.unknown-parameter", "/measure", name=name[:60], nearest=meant)
    unknown = next((key for key in given if parted(key)[0] not in figures.dimensions), "")
    if unknown:
        meant = nearest(unknown, ("measure", *figures.dimensions)) or "measure"
        raise refuse("api.unknown-parameter", name=unknown[:60], nearest=meant)
    parts = made_of(figures, measure)
    values = await _values(here, figures, parts, given)
    return {
        "figure": figures.name,
        "title": figures.title.to(here.language),
        "measure": _told(here, measure, values),
        "made_of": [_told(here, one, values) for one in parts[1:]],
        "chosen": await _chosen(here, figures, given),
        "served": values["served"],
        "value": values["kept"].get(measure.name),
        "reckoned": values["anew"].get(measure.name),
        "agrees": values["kept"].get(measure.name) == values["anew"].get(measure.name),
        "sources": [await _source(here, figures, path, given) for path in figures.sources],
    }


def operated(key: str) -> tuple[str, Operator]:
    """``month[gte]`` as a filter's name and operator, as dashboards say them."""
    name, operator = parted(key)
    found: Operator = next((o for o in ("in", "gte", "lte", "null", "under") if o == operator), "eq")
    return name, found


def made_of(figures: Figures, measure: Measure) -> list[Measure]:
    """The measure, then those it names, and those they name, each once."""
    out = [measure]
    for one in out:
        for name in _NAME.findall(one.formula):
            found = figures.measures.get(name)
            if found is not None and found not in out:
                out.append(found)
    return out


def _told(here: Here, measure: Measure, values: Mapping[str, Any]) -> Told:
    return {
        "measure": measure.name,
        "title": measure.title.to(here.language),
        "formula": measure.formula,
        "unit": "%" if measure.percent else measure.unit,
        "value": values["kept"].get(measure.name),
    }


async def _values(here: Here, figures: Figures, parts: list[Measure], given: Mapping[str, str]) -> Told:
    """Twice: as every reader of the figure gets it, and from the records alone."""
    question = FigureQuestion(
        figures.name,
        measures=tuple((one.name, one.name) for one in parts),
        filters=tuple(Filter(*operated(key)) for key in given),
        roles=here.me.roles,
    )
    asking = AskingFigures(question, {}, tuple(given.values()))
    kept = json.loads(await reading.figures_text(here, asking))
    anew = json.loads(await reading.figures_text(here, asking, anew=True))
    return {
        "served": kept.get("served", "grouped"),
        "kept": (kept["rows"] or [{}])[0],
        "anew": (anew["rows"] or [{}])[0],
    }


async def _chosen(here: Here, figures: Figures, given: Mapping[str, str]) -> list[Told]:
    wanted: dict[str, list[str]] = {}
    for key, value in given.items():
        if target := figures.dimensions[parted(key)[0]].target:
            wanted.setdefault(target, []).extend(value.split(","))
    names = await boards.names_of(here, wanted)

    def called(key: str, value: str) -> str:
        known = names.get(figures.dimensions[parted(key)[0]].target, {})
        shown = [known.get(one, one) for one in value.split(",")]
        sign = {"gte": "≥ ", "lte": "≤ "}.get(parted(key)[1], "")
        return "–" if parted(key)[1] == "null" else sign + ", ".join(shown)

    return [
        {
            "dimension": key,
            "title": figures.dimensions[parted(key)[0]].title.to(here.language),
            "value": value,
            "display": called(key, value),
        }
        for key, value in given.items()
    ]


async def _source(here: Here, figures: Figures, path: str, given: Mapping[str, str]) -> Told:
    """What it sums: which records of the choice count, how many, and where they are listed."""
    entity = here.app.entities[path]
    choice: dict[str, str] = {}
    where = figures.where.get(path, "")
    conditions = [where] if where else []
    for key, value in given.items():
        name, operator = parted(key)
        said = figures.dimensions[name].paths.get(path, "")
        filters, condition = narrowed(figures.dimensions[name], said, value, operator)
        choice |= filters
        conditions += [condition] if condition and said else []
    if conditions:
        choice["where"] = all_of(conditions)
    asked = [("measures", f"n:COUNT({entity.name})"), *choice.items()]
    counted = json.loads(await reading.figures_text(here, grouping.figures(here.app, here.me, "", path, asked)))
    place = f"/api/v1/{entity.module.replace('-', '_')}/{entity.name}"
    return {
        "entity": path,
        "title": entity.title.to(here.language),
        "where": where,
        "records": counted["rows"][0]["n"] if counted["rows"] else 0,
        "choice": choice,
        "list": "" if entity.owner else f"{place}?{urlencode(choice)}" if choice else place,
    }


async def _door(here: Here, at: At) -> Answer:
    return Answer(200, as_json(await explained(here, named(here, at), pairs_of(here.asked.query))))


DOORS = (Door("figures.explain", ("GET",), "{module}/figures/{name}/explain", _door),)
