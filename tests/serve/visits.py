"""What else the matrix does at the doors: references seen through, figures, files, writing, moves, why, pages."""

from __future__ import annotations

from decimal import Decimal

import httpx

from engine.serve import open_session
from tests.serve.oracle import HIDDEN, RULES, Person, Record, ever, may, sees
from tests.serve.stage import Stage

PDF = b"%PDF-1.7\n0123456789"


async def through(door: httpx.AsyncClient, person: Person, sheets: list[Record], projects: dict[str, Record]) -> int:
    """A reference names its record to everyone; what else it leads to is its reader's own: expanded, by a dotted path,
    as a condition, as a group, in an order, and as a choice to pick."""
    listed = (await door.get("/sheet?limit=1000&expand=project&fields=project,project.code")).json()
    if not ever(person, "sheet", "read"):
        return 0
    codes: dict[str, str | None] = {}
    for item in listed["items"]:
        project = projects[item["project"]["id"]]
        open_ = may(person, "project", "read", project)
        codes[item["id"]] = project["code"] if open_ else None
        assert item["project"]["display"] == project["name"]
        assert item["project"].get("code") == codes[item["id"]], (person.name, item)
        assert item["project.code"] == codes[item["id"]], (person.name, item)
    assert set(codes) == {r["id"] for r in sheets}
    for asked in ("project.code=A", "where=project.code = 'A'"):
        found = {i["id"] for i in (await door.get(f"/sheet?limit=1000&{asked}")).json()["items"]}
        assert found == {k for k, code in codes.items() if code == "A"}, (person.name, asked)
    rows = (await door.get("/sheet/aggregate?by=project.code&measures=n:COUNT(sheet)")).json()["rows"]
    values = list(codes.values())
    assert {r["project.code"]: r["n"] for r in rows} == {v: values.count(v) for v in values}
    ordered = (await door.get("/sheet?limit=1000&sort=project.code&fields=project.code")).json()["items"]
    known = [i["project.code"] for i in ordered if i["project.code"] is not None]
    assert known == sorted(known)
    picked = await door.get("/project?q=甲&fields=id")
    if ever(person, "project", "read"):
        wanted = {k for k, p in projects.items() if p["name"] == "甲" and may(person, "project", "read", p)}
        assert {i["id"] for i in picked.json()["items"]} == wanted
    else:
        assert picked.status_code == 403
    return 6


async def figures(door: httpx.AsyncClient, person: Person, entries: list[Record]) -> int:
    """A figure never shows what a list would not: of a declared one every source must be readable, and its rows are."""
    asked = await door.get("/figures/cost?by=project&measures=reserved")
    if not ever(person, "entry", "read"):
        assert asked.status_code == 403, (person.name, asked.text)
        assert (await door.get("/figures/cost/explain")).status_code == 403
        return 2
    sums: dict[str, Decimal] = {}
    for entry in entries:
        if may(person, "entry", "read", entry) and entry["kind"] == "reserve":
            place = entry["project"]["id"]
            sums[place] = sums.get(place, Decimal(0)) + Decimal(entry["net"] or 0)
    told = (await door.get("/figures/cost/explain?measure=reserved")).json()
    assert Decimal(told["value"] or 0) == sum(sums.values(), Decimal(0)), person.name
    assert told["agrees"]
    rows = {r["project"]["id"]: Decimal(r["reserved"] or 0) for r in asked.json()["rows"]}
    assert {k: v for k, v in rows.items() if v} == {k: v for k, v in sums.items() if v}, person.name
    having = (await door.get("/figures/cost?by=project&measures=reserved&having=reserved > 0&sort=-reserved")).json()
    assert [Decimal(r["reserved"]) for r in having["rows"]] == sorted((v for v in sums.values() if v > 0), reverse=True)
    return 2


async def contracts(stage: Stage, door: httpx.AsyncClient, person: Person, record: Record) -> int:
    """A file is read by whoever sees the field that holds it on this record."""
    if not record.get("contract"):
        return 0
    got = await door.get(f"/sheet/{record['id']}/files/contract/{record['contract']['id']}")
    readable = may(person, "sheet", "read", record)
    hidden = all(
        "contract" in HIDDEN["sheet"].get(role, ())
        for role in person.roles
        if role in RULES["sheet"]["read"] and RULES["sheet"]["read"][role](person, record)
    )
    assert (got.status_code == 200) == (readable and not hidden), (person.name, got.status_code)
    small = await door.get(f"/sheet/{record['id']}/files/contract/{record['contract']['id']}/small")
    assert small.status_code in (403, 404), (person.name, small.status_code)  # a contract is no picture
    if got.status_code != 200:
        assert small.json()["code"] == got.json()["code"], person.name
    return 2


async def imports(stage: Stage, door: httpx.AsyncClient, person: Person) -> int:
    """A file makes what its bringer may make, and what he may not see it does not name."""
    api = "http://works/api/v1/system"
    may_make = ever(person, "project", "create")
    listed = (await door.get(f"{api}/imports")).json()["items"]
    assert ("works.projects" in {one["name"] for one in listed}) == may_make, person.name
    code = f"{person.name}-file"
    sent = await door.post(f"{api}/files?name=p.csv", content=f"编号,名称,开工,完工,预算\n{code},x,,,\n".encode())
    asked = {"file": sent.json()["id"], "keep": True}
    sheet = await door.post(f"{api}/imports/works.projects/workbook", json=asked)
    assert sheet.status_code == (200 if may_make else 404), (person.name, sheet.status_code)
    done = await door.post(f"{api}/imports/works.projects", json=asked)
    assert done.status_code == (201 if may_make else 404), (person.name, done.text)
    there = (await (await stage.door("boss")).get(f"/project?code={code}")).json()["items"]
    assert len(there) == may_make, person.name
    if may_make:
        back = await door.post(f"{api}/imports/runs/{done.json()['run']}/undo")
        assert (back.status_code == 200) == ever(person, "project", "delete"), person.name
    return 4


async def creates(stage: Stage, door: httpx.AsyncClient, person: Person) -> int:
    """Whoever may create, may by each of its doors, preview included; nobody else by any."""
    allowed = bool({"foreman", "head"} & set(person.roles))
    body = stage.sheet(sheet_date="2026-03-02", lines=[{"worker": stage.ids["孙"], "hours": "0.1"}])
    answers = [
        await door.post("/sheet", json=body),
        await door.post("/sheet/check", json=body),
        await door.post("/sheet/bulk", json={"items": [body]}),
    ]
    assert [a.status_code for a in answers] == ([201, 200, 201] if allowed else [403] * 3), person.name
    refused = await door.post("/entry", json={"project": stage.ids["A"], "net": "1"})
    assert refused.status_code in (403, 405), (person.name, refused.text)
    return 4


async def lines(door: httpx.AsyncClient, person: Person, record: Record) -> int:
    """Lines alone are changed by whoever may change their document."""
    if record["state"] != "draft":
        return 0
    kept = [{"id": line["id"]} for line in record["lines"]]
    put = await door.put(f"/sheet/{record['id']}/lines", json=kept, headers={"if-match": "*"})
    readable, allowed = may(person, "sheet", "read", record), may(person, "sheet", "update", record)
    wanted = {200} if readable and allowed else {403} if readable else {403, 404}
    assert put.status_code in wanted, (person.name, put.text)
    return 1


async def in_bulk(door: httpx.AsyncClient, person: Person, records: list[Record]) -> int:
    """Many at once are each what they are alone: changed by whoever may change them, thrown away by whoever may."""

    async def each(kind: str, **more: object) -> list[int]:
        items = [{"id": record["id"], **more} for record in records]
        answer = await door.post(f"/sheet/bulk/{kind}", json={"items": items, "atomic": False})
        if answer.status_code == 403:
            return [403] * len(records)
        return [one["status"] for one in answer.json()["items"]]

    changed = await each("update", rev="*", due="2026-12-31")
    for record, status in zip(records, changed, strict=True):
        readable, allowed = may(person, "sheet", "read", record), may(person, "sheet", "update", record)
        wanted = {403, 404} if not readable else {200, 422, 423} if allowed else {403, 422, 423}
        assert status in wanted, (person.name, record["state"], status)
        assert status != 200 or record["state"] == "draft"
    thrown = await each("delete", rev=999_999)
    back = await each("restore")
    voided = await each("actions/void", reason="r")
    for record, *statuses in zip(records, thrown, back, voided, strict=True):
        readable = may(person, "sheet", "read", record)
        allowed = ever(person, "sheet", "delete")
        assert statuses[0] == (403 if not allowed else 412 if readable else 404), (person.name, statuses)
        assert statuses[1] == (403 if not allowed else 409 if readable else 404), (person.name, statuses)
        assert statuses[2] in (403, 404, 409), (person.name, statuses)
    return 4 * len(records)


async def moves(door: httpx.AsyncClient, person: Person, record: Record) -> int:
    """``void`` of what was not agreed is nobody's; handing in is the foreman's of the place, where he sees it."""
    place = f"/sheet/{record['id']}/actions"
    voided = await door.post(f"{place}/void", json={"reason": "r"})
    assert voided.status_code in (403, 404, 409), (person.name, voided.text)
    if record["state"] != "draft" or not may(person, "sheet", "read", record):
        submitted = await door.post(f"{place}/submit", json={"reason": "r"})
        assert submitted.status_code in (403, 404, 409), (person.name, submitted.text)
    elif str(record["project"]["id"]) not in person.places["foreman"]:
        submitted = await door.post(f"{place}/submit", json={"reason": "r"})
        assert submitted.status_code == 403, (person.name, submitted.text)
    return 2


async def rules(door: httpx.AsyncClient, person: Person) -> int:
    """What somebody may ever do with a kind of record is told as it is."""
    for entity in RULES:
        told = await door.get(f"/{entity}/explain")
        may_ever = {o: ever(person, entity, o) for o in ("read", "update", "delete", "export")}
        if told.status_code == 403:
            assert not any(may_ever.values()), (person.name, entity)
            continue
        operations = told.json()["operations"]
        assert {o: operations[o]["ever"] for o in may_ever} == may_ever, (person.name, entity)
    return len(RULES)


async def explained(door: httpx.AsyncClient, person: Person, entity: str, record: Record) -> int:
    readable = may(person, entity, "read", record)
    told = await door.get(f"/{entity}/{record['id']}/explain")
    assert (told.status_code == 200) == readable, (person.name, told.text)
    if not readable:
        return 1
    operations = told.json()["operations"]
    assert operations["read"]["allowed"]
    for operation in ("update", "delete", "export"):
        locked = operations[operation]["locked"]
        assert operations[operation]["allowed"] == (may(person, entity, operation, record) and not locked)
    return 4


async def restored(stage: Stage, door: httpx.AsyncClient, person: Person) -> int:
    """Whoever may delete may bring back; what nobody sees nobody brings back."""
    boss = await stage.door("boss")
    made = (await boss.post("/sheet", json=stage.sheet(sheet_date="2026-03-01"))).json()
    assert (await boss.delete(f"/sheet/{made['id']}", headers={"if-match": "*"})).status_code == 204
    back = await door.post(f"/sheet/{made['id']}/restore")
    assert (back.status_code == 200) == ("head" in person.roles), (person.name, back.text)
    return 1


async def pages(
    stage: Stage,
    nobody: httpx.AsyncClient,
    person: Person,
    records: list[Record],
    entries: list[Record],
    whole: bool,
) -> int:
    """Pages show what the API shows, and no more. ``whole``: one page of the list holds all that he may read."""
    token = await open_session(stage.tenant, person.id, "page")
    cookies = {"cookie": f"dougong={token}; language=en"}
    listed = await nobody.get("/m/works/sheets", headers=cookies)
    assert (listed.status_code == 200) == ever(person, "sheet", "read"), person.name
    figure = await nobody.get("/f/works/cost?measure=reserved", headers=cookies)
    assert (figure.status_code == 200) == ever(person, "entry", "read"), person.name
    tile = await nobody.get("/d/works/figures/grid", headers=cookies)
    closed = any(text in tile.text for text in ("You may not read what this sums", "你没有权限查看这项数据"))
    assert closed != ever(person, "sheet", "read"), person.name
    taken = await nobody.get("/d/works/figures/grid/export", headers=cookies)
    assert (taken.status_code == 200) == (ever(person, "sheet", "read") and ever(person, "sheet", "export")), (
        person.name
    )
    board = await nobody.get("/d/works/costs", headers=cookies)
    assert board.status_code == 200
    mine = [Decimal(e["net"]) for e in entries if e["kind"] == "reserve" and may(person, "entry", "read", e)]
    shown = board.text.partition('data-tile="reserved"')[2].partition("</div>")[0]
    told = f"{sum(mine, Decimal(0)):,.2f}" in shown
    assert told == ever(person, "entry", "read"), (person.name, shown)
    import_ = await nobody.get("/i/works/projects", headers=cookies)
    assert (import_.status_code == 200) == ever(person, "project", "create"), person.name
    unsaid = await nobody.post("/i/works/projects", data={"_do": "keep"}, headers=cookies)
    assert unsaid.status_code == 403  # without the page's own token
    bin_ = await nobody.get("/r/works/sheet/bin", headers=cookies)
    assert (bin_.status_code == 200) == ever(person, "sheet", "delete"), person.name
    unsaid = await nobody.post("/r/works/sheet/bin", data={"id": records[0]["id"]} if records else {}, headers=cookies)
    assert unsaid.status_code == 403  # without the page's own token
    for record in records:
        readable = may(person, "sheet", "read", record)
        for place in ("", "/why"):
            page = await nobody.get(f"/r/works/sheet/{record['id']}{place}", headers=cookies)
            assert (page.status_code == 200) == readable, (person.name, place)
            if readable and record["amount"] and not sees(person, "sheet", record, "amount"):
                shown = page.text.partition('data-field="amount"')[2].partition("</output>")[0]
                assert f"{Decimal(record['amount']):,.2f}" not in shown, (person.name, place)
        if listed.status_code == 200:  # the first page of it
            shown_first = record["id"] in listed.text
            assert shown_first == readable if whole else shown_first <= readable, person.name
        saved = await nobody.post(f"/r/works/sheet/{record['id']}", data={"_rev": "1"}, headers=cookies)
        assert saved.status_code == 403  # without the page's own token
    return 3 + 3 * len(records)
