"""Bodies → changes: exact, and everything that is wrong at once."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from engine.serve.document import decode
from engine.serve.document.decode import Rules
from engine.serve.wire.fault import Refusal
from engine.serve.wire.parsing import parse_object
from tests.serve import small

APP = small.app()
SHEET = APP.entities["m.sheet"]
ID = "00000000-0000-7000-8000-00000000000a"


def change(body: bytes, new: bool = True, rules: Rules | None = None) -> decode.Change:
    return decode.document(APP, SHEET, parse_object(body), new, rules)


def wrong(body: bytes | dict[str, Any], new: bool = True, rules: Rules | None = None) -> list[tuple[str, str]]:
    data = parse_object(body) if isinstance(body, bytes) else body
    with pytest.raises(Refusal) as caught:
        decode.document(APP, SHEET, data, new, rules)
    return [(f.code, f.pointer) for f in caught.value.faults]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"123456789012345.67", "123456789012345.67"),
        (b"-999999999999999.99", "-999999999999999.99"),
        (b"0.1", "0.10"),
        (b'"0.30"', "0.30"),
        (b"1e3", "1000.00"),
        (b"3", "3.00"),
    ],
)
def test_json_numbers_keep_their_digits(text: bytes, value: str) -> None:
    assert str(change(b'{"claimed": %s}' % text).values["claimed"]) == value


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"12345678901234567.89", "value.digits"),
        (b"1.005", "value.scale"),
        (b"1e400", "value.digits"),
        (b"1e-999", "value.scale"),
        (b"true", "value.type"),
        (b'"12,5"', "value.type"),
        (b"[]", "value.type"),
        (b'"NaN"', "value.type"),
        (b'"Infinity"', "value.type"),
        ('"１２"'.encode(), "value.type"),
    ],
)
def test_what_is_no_amount_is_refused(text: bytes, code: str) -> None:
    assert wrong(b'{"claimed": %s}' % text) == [(code, "/claimed")]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "api.syntax"),
        (b"", "api.syntax"),
        (b'{"a": NaN}', "api.number"),
        (b'{"a": -Infinity}', "api.number"),
        (b'{"a": [1e999999999]}', "api.exponent"),
        (b'{"a": {"lat": -1.5E-999999999}}', "api.exponent"),
        (b'{"a": 0e-999999999}', "api.exponent"),
        (b'{"a": 1e1000}', "api.exponent"),
        (b"[]", "api.not-object"),
        (b"null", "api.not-object"),
        (b"[" * 100_000, "api.too-deep"),
        (b'{"a":' * 20 + b"1" + b"}" * 20, "api.too-deep"),
        (b'{"a": "\xff"}', "api.syntax"),
        (b'{"a": 1} x', "api.syntax"),
    ],
)
def test_what_is_no_body_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(Refusal) as caught:
        parse_object(body)
    assert [f.code for f in caught.value.faults] == [code]


def test_everything_that_is_wrong_is_told_at_once_with_its_place() -> None:
    body = {
        "nubmer": "x",
        "number": "x",
        "amount": "3",
        "rev": 3,
        "entered": "2026-03-05",
        "price": "-1",
        "liability": "owm",
        "day": "2026-02-30",
        "count": Decimal("1.5"),
        "late": 1,
        "lines": [{"hours": "x", "wroker": 1}, 3, {"id": "nope"}, {"$delete": True, "id": ID}],
    }
    assert wrong(body) == [
        ("api.unknown-field", "/nubmer"),
        ("api.computed-field", "/number"),
        ("api.computed-field", "/amount"),
        ("api.system-field", "/rev"),
        ("api.readonly-field", "/entered"),
        ("value.min", "/price"),
        ("value.choice", "/liability"),
        ("value.date", "/day"),
        ("value.type", "/count"),
        ("value.type", "/late"),
        ("value.type", "/lines/0/hours"),
        ("api.unknown-field", "/lines/0/wroker"),
        ("api.line", "/lines/1"),
        ("value.reference", "/lines/2/id"),
    ]


def test_the_nearest_name_is_offered_and_hidden_fields_are_unknown() -> None:
    with pytest.raises(Refusal) as caught:
        decode.document(APP, SHEET, {"secrte": 1}, True, Rules(hidden={"m.sheet": frozenset({"secret"})}))
    assert "secret" not in caught.value.faults[0].hint.en
    with pytest.raises(Refusal) as caught:
        decode.document(APP, SHEET, {"secrte": 1}, True)
    assert caught.value.faults[0].hint.zh == "是否想写 secret？"
    assert wrong({"secret": 1}, rules=Rules(hidden={"m.sheet": frozenset({"secret"})})) == [
        ("api.unknown-field", "/secret")
    ]


def test_null_and_left_out_are_different_and_refs_may_be_objects() -> None:
    made = change(b'{"team": {"id": "%s", "display": "x"}, "day": null}' % ID.upper().encode())
    assert made.values == {"team": ID, "day": None}


def test_what_is_required() -> None:
    """Unless a default fills it; a stored record cannot lose it."""
    project = APP.entities["m.project"]
    for data, new in (({}, True), ({"code": None}, True), ({"code": None}, False)):
        with pytest.raises(Refusal) as caught:
            decode.document(APP, project, data, new)
        assert [(f.code, f.pointer) for f in caught.value.faults] == [("field.required", "/code")]


def test_lines_by_id_without_id_and_deleted() -> None:
    made = change(b'{"lines": [{"id": "%s", "hours": 1}, {"hours": "2.5"}]}' % ID.encode(), new=False)
    lines = made.lines["lines"].lines
    assert [(li.id, li.delete, li.at) for li in lines] == [(ID, False, 0), ("", False, 1)]
    assert lines[1].change.values == {"hours": Decimal("2.50")}
    twice = {"lines": [{"id": ID}, {"id": ID}]}
    assert wrong(twice, new=False) == [("api.line-twice", "/lines/1/id")]


def test_only_what_a_step_lets_edit() -> None:
    rules = Rules(editable=("lines.hours",))
    body = {"day": "2026-03-05", "lines": [{"id": ID, "hours": 1, "note": "x"}, {"hours": 1}]}
    assert wrong(body, new=False, rules=rules) == [
        ("api.not-editable", "/day"),
        ("api.not-editable", "/lines/0/note"),
        ("api.not-editable", "/lines/1"),
    ]


def test_a_trusted_caller_keeps_old_numbers() -> None:
    made = decode.document(APP, SHEET, {"number": "DG-7", "entered": "2026-03-05"}, True, Rules(trusted=True))
    assert made.values["number"] == "DG-7"


@pytest.mark.parametrize("name", ["'; DROP TABLE m__sheet --", "a/b~c", "<script>", "\u202e", "x" * 10_000, ""])
def test_hostile_names_are_only_unknown(name: str) -> None:
    pointer = "/" + name.replace("~", "~0").replace("/", "~1")
    assert wrong({name: 1}) == [("api.unknown-field", pointer)]
