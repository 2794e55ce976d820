"""A tile's figures to take away: its groups and measures, numbers as numbers, as a workbook or as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import xlsxwriter

from engine.plan.app import App
from engine.plan.page import Dashboard
from engine.plan.viewer import DashboardView, Viewer
from engine.serve.query.export import EXACT, digits, harmless
from renderer.figures import number, rows_of
from renderer.seen import Seen


@dataclass(frozen=True, slots=True)
class Taken:
    """``forms``: per column how its numbers are shown, empty for words. Numbers are exact text, words are words."""

    heads: tuple[str, ...]
    forms: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def table_of(app: App, viewer: Viewer, board: Dashboard, view: DashboardView) -> Taken:
    """One row a group, also of a cross table: whoever takes figures away goes on reckoning with them."""
    tile = board.tiles[0]
    seen = Seen(app, viewer, board, tile, app.figures[tile.aggregation], view)
    measures = [*seen.measures, *([seen.bound] if seen.bound is not None and seen.bound not in seen.measures else [])]
    heads = [d.title.to(viewer.language) for d in seen.dimensions]
    heads += [m.title.to(viewer.language) + (f" ({m.unit})" if m.unit else "") for m in measures]
    forms = [""] * len(seen.dimensions)
    forms += ["0.00%" if m.percent else "#,##0" if m.kind == "integer" else "#,##0.00" for m in measures]
    items = rows_of(seen.answer)
    rows = [(*_names(seen, item), *(_exact(item.get(m.name)) for m in measures)) for item in items]
    return Taken(tuple(heads), tuple(forms), tuple(rows))


def _names(seen: Seen, item: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(seen.called(d, item.get(d.name)).text for d in seen.dimensions)


def _exact(value: Any) -> str:
    found = number(value)
    return "" if found is None else f"{found:f}"


def as_csv(table: Taken, _title: str) -> bytes:
    """With a byte order mark, by which spreadsheets know UTF-8."""
    out = io.StringIO(newline="")
    out.write("\ufeff")
    writer = csv.writer(out)
    writer.writerow([harmless(head) for head in table.heads])
    for row in table.rows:
        writer.writerow([text if form else harmless(text) for text, form in zip(row, table.forms, strict=True)])
    return out.getvalue().encode()


def as_xlsx(table: Taken, title: str) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    bold = book.add_format({"bold": True, "bottom": 1})
    looks = {form: book.add_format({"num_format": form}) for form in dict.fromkeys(table.forms) if form}
    page = book.add_worksheet("".join(c for c in title if c not in "[]:*?/\\'")[:31] or None)
    page.freeze_panes(1, 0)
    for n, head in enumerate(table.heads):
        page.set_column(n, n, max(12, min(40, 2 * len(head) + 2)))
        page.write_string(0, n, head, bold)
    for at, row in enumerate(table.rows, 1):
        for n, (text, form) in enumerate(zip(row, table.forms, strict=True)):
            if form and text and digits(text) <= EXACT:
                page.write_number(at, n, float(text), looks[form])
            elif text:
                page.write_string(at, n, text[:32_767])
    book.close()
    return out.getvalue()


FORMATS: Mapping[str, Callable[[Taken, str], bytes]] = {"xlsx": as_xlsx, "csv": as_csv}
