"""Reading other people's files: every broken row named, the real file read exactly."""

from __future__ import annotations

import io
import unicodedata
import zipfile
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pytest
import xlsxwriter

from engine.fieldtypes import Spec
from engine.intake import Reading, read_content, read_file
from engine.intake.cells import Inexact, Unreadable, rows_of
from engine.intake.cleaning import CLEANING
from engine.label import Label
from engine.plan.app import ImportColumn, ImportPlan
from engine.plan.entity import Entity, Field, Template
from engine.read.shape import data as shapes


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
    assert reading.wrong == ()
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
    assert [(w.code, w.row) for w in reading.wrong] == [
        ("import.date", 3),
        ("import.value", 4),
        ("import.required", 5),
        ("import.width", 6),
        ("import.duplicate", 7),
    ]
    assert str(reading.wrong[0].told("rows.csv")).startswith(
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
    assert [w.code for w in read_file(write(tmp_path, text), PLAN, ENTITY).wrong] == [code]


def test_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"\xff\xfe\x00\x81")
    assert [w.code for w in read_file(path, PLAN, ENTITY).wrong] == ["import.encoding"]


def test_control_totals(tmp_path: Path) -> None:
    plan = ImportPlan("r", "x", "x.row", Label(), "csv", PLAN.columns, totals={"amount": "3.00"}, rows=2)
    text = HEADER + "03/05/2026 12:00:00 AM,1,a,,\n03/06/2026 01:02:03 PM,1.5,b,,\n"
    reading = read_file(write(tmp_path, text), plan, ENTITY)
    assert [w.told("rows.csv").says for w in reading.wrong] == ["amount adds up to 2.50, not to 3.00"]


def book(rows: list[list[Any]], dates: str = "yyyy-mm-dd") -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as made:
        sheet = made.add_worksheet("三月")
        shown = made.add_format({"num_format": dates})
        for at, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                if isinstance(cell, date):
                    sheet.write_datetime(at, column, datetime(cell.year, cell.month, cell.day), shown)
                elif cell is not None:
                    sheet.write(at, column, cell)
    return out.getvalue()


def read(rows: list[list[Any]], plan: ImportPlan = PLAN) -> Reading:
    return read_content(book(rows), plan, ENTITY)


def test_a_workbook_is_read_below_its_titles_and_without_its_totals() -> None:
    reading = read(
        [
            ["三月点工汇总", None, None, None],
            [],
            ["日期", "金额（元）", "备 注", "班组"],
            [date(2026, 3, 5), 1200.5, 7, "钢筋班"],
            ["日期", "金额（元）", "备 注", "班组"],
            [date(2026, 3, 6), 0.1, "b", "木工班"],
            ["合计", 1200.6, None, None],
        ]
    )
    assert reading.wrong == ()
    assert [line.values for line in reading.lines] == [
        {"day": date(2026, 3, 5), "amount": Decimal("1200.5"), "note": "7"},
        {"day": date(2026, 3, 6), "amount": Decimal("0.1"), "note": "b"},
    ]
    assert [line.number for line in reading.lines] == [4, 6]
    assert reading.left_out == ((5, "日期"), (7, "合计"))
    assert reading.totals == {"amount": Decimal("1200.6")}


def test_a_number_that_lost_its_digits_in_the_workbook_is_told() -> None:
    reading = read([["日期", "金额（元）", "备注", "班组"], [date(2026, 3, 5), 1, 362502198001011234, "x"]])
    assert [(w.code, w.row, w.header) for w in reading.wrong] == [("import.digits", 2, "备注")]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"PK\x03\x04 no archive", "import.workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 600, "import.workbook"),
        (book([[None]]), "import.empty"),
    ],
)
def test_a_workbook_that_cannot_be_read_says_why(content: bytes, code: str) -> None:
    assert [w.code for w in read_content(content, PLAN, ENTITY).wrong] == [code]


def test_another_sheet_is_named() -> None:
    plan = replace(PLAN, page="四月")
    (wrong,) = read_content(book([["日期"]]), plan, ENTITY).wrong
    assert str(wrong.told("a.xlsx")) == "a.xlsx: import.no-page: The workbook has no sheet 四月 (it has 三月)"


def test_a_workbook_that_unpacks_to_too_much_is_not_unpacked() -> None:
    out = io.BytesIO()
    part_name = "xl/worksheets/sheet1.xml"
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed, packed.open(part_name, "w") as part:
        for _ in range(300):
            part.write(b" " * 1024 * 1024)
    assert len(out.getvalue()) < 1024 * 1024
    assert [w.code for w in read_content(out.getvalue(), PLAN, ENTITY).wrong] == ["import.too-large"]


def scattered(cells: Iterable[tuple[int, int]], text: str = "x") -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as made:
        sheet = made.add_worksheet()
        for row, column in cells:
            sheet.write_string(row, column, text)
    return out.getvalue()


DAYS = [date(2026, 3, 5), datetime(2026, 3, 5, 6, 7, 8)]
LAST_ROW, LAST_COLUMN = 1_048_575, 16_383


@pytest.mark.parametrize(
    ("cells", "text", "code"),
    [
        pytest.param([(0, 0), (LAST_ROW, LAST_COLUMN)], "x", "import.too-heavy", id="two cells far from each other"),
        pytest.param([(LAST_ROW, LAST_COLUMN)], "x", "import.workbook", id="one, where native code gives up"),
        pytest.param([(n, LAST_COLUMN * (n % 2)) for n in range(300)], "x", "import.too-heavy", id="wide rows"),
        pytest.param([(n, 0) for n in range(2_000)], "x" * 32_767, "import.too-heavy", id="one text in many cells"),
    ],
)
def test_a_small_workbook_that_asks_for_too_much_is_refused(cells: list[tuple[int, int]], text: str, code: str) -> None:
    content = scattered(cells, text)
    assert len(content) < 64 * 1024
    with pytest.raises(Unreadable) as refused:
        list(rows_of(content))
    assert refused.value.code == code


def test_cells_far_below_and_long_ones_are_read() -> None:
    assert [number for number, _ in rows_of(scattered([(0, 0), (LAST_ROW, 0)]))] == [1, LAST_ROW + 1]
    assert len(list(rows_of(scattered([(n, 0) for n in range(100)], "x" * 32_767)))) == 100


def test_a_cell_of_a_workbook_is_what_it_was() -> None:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as made:
        sheet = made.add_worksheet()
        sheet.write_row(1, 1, ["文", 7, 0.1, True, 1e20])
        for column, (value, shown) in enumerate(
            [(datetime(2026, 3, 5), "yyyy-mm-dd"), (datetime(2026, 3, 5, 6, 7, 8), "yyyy-mm-dd hh:mm:ss")], 6
        ):
            sheet.write_datetime(1, column, value, made.add_format({"num_format": shown}))
        sheet.write_string(3, 0, " ")
        sheet.write_string(4, 0, "z")
    ((first, cells), (second, _)) = rows_of(out.getvalue())
    assert (first, second) == (2, 5)
    assert cells == ["", "文", "7", "0.1", "true", "1e+20", *DAYS]
    assert [type(cell) for cell in cells[-3:]] == [Inexact, *(type(day) for day in DAYS)]


def test_rows_that_belong_together_make_one_document() -> None:
    line = Entity(
        "x.line", "x", "line", Label("行", "Line"), "x__line",
        {f.name: f for f in (field("amount", "money", "金额"), field("note", "text", "备注"))}, Template(()), (),
    )  # fmt: skip
    head = Entity("x.row", "x", "row", Label(), "x__row", {"day": field("day", "date", "日期")}, Template(()), ())
    columns = tuple(c for c in PLAN.columns if c.field != "team")
    plan = ImportPlan("r", "x", "x.row", Label(), "csv", columns, group=("day",), lines="lines")
    text = "日期,金额(元),备注\n" + "".join(f"03/0{d}/2026 12:00:00 AM,{n},{n}\n" for d, n in ((5, 1), (6, 2), (5, 3)))
    reading = read_content(text.encode(), plan, head, line)
    assert reading.wrong == ()
    assert [(d.head.values, d.rows) for d in reading.documents] == [
        ({"day": date(2026, 3, 5)}, (2, 4)),
        ({"day": date(2026, 3, 6)}, (3,)),
    ]
    assert [one.values for one in reading.documents[0].lines] == [
        {"amount": Decimal(1), "note": "1"},
        {"amount": Decimal(3), "note": "3"},
    ]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_separator_is_found(separator: str) -> None:
    text = HEADER.replace(",", separator) + separator.join(("03/05/2026 12:00:00 AM", "1", "a", "", ""))
    assert [line.values["note"] for line in read_content(text.encode(), PLAN, ENTITY).lines] == ["a"]


def test_a_mapping_may_ask_for_every_rule_there_is() -> None:
    assert set(shapes.CLEANING) == set(CLEANING)


@pytest.mark.parametrize(
    "text", ["金额（元）", "Ａ\u3000ｂ㎡", "e\u0301 ガ ｶﾞ", "한국어" * 90, "a" + "\u0301\u0327" * 40, ""]
)
def test_full_width_is_made_half_as_unicode_says(text: str) -> None:
    for wide in (text, text * 30, f"{'好' * 99}{text}{'x' * 99}{text}"):
        assert CLEANING["half_width"](wide) == unicodedata.normalize("NFKC", wide)


def test_no_cell_and_no_row_takes_more_than_its_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """Combining signs in a row take the square of their number; beside the header nothing is compared."""
    pieces: list[int] = []
    normalize = unicodedata.normalize

    def counted(form: Literal["NFKC"], text: str) -> str:
        pieces.append(len(text))
        return normalize(form, text)

    monkeypatch.setattr(unicodedata, "normalize", counted)
    signs = "a" + "\u0300\u0327" * 2_000
    row = ",".join(("03/05/2026 12:00:00 AM", "1", signs, ""))
    text = f"日期,金额(元),备注,班组{',' * 30_000}\n{row}{',' * 30_000}\n{',' * 30_000}x\n"
    reading = read_content(text.encode(), PLAN, ENTITY)
    assert [(w.code, w.row) for w in reading.wrong] == [("import.value", 2), ("import.width", 3)]
    assert max(pieces) <= 100
    assert sum(pieces) < 10_000
