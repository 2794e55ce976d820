"""Logins at the terminal, as whoever keeps the server gives and takes them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from engine.paths import modules_dir
from engine.studio.tenant.opening import opened
from tests.cli.conftest import Data
from tests.typed import dougong

PEOPLE = "工号,姓名,手机,邮箱,部门编码\nw1,王一,13800000001,,\nw2,王二,,w2@example.com,\n"


def make(target: Path, url: str) -> None:
    """An empty system, as serving it for the first time makes it."""

    async def made() -> None:
        async with opened(target, url, make=True):
            pass

    asyncio.run(made())


def logins(data: Data) -> dict[str, tuple[bool, bool, bool]]:
    """Name → administrator, disabled, has to take another password."""
    rows = data.asked("SELECT name, admin, disabled IS NOT NULL, must_change FROM _login")
    return {str(name): (bool(admin), bool(off), bool(must)) for name, admin, off, must in rows}


def test_people_come_and_go(data: Data, tmp_path: Path) -> None:
    base, url = modules_dir() / "base", ("--database", data.url)
    make(base, data.url)
    (tmp_path / "people.csv").write_text(PEOPLE, encoding="utf-8-sig")
    came = dougong("user", "import", base, "people", tmp_path / "people.csv", *url, "--sheet", tmp_path / "sheet.html")
    assert (came.returncode, "2 people" in came.stdout) == (0, True), came.stderr
    sheet = (tmp_path / "sheet.html").read_text(encoding="utf-8")
    assert "王一" in sheet
    assert (tmp_path / "sheet.html").stat().st_mode & 0o077 == 0
    assert logins(data) == {"w1": (False, False, True), "w2": (False, False, True)}
    again = dougong("user", "import", base, "people", tmp_path / "people.csv", *url)
    assert (again.returncode, "0 people" in again.stdout) == (0, True), again.stderr

    made = dougong("user", "add", base, "zhang", *url, "--set", "name=张三")
    assert (made.returncode, made.stdout.startswith("zhang / ")) == (0, True), made.stderr
    assert "people.name-taken" in dougong("user", "add", base, "zhang", *url).stderr
    assert "people.nobody" in dougong("user", "add", base, "ghost", *url).stderr
    assert dougong("user", "admin", base, "zhang", *url).returncode == 0
    assert dougong("user", "disable", base, "w1", *url).returncode == 0
    assert logins(data)["w1"] == (False, True, True)
    new = dougong("user", "password", base, "w1", *url, "--one-time")
    assert (new.returncode, logins(data)["w1"]) == (0, (False, True, True)), (
        "a new password does not let in who may not"
    )
    assert dougong("user", "enable", base, "w1", *url).returncode == 0
    for last in (("disable", base, "zhang"), ("admin", base, "zhang", "--off")):
        refused = dougong("user", *last, *url)
        assert (refused.returncode, "people.last-administrator" in refused.stderr) == (1, True)
    assert dougong("user", "admin", base, "w2", *url).returncode == 0
    assert dougong("user", "admin", base, "zhang", *url, "--off").returncode == 0
    assert logins(data) == {"w1": (False, False, True), "w2": (True, False, True), "zhang": (False, False, True)}


def test_a_person_called_admin_is_not_the_first_administrator(data: Data) -> None:
    base, url = modules_dir() / "base", ("--database", data.url)
    make(base, data.url)
    assert dougong("user", "add", base, "first", *url, "--set", "name=甲").returncode == 0
    data.asked("UPDATE _login SET name = 'admin', admin = true")
    refused = dougong("user", "add", base, "admin", *url, "--set", "name=乙")
    assert (refused.returncode, "people.name-taken" in refused.stderr) == (1, True)
    changed = dougong("user", "password", base, "admin", *url, "--password", "a new long password")
    assert (changed.returncode, "people.name-taken" in changed.stderr) == (1, True)
