"""The day-labour story by hand: entered on site, approved, seen as a figure, found again behind it; and refused."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.site import CHROMIUM, Site, chromium, sign_in, site, visitor

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("contractor")) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def watch(page: Page) -> list[str]:
    """What goes wrong unseen: errors of scripts, contents the policy blocks."""
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console", lambda said: wrong.append(said.text) if said.type == "error" and "422" not in said.text else None
    )
    return wrong


def pick(page: Page, field: str, text: str) -> None:
    """Chooses a record the way people do: open the picker, type, take the first found."""
    made = page.locator(f"{field} + .ts-wrapper .ts-control")
    (made if made.count() else page.locator(field)).click()
    page.keyboard.type(text)
    page.locator(f".ts-dropdown:visible .option:has-text('{text}')").first.click()


def begin(page: Page, at: Site, content: str) -> None:
    page.goto(f"{at.url}/r/day_labor/sheet/new")
    pick(page, "#f-project", "滨江花园一期")
    pick(page, "#f-team", "滨江普工一班")
    page.fill("#f-content", content)


def line(page: Page, number: int, worker: str, hours: str) -> None:
    pick(page, f"#f-lines-{number}-worker", worker)
    page.fill(f"#f-lines-{number}-hours", hours)


def test_the_story(at: Site, browser: Browser) -> None:
    foreman = sign_in(visitor(browser), at, "wang")
    wrong = watch(foreman)
    foreman.get_by_role("link", name="新建点工单").first.click()
    expect(foreman.locator("h1")).to_contain_text("新建点工单")
    expect(foreman.locator("#f-sheet_date")).not_to_have_value("")  # a default, computed in the browser
    expect(foreman.locator("[data-box=charge_to]")).to_be_hidden()
    foreman.select_option("#f-liability", "charge")
    expect(foreman.locator("[data-box=charge_to]")).to_be_visible()
    foreman.select_option("#f-liability", "own")
    expect(foreman.locator("[data-box=charge_to]")).to_be_hidden()

    pick(foreman, "#f-project", "滨江花园一期")
    pick(foreman, "#f-team", "滨江普工一班")
    foreman.fill("#f-content", "基坑排水与淤泥清运配合机械作业")
    line(foreman, 0, "钱立新", "8")
    expect(foreman.locator("#f-lines-0-man_days")).to_have_text("1.00")  # before anything is saved
    expect(foreman.locator("#f-lines-0-work_type")).to_have_value(re.compile(".+"))  # his trade follows
    foreman.get_by_role("button", name="增加一行").click()
    line(foreman, 1, "孙玉林", "26")
    expect(foreman.locator("[data-sum=hours]")).to_have_text("34.00")
    expect(foreman.locator("thead th", has_text="单价")).to_have_count(0)  # what it costs is not his to see

    foreman.get_by_role("button", name="保存").click()
    expect(foreman.locator("#summary")).to_contain_text("24")
    expect(foreman.locator("#f-lines-1-hours")).to_have_attribute("aria-invalid", "true")
    expect(foreman.locator("#f-lines-1-hours-said")).to_contain_text("24")
    foreman.fill("#f-lines-1-hours", "6")
    foreman.get_by_role("button", name="保存").click()
    expect(foreman.locator(".state").first).to_have_text("草稿")
    expect(foreman.locator("#f-man_days")).to_have_text("1.75")
    foreman.get_by_role("button", name="提交").click()
    expect(foreman.locator("h1 .state")).to_have_text("审批中")
    number = foreman.locator("#f-number").inner_text()
    assert re.fullmatch(r"DG-XM01-\d{6}-\d{4}", number)
    assert wrong == []

    manager = sign_in(visitor(browser), at, "li")
    wrong = watch(manager)
    manager.get_by_role("link", name=re.compile(number)).click()
    expect(manager.locator("[data-sum=amount]")).to_have_text(re.compile(r"[1-9][\d,]*\.\d\d"))
    manager.fill("#opinion", "情况属实")
    manager.get_by_role("button", name="同意").click()
    expect(manager.locator("h1 .state")).to_have_text("已生效")
    expect(manager.locator("#trail")).to_contain_text("情况属实")

    month = manager.locator("#f-sheet_date").inner_text()[:7]
    manager.goto(f"{at.url}/d/day_labor/overview?month={month}")
    figure = manager.locator("[data-tile=man_days] .figure a")
    expect(figure).to_have_text("1.75")
    figure.click()
    expect(manager.locator("table.rows")).to_contain_text(number)
    manager.get_by_role("link", name=number).click()
    expect(manager.locator("h1")).to_contain_text(number)
    assert wrong == []


def test_the_25th_hour_is_refused_with_a_sentence(at: Site, browser: Browser) -> None:
    foreman = sign_in(visitor(browser), at, "wang")
    begin(foreman, at, "夜间看护与积水抽排值班作业")
    line(foreman, 0, "李永福", "16")
    foreman.get_by_role("button", name="保存").click()
    expect(foreman.locator("h1 .state")).to_have_text("草稿")
    begin(foreman, at, "另一处部位的清理与转运作业")
    line(foreman, 0, "李永福", "9")
    foreman.get_by_role("button", name="保存").click()
    expect(foreman.locator("#summary")).to_contain_text("李永福当天累计工时超过24小时")
    expect(foreman.locator("[data-lines]")).to_contain_text("李永福当天累计工时超过24小时")
    expect(foreman.locator("#f-content")).to_have_value("另一处部位的清理与转运作业")  # nothing typed is lost


def test_a_warning_asks_for_a_reason(at: Site, browser: Browser) -> None:
    """Entered late: handed in at once from the new form, told, given the reason, and then it passes."""
    foreman = sign_in(visitor(browser), at, "wang")
    begin(foreman, at, "补录：夜间抢险排水与道路清淤")
    late = foreman.evaluate("new Date(Date.now() - 6 * 864e5).toISOString().slice(0, 10)")
    foreman.fill("#f-sheet_date", late)
    line(foreman, 0, "吴国强", "8")
    foreman.get_by_role("button", name="提交").click()
    expect(foreman.locator(".alertbox")).to_contain_text("补单超过3天")
    foreman.locator("[name='_reasons.not_late']").fill("当天台风，第二天才回到项目部")
    foreman.get_by_role("button", name="提交").click()
    expect(foreman.locator("h1 .state")).to_have_text("审批中")


def test_a_cost_leads_back_to_its_sheet(at: Site, browser: Browser) -> None:
    controller = sign_in(visitor(browser), at, "sun")
    controller.goto(f"{at.url}/d/cost_center/overview")
    controller.locator("[data-tile=subjects] th a", has_text="01 人工费").click()
    controller.locator("[data-tile=subjects] th a", has_text="0102 点工").click()
    controller.locator("[data-tile=subjects] th a").first.click()  # by project, then by month, then its entries
    controller.locator("[data-tile=subjects] tbody td.n a").first.click()
    expect(controller.locator("h1")).to_contain_text("成本流水")
    controller.get_by_role("row").filter(has_text="DG-").first.get_by_role("link").first.click()
    controller.locator("[data-source]").click()
    expect(controller.locator("h1")).to_contain_text("DG-XM")


def test_a_list_is_narrowed_and_turned(at: Site, browser: Browser) -> None:
    manager = sign_in(visitor(browser), at, "li")
    wrong = watch(manager)
    manager.goto(f"{at.url}/m/day_labor/sheet")
    expect(manager.locator("h1 small")).to_contain_text("共")
    manager.get_by_role("searchbox").press_sequentially("DG-XM02")
    expect(manager.locator("table.rows tbody")).not_to_contain_text("DG-XM01")
    expect(manager.get_by_role("searchbox")).to_be_focused()  # the part that changed was swapped around it
    manager.locator(".chip summary", has_text="责任归属").click()
    manager.get_by_label("代工扣款").check()
    manager.get_by_label("业主签证").check()
    manager.keyboard.press("Escape")
    expect(manager).to_have_url(re.compile(r"liability%5Bin%5D=owner%2Ccharge"))
    expect(manager.locator("table.rows tbody")).not_to_contain_text("自有成本")
    manager.get_by_role("link", name="取消筛选：责任归属").click()
    expect(manager.locator("table.rows tbody")).to_contain_text("自有成本")
    manager.locator(".chip summary", has_text="班组").click()
    expect(manager.locator("#c-team + .ts-wrapper")).to_be_visible()  # opened, it is ready to type into
    pick(manager, "#c-team", "研发楼瓦工班")
    expect(manager.locator("table.rows tbody")).not_to_contain_text("研发楼普工班")
    manager.get_by_role("link", name="金额").click()
    expect(manager.locator("th[aria-sort=ascending]")).to_have_text(re.compile("金额"))
    amount = manager.locator("[data-money]").first
    before = amount.inner_text()
    manager.locator("[data-unit]").click()
    expect(amount).not_to_have_text(before)
    manager.locator("[data-unit]").click()
    expect(amount).to_have_text(before)
    assert wrong == []


def test_what_is_missing_is_said_at_once(at: Site, browser: Browser) -> None:
    foreman = sign_in(visitor(browser), at, "wang")
    foreman.goto(f"{at.url}/r/day_labor/sheet/new")
    foreman.get_by_role("button", name="保存").click()
    for name in ("project", "team"):
        expect(foreman.locator(f"#f-{name}-said")).to_be_visible()
    foreman.locator("#summary a").first.click()


def test_rows_of_a_spreadsheet_are_pasted(at: Site, browser: Browser) -> None:
    foreman = sign_in(visitor(browser), at, "wang")
    begin(foreman, at, "从表格粘贴三名工人的工时记录")
    foreman.locator("#f-lines-0-worker").click()
    foreman.keyboard.press("Escape")
    rows = "钱立新\t\t2026-11-02 07:00\t2026-11-02 17:30\t1.5\n周长林\t\t\t\t0.5\n没有这个人\t\t\t\t1\n"
    foreman.evaluate(
        """text => {
          const data = new DataTransfer();
          data.setData("text/plain", text);
          document.querySelector("[data-line] td [data-field], [data-line] td .ts-control")
            .closest("td")
            .dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}));
        }""",
        rows,
    )
    expect(foreman.locator("[data-line]")).to_have_count(3)
    expect(foreman.locator("#toasts")).to_contain_text("没有这个人")
    expect(foreman.locator("#f-lines-0-ends")).to_have_value("2026-11-02T17:30")
    expect(foreman.locator("#f-lines-0-hours")).to_have_value("9.00")  # from start, end and rest
    expect(foreman.locator("#f-lines-1-rest")).to_have_value("0.5")


def test_on_a_phone(at: Site, browser: Browser) -> None:
    foreman = sign_in(visitor(browser, 390), at, "wang")
    foreman.locator("nav.bottom a.main").click()
    foreman.wait_for_load_state("load")  # before its style sheet has come a page has any width
    assert foreman.evaluate("document.documentElement.scrollWidth") <= 390
    pick(foreman, "#f-project", "滨江花园一期")
    pick(foreman, "#f-team", "滨江普工一班")
    foreman.fill("#f-content", "手机上录入的一张点工单内容")
    line(foreman, 0, "郑铁柱", "4")
    save = foreman.get_by_role("button", name="保存")
    box = save.bounding_box()
    assert box
    assert box["y"] + box["height"] <= 844  # within reach of a thumb, always
    save.click()
    expect(foreman.locator("h1 .state")).to_have_text("草稿")
    foreman.goto(f"{at.url}/m/day_labor/sheet")
    expect(foreman.locator("[data-href]").first).to_be_visible()
    assert foreman.evaluate("document.documentElement.scrollWidth") <= 390


def test_in_english_and_without_javascript(at: Site, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en-GB")
    page = sign_in(context, at, "li")
    page.get_by_role("button", name="English").first.click()
    page.goto(f"{at.url}/d/day_labor/overview")
    expect(page.locator("h1")).to_have_text("Day labour")
    expect(page.locator("[data-tile=trend] svg.plot")).to_be_visible()
    page.goto(f"{at.url}/m/day_labor/sheet?sort=sheet_date")
    page.locator("table.rows tbody a").first.click()
    expect(page.locator("[data-grid] tbody tr").first).to_be_visible()
