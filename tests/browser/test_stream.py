"""Pages tell by themselves what others do, and leave alone who is typing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks.crowd import API
from benchmarks.site import PEOPLE, prepare
from benchmarks.site import Site as Served
from tests.browser.site import CHROMIUM, Site, chromium, sign_in, visitor

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")


class Town:
    """The small site of the fault runs, and its people's programs."""

    def __init__(self, served: Served, tokens: dict[str, str]) -> None:
        self.served = served
        self.at = Site(served.url, {name: f"of-{name}-here" for name in PEOPLE})
        self.doors = {
            name: httpx.Client(base_url=served.url, headers={"authorization": f"Bearer {token}"}, timeout=20)
            for name, token in tokens.items()
        }
        self.team = self.doors["clerk"].get("/api/v1/site/team").json()["items"][0]["id"]

    def note(self, mark: str) -> dict[str, Any]:
        body = {"team": self.team, "mark": mark, "lines": [{"hours": "8", "price": "20"}]}
        return self.ask("clerk", "POST", API, json=body)

    def ask(self, who: str, method: str, path: str, **more: Any) -> dict[str, Any]:
        answer = self.doors[who].request(method, path, **more)
        assert answer.is_success, answer.text
        made: dict[str, Any] = answer.json()
        return made


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("town")
    served = Served(folder, f"sqlite://{folder}/site.db")
    tokens = asyncio.run(prepare(served.database))
    served.start()
    try:
        asyncio.run(served.ready())
        made = Town(served, tokens)
        yield made
        for door in made.doors.values():
            door.close()
    finally:
        served.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def shown(browser: Browser, town: Town, who: str, path: str) -> tuple[Page, list[str]]:
    """A page whose stream has begun; what goes wrong unseen is in the list."""
    page = sign_in(visitor(browser), town.at, who)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    with page.expect_response(lambda answer: "/system/events" in answer.url) as began:
        page.goto(f"{town.at.url}{path}")
    assert began.value.status == 200
    return page, wrong


def test_a_list_grows_while_somebody_types_in_its_search(town: Town, browser: Browser) -> None:
    page, wrong = shown(browser, town, "reader", "/m/site/note")
    page.locator("#q").press_sequentially("see")
    expect(page).to_have_url(re.compile("q=see"))
    town.note("seen-at-once")
    expect(page.locator("td", has_text="seen-at-once")).to_be_visible()
    expect(page.locator("#q")).to_have_value("see")
    expect(page.locator("#q")).to_be_focused()
    assert wrong == []
    page.context.close()


def test_two_tabs_share_one_stream(town: Town, browser: Browser) -> None:
    page, wrong = shown(browser, town, "reader", "/m/site/note")
    other = page.context.new_page()
    streams: list[str] = []
    other.on("request", lambda asked: streams.append(asked.url) if "/system/events" in asked.url else None)
    other.goto(f"{town.at.url}/m/site/note")
    town.note("in-both")
    other.bring_to_front()
    expect(other.locator("td", has_text="in-both")).to_be_visible()
    assert (streams, wrong) == ([], [])
    with other.expect_response(lambda answer: "/system/events" in answer.url):
        page.close()  # the other one takes over
    town.note("in-the-other")
    expect(other.locator("td", has_text="in-the-other")).to_be_visible()
    other.context.close()


def test_a_task_appears_at_home_and_goes_again(town: Town, browser: Browser) -> None:
    page, wrong = shown(browser, town, "approver", "/")
    expect(page.locator(".tasks li")).to_have_count(0)
    note = town.note("to-do")
    town.ask("clerk", "POST", f"{API}/{note['id']}/actions/submit")
    expect(page.locator(".tasks li")).to_have_count(1)
    expect(page.locator("#todo small")).to_have_text("1")
    town.ask("approver", "POST", f"{API}/{note['id']}/actions/approve")
    expect(page.locator(".tasks li")).to_have_count(0)
    assert wrong == []
    page.context.close()


def test_an_open_record_is_shown_anew_unless_somebody_types(town: Town, browser: Browser) -> None:
    note = town.note("first")
    place = f"/r/site/note/{note['id']}"
    page, wrong = shown(browser, town, "clerk", place)
    with page.expect_response(lambda answer: "/system/events" in answer.url):  # of the page as it is loaded anew
        town.ask("clerk", "PATCH", f"{API}/{note['id']}", json={"mark": "second"}, headers={"if-match": "*"})
    expect(page.locator("#f-mark")).to_have_value("second")
    page.fill("#f-mark", "typed by hand")
    town.ask("clerk", "PATCH", f"{API}/{note['id']}", json={"mark": "third"}, headers={"if-match": "*"})
    expect(page.locator("[data-live-changed]")).to_be_visible()
    expect(page.locator("#f-mark")).to_have_value("typed by hand")
    assert wrong == []
    page.context.close()


def test_pages_live_without_a_stream(town: Town, browser: Browser, tmp_path: Path) -> None:
    page = sign_in(visitor(browser), town.at, "reader")
    page.route("**/system/events*", lambda route: route.abort())
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(f"{town.at.url}/m/site/note")
    expect(page.locator("h1")).to_contain_text("签证单")
    assert wrong == []
    page.context.close()
