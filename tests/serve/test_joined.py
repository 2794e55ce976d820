"""Questions asked together: one statement on PostgreSQL, each by itself on SQLite, and the same told by both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.db import Body, Call
from engine.db.call import Rows
from engine.plan.statement import Dialect, Param
from engine.serve.tenant.combine import places_once
from engine.serve.wire.fault import Refusal, refuse
from engine.serve.write.joined import ask, together

ROOTS = Param("input", "roots", "text")
ONE = Call("SELECT id FROM a WHERE id = $1 AND s = '$1'", ("x",), (ROOTS,), 1)
TWO = Call("SELECT id, n FROM b WHERE id = $1", ("x",), (ROOTS,), 2)
OTHER = Call("SELECT id, n FROM b WHERE id = $1", ("y",), (ROOTS,), 2)
WRITES = Call("DELETE FROM c")


def driven(body: Body[Any], answer: Callable[[Call], Rows]) -> tuple[list[Call], Any]:
    asked: list[Call] = []
    try:
        call = next(body)
        while True:
            asked.append(call)
            call = body.send(answer(call))
    except StopIteration as stop:
        return asked, stop.value


def test_on_postgresql_what_reads_is_one_statement_and_each_gets_its_own_rows() -> None:
    rows: Rows = [("1", "p", "7"), ("0", "q", None)]
    asked, found = driven(ask("postgresql", [ONE, None, TWO]), lambda _: rows)
    assert found == [[("q",)], [], [("p", "7")]]
    assert [call.values for call in asked] == [("x",)]
    assert asked[0].sql.count("$1") == 3
    assert "s = '$1'" in asked[0].sql


def test_a_placeholder_is_shared_only_by_equal_values() -> None:
    asked, _ = driven(ask("postgresql", [ONE, OTHER]), lambda _: [])
    assert asked[0].values == ("x", "y")
    assert "id = $2" in asked[0].sql


def test_places_that_several_parts_list_are_listed_once() -> None:
    def listing(n: int) -> str:
        return f"ARRAY(SELECT _s.value::uuid FROM jsonb_array_elements_text(${n}::jsonb) AS _s(value))"

    sql = f"WITH a AS (SELECT 1 WHERE x = ANY ({listing(1)})) SELECT 2 FROM a WHERE y = ANY ({listing(1)}) OR z = {{}}"
    assert places_once(sql.format(listing(2))) == (
        f"WITH p0 AS MATERIALIZED (SELECT {listing(1)} AS ids), a AS (SELECT 1 WHERE x = ANY ((SELECT ids FROM p0)"
        f"::uuid[])) SELECT 2 FROM a WHERE y = ANY ((SELECT ids FROM p0)::uuid[]) OR z = {listing(2)}"
    )
    alone = f"WITH a AS (SELECT 1) SELECT 2 WHERE x = ANY ({listing(3)})"
    assert places_once(alone) == alone


def test_what_writes_and_what_stands_alone_is_asked_by_itself() -> None:
    asked, found = driven(ask("postgresql", [ONE, WRITES]), lambda call: [(call.sql,)])
    assert (asked, found) == ([ONE, WRITES], [[(ONE.sql,)], [(WRITES.sql,)]])
    asked, _ = driven(ask("sqlite", [ONE, TWO]), lambda _: [])
    assert asked == [ONE, TWO]


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_who_asks_first_judges_first(dialect: Dialect) -> None:
    def judging(call: Call, code: str) -> Body[str]:
        if (yield call):
            raise refuse(code)
        return "passed"

    def at_once() -> Body[str]:
        raise refuse("api.if-match")
        yield ONE

    def refused(found: Rows, *bodies: Body[Any]) -> str:
        with pytest.raises(Refusal) as caught:
            driven(together(dialect, bodies), lambda _: found)
        return caught.value.faults[0].code

    rows: Rows = [("0", "a", "b"), ("1", "a", "b")]
    assert refused(rows, judging(ONE, "server.changing"), at_once(), judging(TWO, "auth.needed")) == "server.changing"
    assert refused([], judging(ONE, "server.changing"), at_once(), judging(TWO, "auth.needed")) == "api.if-match"
    _, found = driven(together(dialect, [judging(ONE, "server.changing"), judging(TWO, "auth.needed")]), lambda _: [])
    assert found == ["passed", "passed"]
