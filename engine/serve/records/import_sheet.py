"""What an import refuses, as a workbook to mend and to bring again: rows as they came, red cells, and why."""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import date, datetime, time
from typing import Any

import xlsxwriter

from engine.intake import Reading
from engine.intake.cleaning import plain
from engine.label import Label
from engine.serve.records.importing import Found

_WHY = Label("错误原因", "What is wrong")
_ROW = Label("原行号", "Row in the file")


def workbook(reading: Reading, found: Iterable[Found], language: str) -> bytes:
    """The sheet has the file's own header, so that it can be brought as it is; the two columns after it are ours and no
    mapping asks for them."""
    told: dict[int, list[Found]] = {}
    for one in found:
        told.setdefault(one.row, []).append(one)
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        head, red = book.add_format({"bold": True}), book.add_format({"bg_color": "#FFC7CE", "font_color": "#9C0006"})
        titles = [*reading.header, _WHY.to(language), _ROW.to(language)]
        for column, title in enumerate(titles):
            sheet.write_string(0, column, title, head)
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, len(titles) - 3, 14)
        sheet.set_column(len(titles) - 2, len(titles) - 2, 60)
        at = 0
        for at, row in enumerate(sorted(told), 1):
            _row(sheet, at, reading, row, told[row], red, language)
        sheet.autofilter(0, 0, max(at, 1), len(titles) - 1)
    return out.getvalue()


def _row(sheet: Any, at: int, reading: Reading, row: int, told: list[Found], red: Any, language: str) -> None:
    wrong = {plain(one.header): one for one in told if one.header}
    width = len(reading.header)
    for column, cell in enumerate(list(reading.cells.get(row, ()))[:width]):
        name = plain(reading.header[column])
        sheet.write_string(at, column, _text(cell), *([red] if name in wrong else []))
        if name in wrong:
            sheet.write_comment(at, column, wrong[name].fault.says.to(language))
    sheet.write_string(at, width, "; ".join(one.fault.says.to(language) for one in told), red)
    if row:
        sheet.write_number(at, width + 1, row)


def _text(cell: str | date | datetime | time) -> str:
    """What it is read as again: a text cell of the same words."""
    return cell if isinstance(cell, str) else cell.isoformat(" ") if isinstance(cell, datetime) else cell.isoformat()
