"""What somebody tries who means harm: another tenant's things, fields nobody sets, statements in parameters."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from engine.db import open_database
from engine.serve import asgi
from engine.serve.query import grouping, request
from engine.serve.server import registry
from engine.serve.tenant.filestore import Folder
from engine.serve.tenant.tenancy import ByHost
from tests.serve.stage import Stage, errors
from tests.serve.test_registry import filled

HOSTILE = (
    "'",
    '"; DROP TABLE works__worker; --',
    "id) UNION SELECT hash FROM _login --",
    "../../../etc/passwd",
    "a\0b",
    "(" * 400,
    "\r\nset-cookie: a=b",
    "\u202e\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
)


@pytest.fixture
async def other(request: pytest.FixtureRequest, stage: Stage, tmp_path: Path) -> AsyncIterator[Stage]:
    """A second tenant in the same process, on the same kind of database."""
    if stage.database.dialect == "sqlite":
        url = f"sqlite://{tmp_path}/other.db"
    else:
        url = f"{request.getfixturevalue('postgres_url')}?schema=other"
    database = await open_database(url)
    try:
        made = await Stage.build(database)
        made.tenant.name = "other"
        yield made
        await made.close()
    finally:
        await database.close()


async def test_nothing_crosses_from_tenant_to_tenant(stage: Stage, other: Stage, tmp_path: Path) -> None:
    stage.tenant.files, other.tenant.files = Folder(tmp_path / "one"), Folder(tmp_path / "two")
    boss, theirs = await stage.door("boss"), await other.door("boss")
    secret = (await boss.post("http://works/api/v1/system/files", content=b"secret")).json()
    made = (await boss.post("/worker", json={"name": "周", "papers": [secret["id"]]})).json()
    tokens = [door.headers["authorization"] for door in (boss, theirs)]
    app = asgi(ByHost({"works.example": stage.tenant, "other.example": other.tenant}))
    place = f"/api/v1/works/worker/{made['id']}"

    async def get(host: str, token: str, path: str = place) -> int:
        found = await out.get(f"http://{host}{path}", headers={"authorization": token})
        return found.status_code

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app, raise_app_exceptions=False)) as out:
        file = f"{place}/files/papers/{secret['id']}"
        assert [await get("works.example", tokens[0], path) for path in (place, file)] == [200, 200]
        assert await get("WORKS.example.:8443", tokens[0]) == 200
        assert [await get("other.example", tokens[0], path) for path in (place, file)] == [401, 401]
        assert [await get("other.example", tokens[1], path) for path in (place, file)] == [404, 404]
        assert await get("works.example", tokens[1]) == 401
        taken = await out.post(
            "http://other.example/api/v1/works/worker",
            json={"name": "x", "papers": [secret["id"]], "work_type": stage.ids["mason"]},
            headers={"authorization": tokens[1]},
        )
        assert taken.status_code == 422
        for host in ("evil.example", "works.example.evil.example", "works.example@evil.example", "[::1]", "a/b", ""):
            headers = {"host": host, "authorization": tokens[0], "x-forwarded-host": "works.example"}
            refused = await out.get(f"http://works.example{place}", headers=headers)
            assert (refused.status_code, errors(refused)) == (404, [("server.no-tenant", "")]), host


async def test_fields_that_nobody_sets(stage: Stage) -> None:
    boss = await stage.door("boss")
    id_ = stage.ids["wang"]
    stolen = {
        "rev": 9,
        "created_at": "2020-01-01T00:00:00Z",
        "created_by": id_,
        "updated_at": "2020-01-01T00:00:00Z",
        "updated_by": id_,
        "deleted_at": "2020-01-01T00:00:00Z",
        "display": "x",
        "_sort": "x",
        "_find": "x",
    }
    for name, value in stolen.items():
        wanted = [("api.system-field", f"/{name}")]
        made = await boss.post("/worker", json={"name": "周", name: value})
        assert (made.status_code, errors(made)) == (422, wanted), name
        changed = await boss.patch(f"/worker/{stage.ids['赵']}", json={name: value}, headers={"if-match": "*"})
        assert (changed.status_code, errors(changed)) == (422, wanted), name
        many = await boss.post("/worker/bulk", json={"items": [{"name": "周", name: value}]})
        assert (many.status_code, errors(many)) == (422, [("api.system-field", f"/items/0/{name}")]), name
    for name, value in {"state": "effective", "number": "DG-1", "amount": "1", "entered_on": "2020-01-01"}.items():
        refused = await boss.post("/sheet", json=stage.sheet(**{name: value}))
        assert (refused.status_code, [p for _, p in errors(refused)]) == (422, [f"/{name}"]), name
    sheet = stage.sheet()
    sheet["lines"][0]["sheet"] = stage.ids["A"]
    assert [p for _, p in errors(await boss.post("/sheet", json=sheet))] == ["/lines/0/sheet"]


async def test_a_reference_changes_nothing_of_what_it_refers_to(stage: Stage) -> None:
    boss = await stage.door("boss")
    nested = {"id": stage.ids["mason"], "name": "改了", "rev": 99}
    made = await boss.post("/worker", json={"name": "周", "work_type": nested})
    assert made.status_code in (201, 422)
    kept = (await boss.get(f"/work_type/{stage.ids['mason']}")).json()
    assert (kept["name"], kept["rev"]) == ("瓦工", 1)


async def test_no_parameter_reaches_a_statement(stage: Stage) -> None:
    """Every reading door, every parameter it may know and some fields, as name, operator and value."""
    boss = await stage.door("boss")
    before = await stage.rows("works__worker", "id") if stage.database.dialect == "sqlite" else None
    count = (await boss.get("/worker?count=exact")).json()["total"]
    names = sorted({*request._LIST, *grouping._FIGURES, *request._ONE, "format", "before", "name[contains]", "id", "x"})
    doors = [door for door in registry.API.doors if "GET" in door.methods and not door.streams]
    assert len(doors) >= 8
    for door in doors:
        place = f"http://works/api/v1/{filled(door, stage)}"
        tried = [f"{place}?{name}={quote(value)}" for name in names for value in HOSTILE]
        tried += [f"{place}?{quote(value)}=1&name[{quote(value)}]=1" for value in HOSTILE]
        tried += [f"{place}/{quote(value, safe='')}" for value in HOSTILE]
        for one in tried:
            answer = await boss.get(one)
            assert answer.status_code < 500, (one, answer.text[:400])
            assert "set-cookie" not in answer.headers, one
            assert b"argon2" not in answer.content, one
    assert (await boss.get("/worker?count=exact")).json()["total"] == count
    assert before is None or await stage.rows("works__worker", "id") == before
