"""A record of very many fields is one JSON object, on SQLite too, whose functions take few arguments."""

from __future__ import annotations

import json
import sqlite3

import pytest

from engine.fieldtypes.storage import json_object

VALUES = ["NULL", "1", "'a}\"'", """json('{"x": {}}')""", "json('[]')"]


@pytest.mark.parametrize("count", [45, 46, 90, 91, 1500])
def test_an_object_of_many_keys(count: int) -> None:
    made = json_object("sqlite", [(f"f{n}", VALUES[n % 5]) for n in range(count)])
    told = json.loads(sqlite3.connect(":memory:").execute(f"SELECT json_group_array({made})").fetchone()[0])
    values = [None, 1, 'a}"', {"x": {}}, []]
    assert list(told[0].items()) == [(f"f{n}", values[n % 5]) for n in range(count)]
