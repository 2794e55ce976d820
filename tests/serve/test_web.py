"""What browsers are told and what they may be made to do: headers, cookies, forgery, addresses to go to, bombs."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import httpx
import pytest

from engine.serve import OneTenant, asgi, open_session, set_password
from engine.serve.server import registry
from engine.serve.tenant.filestore import Folder
from tests.serve.stage import Stage, errors
from tests.serve.test_registry import FIXED, filled

PASSWORD = "correct horse"


def browser(stage: Stage, base: str = "http://works", https: bool = False, **more: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=asgi(OneTenant(stage.tenant), https), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=base, **more)


@pytest.fixture
async def page(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    """The administrator in a browser, over http."""
    token = await open_session(stage.tenant, stage.ids["boss"], "page")
    async with browser(stage, cookies={"dougong": token}) as client:
        yield client


async def csrf(client: httpx.AsyncClient) -> str:
    found = re.search(r'name="_csrf" value="([^"]+)"', (await client.get("/system/me")).text)
    assert found
    return found[1]


# headers


def told(answer: httpx.Response, where: str) -> None:
    """What is true of every answer there is."""
    headers = answer.headers
    assert headers["x-content-type-options"] == "nosniff", where
    assert headers["x-frame-options"] == "DENY", where
    assert headers["referrer-policy"] == "same-origin", where
    assert headers["cross-origin-resource-policy"] == "same-origin", where
    assert len(headers.get_list("content-security-policy")) <= 1, where
    policy = headers.get("content-security-policy", "")
    if "text/javascript" not in headers.get("content-type", "") and answer.status_code != 304:
        parts = {words.split()[0]: words.split()[1:] for words in policy.split(";") if words.strip()}
        assert "'unsafe-inline'" not in policy, where
        assert "'unsafe-eval'" not in policy, where
        assert "*" not in policy, where
        scripts = parts.get("script-src", parts["default-src"])
        assert scripts in (["'self'"], ["'none'"]), (where, scripts)
        if "sandbox" not in parts:
            assert parts["frame-ancestors"] == ["'none'"], where
        if "html" in headers.get("content-type", ""):
            assert (parts["base-uri"], parts["object-src"]) in ((["'self'"], ["'none'"]), (["'none'"], ["'none'"])), (
                where
            )
            assert parts["form-action"] == ["'self'"], where
    cached = headers["cache-control"]
    if "/assets/" in where and answer.status_code == 200:
        assert cached == "public, max-age=31536000, immutable", where
    else:
        assert cached in ("no-store", "private, no-cache"), (where, cached)


async def test_every_answer_has_its_headers(stage: Stage, page: httpx.AsyncClient, tmp_path: Path) -> None:
    """Of every door, by whoever may and whoever may not, also when it refuses."""
    stage.tenant.files = Folder(tmp_path / "files")
    async with browser(stage) as nobody:
        for client in (nobody, page):
            for router, start in ((registry.API, "/api/v1/"), (registry.PAGES, "/")):
                for door in router.doors:
                    if door.name == "events.stream":
                        continue
                    for method in {*door.methods, "PUT"}:
                        where = f"{start}{filled(door, stage)}"
                        told(await client.request(method, where), f"{method} {where}")
            for where in (*FIXED, "/api/v1/nothing", "/nothing", "/api", "/assets/none.js", "/system/none"):
                told(await client.get(where), where)
                told(await client.post(where, content=b"{"), where)
    manifest = json.loads((await page.get("/assets/manifest.json")).text)
    for name in [one for one in _strings(manifest) if re.fullmatch(r"[\w.-]+\.(js|css|svg|woff2)", one)][:20]:
        told(await page.get(f"/assets/{name}"), f"/assets/{name}")


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if not isinstance(value, dict | list):
        return []
    return [one for part in (value.values() if isinstance(value, dict) else value) for one in _strings(part)]


async def test_files_exports_and_faults_have_them_too(
    stage: Stage, page: httpx.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.tenant.files = Folder(tmp_path / "files")
    boss = await stage.door("boss")
    sent = (await boss.post("http://works/api/v1/system/files", content=b"<script>1</script>")).json()
    made = (await boss.post("/worker", json={"name": "周", "papers": [sent["id"]]})).json()
    file = f"/api/v1/works/worker/{made['id']}/files/papers/{sent['id']}"
    kept = await page.get(file)
    told(kept, file)
    assert kept.headers["content-type"] == "application/octet-stream"
    told(await page.get(file, headers={"if-none-match": kept.headers["etag"]}), "304")
    for form in ("csv", "xlsx", "ndjson"):
        told(await page.get(f"/api/v1/works/worker/export?format={form}"), form)

    async def broken(*_: Any) -> Any:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(stage.database, "read", broken)
    stage.tenant.forget_people()
    for where in ("/", "/api/v1/works/worker", "/api/v1/me", "/health"):
        answer = await page.get(where)
        assert answer.status_code == 500, where
        assert "secret" not in answer.text, where
        told(answer, where)


# cookies


@pytest.mark.parametrize("how", ["https", "proxy", "setting"])
async def test_cookies_over_https(stage: Stage, how: str) -> None:
    await set_password(stage.database, stage.ids["zhao"], "zhao", PASSWORD)
    headers = {"x-forwarded-proto": "https"} if how == "proxy" else {}
    async with browser(
        stage, "https://works" if how == "https" else "http://works", how == "setting", headers=headers
    ) as client:
        signed = await client.post("/login", data={"name": "zhao", "password": PASSWORD})
        said = signed.headers["set-cookie"]
        name, _, value = said.partition(";")[0].partition("=")
        assert name == "__Host-dougong"
        assert {"Path=/", "HttpOnly", "Secure", "SameSite=Lax"} <= {part.strip() for part in said.split(";")}
        assert "domain" not in said.lower()
        assert signed.headers["strict-transport-security"] == "max-age=31536000"
        chosen = (await client.post("/language", data={"language": "en"})).headers["set-cookie"]
        assert chosen.startswith("__Host-language=en;")
        assert "Secure" in chosen
        client.cookies.clear()
        for cookie, status in (
            (f"__Host-dougong={value}", 200),
            (f"dougong={value}", 303),
            (f"__Host-dougong=x; dougong={value}", 303),
        ):
            assert (await client.get("/", headers={"cookie": cookie})).status_code == status, cookie
        left = await client.get("/", headers={"cookie": f"__Host-dougong={value}"})
        told(left, "/")


async def test_cookies_over_http(stage: Stage) -> None:
    await set_password(stage.database, stage.ids["zhao"], "zhao", PASSWORD)
    async with browser(stage) as client:
        signed = await client.post("/login", data={"name": "zhao", "password": PASSWORD})
        said = signed.headers["set-cookie"]
        assert {"Path=/", "HttpOnly", "SameSite=Lax"} <= {part.strip() for part in said.split(";")}
        assert "strict-transport-security" not in signed.headers
        token = said.partition(";")[0].partition("=")[2]
        client.cookies.clear()
        assert (await client.get("/", headers={"cookie": f"__Host-dougong={token}"})).status_code == 303


# forgery


async def test_writing_by_cookie_alone_is_refused_at_every_door(stage: Stage, page: httpx.AsyncClient) -> None:
    """Three ways at once, each of which refuses by itself: the cookie's SameSite, the Origin, the token."""
    token = await csrf(page)
    tried = 0
    for router, start in ((registry.API, "/api/v1/"), (registry.PAGES, "/")):
        for door in router.doors:
            if door.who == "nobody":
                continue
            where = f"{start}{filled(door, stage)}"
            for method in set(door.methods) - {"GET", "HEAD"}:
                tried += 1
                for headers in (
                    {},
                    {"origin": "http://works"},
                    {"x-csrf-token": "x" * len(token)},
                    {"x-csrf-token": token, "origin": "http://evil.example"},
                    {"x-csrf-token": token, "origin": "http://works.evil.example"},
                    {"x-csrf-token": token, "origin": "null"},
                    {"x-csrf-token": token, "sec-fetch-site": "cross-site"},
                ):
                    answer = await page.request(method, where, content=b"", headers=headers)
                    assert answer.status_code == 403, (where, headers, answer.text[:200])
                    if router is registry.API:
                        assert errors(answer) == [("auth.csrf", "")], (where, headers)
                ours = {"x-csrf-token": token, "origin": "http://works", "sec-fetch-site": "same-origin"}
                if door.name not in ("account.end-all", "page.logout"):
                    answer = await page.request(method, where, content=b"", headers=ours)
                    assert answer.status_code != 403 or "auth.csrf" not in answer.text, where
    assert tried > 20


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://works.evil.example", "http://evil.example/works"]
)
async def test_nobody_is_signed_in_from_elsewhere(stage: Stage, origin: str) -> None:
    await set_password(stage.database, stage.ids["zhao"], "zhao", PASSWORD)
    async with browser(stage) as client:
        for where, sent in (("/login", {"name": "zhao", "password": PASSWORD}), ("/language", {"language": "en"})):
            refused = await client.post(where, data=sent, headers={"origin": origin})
            assert refused.status_code == 403, where
            assert "set-cookie" not in refused.headers, where
        own = await client.post(
            "/login", data={"name": "zhao", "password": PASSWORD}, headers={"origin": "http://works"}
        )
        assert own.status_code == 303


async def test_looking_changes_nothing(stage: Stage, page: httpx.AsyncClient) -> None:
    async def state() -> list[Any]:
        tables = ("_history", "_outbox", "_webhook", "_login", "_setting", "_case", "_task", "_file", "works__worker")
        return [sorted(map(str, await stage.rows(table, *_columns(table)))) for table in tables]

    before = await state()
    for router, start in ((registry.API, "/api/v1/"), (registry.PAGES, "/")):
        for door in router.doors:
            if "GET" in door.methods and door.name != "events.stream":
                for method in ("GET", "HEAD"):
                    await page.request(method, f"{start}{filled(door, stage)}?_do=delete&_action=submit&enabled=false")
    assert await state() == before


def _columns(table: str) -> tuple[str, ...]:
    return {"_login": ("user", "hash"), "works__worker": ("id", "rev")}.get(table, ("id",))


# where one is sent


ELSEWHERE = (
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "https://evil.example",
    "https:evil.example",
    "http:/evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "@evil.example",
    ".evil.example",
    ":80/",
    "/\x00/evil.example",
    "/.//evil.example",
    "/..//evil.example",
    "/%09/evil.example",
    "/%5cevil.example",
    "/\u2215evil.example",
    "/x\r\nset-cookie: a=b",
)


def as_browser(place: str) -> tuple[str, str]:
    """(scheme, host) that a browser goes to: it drops tabs and line ends, and takes a backslash for a slash."""
    plain = re.sub(r"[\t\r\n]", "", place.strip("\x00\x20")).replace("\\", "/")
    parts = urlsplit(urljoin("http://works/login", plain))
    return parts.scheme, parts.netloc


async def test_nobody_is_sent_elsewhere(stage: Stage) -> None:
    await set_password(stage.database, stage.ids["zhao"], "zhao", PASSWORD)
    async with browser(stage) as client:
        for place in ELSEWHERE:
            shown = await client.get(f"/login?next={quote(place)}")
            found = re.search(r'name="next" value="([^"]*)"', shown.text)
            assert found, place
            assert as_browser(found[1]) == ("http", "works"), (place, found[1])
            chosen = await client.post("/language", data={"language": "zh", "next": place})
            assert as_browser(chosen.headers["location"]) == ("http", "works"), place
            assert "a=b" not in chosen.headers.get_list("set-cookie"), place
        for place in ELSEWHERE[:4]:
            signed = await client.post("/login", data={"name": "zhao", "password": PASSWORD, "next": place})
            assert (signed.status_code, as_browser(signed.headers["location"])) == (303, ("http", "works")), place
            client.cookies.clear()
        sent = await client.get("//evil.example/%2e%2e//x?next=//evil.example")
        assert as_browser(sent.headers.get("location", "/")) == ("http", "works")
        ours = await client.post(
            "/login", data={"name": "zhao", "password": PASSWORD, "next": "/m/works/sheet?state=x"}
        )
        assert ours.headers["location"] == "/m/works/sheet?state=x"
