"""Reading other people's files: every broken row named, the real file read exactly."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from engine.fieldtypes import Spec
from engine.label import Label
from engine.plan.app import ImportColumn, ImportPlan
from engine.plan.entity import Entity, Field, Template
from engine.problem import Problems
from engine.work.imports import read_file


def field(name: str, kind: str, title: str) -> Field:
    return Field(name, Label(title, name), Spec(kind))


ENTITY = Entity(
    "x.row", "x", "row", Label("行", "Row"), "x__row",
    {f.name: f for f in (field("day", "date", "日期"), field("amount", "money", "金额"), field("note", "text", "备注"),
                         field("team", "ref", "班组"))},
    Template(()), ("note",),
)  # fmt: skip
PLAN = ImportPlan(
    "rows", "x", "x.row", Label("行", "Rows"), "csv",
    (
        ImportColumn("day", ("日期", "Date"), date="MM/dd/yyyy hh:mm:ss a", required=True),
        ImportColumn("amount", ("金额(元)",), clean=("thousands", "dash_is_empty")),
        ImportColumn("note", ("备注",)),
        ImportColumn("team", ("班组",)),
    ),
    key=("note",),
)  # fmt: skip


def write(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "rows.csv"
    path.write_bytes(text.encode(encoding))
    return path


HEADER = "日期,金额（元）,备注,班组,没人要的\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_rows_are_typed_and_references_stay_names(tmp_path: Path, encoding: str) -> None:
    text = HEADER + '03/05/2026 12:00:00 AM,"1,200.50","甲\r\n乙",钢筋班,\r\n'
    reading = read_file(write(tmp_path, text, encoding), PLAN, ENTITY)
    assert reading.problems == ()
    (line,) = reading.lines
    assert line.number == 2
    assert line.values == {"day": date(2026, 3, 5), "amount": Decimal("1200.50"), "note": "甲 乙"} | {
        "note": line.values["note"]
    }
    assert line.keys == {"team": "钢筋班"}


def test_every_broken_row_is_named_with_its_line(tmp_path: Path) -> None:
    text = HEADER + (
        "03/05/2026 12:00:00 AM,1,a,,\n"
        "2026-03-05,1,b,,\n"
        "03/05/2026 12:00:00 AM,一百,c,,\n"
        ",1,d,,\n"
        "03/05/2026 12:00:00 AM,1,e\n"
        "03/05/2026 12:00:00 AM,1,a,,\n"
    )
    reading = read_file(write(tmp_path, text), PLAN, ENTITY)
    assert [(p.code, p.where.line) for p in reading.problems] == [
        ("import.date", 3),
        ("import.value", 4),
        ("import.required", 5),
        ("import.width", 6),
        ("import.duplicate", 7),
    ]
    assert str(reading.problems[0]).startswith(
        "rows.csv:3:1: import.date: 日期: 2026-03-05 does not look like MM/dd/yyyy"
    )


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "import.empty"),
        ("日期,备注,班组\n", "import.no-column"),
        ("日期,日期,金额(元),备注,班组\n", "import.same-column"),
        (HEADER + '03/05/2026 12:00:00 AM,1,"open', "import.quote"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, text: str, code: str) -> None:
    with pytest.raises(Problems) as caught:
        read_file(write(tmp_path, text), PLAN, ENTITY)
    assert [p.code for p in caught.value.problems] == [code]


def test_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(Problems, match=r"import\.encoding"):
        read_file(path, PLAN, ENTITY)


def test_control_totals(tmp_path: Path) -> None:
    plan = ImportPlan("r", "x", "x.row", Label(), "csv", PLAN.columns, totals={"amount": "3.00"}, rows=2)
    text = HEADER + "03/05/2026 12:00:00 AM,1,a,,\n03/06/2026 01:02:03 PM,1.5,b,,\n"
    reading = read_file(write(tmp_path, text), plan, ENTITY)
    assert [p.says for p in reading.problems] == ["amount adds up to 2.50, the mapping says 3.00"]
