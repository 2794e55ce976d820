"""What is done at the server's terminal stands in the audit too."""

from __future__ import annotations

import getpass
import json
import sqlite3
from pathlib import Path
from typing import Any

from tests.cli.test_cli import CSV, NYC
from tests.typed import dougong


def audited(path: Path) -> list[tuple[str, dict[str, Any], str]]:
    connection = sqlite3.connect(path)
    asked = "SELECT act, detail, address FROM _audit WHERE act LIKE 'command.%' ORDER BY id"
    found = [(act, json.loads(detail), address) for act, detail, address in connection.execute(asked)]
    connection.close()
    return found


def test_commands_are_audited(tmp_path: Path) -> None:
    there = ("--database", tmp_path / "n.db")
    assert dougong("import", "--new", NYC, "capital_projects", CSV, *there, "--dry-run").returncode == 0
    assert audited(tmp_path / "n.db") == [], "a dry run does nothing"
    assert dougong("import", NYC, "capital_projects", CSV, *there).returncode == 0
    with sqlite3.connect(tmp_path / "n.db") as connection:
        login = "INSERT INTO _login (user, name, hash, admin, must_change) VALUES (?, 'admin', '!', 1, 0)"
        connection.execute(login, ("01900000-0000-7000-8000-000000000001",))
    connection.close()
    reset = dougong("user", "password", NYC, "admin", "--one-time", *there)
    assert reset.returncode == 0, reset.stderr
    assert dougong("repost", NYC, *there).returncode == 0
    found = audited(tmp_path / "n.db")
    assert [act for act, _, _ in found] == ["command.import", "command.user", "command.repost"]
    assert found[0][1] == {"account": getpass.getuser(), "import": "capital_projects", "file": CSV.name}
    assert (found[1][1]["name"], found[1][1]["one_time"]) == ("admin", True)
    assert reset.stdout.split()[2] not in str(found), "the password itself is nowhere"
    assert {address for _, _, address in found} == {"terminal"}
