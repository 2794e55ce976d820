"""Text becomes a number, date or time only where it is written just as that is shown, the same on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.db import open_database
from engine.db.converting import converted, lost
from engine.fieldtypes.storage import literal, quote
from engine.plan.table import Column

TEXT = Column("x", "text")
ODD = [
    "", "-", "--1", "-0", "07", "+7", " 7", "7 ", "7\n", "1,000", "1_000", "7.", ".7", "1.2.3", "1e3", "0x1f", "NaN",
    "-0.00", "-0.0", "00.05", "１２", "abc", "null", "now", "2026-02-29", "2026-02-30", "0000-01-01", "10000-01-01",
    "2026-1-3", "2026-01-31 ", "2026-W01", "2026-13-01", "24:00", "12:60", "1:30", "12:30:00", "'", "{0}", "%s",
    "9007199254740992", "-9007199254740992", "9223372036854775808", "-9223372036854775808", "9" * 40,
    "9999999999999999.9", "1000000000000000.00", "100000000000000.0000",
]  # fmt: skip
FIT = {
    ("integer", 0): ["0", "7", "-7", "999999999999999", "-999999999999999", "9007199254740991", "-9007199254740991"],
    ("decimal", 0): ["0", "7", "-7", "999999999999999", "-999999999999999"],
    ("decimal", 1): ["0.0", "1.5", "-0.5", "999999999999999.9"],
    ("decimal", 2): ["0.00", "12.50", "-0.05", "1.20", "-999999999999999.99"],
    ("decimal", 4): ["0.0000", "1.2500", "-99999999999999.9999"],
    ("date", 0): ["2026-01-31", "2024-02-29", "0001-01-01", "9999-12-31"],
    ("time", 0): ["00:00", "08:30", "23:59"],
}


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
@pytest.mark.parametrize("kind", FIT, ids=lambda kind: f"{kind[0]}{kind[1]}")
async def test_what_fits_comes_back_as_it_was(
    request: pytest.FixtureRequest, tmp_path: Path, dialect: str, kind: tuple[str, int]
) -> None:
    sqlite = dialect == "sqlite"
    database = await open_database(f"sqlite://{tmp_path}/t.db" if sqlite else request.getfixturevalue("postgres_url"))
    new, told = Column("x", *kind), {value for values in FIT.values() for value in values} | {*ODD}
    values = ", ".join(f"({literal(value)})" for value in sorted(told))
    rows = f"(SELECT column1 AS x FROM (VALUES {values}, (NULL)) AS v) AS t"
    text = f"CAST({quote('x')} AS TEXT)" if sqlite else f'({quote("x")} COLLATE "C")'
    read = converted(TEXT, new, text, database.dialect)
    again = converted(new, TEXT, f"({read})", database.dialect)
    try:
        asked = f"SELECT x, {again} FROM {rows} WHERE COALESCE(NOT ({lost(TEXT, new, text, database.dialect)}), TRUE)"
        found = {(row[0], row[1]) for row in await database.read(asked)}
        # A write that does not fit stops nobody while the column is being filled.
        assert len(await database.read(f"SELECT {read} FROM {rows}")) == len(told) + 1
    finally:
        await database.close()
    assert found == {(value, value) for value in FIT[kind]} | {(None, None)}
