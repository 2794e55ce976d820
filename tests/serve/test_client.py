"""A client that somebody else's generator made from our OpenAPI document does a day's work with it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.serve.live import Live, live

GENERATOR = "openapi-python-client==0.29.1"
SETTINGS = "project_name_override: works-client\npackage_name_override: works_client\npost_hooks: []\n"
STORY = '''
"""A foreman's sheet with two lines is handed in and approved; its cost is a figure. Typed all the way."""
import datetime, json, sys
from works_client import AuthenticatedClient
from works_client.api.figures import works_cost_figures
from works_client.api.system import system_me
from works_client.api.works_sheet import (
    works_sheet_actions_approve, works_sheet_actions_submit, works_sheet_create, works_sheet_get, works_sheet_list,
)
from works_client.models import Action, Problem, Sheet, WorksSheetCreate, WorksSheetLineCreate

told = json.loads(sys.argv[1])
foreman, boss = (
    AuthenticatedClient(base_url=told["url"], token=token, raise_on_unexpected_status=True)
    for token in (told["wang"], told["boss"])
)
assert system_me.sync(client=foreman).name == "wang"
lines = [WorksSheetLineCreate(worker=worker, hours="4") for worker in told["workers"]]
body = WorksSheetCreate(project=told["project"], sheet_date=datetime.date(2026, 3, 5), lines=lines)
made = works_sheet_create.sync(client=foreman, body=body, idempotency_key="story")
assert isinstance(made, Sheet), made
assert works_sheet_create.sync(client=foreman, body=body, idempotency_key="story").id == made.id
assert [line.hours for line in made.lines] == ["4.00", "4.00"]
submitted = works_sheet_actions_submit.sync(id=made.id, client=foreman, body=Action())
assert isinstance(submitted, Sheet), submitted
assert submitted.state == "in_approval"
refused = works_sheet_actions_approve.sync(id=made.id, client=foreman, body=Action())
assert isinstance(refused, Problem), refused
assert refused.status in (403, 409)
approved = works_sheet_actions_approve.sync(id=made.id, client=boss, body=Action())
assert isinstance(approved, Sheet), approved
assert (approved.state, approved.amount) == ("effective", "240.00"), (approved.state, approved.amount)
page = works_sheet_list.sync(client=boss, limit=10, state="effective")
assert [one.id for one in page.items] == [made.id]
assert works_sheet_get.sync(id=made.id, client=boss).number == approved.number
figures = works_cost_figures.sync(client=boss, by="project", measures="actual")
print(json.dumps([row.to_dict() for row in figures.rows]))
'''


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Live]:
    with live(f"sqlite://{tmp_path}/t.db") as made:
        yield made


@pytest.mark.long
def test_a_generated_client_does_a_days_work(served: Live, tmp_path: Path) -> None:
    room = tmp_path / "room"
    subprocess.run([sys.executable, "-m", "venv", room], check=True)
    got = subprocess.run(
        [room / "bin" / "pip", "install", "-q", GENERATOR], capture_output=True, text=True, check=False, timeout=600
    )
    if got.returncode:
        pytest.skip(f"the generator cannot be installed here: {got.stderr.strip()[-200:]}")
    tokens = {name: served.token(name) for name in ("wang", "boss")}
    head = {"authorization": f"Bearer {tokens['boss']}"}
    document = requests.get(f"{served.url}/api/v1/openapi.json", headers=head, timeout=30).text
    (tmp_path / "openapi.json").write_text(document)
    (tmp_path / "settings.yaml").write_text(SETTINGS)
    said = subprocess.run(
        [room / "bin" / "openapi-python-client", "generate", "--path", tmp_path / "openapi.json", "--config",
         tmp_path / "settings.yaml", "--output-path", tmp_path / "works_client", "--meta", "none"],
        capture_output=True, text=True, check=True, timeout=600,
    ).stdout  # fmt: skip
    unread = [part for part in said.split("WARNING parsing ")[1:] if "/files/" not in part]  # files are of any type
    assert not unread, unread
    assert "ERROR" not in said, said
    ids = served.stage.ids
    told = {"url": served.url, **tokens, "project": ids["A"], "workers": [ids["赵"], ids["钱"]]}
    (tmp_path / "story.py").write_text(STORY)
    done = subprocess.run(
        [room / "bin" / "python", tmp_path / "story.py", json.dumps(told)],
        capture_output=True, text=True, check=False, timeout=120, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert [(row["project"]["id"], row["actual"]) for row in rows] == [(ids["A"], "240.00")]
