"""Who may do what: nobody by default, roles at their places, signers at their step."""

from __future__ import annotations

import pytest

from engine.serve.people.auth import with_roles
from engine.serve.tenant.bind import Me
from tests.serve.stage import Stage, errors


async def test_nobody_is_asked_to_sign_in(stage: Stage) -> None:
    boss = await stage.door("boss")
    for method, path in (("GET", "/sheet"), ("POST", "/sheet"), ("GET", "/nothing"), ("GET", "/figures/cost")):
        for token in ("", "Bearer ", "Bearer nonsense", "Basic eDp5"):
            answer = await boss.request(method, path, headers={"authorization": token})
            assert answer.status_code == 401, (method, path, token)
            assert answer.headers["www-authenticate"] == "Bearer"


async def test_what_has_no_rule_for_a_role_is_closed(stage: Stage) -> None:
    wang = await stage.door("wang")
    for path in ("/worker", "/worker/" + stage.ids["赵"], "/price", "/worker/aggregate?measures=n:COUNT(id)"):
        answer = await wang.get(path)
        assert (answer.status_code, errors(answer)) == (403, [("access.denied", "")]), path
    assert (await wang.post("/worker", json={"name": "x"})).status_code == 403
    assert (await wang.post("/worker/check", json={"name": "x"})).status_code == 403
    patched = await wang.patch(f"/worker/{stage.ids['赵']}", json={"name": "x"}, headers={"if-match": "*"})
    assert patched.status_code in (403, 404)
    assert (await wang.delete(f"/worker/{stage.ids['赵']}", headers={"if-match": "*"})).status_code in (403, 404)


async def test_a_foreman_sees_his_own_and_his_projects(stage: Stage) -> None:
    wang, boss, zhao = [await stage.door(n) for n in ("wang", "boss", "zhao")]
    mine = (await wang.post("/sheet", json=stage.sheet())).json()
    other = (await boss.post("/sheet", json=stage.sheet())).json()
    assert [i["id"] for i in (await wang.get("/sheet")).json()["items"]] == [mine["id"]]
    assert (await wang.get(f"/sheet/{other['id']}")).status_code == 404
    assert (await wang.get(f"/sheet/{other['id']}/history")).status_code == 404
    patched = await wang.patch(f"/sheet/{other['id']}", json={}, headers={"if-match": "*"})
    assert patched.status_code == 404
    assert (await wang.post(f"/sheet/{other['id']}/actions/submit")).status_code == 404
    assert len((await zhao.get("/sheet")).json()["items"]) == 2
    assert {i["code"] for i in (await wang.get("/project")).json()["items"]} == {"A", "B"}


async def test_a_hidden_field_is_unknown_everywhere(stage: Stage) -> None:
    wang = await stage.door("wang")
    mine = (await wang.post("/sheet", json=stage.sheet())).json()
    assert "amount" not in mine
    assert "amount" not in (await wang.get("/sheet")).json()["items"][0]
    for query in ("amount=240", "sort=amount", "fields=amount", "where=amount > 3", "amount[gte]=1"):
        assert (await wang.get(f"/sheet?{query}")).status_code == 400, query
    assert (await wang.get("/sheet/aggregate?measures=s:SUM(amount)")).status_code == 400
    history = (await wang.get(f"/sheet/{mine['id']}/history")).json()["items"]
    assert all("amount" not in h["change"] for h in history)
    line = mine["lines"][0]
    assert not {"amount", "price"} & set(line)
    priced = {"lines": [{"id": line["id"], "price": 1}]}
    refused = await wang.patch(f"/sheet/{mine['id']}", json=priced, headers={"if-match": "*"})
    assert errors(refused) == [("api.unknown-field", "/lines/0/price")]


async def test_rules_hold_where_the_record_is_going_too(stage: Stage) -> None:
    """A foreman changes his own drafts; once handed in they are locked, and others' never were his."""
    wang = await stage.door("wang")
    mine = (await wang.post("/sheet", json=stage.sheet())).json()
    at = f"/sheet/{mine['id']}"
    assert (await wang.patch(at, json={"sheet_date": "2026-03-04"}, headers={"if-match": '"1"'})).status_code == 200
    assert (await wang.post(f"{at}/actions/submit")).status_code == 200
    assert errors(await wang.patch(at, json={}, headers={"if-match": "*"})) == [("api.locked", "")]
    assert (await wang.delete(at, headers={"if-match": "*"})).status_code in (403, 423)


async def test_an_approval_goes_to_those_whose_turn_it_is(stage: Stage) -> None:
    wang, li, zhao = [await stage.door(n) for n in ("wang", "li", "zhao")]
    lines = [{"worker": stage.ids[w], "hours": 8} for w in ("赵", "钱")]
    mine = (await wang.post("/sheet", json=stage.sheet(lines=lines))).json()
    at = f"/sheet/{mine['id']}"
    assert errors(await li.post(f"{at}/actions/submit")) == [("workflow.not-yours", "")]
    handed = await wang.post(f"{at}/actions/submit")
    assert handed.status_code == 200, handed.text
    assert [a["name"] for a in handed.json()["actions"]] == ["withdraw"]
    assert handed.json()["number"] == "DG-A-202603-0001"
    assert errors(await wang.post(f"{at}/actions/approve")) == [("workflow.not-yours", "")]
    assert errors(await zhao.post(f"{at}/actions/approve")) == [("workflow.not-yours", "")]
    assert [a["name"] for a in (await li.get(at)).json()["actions"]] == ["approve", "reject"]
    assert (await li.post(f"{at}/actions/reject", json={"reason": "\0"})).status_code == 422
    assert errors(await li.post(f"{at}/actions/reject")) == [("workflow.reason", "/reason")]
    first = await li.post(f"{at}/actions/approve", json={"reason": "fine"})
    assert (first.status_code, first.json()["state"], first.json()["_steps"]) == (200, "in_approval", ["head"])
    assert errors(await wang.post(f"{at}/actions/withdraw")) == [("workflow.decided", "")]
    second = await zhao.post(f"{at}/actions/approve")
    assert (second.json()["state"], second.json()["approved_on"]) == ("effective", "2026-03-05")
    assert errors(await zhao.post(f"{at}/actions/approve")) == [("workflow.state", "")]
    boss = await stage.door("boss")
    figures = (await boss.get("/figures/cost?measures=actual,reserved&project=" + stage.ids["A"])).json()
    assert figures["rows"] == [{"actual": "480.00", "reserved": "0.00"}]
    entries = (await boss.get("/entry?kind=actual")).json()["items"]
    assert {e["_source"]["entity"]: e["_source"]["id"] for e in entries} == {"works.sheet": at.removeprefix("/sheet/")}


async def test_rejected_and_withdrawn_go_back_and_start_a_new_round(stage: Stage) -> None:
    wang, li = await stage.door("wang"), await stage.door("li")
    mine = (await wang.post("/sheet", json=stage.sheet())).json()
    at = f"/sheet/{mine['id']}"
    await wang.post(f"{at}/actions/submit")
    rejected = await li.post(f"{at}/actions/reject", json={"reason": "too many"})
    assert rejected.json()["state"] == "draft"
    await wang.post(f"{at}/actions/submit")
    withdrawn = await wang.post(f"{at}/actions/withdraw")
    assert (withdrawn.json()["state"], withdrawn.json()["number"]) == ("draft", "DG-A-202603-0001")
    rounds = sorted(await stage.rows("_case", "round", "state"))
    assert rounds == [(1, "rejected"), (2, "withdrawn")]
    assert all(row[0] != "open" for row in await stage.rows("_task", "state"))
    entries = (await (await stage.door("boss")).get("/entry?fields=net")).json()["items"]
    assert sum(float(e["net"]) for e in entries) == 0


async def test_a_signer_changes_what_his_step_lets_him(stage: Stage) -> None:
    wang, li = await stage.door("wang"), await stage.door("li")
    mine = (await wang.post("/sheet", json=stage.sheet())).json()
    at, line = f"/sheet/{mine['id']}", mine["lines"][0]["id"]
    await wang.post(f"{at}/actions/submit")
    assert (await li.get(at)).json()["_editable"] == ["lines.hours"]
    for body in ({"sheet_date": "2026-03-04"}, {"lines": [{"id": line, "price": 1}]}, {"lines": [{"hours": 1}]}):
        refused = await li.patch(at, json=body, headers={"if-match": "*"})
        assert {code for code, _ in errors(refused)} & {"api.not-editable", "field.required"}, refused.text
    cut = await li.patch(at, json={"lines": [{"id": line, "hours": 6}]}, headers={"if-match": "*"})
    assert cut.status_code == 200, cut.text
    assert (cut.status_code, cut.json()["amount"], cut.json()["claimed"]) == (200, "180.00", "240.00")
    with_it = {"with": {"lines": [{"id": line, "hours": 4}]}}
    done = await li.post(f"{at}/actions/approve", json=with_it)
    assert (done.json()["state"], done.json()["amount"], done.json()["cut_rate"]) == ("effective", "120.00", "0.500000")
    boss = await stage.door("boss")
    net: dict[str, float] = {}
    for entry in (await boss.get("/entry?fields=kind,net")).json()["items"]:
        net[entry["kind"]] = net.get(entry["kind"], 0) + float(entry["net"])
    assert net == {"actual": 120.0, "reserve": 0.0}


async def test_where_nobody_is_found_the_administrator_is_asked(stage: Stage) -> None:
    """Project B has no manager: the case still has an open task."""
    wang, boss = await stage.door("wang"), await stage.door("boss")
    mine = (await wang.post("/sheet", json=stage.sheet(project=stage.ids["B"]))).json()
    handed = await wang.post(f"/sheet/{mine['id']}/actions/submit")
    assert handed.json()["_steps"] == ["manager"]
    assert [(row[0], row[1]) for row in await stage.rows("_task", "user", "state")] == [(None, "open")]
    approved = await boss.post(f"/sheet/{mine['id']}/actions/approve")
    assert approved.json()["state"] == "effective"


async def test_the_caller_is_told_what_he_could_have_meant(stage: Stage) -> None:
    wang = await stage.door("wang")
    mine = (await wang.post("/sheet", json=stage.sheet())).json()
    wrong = await wang.post(f"/sheet/{mine['id']}/actions/submitt")
    assert (wrong.status_code, errors(wrong)) == (404, [("workflow.unknown-action", "")])
    assert wrong.json()["hint"] == "did you mean submit?"
    early = await wang.post(f"/sheet/{mine['id']}/actions/void", json={"reason": "x"})
    assert early.json()["hint"] == "possible now: submit"


async def test_refusals_are_in_the_callers_language(stage: Stage) -> None:
    wang = await stage.door("wang")
    assert (await wang.get("/worker", headers={"accept-language": "zh-CN,en;q=0.5"})).json()["title"] == "没有权限"
    assert (await wang.get("/worker", headers={"accept-language": "de,en;q=0.5"})).json()["title"] == "Not allowed"


async def test_a_role_ends_with_its_assignment(stage: Stage) -> None:
    wang, boss = await stage.door("wang"), await stage.door("boss")
    assert (await wang.get("/sheet")).status_code == 200
    for code in ("A", "B"):
        project = (await boss.get(f"/project/{stage.ids[code]}")).json()
        gone = [{"id": m["id"], "ends": "2026-03-04"} for m in project["members"] if m["role"] == "foreman"]
        done = await boss.patch(f"/project/{stage.ids[code]}", json={"members": gone}, headers={"if-match": "*"})
        assert done.status_code == 200, done.text
    assert (await wang.get("/sheet")).status_code == 403


@pytest.mark.parametrize("who", ["wang", "li", "zhao", "boss"])
async def test_one_statement_per_read(stage: Stage, who: str) -> None:
    """Whatever is asked, once it is known who asks."""
    boss = await stage.door("boss")
    lines = [{"worker": stage.ids[w], "hours": 8} for w in ("赵", "钱", "孙")]
    made = (await boss.post("/sheet", json=stage.sheet(lines=lines))).json()["id"]
    door = await stage.door(who)
    await door.get("/sheet")
    for path in (
        f"/sheet/{made}",
        "/sheet",
        "/sheet?expand=project,subject,lines(worker)&fields=project.code&sort=-sheet_date&count=exact&limit=5",
        f"/sheet/{made}?expand=lines(worker,price_row(work_type))",
        "/sheet?where=NOT late&project.code=A",
        "/sheet/aggregate?by=project&measures=n:COUNT(id)",
    ):
        stage.database.reads.clear()
        answer = await door.get(path)
        assert answer.status_code in (200, 404), answer.text
        assert len(stage.database.reads) == 1, (path, stage.database.reads)


async def test_the_roles_of_a_person(stage: Stage) -> None:
    me = await with_roles(stage.tenant, Me(stage.ids["wang"]))
    assert me.roles == ("everyone", "foreman")
    assert set(me.places["foreman.projects"]) == {stage.ids["A"], stage.ids["B"]}
    head = await with_roles(stage.tenant, Me(stage.ids["zhao"]))
    assert head.everywhere == {"head"}
