"""Dashboards in a browser: without scripts, by keyboard, on a phone, in the dark, in 元 and 万元."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.site import CHROMIUM, Site, chromium, sign_in, site, visitor

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
BOARDS = ("/d/cost_center/overview", "/d/day_labor/overview", "/d/base/contracts")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(Path(tmp_path_factory.mktemp("boards"))) as found:
        yield found


@pytest.fixture(scope="module")
def page(at: Site, browser: Browser) -> Page:
    return sign_in(visitor(browser), at, "qian")


def test_all_is_drawn_without_scripts(at: Site, browser: Browser, page: Page) -> None:
    context = browser.new_context(java_script_enabled=False, storage_state=page.context.storage_state())
    plain = context.new_page()
    for board in BOARDS:
        plain.goto(at.url + board)
        panels = plain.locator("[data-tile]")
        assert panels.count() > 5
        for panel in panels.all():
            assert panel.locator("svg.plot, svg.ring, svg.row-bar, table tbody tr, .figure").count(), panel.inner_text()
        behind = plain.locator("details.behind").first
        behind.locator("summary").click()
        assert behind.locator("tbody tr").count()
    plain.goto(at.url + BOARDS[0])
    plain.locator("[data-tile=subjects] th a").first.click()  # a bar leads down its tree
    assert "/d/cost_center/overview/subjects?" in plain.url
    assert "under" in plain.url
    expect(plain.locator("[data-tile=subjects] .bars tr")).to_have_count(2)
    context.close()


def test_nothing_is_wider_than_a_phone_and_no_words_lie_on_each_other(at: Site, browser: Browser, page: Page) -> None:
    state = page.context.storage_state()
    for width, look in ((390, "light"), (390, "dark"), (1280, "light")):
        context = browser.new_context(
            storage_state=state,
            viewport={"width": width, "height": 844},
            color_scheme=look,  # type: ignore[arg-type]
        )
        narrow = context.new_page()
        for board in BOARDS:
            narrow.goto(at.url + board)
            assert narrow.evaluate("document.documentElement.scrollWidth") <= width, (board, width)
            overlapping = narrow.evaluate(
                """() => [...document.querySelectorAll('svg.plot')].flatMap((plot) => {
                  const seen = [...plot.querySelectorAll('.label')]
                    .map((l) => [l.textContent, l.getBoundingClientRect()])
                    .filter(([, box]) => box.width);
                  return seen.filter(([, box], n) => n && seen[n - 1][1].right > box.left).map(([text]) => text);
                })"""
            )
            assert overlapping == [], (board, width)
        context.close()


def test_by_keyboard_from_a_filter_to_the_figures_behind(at: Site, page: Page) -> None:
    page.goto(at.url + BOARDS[0])
    summary = page.locator("[data-tile=curve] details.behind summary")
    summary.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    focused = page.evaluate("document.activeElement.getAttribute('href')")
    assert "/d/cost_center/overview/curve" in str(focused)  # its table holds the ways that its points have
    page.keyboard.press("Enter")
    page.wait_for_url("**/overview/curve?**")
    drawn = page.locator("svg a").all()
    assert all(way.get_attribute("tabindex") == "-1" for way in drawn)  # no stop at every bar


def test_amounts_change_their_unit_and_the_ground_its_shade(at: Site, page: Page) -> None:
    page.goto(at.url + BOARDS[0])
    figure = page.locator("[data-tile=budget] .figure")
    before = figure.inner_text()
    page.locator("[data-unit]").click()
    assert figure.inner_text() != before
    assert page.locator("[data-tile=budget] .unit").inner_text() == "万元"
    page.locator("[data-unit]").click()
    assert figure.inner_text() == before
    bar = page.locator("[data-tile=subjects] rect.s1").first
    light = bar.evaluate("e => getComputedStyle(e).fill")
    page.locator("[data-theme-switch]").click()
    assert bar.evaluate("e => getComputedStyle(e).fill") != light
    page.locator("[data-theme-switch]").click()


def test_a_filter_is_chosen_once_and_holds_for_all(at: Site, page: Page) -> None:
    page.goto(at.url + BOARDS[1])
    page.locator(".chip summary", has_text="月份").click()
    page.locator("#c-month").fill("2026-03")
    page.wait_for_url("**month=2026-03**")
    assert page.locator("[data-tile=trend] .label").all_text_contents() == ["2026-03"]
    assert page.locator("[data-tile=heat] thead th").all_inner_texts()[1:] == ["2026-03"]
