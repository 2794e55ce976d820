"""What is sent to break us: bombs, paths that lead out, hostile parameters and inputs of pages; no fault of ours."""

from __future__ import annotations

import base64
import gzip
import json
import resource
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from engine.serve import OneTenant, asgi
from engine.serve.server import registry
from tests.serve.stage import Stage
from tests.serve.test_registry import filled
from tests.serve.test_web import browser, csrf, page

__all__ = ["page"]


def deep(n: int) -> bytes:
    return b'{"a":' * n + b"1" + b"}" * n


BOMBS: tuple[tuple[str, bytes, dict[str, str]], ...] = (
    ("deep lists", b"[" * 200_000, {}),
    ("deep objects", deep(100_000), {}),
    ("deep and closed", b'{"name":' + b"[" * 5_000 + b"]" * 5_000 + b"}", {}),
    ("huge exponent", b'{"name": 1e999999999, "budget": 1e999999999}', {}),
    ("tiny exponent", b'{"budget": 1e-999999999}', {}),
    ("long number", b'{"budget": ' + b"9" * 300_000 + b"}", {}),
    ("long text number", b'{"budget": "' + b"9" * 300_000 + b'", "hours": "1e999999999"}', {}),
    ("surrogate", b'{"name": "\\ud800"}', {}),
    ("nul", b'{"name": "a\\u0000b"}', {}),
    ("nul in reasons", b'{"name": "a", "reasons": {"x": "a\\u0000"}}', {}),
    ("nul in a reason", b'{"reason": "a\\u0000", "opinion": "a\\u0000"}', {}),
    ("bad utf-8", b'{"name": "\xff\xfe"}', {}),
    ("twice", b'{"name": "a", "name": "b"}', {}),
    ("gzip", gzip.compress(b'{"name": "' + b"a" * 20_000_000 + b'"}'), {"content-encoding": "gzip"}),
    ("many names", b"{" + b",".join(b'"f%d":1' % n for n in range(100_000)) + b"}", {}),
)


async def test_bombs_are_refused_soon(stage: Stage) -> None:
    """At every door that takes a body: never a fault of ours, never long."""
    boss = await stage.door("boss")
    places = [
        (method, f"http://works/api/v1/{filled(door, stage)}")
        for door in registry.API.doors
        for method in set(door.methods) & {"POST", "PATCH", "PUT"}
        if not door.streams
    ]
    assert len(places) > 10
    for method, place in (*places, ("POST", "/worker"), ("PATCH", f"/worker/{stage.ids['赵']}"), ("POST", "/project")):
        for name, body, headers in BOMBS:
            begun = time.process_time()
            sent = {"content-type": "application/json", "if-match": "*", **headers}
            answer = await boss.request(method, place, content=body, headers=sent)
            assert answer.status_code < 500, (method, place, name, answer.text[:300])
            assert time.process_time() - begun < 5, (place, name)
    for name, body, headers in BOMBS:
        answer = await boss.post("http://works/api/v1/login", content=body, headers=headers)
        assert 400 <= answer.status_code < 500, name


@pytest.mark.parametrize("number", ["1e999999999", "1e-999999999", "-7.25E-999999999"])
async def test_a_number_that_would_fill_a_gigabyte_is_never_written_out(stage: Stage, number: str) -> None:
    """Neither in a body, whatever type its field has, nor in a cursor; what it names is told."""
    boss = await stage.door("boss")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name in ("budget", "name", "members", "nobody_knows_it"):
        body = f'{{"{name}": {number}}}'.encode()
        answer = await boss.post("/project", content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 400
        assert answer.json()["detail"] == f"Exponents of numbers go from −999 to 999, got {number}"
    asked = {"limit": 1, "sort": "-budget"}
    first = (await boss.get("/project", params=asked)).json()["next"]
    of, values = json.loads(base64.urlsafe_b64decode(first + "=="))
    told = f'["{of}",[{number},{json.dumps(values[1])}]]'.encode()
    answer = await boss.get("/project", params={**asked, "cursor": base64.urlsafe_b64encode(told).decode().rstrip("=")})
    assert answer.status_code == 400
    assert answer.json()["code"] == "api.cursor"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024  # kilobytes


def nested(head: str, inner: str, tail: str, times: int) -> str:
    return head * times + inner + tail * times


LETTERS = "'" + "a" * 75 + "'"
GROWN = f", 'a', {LETTERS})"
QUESTIONS: tuple[tuple[str, str, set[int]], ...] = (
    # what grows with every level, though a few characters say it
    ("days", nested("ADD_DAYS(", "DATE(created_at)", ",1)", 13) + " IS NULL", {200}),
    ("months", nested("ADD_MONTHS(", "DATE(created_at)", ",1)", 13) + " IS NULL", {200}),
    ("workdays", "WORKDAYS(" + nested("ADD_DAYS(", "DATE(created_at)", ",1)", 12) + ", DATE(created_at)) > 0", {200}),
    ("letters", f"LENGTH({nested('REPLACE(', 'name', GROWN, 6)}) > 0", {200}),
    ("every letter", f"LENGTH({nested('REPLACE(', LETTERS, GROWN, 4)}) > 0", {200}),
    ("steps", ".".join(["team"] * 400) + " IS NULL", {400}),
    # what is deep though no part of it is
    ("sums", "(" * 6 + "1" + ("+1" * 149 + ")") * 6 + " = 1", {400}),
    ("cases", nested("CASE WHEN TRUE THEN ", "1", " END", 35) + " = 1", {200, 400}),
    ("texts", nested("CONCAT(", "name", ", 'x')", 35) + " = 'x'", {200, 400}),
    # what leaves the calendar, or the digits
    ("after the last", "created_at > '9999-12-31T23:59:59-14:00'", {400}),
    ("before the first", "created_at > '0001-01-01T00:00:00+14:00'", {400}),
    ("far days", "ADD_DAYS('2026-01-01', 9007199254740991 * 9007199254740991) IS NULL", {200}),
    ("far months", "ADD_MONTHS('2026-01-01', 0 - 9007199254740991 * 9007199254740991) IS NULL", {200}),
)


@pytest.mark.parametrize(("what", "where", "statuses"), QUESTIONS, ids=[one[0] for one in QUESTIONS])
async def test_no_question_is_a_fault_or_fills_the_memory(
    stage: Stage, what: str, where: str, statuses: set[int]
) -> None:
    boss = await stage.door("boss")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = await boss.post("/worker/query", json={"where": where})
    assert answer.status_code in statuses, answer.text[:500]
    assert (await boss.get("/worker", params={"limit": 1})).status_code == 200
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * 1024  # kilobytes


async def test_more_figures_than_a_database_has_columns(stage: Stage) -> None:
    boss = await stage.door("boss")
    many = ",".join(f"m{n}:COUNT(id)" for n in range(2_500))
    answer = await boss.post("/worker/aggregate", json={"measures": many})
    assert answer.status_code == 400, answer.text[:300]
    days = ",".join(f"d{n}:created_at + {n}" for n in range(4))
    answer = await boss.post("/worker/aggregate", json={"by": days, "measures": "COUNT(id)", "fill": "d0,d1,d2,d3"})
    assert answer.status_code == 400
    assert "fill" in answer.json()["detail"]


@pytest.mark.parametrize(
    "value",
    ["NaN", "Infinity", "1e300", "true", '"x"', '"\\ud800"', "1" * 30, "{}", '"2026-13-45"', "null", '"9999999-01-01"'],
)
async def test_a_cursor_that_was_altered_is_refused(stage: Stage, value: str) -> None:
    boss = await stage.door("boss")
    await boss.post(
        "/project/bulk", json={"items": [{"code": f"p{n}", "name": f"p{n}", "budget": f"{n}"} for n in range(3)]}
    )
    for key in ("name", "budget", "-created_at"):
        asked = {"limit": 1, "sort": key}
        first = (await boss.get("/project", params=asked)).json()["next"]
        of, values = json.loads(base64.urlsafe_b64decode(first + "=="))
        for told in (f'["{of}",[{value},{json.dumps(values[1])}]]', f'["{of}",[{json.dumps(values[0])},{value}]]'):
            altered = base64.urlsafe_b64encode(told.encode()).decode().rstrip("=")
            answer = await boss.get("/project", params={**asked, "cursor": altered})
            assert answer.status_code in (200, 400), (key, told, answer.text[:300])


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
async def test_the_last_day_of_the_calendar_is_a_day(stage: Stage, day: str) -> None:
    boss = await stage.door("boss")
    made = await boss.post("/project", json={"code": "g", "name": "for good", "ends": day})
    assert made.status_code == 201, made.text
    for asked in ({"ends": day}, {"where": f"ends = '{day}'"}, {"ends[gte]": day, "ends[lte]": day}):
        found = (await boss.get("/project", params=asked)).json()["items"]
        assert [(one["name"], one["ends"]) for one in found] == [("for good", day)], asked
    apart = await boss.get("/project", params={"where": f"DATE('{day}') - ends = 0"})
    assert [one["name"] for one in apart.json()["items"]] == ["for good"]


async def test_a_log_in_is_cut_off_too(stage: Stage) -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while taken < 50_000_000:
            taken += 100_000
            yield b" " * 100_000

    async with browser(stage) as client:
        answer = await client.post("/api/v1/login", content=endless())
        assert answer.status_code == 413
        assert taken < 1_000_000
        strange = httpx.Request("POST", "http://works/api/v1/login", content=b"{}")
        strange.headers.raw.append((b"content-length", b"\xb2"))
        assert (await client.send(strange)).status_code < 500


# paths


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../pyproject.toml",
        "/assets/..%2fmanifest.json",
        "/assets/%2e%2e%2f%2e%2e%2fpyproject.toml",
        "/assets/..%5cmanifest.json",
        "/assets/%252e%252e%252fmanifest.json",
        "/assets//etc/passwd",
        "/assets/%2fetc%2fpasswd",
        "/assets/manifest.json%00.js",
        "/assets/.gitignore.json",
        "/assets/manifest.json/",
        "/assets/manifest.json.gz",
        "/assets/a/b.js",
    ],
)
async def test_no_path_leaves_the_assets(stage: Stage, path: str) -> None:
    scope = {"type": "http", "method": "GET", "scheme": "http", "query_string": b"", "headers": [(b"host", b"works")]}
    for shown in {path, httpx.URL(f"http://x{path}").path}:
        said: list[Any] = []

        async def send(message: Any, said: list[Any] = said) -> None:
            said.append(message)

        async def receive() -> Any:
            return {"type": "http.request", "body": b""}

        await asgi(OneTenant(stage.tenant))({**scope, "path": shown}, receive, send)
        assert said[0]["status"] in (303, 404) or shown == "/assets/manifest.json/", shown


# pages


HOSTILE = (
    "'",
    '"',
    "%",
    "%25%27",
    "\\",
    "a\0b",
    "' OR '1'='1",
    "1; DROP TABLE works__worker",
    "\u202e",
    "²",
    "(" * 300,
    "x" * 5_000,
)


@pytest.mark.parametrize("most", [2, pytest.param(len(HOSTILE), marks=pytest.mark.long)])
async def test_no_parameter_of_a_page_is_a_fault(stage: Stage, page: httpx.AsyncClient, most: int) -> None:
    """Every page, every parameter it may know, as value, name, operator and in its address."""
    await stage.make(
        "sheet", project=stage.ids["A"], sheet_date="2026-03-05", lines=[{"worker": stage.ids["赵"], "hours": "8"}]
    )
    lists = [f"/m/{name.replace('.', '/')}" for name in stage.tenant.app.lists]
    boards = [f"/d/{name.replace('.', '/')}" for name in stage.tenant.app.dashboards]
    forms = [f"/r/{name.replace('.', '/')}/new" for name in stage.tenant.app.entities]
    records = [f"/r/works/worker/{stage.ids['赵']}", f"/r/works/project/{stage.ids['A']}"]
    own = [
        "/",
        "/docs",
        *(f"/{door.path}" for door in registry.SYSTEM_PAGES if "GET" in door.methods and "{" not in door.path),
    ]
    names = [
        "q",
        "sort",
        "cursor",
        "where",
        "limit",
        "fields",
        "expand",
        "state",
        "name",
        "name[gte]",
        "project",
        "month",
        "saved",
    ]
    names += ["by", "act", "entity", "record", "from", "to", "before", "next", "count", "format", "place", "budget"]
    for place in (*lists, *boards, *forms, *records, *own):
        tried = [f"{place}?{quote(name)}={quote(value)}" for name in names for value in HOSTILE[:most]]
        tried += [f"{place}?q={quote(value)}" for value in HOSTILE]
        tried += [f"{place}?{quote(value)}=1&name[{quote(value)}]=1" for value in HOSTILE]
        for one in tried:
            answer = await page.get(one)
            assert answer.status_code < 500, (one, answer.text[:300])
            assert b"set-cookie" not in answer.content, one


async def test_no_input_of_a_form_is_a_fault(stage: Stage, page: httpx.AsyncClient) -> None:
    token = await csrf(page)
    app = stage.tenant.app
    for path, entity in app.entities.items():
        if entity.owner:
            continue
        for place in (f"/r/{path.replace('.', '/')}/new",):
            for value in (*HOSTILE, "0001-01-01T00:00", "9999-12-31T23:59", "-1", "1e400", "NaN", "Infinity"):
                inputs = dict.fromkeys(entity.fields, value)
                answer = await page.post(place, data={"_csrf": token, **inputs, "_rev": value})
                assert answer.status_code < 500, (place, value, answer.text[:300])
            for name in (
                "lines.².x",
                "lines.0.",
                ".",
                "..",
                "lines.999999999.x",
                "_reasons.x",
                "_do",
                "_action",
                "_rev",
                "lines.0.$delete",
            ):
                answer = await page.post(place, data={"_csrf": token, name: "²"})
                assert answer.status_code < 500, (place, name, answer.text[:300])
