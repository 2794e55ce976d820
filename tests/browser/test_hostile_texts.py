"""Texts that would run if anything took them for markup: in every label of a pack, in everything people type, in every
parameter of every page. Nothing runs, the policy has nothing to stop, and the texts are shown as they were typed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.site import CHROMIUM, Site, chromium, sign_in, site, visitor

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")

MARKUP = (
    "\"'><img data-xss src=x onerror=window.__ran=1></title></textarea></script>"
    "<script data-xss>window.__ran=1</script>{{7*191}}"
)
ATTRIBUTE = "x' onfocus='window.__ran=1' autofocus data-xss=' \" onfocus=window.__ran=1 autofocus data-xss=\""
ADDRESS = "javascript:window.__ran=1//"
TEXTS = (MARKUP, ATTRIBUTE, ADDRESS)

_WATCH = """
document.addEventListener('securitypolicyviolation', e => window.stopped(
  e.effectiveDirective + ' ' + e.blockedURI + ' ' + e.sample + ' ' + location.href));
"""
_LOOK = """() => ({
  ran: window.__ran === undefined ? '' : String(window.__ran),
  made: document.querySelectorAll('[data-xss]').length,
  counted: document.documentElement.innerText.includes('1337'),
  addresses: [...document.querySelectorAll('[href], [src], [action], [formaction]')].flatMap(
    one => ['href', 'src', 'action', 'formaction'].map(name => one.getAttribute(name) || '')
  ).filter(text => /^\\s*(javascript|vbscript|data:text):?/i.test(text)),
})"""
_PARSE = """async (places) => {
  const wrong = [];
  for (const place of places) {
    const answer = await fetch(place, {redirect: 'manual'});
    const text = answer.type === 'opaqueredirect' ? '' : await answer.text();
    const page = new DOMParser().parseFromString(text, 'text/html');
    const odd = page.querySelectorAll('[data-xss]').length || text.includes('1337') ||
      [...page.querySelectorAll('[href], [src], [action]')].some(one => ['href', 'src', 'action'].some(
        name => /^\\s*(javascript|vbscript):/i.test(one.getAttribute(name) || '')));
    if (odd || answer.status >= 500) wrong.push(answer.status + ' ' + place);
  }
  return wrong;
}"""
_PARAMETERS = (
    "q", "sort", "cursor", "where", "limit", "fields", "state", "place", "month", "kind", "name", "name[gte]", "saved",
    "next", "by", "act", "entity", "record", "from", "to", "before", "role", "person", "as", "x",
)  # fmt: skip


@dataclass
class Planted:
    """What was typed: (where, text) of what was taken."""

    ids: dict[str, str] = field(default_factory=dict)
    taken: list[tuple[str, str]] = field(default_factory=list)


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    pack = tmp_path_factory.mktemp("pack")
    told = (Path(__file__).parent / "hostile.yaml").read_text(encoding="utf-8")
    (pack / "module.yaml").write_text(told.replace("MARKUP", MARKUP.replace('"', '\\"')), encoding="utf-8")
    with site(tmp_path_factory.mktemp("data"), pack, demo=False) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def planted(at: Site) -> Planted:
    """Through the API, as anybody might: each text in each field that takes it, and a case that was decided."""
    made = Planted()
    with httpx.Client(base_url=f"{at.url}/api/v1", timeout=60) as api:
        told = api.post("/login", json={"name": "admin", "password": at.passwords["admin"]}).json()
        api.headers["authorization"] = f"Bearer {told['token']}"
        for entity in ("user", "place", "node"):
            made.ids[entity] = _put(api, entity, {"name": MARKUP})
            _put(api, entity, {"name": ATTRIBUTE})
        api.patch(f"/hostile/place/{made.ids['place']}", headers={"if-match": "*"}, json={
            "members": [{"user": made.ids["user"], "role": "clerk", "note": MARKUP}]})  # fmt: skip
        _plant_papers(api, made)
        for name, text in (("webhook", MARKUP), ("webhook", ATTRIBUTE)):
            body = {"name": text[:80], "url": "http://127.0.0.1:9/'\"><img%20data-xss>", "entities": [], "kinds": []}
            if api.post("/system/webhooks", json=body).status_code == 201:
                made.taken.append((name, text))
        assert api.post("/system/tokens", json={"name": MARKUP[:80]}).status_code == 201
        granted = {"name": MARKUP[:80], "what": "support", "reason": MARKUP}
        assert api.post("/system/grants", json=granted).status_code == 201
        httpx.post(f"{at.url}/api/v1/login", json={"name": MARKUP, "password": MARKUP}, headers={"user-agent": MARKUP})
    return made


def _put(api: httpx.Client, entity: str, body: dict[str, Any]) -> str:
    answer = api.post(f"/hostile/{entity}", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def _plant_papers(api: httpx.Client, made: Planted) -> None:
    whole: dict[str, Any] = {"amount": "1", "month": "2026-03", "kind": "one", "kinds": ["one", "two"]}
    whole |= {"place": made.ids["place"], "places": [made.ids["place"]], "node": made.ids["node"], "name": MARKUP}
    for name in ("name", "story", "rich", "mail", "phone", "link", "data", "spot"):
        for text in TEXTS:
            values = [{"a": text}] if name == "data" else [text, {"lng": "1", "lat": "1", "label": text}]
            for value in values if name == "spot" else values[:1]:
                if api.post("/hostile/paper", json={**whole, name: value}).status_code == 201:
                    made.taken.append((name, text))
    sent = api.post("/system/files", params={"name": f"{MARKUP.replace('/', '')}.txt"}, content=b"<script>1</script>")
    whole |= {"papers": [sent.json()["id"]], "story": MARKUP, "rich": MARKUP, "data": {MARKUP: MARKUP}}
    paper = made.ids["paper"] = _put(api, "paper", whole)
    place = f"/hostile/paper/{paper}"
    api.patch(place, json={"name": f"2 {MARKUP}"}, headers={"if-match": "*"})
    assert api.post(f"{place}/actions/submit", json={}, headers={"if-match": "*"}).status_code == 200
    back = api.post(f"{place}/actions/reject", json={"reason": MARKUP}, headers={"if-match": "*"})
    assert back.status_code == 200, back.text
    api.post(f"{place}/actions/submit", json={}, headers={"if-match": "*"})


class Watched:
    """A page with everything that could go wrong written down."""

    def __init__(self, context: BrowserContext, at: Site) -> None:
        self.wrong: list[str] = []
        context.expose_function("stopped", lambda said: self.wrong.append(f"the policy stopped {said}"))
        context.add_init_script(_WATCH)
        self.page: Page = sign_in(context, at, "admin")
        self.page.on("dialog", lambda dialog: (self.wrong.append(f"dialog {dialog.message}"), dialog.dismiss()))
        self.page.on("pageerror", lambda error: self.wrong.append(f"{error} at {self.page.url}"))

    def look(self) -> None:
        self.page.wait_for_timeout(50)
        seen = self.page.evaluate(_LOOK)
        if seen != {"ran": "", "made": 0, "counted": False, "addresses": []}:
            self.wrong.append(f"{seen} at {self.page.url}")


def _kind(path: str) -> str:
    """Pages of one door are one kind: ids do not tell them apart."""
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", path)


def _links(page: Page, at: Site) -> list[str]:
    of_svg_too = "all => all.map(one => new URL(one.getAttribute('href'), document.baseURI).href)"
    found = page.eval_on_selector_all("a[href]", of_svg_too)
    plain = [one.partition("#")[0] for one in found if one.startswith(f"{at.url}/")]
    return [one for one in plain if not any(part in one for part in ("/api/", "/assets/", "/export?"))]


def test_nothing_runs_on_any_page(at: Site, browser: Browser, planted: Planted) -> None:
    watched = Watched(visitor(browser), at)
    page = watched.page
    record = f"/r/hostile/paper/{planted.ids['paper']}"
    open_ = [f"{at.url}{path}" for path in (
        "/", record, f"{record}/why", "/r/hostile/paper/new", "/d/hostile/board", "/m/hostile/paper", "/system/me",
        "/system/audit", "/system/webhooks", "/system/rights", "/system/grants", "/docs",
        f"/r/hostile/place/{planted.ids['place']}",
        f"/system/rights?person={planted.ids['user']}", "/nothing/at/all",
    )]  # fmt: skip
    seen: dict[str, int] = {}
    done: set[str] = set()
    while open_:
        place = open_.pop(0)
        kind = f"{_kind(urlsplit(place).path)}?{re.sub('=[^&]*', '', urlsplit(place).query)}"
        if place in done or seen.get(kind, 0) >= 3 or len(done) > 120:
            continue
        done.add(place)
        seen[kind] = seen.get(kind, 0) + 1
        page.goto(place)
        watched.look()
        open_ += _links(page, at)
    assert len(seen) > 12, sorted(seen)
    assert watched.wrong == []
    page.goto(f"{at.url}{record}")
    shown = page.evaluate(
        "() => document.documentElement.innerText +"
        " [...document.querySelectorAll('input, textarea')].map(one => one.value).join(' ')"
    )
    assert shown.count(MARKUP) > 5, "labels and texts as they were typed"
    assert MARKUP in page.title()
    assert {"name", "story", "rich", "data"} <= {name for name, _ in planted.taken}
    assert ("link", ADDRESS) not in planted.taken


def test_nothing_runs_where_people_choose_and_point(at: Site, browser: Browser, planted: Planted) -> None:
    """Pickers, warnings, checks and charts are drawn by scripts."""
    watched = Watched(visitor(browser), at)
    page = watched.page
    page.goto(f"{at.url}/r/hostile/paper/new")
    page.fill("#f-name", MARKUP)
    for name in ("place", "node"):
        made = page.locator(f"#f-{name} + .ts-wrapper .ts-control")
        (made if made.count() else page.locator(f"#f-{name}")).click()
        page.wait_for_timeout(600)
        watched.look()
        option = page.locator(".ts-dropdown:visible .option")
        assert {MARKUP, ATTRIBUTE} <= {text.strip() for text in option.all_inner_texts()}, name
        option.first.click()
        watched.look()
    for amount in ("150", "250"):
        page.fill("#f-amount", amount)
        page.locator("#f-name").click()
        page.wait_for_timeout(400)
        watched.look()
        page.locator("[data-save]").click()
        page.wait_for_timeout(600)
        watched.look()
        assert page.locator("body").inner_text().count(MARKUP) > 3, "what the check says"
    page.goto(f"{at.url}/d/hostile/board")
    page.wait_for_timeout(800)
    charts = page.locator("svg.plot, svg.ring, svg.row-bar").all()
    assert charts
    for chart in charts:
        box = chart.bounding_box()
        for across in range(1, 8) if box else ():
            assert box
            page.mouse.move(box["x"] + box["width"] * across / 8, box["y"] + box["height"] / 2)
            page.wait_for_timeout(40)
        watched.look()
    assert watched.wrong == []


def test_no_parameter_comes_back_as_markup(at: Site, browser: Browser, planted: Planted) -> None:
    """Every parameter of every kind of page, read by the browser's own parser; some of them as whole pages."""
    watched = Watched(visitor(browser), at)
    record = f"/r/hostile/paper/{planted.ids['paper']}"
    pages = (
        "/", "/login", "/m/hostile/paper", "/m/hostile/place", "/d/hostile/board", "/r/hostile/paper/new", record,
        f"{record}/why", "/system/me", "/system/audit", "/system/webhooks", "/system/rights", "/docs", "/nothing",
    )  # fmt: skip
    names = (*_PARAMETERS, MARKUP, f"name[{MARKUP}]")
    tried = [f"{page}?{quote(name)}={quote(text)}" for page in pages for name in names for text in TEXTS]
    tried += [
        f"{page}/{quote(text, safe='')}" for page in ("", "/m", "/m/hostile", "/r/hostile", record) for text in TEXTS
    ]
    assert watched.page.evaluate(_PARSE, tried) == []
    for place in (f"/m/hostile/paper?q={quote(MARKUP)}&place={quote(MARKUP)}&state={quote(MARKUP)}",
                  f"/r/hostile/paper/new?name={quote(ATTRIBUTE)}&story={quote(MARKUP)}&link={quote(ADDRESS)}",
                  f"/d/hostile/board?place={quote(MARKUP)}&month={quote(MARKUP)}",
                  f"/system/audit?act={quote(MARKUP)}", f"/{quote(MARKUP)}"):  # fmt: skip
        watched.page.goto(f"{at.url}{place}")
        watched.look()
    assert watched.wrong == []


def test_that_the_watch_would_see_it(at: Site, browser: Browser) -> None:
    """Markup that is put into a page by hand is found in every one of these ways."""
    watched = Watched(visitor(browser), at)
    watched.page.evaluate(
        "(text) => { document.body.insertAdjacentHTML('beforeend', text) }", MARKUP.replace("{{7*191}}", "1337")
    )
    watched.page.wait_for_timeout(300)
    watched.look()
    assert any("the policy stopped script-src" in said for said in watched.wrong), watched.wrong
    assert any("'made': 1" in said or "'made': 2" in said for said in watched.wrong), watched.wrong
