"""Files of SQLite lie wherever people put them: what a URL means otherwise means itself in a path."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from engine.db import carrying, file_of, open_database, url_of
from engine.tenants import naming


@pytest.mark.parametrize("folder", ["plain", "with blank", "Firma #2", "Firma #1", "50%41", "项目", "why?", "a+b"])
async def test_any_folder_holds_a_database(folder: str, tmp_path: Path) -> None:
    place = tmp_path / folder
    place.mkdir()
    url = url_of(str(place / "x.db"))
    assert file_of(url) == str(place / "x.db")
    database = await open_database(url)
    await database.run_script(["CREATE TABLE t (id INTEGER PRIMARY KEY)"])
    await database.close()
    assert [one.name for one in tmp_path.iterdir()] == [folder]
    assert await carrying.counted_file(file_of(url)) != {}
    await carrying.copy_file(file_of(url), place / "copy.db")
    assert await carrying.whole_file(place / "copy.db") == ""
    assert file_of(naming.place_beside(url, "acme")) == str(place / "tenants" / "acme.db")
    assert naming.files_beside(url, url, "acme") == str(place / "x.files")


async def test_four_slashes_are_three(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    assert url.startswith("sqlite:////")
    await (await open_database(url)).close()
    sqlite3.connect(file_of(url)).close()
    assert file_of(url) == f"{tmp_path}/x.db"
    assert await carrying.counted_file(file_of(url)) == {}
    await carrying.copy_file(file_of(url), tmp_path / "copy.db")
