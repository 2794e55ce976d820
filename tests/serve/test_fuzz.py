"""Whatever is sent, the answer is a record or a refusal with a code; never a fault of ours."""

from __future__ import annotations

import json
import random
from typing import Any

from tests.serve.stage import Stage

_NAMES = [
    "project",
    "sheet_date",
    "due",
    "subject",
    "liability",
    "charge_to",
    "lines",
    "fee",
    "number",
    "amount",
    "id",
    "rev",
    "state",
    "reasons",
    "reason",
    "created_by",
    "_typed",
    "nonsense",
    "",
]
_LINE = ["worker", "work_type", "rest", "starts", "ends", "hours", "price", "id", "$delete", "amount", "sheet"]
_PATHS = [
    "project",
    "project.code",
    "project.name.x",
    "lines.hours",
    "sheet_date",
    "amount",
    "state",
    "created_by.name",
    "id",
    "display",
    "",
    ".",
    "a.b.c.d",
    "subject.parent.code",
    "_find",
]
_OPERATORS = ["", "[eq]", "[gte]", "[in]", "[null]", "[contains]", "[x]", "[", "[]]", "[starts]"]
_TEXTS = [
    "",
    "x",
    "'",
    '"',
    "\\",
    "%",
    "\x00",
    "\u202e",
    "é",
    "😀",
    "1e999",
    "-0",
    "0.000001",
    "NaN",
    "true",
    "null",
    "2026-02-30",
    "2026-03-05",
    "9999-12-31",
    "0001-01-01",
    "2026-03",
    "25:00",
    "2026-03-05T25:00Z",
    "2026-03-05T08:00:00+08:00",
    "1" * 400,
    "9223372036854775808",
    "a" * 600,
    "{}",
    "[]",
    "1,2,,",
    "draft",
]
_EXPRESSIONS = [
    "",
    "amount > 3",
    "amount > ",
    "1 = 1",
    "sheet_date + 'x'",
    "project.code = 'A'",
    "SUM(lines.hours) > 3",
    "a; b",
    "x" * 5000,
    "((((",
    "NOT late",
    "me",
    "amount / 0 > 1",
    "state LIKE '%'",
    "TO_MONTH(sheet_date)",
    "COUNT(id)",
    "SUM(amount)",
    "project",
    "m:TO_MONTH(sheet_date)",
    "x:SUM(nope)",
    "late OR 'x'",
]


def value(pick: random.Random, ids: list[str], depth: int = 0) -> Any:
    kind = pick.randrange(9 if depth < 3 else 7)
    if kind < 3:
        return pick.choice(_TEXTS)
    if kind == 3:
        return pick.choice(ids)
    if kind == 4:
        return pick.choice([None, True, False, {"id": pick.choice(ids)}, {"id": 3}])
    if kind < 7:
        return pick.choice([0, -1, 8, 2**53, 2**63, 10**30, 1.5, -0.001, 123456789012345.67])
    if kind == 7:
        return [value(pick, ids, depth + 1) for _ in range(pick.randrange(3))]
    return {pick.choice(_LINE): value(pick, ids, depth + 1) for _ in range(pick.randrange(4))}


def body(pick: random.Random, ids: list[str], start: dict[str, Any]) -> bytes:
    made = dict(start) if pick.random() < 0.5 else {}
    for _ in range(pick.randrange(4)):
        made[pick.choice(_NAMES)] = value(pick, ids)
    if pick.random() < 0.6:
        made["lines"] = [
            {pick.choice(_LINE): value(pick, ids, 2) for _ in range(pick.randrange(5))}
            for _ in range(pick.randrange(3))
        ]
    return json.dumps(made).encode()


def query(pick: random.Random, ids: list[str]) -> list[tuple[str, str]]:
    out = []
    for _ in range(pick.randrange(1, 4)):
        word = pick.choice(
            ["filter", "filter", "sort", "fields", "expand", "limit", "cursor", "q", "where", "count", "bin"]
        )
        if word == "filter":
            out.append((pick.choice(_PATHS) + pick.choice(_OPERATORS), pick.choice([*_TEXTS, *ids])))
        elif word == "where":
            out.append((word, pick.choice(_EXPRESSIONS)))
        elif word in ("sort", "fields"):
            out.append(
                (word, ",".join(pick.choice(["", "-"]) + pick.choice(_PATHS) for _ in range(pick.randrange(1, 4))))
            )
        elif word == "expand":
            out.append(
                (word, pick.choice(["project", "lines(worker)", "lines(", "project(members(user))", "x", "number"]))
            )
        else:
            out.append((word, pick.choice(_TEXTS)))
    return out


async def test_nothing_that_is_sent_is_our_fault(stage: Stage) -> None:
    pick = random.Random(7)
    boss, wang = await stage.door("boss"), await stage.door("wang")
    made = (await boss.post("/sheet", json=stage.sheet())).json()
    at, ids = f"/sheet/{made['id']}", [*stage.ids.values(), made["id"], made["lines"][0]["id"]]
    start = stage.sheet()
    kept = {"content-type": "application/json", "if-match": "*"}
    statuses: dict[int, int] = {}
    for n in range(240):
        door = (boss, boss, wang)[n % 3]
        match pick.randrange(7):
            case 0 | 1:
                answer = await door.post("/sheet", content=body(pick, ids, start), headers=kept)
            case 2:
                answer = await door.patch(at, content=body(pick, ids, {}), headers=kept)
            case 3:
                answer = await door.post("/sheet/check", content=body(pick, ids, start), headers=kept)
            case 4:
                answer = await door.get("/sheet", params=query(pick, ids))
            case 5:
                asked = [("by", pick.choice(_EXPRESSIONS)), ("measures", pick.choice(_EXPRESSIONS))]
                if pick.random() < 0.5:
                    asked += [(pick.choice(["where", "having"]), pick.choice(_EXPRESSIONS))]
                answer = await door.get(pick.choice(["/sheet/aggregate", "/figures/cost"]), params=asked)
            case _:
                action = pick.choice(["submit", "approve", "reject", "withdraw", "void", "x"])
                answer = await door.post(f"{at}/actions/{action}", content=body(pick, ids, {}), headers=kept)
        statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
        assert answer.status_code < 500, (answer.request.method, str(answer.request.url), answer.request.content)
        if answer.status_code >= 400:
            assert answer.json()["errors"][0]["code"]
    assert {200, 201, 400, 422} <= set(statuses)
