"""What each field type takes and refuses, how it is shown, and how its values lie in SQLite."""

from __future__ import annotations

import json
import sqlite3
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.fieldtypes import REGISTRY, Option, Refused, Spec
from engine.fieldtypes.storage import bind, encode_rows, has, json_value, row_source
from engine.label import Label

OPTIONS = (Option("own", Label("自有成本", "Own cost")), Option("owner", Label("业主签证", "Owner")))


def spec(name: str, **more: Any) -> Spec:
    return Spec(type=name, **more)


@pytest.mark.parametrize(
    ("name", "given", "taken"),
    [
        ("text", "  a\r\n ", "a"),
        ("long_text", "a\r\nb\rc", "a\nb\nc"),
        ("integer", "42", 42),
        ("integer", Decimal("42"), 42),
        ("money", "12.3", Decimal("12.30")),
        ("money", Decimal("123456789012345.67"), Decimal("123456789012345.67")),
        ("money", 5, Decimal("5.00")),
        ("price", "1.000001", Decimal("1.000001")),
        ("percent", "0.09", Decimal("0.090000")),
        ("boolean", True, True),
        ("month", "2026-03", __import__("datetime").date(2026, 3, 1)),
        ("ref", {"id": "0190A6A0-0000-7000-8000-000000000001"}, "0190a6a0-0000-7000-8000-000000000001"),
        ("location", {"lat": Decimal("30.5"), "lon": "120.25"}, {"lat": "30.5", "lon": "120.25"}),
    ],
)
def test_taken(name: str, given: Any, taken: Any) -> None:
    assert REGISTRY[name].coerce(given, spec(name)) == taken


@pytest.mark.parametrize(
    ("name", "given", "code"),
    [
        ("text", 5, "value.type"),
        ("text", "a\x00b", "value.text-control"),
        ("text", "x" * 501, "value.text-length"),
        ("integer", "4.5", "value.type"),
        ("integer", True, "value.type"),
        ("integer", 2**53, "value.integer-range"),
        ("money", "12.345", "value.scale"),
        ("money", "abc", "value.type"),
        ("money", "NaN", "value.type"),
        ("money", "1e400", "value.digits"),
        ("money", 10**15, "value.digits"),
        ("money", "１２", "value.type"),
        ("boolean", 1, "value.type"),
        ("date", "2025-02-30", "value.date"),
        ("date", "2025-2-3", "value.date"),
        ("datetime", "2025-02-03T10:00:00", "value.datetime"),
        ("datetime", "0001-01-01T00:00:00+14:00", "value.datetime"),
        ("ref", "1; DROP TABLE x", "value.reference"),
        ("email", "a@b", "value.email"),
        ("url", "javascript:alert(1)", "value.url"),
        ("location", {"lat": 91, "lon": 0}, "value.location"),
    ],
)
def test_refused(name: str, given: Any, code: str) -> None:
    with pytest.raises(Refused) as caught:
        REGISTRY[name].coerce(given, spec(name))
    assert caught.value.code.code == code


def test_a_choice_names_the_nearest() -> None:
    with pytest.raises(Refused) as caught:
        REGISTRY["choice"].coerce("onw", spec("choice", options=OPTIONS))
    assert caught.value.params["nearest"] == "own"


def test_a_choice_is_parsed_by_its_title() -> None:
    assert REGISTRY["choice"].parse("业主签证", spec("choice", options=OPTIONS)) == "owner"


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("money", "-1234567.5", "−1,234,567.50"),
        ("percent", "0.0912", "9.12 %"),
        ("price", "280.000000", "280.00"),
        ("price", "0.123400", "0.1234"),
        ("boolean", False, "否"),
        ("datetime", "2026-03-05T23:30:00Z", "2026-03-06 07:30"),
        ("choice", "own", "自有成本"),
        ("duration", 95, "1:35"),
    ],
)
def test_shown(name: str, value: Any, shown: str) -> None:
    assert REGISTRY[name].format(value, spec(name, options=OPTIONS), "zh", "Asia/Shanghai") == shown


def test_every_type_has_a_schema_of_its_values() -> None:
    assert {name: t.schema(spec(name)) is not None for name, t in REGISTRY.items()} == dict.fromkeys(REGISTRY, True)


@given(st.decimals(min_value=-(10**13), max_value=10**13, places=4), st.sampled_from([0, 1, 2, 4]))
def test_decimals_survive_sqlite(number: Decimal, scale: int) -> None:
    value = number.quantize(Decimal(1).scaleb(-scale))
    connection = sqlite3.connect(":memory:")
    columns = [("d", "decimal", scale)]
    source = row_source(columns, "sqlite", "?1")
    sql = f"SELECT i.d, {json_value('decimal', scale, 'sqlite', 'i.d')} FROM {source}"
    stored, text = connection.execute(sql, (encode_rows(columns, [{"d": value}], "sqlite"),)).fetchone()
    connection.close()
    assert stored == bind("decimal", scale, "sqlite", value)
    assert Decimal(text) == value
    assert text == f"{value + 0:.{scale}f}"


def test_rows_tell_absent_from_null() -> None:
    connection = sqlite3.connect(":memory:")
    columns = [("a", "text", 0), ("b", "json", 0)]
    rows = encode_rows(columns, [{"a": "x", "b": {"k": [1]}}, {"a": None}, {}], "sqlite")
    sql = f"SELECT i.a, i.b, {has('a', 'sqlite')} FROM {row_source(columns, 'sqlite', '?1')} ORDER BY i._n"
    found = connection.execute(sql, (rows,)).fetchall()
    connection.close()
    assert [(a, json.loads(b) if b else b, bool(h)) for a, b, h in found] == [
        ("x", {"k": [1]}, True),
        (None, None, True),
        (None, None, False),
    ]


@pytest.mark.parametrize(("name", "digits"), [("money", 15), ("price", 12), ("quantity", 14), ("percent", 12)])
def test_the_largest_value_fits_both_databases(name: str, digits: int) -> None:
    kind = REGISTRY[name]
    largest = kind.coerce("9" * digits, spec(name))
    assert bind("decimal", kind.scale, "sqlite", largest) < 2**63
    with pytest.raises(Refused) as caught:
        kind.coerce("1" + "0" * digits, spec(name))
    assert caught.value.code.code == "value.digits"
