"""What is done at the server's terminal stands in the audit too."""

from __future__ import annotations

import getpass
import json
from typing import Any

from tests.cli.conftest import Data
from tests.cli.test_cli import CSV, NYC
from tests.typed import dougong


def audited(data: Data) -> list[tuple[str, dict[str, Any], str]]:
    rows = data.asked("SELECT act, detail, address FROM _audit WHERE act LIKE 'command.%' ORDER BY id")
    return [(act, json.loads(told) if isinstance(told, str) else told, address) for act, told, address in rows]


def test_commands_are_audited(data: Data) -> None:
    there = ("--database", data.url)
    assert dougong("import", "--new", NYC, "capital_projects", CSV, *there, "--dry-run").returncode == 0
    assert audited(data) == [], "a dry run does nothing"
    assert dougong("import", NYC, "capital_projects", CSV, *there).returncode == 0
    who = "'01900000-0000-7000-8000-000000000001'"
    login = 'INSERT INTO _login ("user", name, hash, admin, must_change)'
    data.asked(f"{login} VALUES ({who}, 'admin', '!', true, false)")
    reset = dougong("user", "password", NYC, "admin", "--one-time", *there)
    assert reset.returncode == 0, reset.stderr
    assert dougong("repost", NYC, *there).returncode == 0
    found = audited(data)
    assert [act for act, _, _ in found] == ["command.import", "command.user", "command.repost"]
    assert found[0][1] == {"account": getpass.getuser(), "import": "capital_projects", "file": CSV.name}
    assert (found[1][1]["name"], found[1][1]["one_time"]) == ("admin", True)
    assert reset.stdout.split()[2] not in str(found), "the password itself is nowhere"
    assert {address for _, _, address in found} == {"terminal"}
