"""What pages show beyond records: what these are called, tasks of a person, the trail of an approval."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from engine.fieldtypes.storage import moment_text
from engine.plan.entity import Entity
from engine.plan.question import Filter, Question
from engine.plan.statement import Statement
from engine.plan.viewer import HomeView
from engine.serve.people import standing
from engine.serve.people.called import people_names
from engine.serve.query import reading
from engine.serve.query.parameters import Listed, find_field
from engine.serve.tenant import rows
from engine.serve.tenant.bind import ADMIN
from engine.serve.tenant.combine import Combined
from engine.serve.tenant.here import Here, looks_like_id

_MOST_TASKS = 200
_AT_ONCE = 1000


async def names_of(here: Here, wanted: Mapping[str, Iterable[str]]) -> dict[str, dict[str, str]]:
    """What records are called, by entity: one statement, however many entities and (up to a thousand each) records.
    Names are public to whoever holds a reference."""
    left = {path: [i for i in dict.fromkeys(ids) if looks_like_id(i)] for path, ids in wanted.items()}
    out: dict[str, dict[str, str]] = {path: {} for path in left}
    while left := {path: ids for path, ids in left.items() if ids and path in here.app.entities}:
        inputs: dict[str, Any] = {}
        for n, ids in enumerate(left.values()):
            inputs |= {f"n{n}.f0": Listed("uuid", 0, tuple(ids[:_AT_ONCE])), f"n{n}.limit": _AT_ONCE}
        answers = (await reading.run(here, _naming(here, tuple(left)), inputs))[0]
        for path, text in zip(left, answers, strict=True):
            out[path] |= {item["id"]: item["display"] or "" for item in json.loads(text)["items"]}
        left = {path: ids[_AT_ONCE:] for path, ids in left.items()}
    return out


def _naming(here: Here, paths: tuple[str, ...]) -> Statement:
    key = ("names", paths)
    kept: Statement | None = here.tenant.kept(here.app).get(key)
    if kept is None:
        combined, columns = Combined(here.app.dialect), []
        for n, path in enumerate(paths):
            question = Question(path, fields=("display",), filters=(Filter("id", "in"),), roles=(ADMIN,))
            asked = here.tenant.asker.records(here.app, question).statement
            own = [replace(p, name=f"n{n}.{p.name}") if p.source == "input" else p for p in asked.params]
            columns.append(f"({combined.embed(replace(asked, params=tuple(own)))})")
        kept = here.tenant.kept(here.app)[key] = combined.finish(columns)
    return kept


async def called(here: Here, entity: Entity, given: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """For values that are references: what they are called."""
    out = {}
    for key, value in given.items():
        known = find_field(here.app, here.me, entity, key.partition("[")[0])
        if known is not None and known.kind == "uuid" and known.target:
            names = (await names_of(here, {known.target: [value]}))[known.target]
            if value in names:
                out[key] = {"id": value, "display": names[value]}
    return out


async def home(here: Here) -> HomeView:
    """Open tasks, newest first; the administrator also sees those that found nobody."""
    dialect = here.app.dialect
    mine = standing.is_mine(dialect, rows.placeholder(dialect, 1), rows.placeholder(dialect, 2), "t")
    nobody = ' OR t."user" IS NULL' if here.me.admin else ""
    sql = (
        'SELECT t.entity, t.root, t.step, t.born, c.initiator, t."user" FROM _task AS t JOIN _case AS c'
        f" ON c.id = t.case_id WHERE t.state = 'open' AND ({mine}{nobody})"
        f" ORDER BY t.born DESC, t.id DESC LIMIT {_MOST_TASKS}"
    )
    values = tuple(json.dumps(ids) for ids in (here.me.tasks_of, here.me.steps_of))
    told = ((here.app.born.entity(row[0]), *row[1:]) for row in await here.tenant.database.read(sql, values))
    found = [row for row in told if _may_decide(here, row[5], row[4])]
    people = await people_names(here.tenant, here.app, [user for row in found for user in row[4:6]])
    by_entity: dict[str, list[str]] = {}
    for entity, root, *_ in found:
        by_entity.setdefault(entity, []).append(root)
    names = await names_of(here, by_entity)
    tasks = [
        {
            "entity": entity,
            "root": root,
            "display": names[entity].get(root, ""),
            "step": step,
            "machine": here.app.entities[entity].machine,
            "born": moment_text(born),
            "initiator": people.get(initiator),
            "for": people.get(user) if user and user != here.me.user else None,
        }
        for entity, root, step, born, initiator, user in found
        if entity in here.app.entities
    ]
    return HomeView(tuple(tasks))


def _may_decide(here: Here, user: str | None, initiator: str | None) -> bool:
    """Not for another on what either of the two handed in."""
    return user is None or user == here.me.user or initiator not in (user, here.me.user)


async def trail(here: Here, record: str) -> list[dict[str, Any]]:
    """Who handed it in, who decided what, and who is asked now, oldest first."""
    cases = await _all(here, "_case", record, "round")
    decisions = await _all(here, "_decision", record, "id")
    tasks = await _all(here, "_task", record, "position, id")
    wanted = [one.get(key) for one in (*cases, *decisions, *tasks) for key in ("initiator", "user", "behalf")]
    people = await people_names(here.tenant, here.app, wanted)
    out: list[dict[str, Any]] = []
    for case in cases:
        out.append(_row(case, "", people.get(case["initiator"]), "submit", "", case["started_at"], False))
    for one in decisions:
        user = people.get(one["user"])
        told = _row(one, one["step"], user, one["decision"], one["opinion"] or "", one["at"], False)
        out.append({**told, "for": people.get(one["behalf"])} if one["behalf"] else told)
    out.sort(key=lambda item: (item["round"], item["at"]))
    for task in tasks:
        if task["state"] in ("open", "waiting"):
            out.append(_row(task, task["step"], people.get(task["user"]), "", "", task["born"], True))
    return out


async def _all(here: Here, table: str, record: str, order: str) -> list[dict[str, Any]]:
    made = rows.select(table, here.app.dialect, {"root": record}, order)
    return [rows.by_name(table, row) for row in await here.tenant.database.read(made.sql, made.values)]


def _row(
    one: Mapping[str, Any], step: str, user: Any, decision: str, opinion: str, at: Any, opened: bool
) -> dict[str, Any]:
    return {
        "round": one["round"],
        "step": step,
        "user": user,
        "decision": decision,
        "opinion": opinion,
        "at": moment_text(at),
        "open": opened,
    }
