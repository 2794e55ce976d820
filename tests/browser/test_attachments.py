"""Files in a browser: photos, signatures and what goes wrong, at a desk and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.site import CHROMIUM, ROOT, Site, chromium, sign_in, site, visitor
from tests.browser.test_story import pick

pytestmark = [pytest.mark.long, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")]
FILES = ROOT / "modules" / "day-labor" / "tests" / "files"


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


def new_sheet(page: Page, at: Site) -> None:
    page.goto(f"{at.url}/r/day_labor/sheet/new")
    expect(page.locator("form.live")).to_be_visible()


def box(page: Page, field: str) -> str:
    return f"[data-box={field}] fieldset[data-files]"


def test_photos_are_sent_at_once_seen_and_taken_away(at: Site, browser: Browser) -> None:
    with visitor(browser, 390) as phone:
        page = sign_in(phone, at, "wang")
        said: list[str] = []
        page.on("console", lambda m: said.append(m.text) if m.type == "error" else None)
        new_sheet(page, at)
        photos = page.locator(box(page, "photos"))
        expect(photos.get_by_text("拍照")).to_be_visible()
        assert photos.locator("input[capture]").get_attribute("capture") == "environment"
        photos.locator("input[multiple]").set_input_files([FILES / "before.jpg", FILES / "after.jpg"])
        kept = photos.locator("[data-kept]:checked")
        expect(kept).to_have_count(2)
        photos.locator("[data-take-away]").first.click()
        expect(kept).to_have_count(1)
        page.get_by_role("button", name="撤销").click()
        expect(kept).to_have_count(2)
        assert photos.locator(".what .name").all_inner_texts() == ["before.jpg", "after.jpg"], "back in its place"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is wider than the phone"
        assert said == [], "the content policy has nothing to say"


def test_a_wrong_file_is_told_at_its_place_and_the_others_stay(at: Site, browser: Browser, tmp_path: Path) -> None:
    with visitor(browser) as desk:
        page = sign_in(desk, at, "wang")
        new_sheet(page, at)
        page.fill("[data-box=content] textarea", "基坑周边临边防护栏杆修复")
        photos = page.locator(box(page, "photos"))
        photos.locator("input[multiple]").set_input_files([FILES / "before.jpg", FILES / "note.txt"])
        expect(photos.locator("[data-kept]:checked")).to_have_count(1)
        failed = photos.locator("li.failed")
        expect(failed).to_contain_text("“note.txt”不是图片")
        expect(failed.get_by_role("button", name="重试")).to_be_hidden()
        large = tmp_path / "large.png"
        large.write_bytes((FILES / "signature.png").read_bytes() + bytes(2 * 1024 * 1024))
        signature = page.locator(box(page, "foreman_signature"))
        signature.locator("input[name]").last.set_input_files(large)
        expect(signature.locator("li.failed")).to_contain_text("超过 2 MB")
        assert page.input_value("[data-box=content] textarea") == "基坑周边临边防护栏杆修复"
        page.route("**/api/v1/system/files*", lambda route: route.abort())
        photos.locator("input[multiple]").set_input_files(FILES / "after.jpg")
        expect(photos.locator("li.failed").last).to_contain_text("未能上传")
        page.unroute("**/api/v1/system/files*")
        photos.get_by_role("button", name="重试").click()
        expect(photos.locator("[data-kept]:checked")).to_have_count(2)


def draw(page: Page) -> None:
    canvas = page.locator("dialog.sign canvas").bounding_box()
    assert canvas is not None
    x, y = canvas["x"], canvas["y"]
    page.mouse.move(x + 40, y + 120)
    page.mouse.down()
    for step in range(8):
        page.mouse.move(x + 60 + step * 25, y + (40 if step % 2 else 160))
    page.mouse.up()


def fill_sheet(page: Page) -> None:
    pick(page, "#f-project", "滨江花园一期")
    pick(page, "#f-team", "滨江普工一班")
    page.fill("[data-box=content] textarea", "基坑周边临边防护栏杆修复")


def test_a_sheet_is_signed_saved_and_shows_what_it_holds(at: Site, browser: Browser) -> None:
    with visitor(browser) as desk:
        page = sign_in(desk, at, "wang")
        new_sheet(page, at)
        fill_sheet(page)
        page.locator(box(page, "photos")).locator("input[multiple]").set_input_files(FILES / "before.jpg")
        foreman, leader = page.locator(box(page, "foreman_signature")), page.locator(box(page, "leader_signature"))
        foreman.locator("[data-sign]").click()
        expect(page.locator("dialog.sign [data-done]")).to_be_disabled()
        draw(page)
        page.locator("dialog.sign [data-done]").click()
        expect(foreman.locator("[data-kept]:checked")).to_have_count(1)
        leader.locator("[data-sign]").focus()
        page.keyboard.press("Enter")
        page.locator("#sign-name").focus()
        page.keyboard.type("王建国")
        page.keyboard.press("Enter")
        expect(leader.locator("[data-kept]:checked")).to_have_count(1)
        page.locator("[data-save]").click()
        page.wait_for_url("**saved=1")
        shown = page.locator(box(page, "photos"))
        expect(shown.locator(".what a")).to_have_text("before.jpg")
        expect(shown.locator("small")).to_contain_text("王")
        picture = shown.locator("img")
        picture.scroll_into_view_if_needed()
        page.wait_for_function("e => e.complete && e.naturalWidth === 320", arg=picture.element_handle())
        with page.expect_download() as got:
            shown.locator(".what a").click()
        assert Path(got.value.path()).read_bytes() == (FILES / "before.jpg").read_bytes()
        page.locator(box(page, "foreman_signature")).locator("[data-take-away]").click()
        page.locator("[data-save]").click()
        page.wait_for_load_state()
        expect(page.locator(box(page, "foreman_signature")).locator("li.file")).to_have_count(0)
        expect(page.locator(box(page, "leader_signature")).locator("li.file")).to_have_count(1)


def test_without_scripts_the_form_brings_its_files(at: Site, browser: Browser) -> None:
    with browser.new_context(java_script_enabled=False, locale="zh-CN") as plain:
        page = sign_in(plain, at, "admin")
        page.goto(f"{at.url}/r/base/worker/new")
        page.fill("[data-box=name] input", "测试员")
        page.locator("[data-box=photo] input[type=file][name]").set_input_files(FILES / "before.jpg")
        page.locator("[data-box=papers] input[type=file]").set_input_files(FILES / "note.txt")
        page.locator("[data-save]").click()
        expect(page.locator("[data-box=papers] .complaints")).to_contain_text("此处只收：图片、PDF")
        assert page.input_value("[data-box=name] input") == "测试员"
        expect(page.locator("[data-box=photo] li.file .keep input")).to_be_checked()
