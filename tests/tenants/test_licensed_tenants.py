"""Licences of a directory's tenants, through command, API and page, in both languages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.serve.tenant.policy import Policy
from engine.studio.directory import archiving, tenanting
from engine.studio.directory.archiving import Restoring
from engine.studio.tenant import licensing, terms
from engine.studio.tenant.licensing import Making, Where
from engine.studio.tenant.opening import opened
from engine.tenants.licence import public_of
from tests.tenants.test_isolation import administrator, csrf
from tests.tenants.village import Village, works

SAID = {"en": "is not among the licensed modules", "zh": "不在许可的模块之内"}
OVER = {"en": "The trial ended on", "zh": "试用已于"}
WRONG = {
    "forged": {"en": "The installed file is not signed by the vendor", "zh": "许可文件的签名不是供应商的"},
    "other": {"en": "The installed file is made out to somebody else", "zh": "许可文件属于其他租户"},
}


class Vendor:
    def __init__(self, folder: Path, many: Village, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.many = folder, many
        public = licensing.keygen(folder / "vendor.pem")
        monkeypatch.setenv("DOUGONG_LICENCE_KEY", public)
        many.house.key = public_of(public)

    async def give(self, tenant: str, edition: Any, **more: Any) -> dict[str, Any]:
        file = self.folder / "licence"
        file.write_text(licensing.make(self.folder / "vendor.pem", Making(tenant, edition, **more)))
        return await licensing.install(Where(tenant=tenant, directory=self.many.home), file)


@pytest.fixture
def vendor(tmp_path: Path, many: Village, monkeypatch: pytest.MonkeyPatch) -> Vendor:
    return Vendor(tmp_path, many, monkeypatch)


async def test_a_tenant_that_is_known_by_its_url_alone(many: Village, vendor: Vendor, tmp_path: Path) -> None:
    """Commands that take a database and an app go by the licence of the tenant who has it; a copy has none."""
    await many.make("ada")
    told = await vendor.give("ada", "professional", users=5)
    assert (told["edition"], told["wrong"]) == ("professional", None)
    app = works(tmp_path)
    url = (await many.directory.get("ada")).url
    assert (await licensing.show(Where(app, url)))["edition"] == "professional"
    async with opened(app, url) as found:
        assert found.tenant.terms is not None
        assert found.tenant.terms.licence.users == 5
    kept = await archiving.backup(many.directory, "ada", tmp_path / "ada.zip")
    eve, _ = await archiving.restore(many.directory, many.home, Restoring("eve", kept.file))
    for where in (Where(app, eve.url), Where(tenant="eve", directory=many.home)):
        told = await licensing.show(where)
        assert (told["edition"], told["wrong"]) == ("trial", "licence.other")


async def test_what_is_not_licensed_is_there_and_takes_nothing(many: Village, vendor: Vendor) -> None:
    """It is switched on, applied and brought by a bundle like any other: then it is read, and nothing is written."""
    await many.make("ada")
    await vendor.give("ada", "enterprise", modules=("other",))
    api = many.door("ada.example", authorization=f"Bearer {await administrator(many, 'ada')}")
    system = "/api/v1/system"
    listed = (await api.get(f"{system}/licence")).json()["modules"]
    assert [(one["name"], one["licensed"]) for one in listed] == [("works", False)]

    bundle = (await api.get(f"{system}/bundle")).text
    for wanted in ({"overlays": [], "switches": {"works": True}}, {"bundle": bundle, "over_changes": True}):
        plan = await api.post(f"{system}/changes/plan", json=wanted)
        assert plan.status_code == 200, plan.text
        seen = {"revision": plan.json()["revision"], "digest": plan.json()["digest"]}
        done = await api.post(f"{system}/changes", json={**wanted, "plan": seen})
        assert done.status_code == 200, done.text
    assert (await api.post(f"{system}/switches/works", json={"on": True})).status_code == 200
    assert (await api.get("/api/v1/works/work_type/export")).status_code == 200

    cookie = await administrator(many, "ada", "page")
    form = {"name": "x", "_csrf": await csrf(many, "ada")}
    for language, words in SAID.items():
        refused = await api.post("/api/v1/works/work_type", json={"name": "x"}, headers={"accept-language": language})
        assert (refused.status_code, words in refused.text) == (403, True), refused.text
        assert refused.json()["code"] == "licence.module"
        page = await _page(many, "/r/works/work_type/new", f"dougong={cookie}; language={language}", form)
        assert (page.status_code, words in page.text) == (403, True), page.text[:500]
        bulk = await api.post("/api/v1/works/work_type/bulk", json={"items": [{"name": "x"}]})
        assert bulk.json()["code"] == "licence.module"
    assert (await api.get("/api/v1/works/work_type")).json()["items"] == []


async def _page(many: Village, path: str, cookie: str, form: dict[str, str]) -> httpx.Response:
    return await many.door("ada.example").post(path, headers={"cookie": cookie}, data=form)


async def test_seats_by_command(many: Village, vendor: Vendor, tmp_path: Path) -> None:
    await many.make("ada")
    await vendor.give("ada", "professional", users=1)  # the administrator's
    entry = await many.directory.get("ada")
    async with opened(works(tmp_path), entry.url) as app:
        from engine.serve.wire.fault import Refusal  # noqa: PLC0415
        from engine.studio.tenant.accounts import _add  # noqa: PLC0415

        with pytest.raises(Refusal, match=r"licence\.seats"):
            await _add(app.tenant, "wang", {"name": "wang"})
    await tenanting.suspend(many.directory, "ada", "")
    assert (await vendor.give("ada", "professional", users=2))["users"] == 2, "a suspended one too"


async def test_what_does_not_hold_is_said_on_the_page(many: Village, vendor: Vendor, tmp_path: Path) -> None:
    """A file that was put in by hand, altered or somebody else's; and a trial that is over: in both languages."""
    await many.make("ada")
    cookie = await administrator(many, "ada", "page")
    room = many.house.rooms["ada"]
    good = licensing.make(tmp_path / "vendor.pem", Making("ada", "professional", users=5))
    other = licensing.make(tmp_path / "vendor.pem", Making("bob", "professional", users=5))
    forged = good.replace('"users": 5', '"users": 500')
    later = datetime.now(UTC) + timedelta(days=15)
    for text, said in ((forged, WRONG["forged"]), (other, WRONG["other"])):
        await terms.keep(room.tenant.database, terms.TEXT, text)
        await terms.learn(room.tenant, many.house.key)
        for language, words in said.items():
            door = many.door("ada.example", cookie=f"dougong={cookie}; language={language}")
            assert words in (await door.get("/system/licence")).text
    form = {"name": "x", "_csrf": await csrf(many, "ada")}
    room.tenant.policy = Policy(page_idle_hours=100_000)
    room.tenant.clock = lambda: later
    for language, words in OVER.items():
        cookies = f"dougong={cookie}; language={language}"
        page = await _page(many, "/r/works/work_type/new", cookies, form)
        assert (page.status_code, words in page.text) == (403, True), page.text[:300]
        api = many.door("ada.example", authorization=f"Bearer {await administrator(many, 'ada')}")
        refused = await api.post("/api/v1/works/work_type", json={"name": "x"}, headers={"accept-language": language})
        assert (refused.json()["code"], words in refused.text) == ("licence.trial-over", True)
        for path in ("/api/v1/works/work_type/export", "/api/v1/system/bundle", "/api/v1/system/audit/export"):
            assert (await api.get(path)).status_code == 200, path
