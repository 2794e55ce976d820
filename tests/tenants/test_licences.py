"""Editions: a signed licence says how long, for how many, which modules; what is over can be read and exported."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.db import Call
from engine.fieldtypes.storage import bind
from engine.label import LANGUAGES
from engine.problem import Problems
from engine.serve import OneTenant, asgi, open_session
from engine.serve.people import audit
from engine.serve.server import registry
from engine.serve.system import logins
from engine.serve.tenant.door import LEAVING, OWN_PASSWORD
from engine.serve.tenant.policy import Policy
from engine.serve.wire.fault import Refusal
from engine.studio.tenant import licensing, terms
from engine.studio.tenant.licensing import Making, Where
from engine.tenants import licence as files
from engine.tenants.licence import public_of
from tests.kept import Kept
from tests.serve.stage import Stage, errors


@pytest.fixture(params=["sqlite", "postgresql"])
async def stage(request: pytest.FixtureRequest, kept: Kept, tmp_path: Path) -> AsyncIterator[Stage]:
    async with Stage.copied(kept, request.param, tmp_path) as made:
        database = made.database
        made.tenant.clock = lambda: datetime.now(UTC)
        made.tenant.policy = Policy(page_idle_hours=100_000, api_idle_days=10_000)
        mark = "?1" if database.dialect == "sqlite" else "$1"
        at = bind("datetime", 0, database.dialect, datetime.now(UTC))

        def body() -> Any:
            yield Call(
                "INSERT INTO _revision (n, digest, at, source, shape, changes)"
                f" VALUES (1, '', {mark}, '', '', '')", (at,)
            )  # fmt: skip

        await database.write(body)
        yield made


class Vendor:
    def __init__(self, folder: Path) -> None:
        self.file = folder / "vendor.pem"
        self.public = licensing.keygen(self.file)
        self.key = public_of(self.public)

    def make(self, edition: Any, tenant: str = "works", **more: Any) -> str:
        return licensing.make(self.file, Making(tenant, edition, **more))

    async def give(self, stage: Stage, text: str) -> None:
        await terms.keep(stage.tenant.database, terms.TEXT, text)
        await terms.learn(stage.tenant, self.key)


@pytest.fixture
def vendor(tmp_path: Path) -> Vendor:
    return Vendor(tmp_path)


def at(stage: Stage, **later: float) -> None:
    now = datetime.now(UTC) + timedelta(**later)
    stage.tenant.clock = lambda: now


async def write(stage: Stage) -> httpx.Response:
    boss = await stage.door("boss")
    n = len((await boss.get("work_type", params={"limit": 200})).json()["items"])
    return await boss.post("work_type", json={"name": f"type {n}"})


async def test_without_a_vendor_nothing_is_licensed(stage: Stage) -> None:
    await terms.learn(stage.tenant, terms.vendor_key({}))
    at(stage, days=4000)
    assert (await write(stage)).status_code == 201
    told = (await (await stage.door("boss")).get("http://works/api/v1/system/licence")).json()
    assert told == {"licensed": False, "seats": 4}


async def test_a_trial_of_fifteen_days_and_then_everything_stays(stage: Stage, vendor: Vendor) -> None:
    boss = await stage.door("boss")
    await terms.learn(stage.tenant, vendor.key)
    assert (await write(stage)).status_code == 201
    at(stage, days=14)
    assert (await write(stage)).status_code == 201, "the fifteenth day"
    at(stage, days=15)
    refused = await write(stage)
    assert (refused.status_code, errors(refused)) == (403, [("licence.trial-over", "")])
    zh = await boss.post("work_type", json={"name": "x"}, headers={"accept-language": "zh"})
    assert "试用已于" in zh.json()["errors"][0]["message"]
    assert (await boss.get("work_type")).status_code == 200
    export = await boss.get("http://works/api/v1/works/work_type/export")
    assert (export.status_code, len(export.content) > 0) == (200, True), export.text[:200]
    # not by the way of commands either
    with pytest.raises(Refusal, match=r"licence\.trial-over"):
        await stage.make("work_type", name="y")
    await vendor.give(stage, vendor.make("professional", users=10))
    assert (await write(stage)).status_code == 201


async def test_no_door_that_writes_is_open_when_it_is_over(stage: Stage, vendor: Vendor) -> None:
    """Every row of the table of doors; one's own password, second step and sessions are one's own."""
    await terms.learn(stage.tenant, vendor.key)
    at(stage, days=20)
    token = await open_session(stage.tenant, stage.ids["boss"], "page")
    transport = httpx.ASGITransport(app=asgi(OneTenant(stage.tenant)), raise_app_exceptions=False)
    own = OWN_PASSWORD | LEAVING
    values = {"module": "works", "entity": "sheet", "id": stage.ids["A"], "action": "submit", "lines": "lines"}
    tried = 0
    async with httpx.AsyncClient(transport=transport, base_url="http://works", cookies={"dougong": token}) as boss:
        csrf = (await stage.tenant.database.read("SELECT csrf FROM _session WHERE kind = 'page'"))[0][0]
        for base, doors in (("/api/v1/", registry.API.doors), ("/", registry.PAGES.doors)):
            for door in doors:
                if door.scope != "write" or door.name in own:
                    continue
                if door.name.startswith(("account.", "page.account", "second.")):
                    continue
                path = "/".join(values.get(p[1:-1], "x") if p[:1] == "{" else p for p in door.path.split("/"))
                if (found := registry_find(base, stage, door.methods[0], path)) is None or found != door.name:
                    continue
                answer = await boss.request(
                    door.methods[0], base + path, headers={"x-csrf-token": csrf},
                    **({"data": {"_csrf": csrf}} if base == "/" else {}),
                )  # fmt: skip
                assert answer.status_code == 403, (door.name, answer.status_code, answer.text[:200])
                assert "licence.trial-over" in answer.text or "trial ended" in answer.text or "试用" in answer.text
                tried += 1
    assert tried > 15


def registry_find(base: str, stage: Stage, method: str, path: str) -> str | None:
    router = registry.PAGES if base == "/" else registry.API
    found = router.find(stage.tenant.app, method, path.split("/"))
    return found[0].name if found else None


async def test_seats_nobody_is_thrown_out_and_no_new_one_added(stage: Stage, vendor: Vendor) -> None:
    boss = await stage.door("boss")
    people = "http://works/api/v1/system/people"
    await vendor.give(stage, vendor.make("professional", users=5))  # four may sign in
    for name in ("fu", "gao"):
        stage.ids[name] = await stage.make("user", name=name)
    refused = await boss.post(f"{people}/passwords")  # two at once
    assert (refused.status_code, errors(refused)) == (403, [("licence.seats", "")])
    given = await logins.give(stage.tenant, [(stage.ids["fu"], "fu")])
    assert len(given) == 1
    assert (await boss.post(f"{people}/{stage.ids['li']}/disable")).status_code == 204
    assert len(await logins.give(stage.tenant, [(stage.ids["gao"], "gao")])) == 1
    refused = await boss.post(f"{people}/{stage.ids['li']}/enable")
    assert errors(refused) == [("licence.seats", "")]
    # fewer than there are: all of them keep their access
    await vendor.give(stage, vendor.make("professional", users=2))
    for name in ("wang", "zhao", "boss"):
        assert (await (await stage.door(name)).get("http://works/api/v1/me")).status_code == 200
    assert (await write(stage)).status_code == 201
    assert (await boss.post(f"{people}/{stage.ids['wang']}/enable")).status_code == 204  # who may is no new one
    told = (await boss.get("http://works/api/v1/system/licence")).json()
    assert (told["users"], told["seats"], told["until"], told["read_only"]) == (2, 5, None, False)


async def test_a_module_that_is_not_licensed_is_read_only(stage: Stage, vendor: Vendor) -> None:
    boss = await stage.door("boss")
    await vendor.give(stage, vendor.make("enterprise", modules=("other",)))
    refused = await write(stage)
    assert (refused.status_code, errors(refused)) == (403, [("licence.module", "")])
    assert (await boss.get("work_type")).status_code == 200
    with pytest.raises(Refusal, match=r"licence\.module"):
        await stage.make("work_type", name="y")
    await vendor.give(stage, vendor.make("enterprise", modules=("works",)))
    assert (await write(stage)).status_code == 201


async def test_what_does_not_hold(stage: Stage, vendor: Vendor, tmp_path: Path) -> None:
    """An altered file, another tenant's, another vendor's: refused; one that is in the database gives nothing."""
    good = vendor.make("professional", users=5)
    stranger = Vendor(tmp_path / "s") if (tmp_path / "s").mkdir() is None else vendor
    more = json.loads(good)
    more["licence"]["users"] = 500
    odd = json.loads(good)
    odd["licence"]["extra"] = 1
    for text, code in (
        (json.dumps(more), "licence.forged"),
        (json.dumps(odd), "licence.forged"),
        (stranger.make("professional", users=5), "licence.forged"),
        (vendor.make("professional", tenant="others", users=5), "licence.other"),
        ("", "licence.form"),
        ("{", "licence.form"),
        ('{"licence": [], "signature": "AA=="}', "licence.form"),
        ("[" * 60_000, "licence.form"),
        (good.replace('"users": 5', '"users": 5, "users": 5'), "licence.form"),
    ):
        with pytest.raises(Problems) as found:
            files.read(text, vendor.key, "works")
        assert found.value.problems[0].code == code, text[:60]
        if text:
            at(stage, days=20)
            await vendor.give(stage, text)
            assert stage.tenant.terms is not None
            assert stage.tenant.terms.wrong == code
            assert errors(await write(stage)) == [("licence.trial-over", "")]
    assert files.read(json.dumps(json.loads(good)), vendor.key, "works").users == 5  # laid out anew


async def test_a_clock_that_is_set_back_gains_nothing(stage: Stage, vendor: Vendor) -> None:
    await terms.learn(stage.tenant, vendor.key)
    at(stage, days=15)
    await terms.learn(stage.tenant, vendor.key)
    assert errors(await write(stage)) == [("licence.trial-over", "")]
    at(stage, days=1)
    await terms.learn(stage.tenant, vendor.key)
    assert stage.tenant.terms is not None
    assert stage.tenant.terms.moved_back
    assert errors(await write(stage)) == [("licence.trial-over", "")]
    assert [row["act"] for row in stage.tenant.noted].count("licence.clock") == 1
    told = (await (await stage.door("boss")).get("http://works/api/v1/system/licence")).json()
    assert (told["clock_moved_back"], told["days_left"]) == (True, 0)


async def test_a_new_licence_puts_right_what_a_clock_that_was_ahead_has_left(stage: Stage, vendor: Vendor) -> None:
    database, now = stage.tenant.database, datetime.now(UTC)

    async def over(text: str, clock: datetime) -> tuple[bool, bool]:
        """Installed when the clock says so; whether it is over, and whether the clock was set back."""
        await licensing.take(database, "works", text, vendor.key, clock)
        found = await terms.terms_of(database, "works", vendor.key, clock)
        return found.over(clock), found.moved_back

    first = vendor.make("trial", number="first")
    assert await over(first, now) == (False, False)
    at(stage, days=4000)
    await terms.learn(stage.tenant, vendor.key)
    audit.note(stage.tenant, "sign-in")
    await audit.flush(stage.tenant)
    assert not stage.tenant.noted
    assert await over(first, now) == (True, True)
    second = vendor.make("trial", number="second")
    assert await over(second, now + timedelta(days=1)) == (False, False)
    # It has been said once: whoever sets his clock back has lost the days he used, and an older one says nothing.
    later = now + timedelta(days=20)
    at(stage, days=20)
    await terms.learn(stage.tenant, vendor.key)
    assert (await terms.terms_of(database, "works", vendor.key, later)).over(later)
    for text in (second, first):
        assert await over(text, now + timedelta(days=1)) == (True, True)
    # What was seen since counts, and a clock behind the day of issue is none.
    third = vendor.make("trial", number="third")
    assert await over(third, now - timedelta(days=300)) == (False, True)
    found = await terms.terms_of(database, "works", vendor.key, now - timedelta(days=300))
    assert found.today(now - timedelta(days=300)) == now.date()


async def test_the_page_and_the_banner(stage: Stage, vendor: Vendor) -> None:
    await terms.learn(stage.tenant, vendor.key)
    token = await open_session(stage.tenant, stage.ids["boss"], "page")
    clerk = await open_session(stage.tenant, stage.ids["wang"], "page")
    transport = httpx.ASGITransport(app=asgi(OneTenant(stage.tenant)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://works") as door:

        async def page(path: str, language: str, who: str = token) -> str:
            answer = await door.get(path, headers={"cookie": f"dougong={who}; language={language}"})
            assert answer.status_code == 200, answer.text[:300]
            return answer.text

        words = {"zh": ("试用版", "还剩 15 天", "许可还有 5 天到期"),
                 "en": ("Trial", "15 days left", "The licence ends in 5 days")}  # fmt: skip
        for language in LANGUAGES:
            edition, left, near = words[language]
            at(stage)
            text = await page("/system/licence", language)
            assert edition in text
            assert left in text
            assert near not in text
            at(stage, days=10)
            assert near in await page("/", language)
            assert near in await page("/", language, clerk)
        at(stage, days=30)
        assert "许可已到期" in await page("/", "zh")
    assert (await (await stage.door("wang")).get("http://works/api/v1/system/licence")).status_code == 403


def test_editions_are_what_they_are(vendor: Vendor) -> None:
    until = datetime.now(UTC).date()
    wrong: tuple[dict[str, Any], ...] = (
        {"edition": "professional"},
        {"edition": "professional", "users": 5, "until": until},
        {"edition": "enterprise", "users": 5},
        {"edition": "trial", "until": until - timedelta(days=1)},
    )
    for one in wrong:
        with pytest.raises(Problems, match=r"licence\.terms"):
            vendor.make(**one)
    made = files.read(vendor.make("trial"), vendor.key, "works")
    assert (made.until or until) - made.issued == timedelta(days=14)
    assert vendor.file.stat().st_mode & 0o077 == 0
    with pytest.raises(Problems, match=r"licence\.key"):
        licensing.keygen(vendor.file)


async def test_nothing_is_kept_of_a_file_that_is_wrong(
    vendor: Vendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "l.json"
    file.write_text(vendor.make("trial"))
    with pytest.raises(Problems, match=r"licence\.no-key"):
        await licensing.install(Where(tmp_path), file)
    monkeypatch.setenv("DOUGONG_LICENCE_KEY", "nonsense")
    with pytest.raises(Problems, match=r"licence\.key"):
        await licensing.install(Where(tmp_path), file)
