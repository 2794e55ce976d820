"""What may be done next with each record of a list: one statement for the whole page, whatever its length."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from engine.fieldtypes.storage import among
from engine.plan.entity import Entity
from engine.plan.machine import Machine
from engine.plan.statement import Param, Statement
from engine.serve.document import actions, facts, rights
from engine.serve.document.facts import machine_of
from engine.serve.query.reading import ask_list, run
from engine.serve.query.request import Asking
from engine.serve.tenant.bind import id_array
from engine.serve.tenant.combine import Combined
from engine.serve.tenant.here import Here

_ROOTS = Param("input", "roots", "json")


async def listed(here: Here, entity: Entity, asking: Asking) -> str:
    """The list's JSON text with ``actions`` in every item; what decides (state, maker) is among the fields."""
    machine = machine_of(here.app, entity)
    fields = asking.question.fields
    if fields and machine is not None:
        kept_back = rights.hidden(here.app, here.me, entity)
        more = [name for name in ("id", machine.field, "created_by") if name not in fields and name not in kept_back]
        asking = replace(asking, question=replace(asking.question, fields=(*fields, *more)))
    text, _ = await ask_list(here, entity, asking)
    answer: dict[str, Any] = json.loads(text)
    items = answer["items"]
    found = await _facts(here, machine, [item["id"] for item in items]) if machine is not None and items else {}
    for item in items:
        allowed = facts.actions(machine, found[item["id"]], here.me, item) if machine is not None else ()
        item["actions"] = [actions.told(one, here.language) for one in allowed]
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":"))


async def _facts(here: Here, machine: Machine, ids: list[str]) -> dict[str, facts.Facts]:
    acting = facts.acting(machine, here.app, here.tenant.asker, here.me)
    rows = await run(here, _statement(here, machine, acting), {"roots": id_array(ids)})
    cases: dict[str, Any] = {}
    told: set[tuple[str, str]] = set()
    for kind, root, data in rows:
        if kind == "case":
            cases[str(root)] = data
        else:
            told.add((kind, str(root)))
    moves = machine.transitions.values()
    return {
        one: facts.read(
            machine,
            (
                cases.get(one),
                *((move.open and acting is True) or (f"mine {move.name}", one) in told for move in moves),
                *(move.when is None or (f"holds {move.name}", one) in told for move in moves),
            ),
        )
        for one in ids
    }


def _statement(here: Here, machine: Machine, acting: Statement | bool) -> Statement:
    """Rows of (kind, record, data): open cases, moves whose people mean me, moves whose condition holds."""
    dialect = here.app.dialect
    combined = Combined(dialect)
    cast = "::uuid" if dialect == "postgresql" else ""
    arms = []
    if machine.steps:
        wanted = f"{among(dialect, 'c.root', combined.bind(_ROOTS))} AND c.state = 'open'"
        arms.append(f"SELECT 'case', c.root, {facts.case_json(dialect)} FROM _case AS c WHERE {wanted}")
    for move in machine.transitions.values():
        name = move.name.replace("'", "")
        if move.open and isinstance(acting, Statement):
            admitted = f"WITH b(r) AS ({combined.embed(acting)}) SELECT r FROM b"
            arms.append(f"SELECT 'mine {name}', a.r, NULL FROM ({admitted}) AS a")
        elif not move.open and move.by.statement is not None:
            me = combined.bind(Param("me", "id", "uuid"))
            people = f"WITH b(r, u) AS ({combined.embed(move.by.statement)}) SELECT r FROM b WHERE b.u = {me}{cast}"
            arms.append(f"SELECT 'mine {name}', a.r, NULL FROM ({people}) AS a")
        if move.when is not None:
            holds = f"WITH b(r, t) AS ({combined.embed(move.when)}) SELECT r FROM b WHERE b.t"
            arms.append(f"SELECT 'holds {name}', a.r, NULL FROM ({holds}) AS a")
    whole = " UNION ALL ".join(arms) or "SELECT 'none', NULL, NULL"
    return Statement(whole, tuple(combined.params))
