"""What the engine's own tables say of records they say by names of birth: a rename writes none of their rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from engine.db import Database
from engine.serve.tenant.tenancy import Tenant
from engine.work import relay
from tests.studio.shop import Shop, listed, post, taken

TOLD = ("_history", "_outbox", "_case", "_task", "_file", "_sequence", "_webhook", "_delivery")
HELD = ("shop__item", "shop__sale", "shop__sale_line", "shop__book")
PDF = b"%PDF-1.7\n0123456789"
SYSTEM = "http://shop/api/v1/system"


def noted(shop: Shop) -> None:
    """Numbers, files of a document and of its lines, an approval, entries of a ledger."""
    shop.fields("sale")["paper"] = {"type": "file"}
    shop.fields("sale")["number"]["gapless"] = True
    shop.fields("sale_line").update(photo={"type": "file"}, amount={"type": "money"})
    net, month = {"type": "money"}, {"type": "month"}
    shop.entities["book"] = {"title": "Book", "ledger": {"period": "month"}, "fields": {"net": net, "month": month}}
    shop.pack["workflows"] = {
        "signing": {
            "of": "sale",
            "states": {"draft": "Draft", "asked": "Asked", "signed": {"title": "Signed", "effective": True}},
            "transitions": {"ask": {"title": "Ask", "from": "draft", "to": "asked", "approval": "main"}},
            "steps": {"office": {"title": "Office", "assign": "initiator"}},
            "approved": {"to": "signed"},
            "rejected": {"to": "draft"},
        }
    }
    given = {"net": "=amount", "month": "2026-03"}
    shop.pack["postings"] = {
        "booked": {"of": "sale_line", "while": "sale.state = 'asked'", "into": "book", "set": given}
    }


def renamed(shop: Shop) -> None:
    entities = shop.entities
    sale = entities["purchase"] = {**entities.pop("sale"), "was": "sale"}
    entities["thing"] = {**entities.pop("item"), "was": "item"}
    fields = sale["fields"]
    fields["scan"] = {**fields.pop("paper"), "was": "paper"}
    fields["no"] = {**fields.pop("number"), "was": "number"}
    fields["thing"] = {**fields.pop("item"), "to": "thing", "was": "item"}
    fields["extras"]["to"] = "thing"
    fields["parts"] = {**fields.pop("lines"), "of": "part"}
    line = entities["part"] = {**entities.pop("sale_line"), "was": "sale_line", "owned_by": "purchase"}
    line["fields"]["picture"] = {**line["fields"].pop("photo"), "was": "photo"}
    exchanged(entities["thing"]["fields"])
    shop.pack["workflows"]["signing"]["of"] = "purchase"
    shop.pack["postings"]["booked"] |= {"of": "part", "while": "purchase.state = 'asked'"}


def exchanged(fields: dict[str, Any]) -> None:
    note, count = fields.pop("note"), fields.pop("count")
    fields["note"], fields["count"] = {**count, "was": "count"}, {**note, "was": "note"}


async def sent(door: httpx.AsyncClient, name: str) -> str:
    answer = await door.post(f"{SYSTEM}/files", content=PDF, params={"name": name})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def got(door: httpx.AsyncClient, place: str, **params: str) -> Any:
    answer = await door.get(place, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def changed(door: httpx.AsyncClient, place: str, **values: Any) -> None:
    answer = await door.patch(place, json=values, headers={"if-match": "*"})
    assert answer.status_code == 200, answer.text


async def written(shop: Shop) -> dict[str, str]:
    """A document on its way through an approval, with all that is noted of it."""
    async with shop.served() as (tenant, door):
        hook = {"name": "peer", "url": "http://peer.example/", "entities": ["shop.sale"]}
        made = await door.post(f"{SYSTEM}/webhooks", json=hook)
        assert made.status_code == 201, made.text
        item = await post(door, "item", code="x", note="n", count=1)
        await changed(door, f"/item/{item['id']}", note="m")
        paper, photo = await sent(door, "a.pdf"), await sent(door, "b.pdf")
        lines = [{"name": "one", "amount": "8", "photo": photo}]
        sale = await post(door, "sale", item=item["id"], paper=paper, lines=lines)
        asked = await door.post(f"/sale/{sale['id']}/actions/ask", headers={"if-match": "*"})
        assert asked.status_code == 200, asked.text
        await relay.publish(tenant.database)
        return {"hook": made.json()["id"], "item": item["id"], "sale": sale["id"], "paper": paper, "photo": photo}


async def rows_of(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of them; on PostgreSQL with the transaction that wrote it, on SQLite none can be written."""
    place = "ctid::text, xmin::text, " if database.dialect == "postgresql" else ""
    return {
        table: sorted(tuple(map(str, row)) for row in await database.read(f'SELECT {place}* FROM "{table}"'))
        for table in (*TOLD, *HELD)
    }


async def applied_writing_none(shop: Shop, tenant: Tenant) -> None:
    async with shop.database() as database:
        before = await rows_of(database)
        assert all(before.values())
        made = await shop.plan(database)
        if database.dialect == "sqlite":
            await database.run_script(
                f"CREATE TRIGGER no{n}{how} BEFORE {how} ON {table} BEGIN SELECT RAISE(ABORT, 'written'); END"
                for n, table in enumerate((*TOLD, *HELD))
                for how in ("UPDATE", "DELETE")
            )
        await taken(made, database)
        if database.dialect == "sqlite":
            await database.run_script(
                f"DROP TRIGGER no{n}{how}" for n in range(len(TOLD + HELD)) for how in ("UPDATE", "DELETE")
            )
        assert await rows_of(database) == before
    assert tenant.learn is not None
    await tenant.learn()


async def test_a_rename_writes_no_row_and_all_is_read_under_the_new_names(shop: Shop) -> None:
    noted(shop)
    known = await written(shop)
    async with shop.served() as (tenant, door):
        born = (await got(door, f"/item/{known['item']}"))["updated_at"]
        renamed(shop)
        await applied_writing_none(shop, tenant)
        await read_again(door, tenant, known, born)
    await shop.revert(1)
    async with shop.served() as (_, door):
        told = (await got(door, f"/sale/{known['sale']}/history"))["items"]
        assert {one["entity"] for one in told} == {"shop.sale", "shop.sale_line"}
        assert {one["_source"]["entity"] for one in await listed(door, "book")} == {"shop.sale"}


async def read_again(door: httpx.AsyncClient, tenant: Tenant, known: Mapping[str, str], born: str) -> None:
    thing, purchase = f"/thing/{known['item']}", f"/purchase/{known['sale']}"
    told = (await got(door, f"{thing}/history"))["items"]
    assert told[0]["change"] == {"count": ["n", "m"]}
    assert {name: told[1]["change"][name] for name in ("count", "note")} == {"count": [None, "n"], "note": [None, 1]}
    told = (await got(door, f"{purchase}/history"))["items"]
    assert {one["entity"] for one in told} == {"shop.purchase", "shop.part"}
    made = {one["entity"]: one["change"] for one in told if one["action"] == "create"}
    assert made["shop.purchase"].keys() >= {"scan", "no", "thing"}
    assert made["shop.purchase"]["thing"][1] == {"id": known["item"], "display": "x"}
    assert made["shop.part"].keys() >= {"picture", "name", "amount", "purchase"}
    past = await got(door, thing, as_of=born)
    assert (past["note"], past["count"]) == (1, "m")
    past = await got(door, purchase, as_of="2999-01-01")
    assert (past["scan"]["id"], past["no"]) == (known["paper"], "S-0001")
    assert [(line["name"], line["picture"]["id"]) for line in past["parts"]] == [("one", known["photo"])]
    for place in (f"scan/{known['paper']}", f"parts.picture/{known['photo']}"):
        assert (await door.get(f"{purchase}/files/{place}")).content == PDF
    assert {one["_source"]["entity"] for one in await listed(door, "book")} == {"shop.purchase"}
    home = (await door.get("http://shop/")).text
    assert f"/r/shop/purchase/{known['sale']}" in home
    (hook,) = (await got(door, f"{SYSTEM}/webhooks"))["items"]
    assert hook["entities"] == ["shop.purchase"]
    signed = await door.post(f"{purchase}/actions/approve", headers={"if-match": "*"})
    assert signed.status_code == 200, signed.text
    assert signed.json()["state"] == "signed"
    assert len(await listed(door, "book")) == 2
    assert (await post(door, "purchase", thing=known["item"]))["no"] == "S-0002"
    await relay.publish(tenant.database)
    owed = (await got(door, f"{SYSTEM}/webhooks/{known['hook']}/deliveries"))["items"]
    assert [(one["entity"], one["kind"]) for one in reversed(owed)] == [
        ("shop.purchase", kind) for kind in ("create", "ask", "approve", "create")
    ]


async def test_a_subscription_whose_condition_speaks_of_another_name_is_told(shop: Shop) -> None:
    async with shop.served() as (_, door):
        hooks = {"notes": "note = 'urgent'", "codes": "code = 'x'"}
        for name, condition in hooks.items():
            hook = {"name": name, "url": "http://peer.example/", "entities": ["shop.item"], "condition": condition}
            assert (await door.post(f"{SYSTEM}/webhooks", json=hook)).status_code == 201
    fields = shop.fields()
    fields["remark"] = {**fields.pop("note"), "was": "note"}
    async with shop.database() as database:
        lines = (await shop.plan(database)).plan.lines
    (line,) = [line for line in lines if line.kind == "subscribed"]
    assert (line.path, line.risk, line.against) == ("shop.item", "online", 0)
    assert line.says.en == (
        "the condition of subscription “notes” cannot be asked any more: `note` is not known here: a bare"
        " name is a field of item; nothing is delivered until it is written anew"
    )
    assert "订阅「notes」" in line.says.zh
    await shop.apply()
    assert await shop.told() == []


async def test_a_name_that_is_borne_anew_has_a_history_of_its_own(shop: Shop) -> None:
    fields = shop.fields()

    async def becomes(**fresh: Any) -> None:
        fields.pop("note", None)
        fields.update(fresh)
        await shop.apply()
        assert tenant.learn is not None
        await tenant.learn()

    async with shop.served() as (tenant, door):
        place = f"/item/{(await post(door, 'item', code='x', note='first'))['id']}"
        await becomes()
        told = (await got(door, f"{place}/history"))["items"]
        assert [item["change"] for item in told] == [{"code": [None, "x"]}]  # who might see it, nobody can say now
        assert "note" not in await got(door, place, as_of="2999-01-01")
        await becomes(note={"type": "integer"})
        assert (await got(door, place, as_of="2999-01-01"))["note"] is None
        await changed(door, place, note=7)
        told = (await got(door, f"{place}/history"))["items"]
        assert [item["change"].get("note") for item in told] == [[None, 7], None]
        assert (await got(door, place, as_of="2999-01-01"))["note"] == 7
        await becomes(remark={"type": "integer", "was": "note"})
        await becomes(note={"type": "text"})
        await changed(door, place, note="third")
        told = (await got(door, f"{place}/history"))["items"]
        assert [item["change"] for item in told][:2] == [{"note": ["first", "third"]}, {"remark": [None, 7]}]
        assert told[2]["change"]["note"] == [None, "first"]
