"""Reading: a question becomes one statement, and what the database built goes out as it is."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engine.db import Stale, TooLarge
from engine.fieldtypes.storage import encode_list
from engine.plan.entity import Entity
from engine.plan.question import COUNTED, Question
from engine.plan.statement import Statement
from engine.problem import Problems
from engine.serve.document import actions, rights
from engine.serve.query import cursor, grouping
from engine.serve.query.grouping import AskingFigures
from engine.serve.query.parameters import Listed
from engine.serve.query.request import Asking
from engine.serve.tenant.bind import call, id_array
from engine.serve.tenant.here import Here
from engine.serve.wire.fault import Refusal, of_problem, refuse

_ENDS = {name: re.compile(rf'"{name}"\s*:\s*') for name in ("next", "prev")}
_TOTAL = re.compile(r'"total"\s*:\s*(\d+)\s*\}\s*$')
RUNS = (1, 2, 4, 8, 16)
"""So many places a list is walked by one by one; of more than the last, one index is walked past the others'."""
LONGEST = 20.0
"""Seconds a question may take."""


async def ask_list(here: Here, entity: Entity, asking: Asking) -> tuple[str, str]:
    """The JSON text of a list and the cursor of its next page, both as the API gives them."""
    rights.require(here.app, here.me, entity, "read")
    text = (await read(here, *_by_place(here, asking)))[0][0]
    text, _ = _with_cursor(text, "prev", asking.shape)
    text, told = _with_cursor(text, "next", asking.shape)
    if asking.question.bound:
        text = await _with_total(here, asking, text)
    return text, told


def _by_place(here: Here, asking: Asking) -> tuple[Question, dict[str, Any]]:
    """The same question; whoever sees the records of a few places has each of them walked by itself."""
    question, me = asking.question, here.me
    walked = here.tenant.asker.places(here.app, question.entity, question.roles)
    if walked is None or any(f.path.partition(".")[0] == walked.field for f in question.filters):
        return question, asking.inputs
    if any(name.partition(".")[0] in me.everywhere for name in walked.held):
        return question, asking.inputs
    ids = list(dict.fromkeys(place for name in walked.held for place in me.places.get(name, ())))
    runs = next((n for n in RUNS if len(ids) <= n), 0)
    if not ids or not runs:
        return question, asking.inputs
    return replace(question, places=runs), {**asking.inputs, "places": id_array(ids)}


def _with_cursor(text: str, name: str, shape: str) -> tuple[str, str]:
    """The values of the page's end as a cursor; the last of that name is the list's own."""
    found, at = None, len(text)
    while found is None and (at := text.rfind(f'"{name}"', 0, at)) >= 0:
        found = _ENDS[name].match(text, at)
    if found is None or text.startswith("null", found.end()):
        return text, ""
    values, end = json.JSONDecoder().raw_decode(text, found.end())
    told = cursor.made(values, shape, name == "prev")
    return f'{text[: found.end()]}"{told}"{text[end:]}', told


async def _with_total(here: Here, asking: Asking, text: str) -> str:
    """Says what kind of number the total is. Past what was counted PostgreSQL's planner is asked."""
    found = _TOTAL.search(text)
    if found is None:
        return text
    total, kind = int(found[1]), "exact"
    if total > COUNTED:
        total, kind = COUNTED, "at_least"
        if here.app.dialect == "postgresql":
            total, kind = max(await _planned(here, asking), COUNTED), "estimated"
    return f'{text[: found.start()]}"total":{total},"total_is":"{kind}"}}'


async def _planned(here: Here, asking: Asking) -> int:
    question = replace(asking.question, tally=True, count=False, sort=(), after=(), back=False)
    statement = here.tenant.asker.records(here.app, question).statement
    rows = await run(here, replace(statement, sql=f"EXPLAIN (FORMAT JSON) {statement.sql}"), asking.inputs)
    plan = json.loads(rows[0][0]) if isinstance(rows[0][0], str) else rows[0][0]
    return int(plan[0]["Plan"]["Plan Rows"])


async def read(here: Here, question: Question, inputs: dict[str, Any]) -> list[tuple[Any, ...]]:
    """One statement. What its expressions are wrong in is told as a problem of the request."""
    try:
        asked = here.tenant.asker.records(here.app, question)
    except Problems as found:
        raise of_problems(found) from found
    if question.after and not cursor.fits(asked.statement.params, inputs):
        raise refuse("api.cursor")
    return await run(here, asked.statement, inputs)


async def run(here: Here, statement: Statement, inputs: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    dialect = here.app.dialect
    given = {
        name: encode_list(value.kind, value.scale, dialect, value.values) if isinstance(value, Listed) else value
        for name, value in inputs.items()
    }
    if any(isinstance(value, str) and "\0" in value for value in given.values()):
        raise refuse("api.parameter", name="?", got="U+0000", expected="text", expected_zh="文本")
    made = call(statement, here.moment(), given)
    try:
        async with asyncio.timeout(LONGEST):
            return await here.tenant.database.read(made.sql, made.values)
    except TimeoutError as error:
        raise refuse("api.slow", seconds=int(LONGEST)) from error
    except TooLarge as error:
        raise refuse("api.too-much") from error
    except OverflowError as error:
        raise refuse("api.parameter", name="?", got="…", expected="fewer digits", expected_zh="位数过多") from error


def of_problems(found: Problems) -> Refusal:
    closed = any(p.code == "ask.closed" for p in found.problems)
    return Refusal([of_problem(p, 403 if closed else 400) for p in found.problems])


async def get_text(here: Here, entity: Entity, asking: Asking, plain: bool = False) -> str:
    """A record's JSON text; of an entity with a workflow with what may be done next, in the same statement."""
    try:
        statement = actions.record_statement(here.tenant, here.app, entity, asking.question, here.me, plain)
    except Problems as found:
        raise of_problems(found) from found
    if statement is None:
        raise refuse("access.denied", operation=rights.WORDS["read"], entity=entity.title)
    inputs = {**asking.inputs, "roots": id_array([asking.inputs["id"]])} if entity.machine else asking.inputs
    rows = await run(here, statement, inputs)
    if not rows or rows[0][0] is None:
        raise refuse("api.not-found", entity=entity.title)
    return actions.with_actions(here.app, entity, here.me, rows[0], here.language)


async def figures_text(here: Here, asking: AskingFigures, anew: bool = False) -> str:
    """The answer's JSON text, with what it came from: kept sums, or the records grouped now; ``anew``: from the records
    whatever is kept."""
    try:
        kept = frozenset[str]() if anew else here.tenant.sums
        asked = here.tenant.asker.figures(here.app, replace(asking.question, kept=kept))
    except Problems as found:
        raise of_problems(found) from found
    inputs = grouping.figure_values(asking, asked.filters)
    try:
        rows = await run(here, asked.statement, inputs)
    except Stale:
        if asked.served == "grouped":
            raise
        here.tenant.sums = frozenset()  # they were removed; what holds now is looked up by whoever keeps up
        return await figures_text(here, asking)
    return f'{{"served":"{asked.served}",{str(rows[0][0])[1:]}'
