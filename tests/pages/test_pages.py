"""Pages from sample plans: complete in both languages, sound as documents, and closed to what data may hold."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from engine.plan.viewer import ListView, RecordView, Said
from renderer import environment, pages
from tests.pages import sample
from tests.pages.preview import PAGES

RENDERER = Path(environment.HERE)
VOID = {"input", "link", "meta", "br", "img", "path", "hr"}


class Document(HTMLParser):
    """What a page holds: elements with their attributes, in order, and whether they nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.scripts: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {k: v or "" for k, v in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {k: v or "" for k, v in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID and tag != "path":
            assert self.open, f"</{tag}> closes nothing"
            assert self.open.pop() == tag, f"</{tag}> out of order"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        elif data.strip():
            self.text.append(data.strip())

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def sentences() -> set[str]:
    found = set()
    for path in [*RENDERER.rglob("templates/**/*.html"), *RENDERER.glob("*.py")]:
        text = path.read_text("utf-8")
        found |= {a or b for a, b in re.findall(r"""\bt\(\s*(?:"([^"]*)"|'([^']*)')""", text)}
        found |= set(re.findall(r"""texts\([^)]*\)\("([^"]*)""", text))
    return found


def test_every_sentence_is_translated() -> None:
    known = environment.catalogue("zh_CN")
    assert len(sentences()) > 60
    assert sentences() - set(known) == set()
    assert set(known) - sentences() == set()
    for english, chinese in known.items():
        assert re.findall(r"{\w+}", english) == sorted(re.findall(r"{\w+}", chinese), key=english.find)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("name", PAGES)
def test_pages_are_sound(name: str, language: str) -> None:
    html = PAGES[name](sample.viewer(language))
    page = Document(html)
    assert page.open == []
    ids = [a["id"] for _, a in page.elements if "id" in a and "__n__" not in a["id"]]
    assert len(ids) == len(set(ids))
    for tag, attributes in page.elements:
        assert not [k for k in attributes if k.startswith("on") or k == "style"], (tag, attributes)
        assert tag != "style"
        if tag == "script" and "src" not in attributes:
            assert attributes["type"] == "application/json"
    labelled = {a["for"] for a in page.all("label") if "for" in a}
    for tag, attributes in page.elements:
        hidden = attributes.get("type") in ("hidden", "checkbox", "radio") or "_reasons" in attributes.get("name", "")
        inside = tag in ("input", "select", "textarea") and not hidden and attributes.get("name", "")[-1:] != "]"
        if inside and "aria-label" not in attributes and attributes.get("type") != "search":
            assert attributes.get("id") in labelled, attributes
    assert page.all("html")[0]["lang"] == ("zh-CN" if language == "zh" else "en")


def test_english_pages_hold_no_chinese_of_ours() -> None:
    """What is left in Chinese is data, and the name of the other language."""
    viewer = sample.viewer("en", name="Wang")
    for page in ("empty", "new"):
        said = " ".join(Document(PAGES[page](viewer)).text)
        assert set(re.findall(r"[\u4e00-\u9fff]+", said)) <= {"中文"}


def test_values_cannot_leave_their_place() -> None:
    evil = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    record = {**sample.record(), "weather": evil, "content": evil, "display": evil}
    html = pages.record_page(
        sample.APP, sample.viewer(), sample.FORM, RecordView(record, said=(Said("x", evil, "/weather"),))
    )
    assert "<script>alert" not in html
    assert "<img" not in html
    data = json.loads(next(s for s in Document(html).scripts if "api" in s))
    assert data["values"]["weather"] == evil
    rows = ({**sample.sheets()[0], "content": evil, "number": evil},)
    assert "<img" not in pages.list_page(sample.APP, sample.viewer(), sample.SHEETS, ListView(rows, {"q": evil}))


def test_what_is_hidden_is_nowhere() -> None:
    amount = replace(sample.SHEET.fields["amount"], hidden_from=("foreman",))
    sheet = replace(
        sample.SHEET,
        fields={**sample.SHEET.fields, "amount": amount},
        access={"read": {"foreman": True, "manager": True}},
    )
    price = replace(sample.LINE.fields["price"], hidden_from=("foreman",))
    line = replace(sample.LINE, fields={**sample.LINE.fields, "price": price})
    app = replace(sample.APP, entities={**sample.ENTITIES, sheet.path: sheet, line.path: line})
    foreman = sample.viewer(roles=("foreman",))
    listed = pages.list_page(app, foreman, sample.SHEETS, sample.LISTED)
    form = pages.record_page(app, foreman, sample.FORM, RecordView(sample.record()))
    assert ">金额<" not in listed.replace("</a>", "<")
    assert 'data-box="amount"' in form  # the lines' own amount is not hidden
    assert 'id="f-amount"' not in form
    assert "单价" not in form
    both = sample.viewer(roles=("foreman", "manager"))
    assert ">金额<" in pages.list_page(app, both, sample.SHEETS, sample.LISTED)


def test_a_list_sorts_filters_and_pages_by_links() -> None:
    html = pages.list_page(sample.APP, sample.viewer(), sample.SHEETS, sample.LISTED)
    page = Document(html)
    hrefs = [a.get("href", "") for a in page.all("a")]
    assert any("sort=sheet_date" in h for h in hrefs)
    assert any("cursor=abc" in h for h in hrefs)
    assert [a["aria-sort"] for a in page.all("th") if "aria-sort" in a] == ["descending"]
    chosen = {a["value"] for a in page.all("input") if a.get("name") == "state" and "checked" in a}
    assert chosen == {"draft", "effective"}
    assert "1,284" in html
    assert "12,345" not in html


def test_errors_stand_beside_their_fields_and_above() -> None:
    html = pages.record_page(sample.APP, sample.viewer(), sample.FORM, sample.REFUSED)
    page = Document(html)
    wrong = [a["name"] for _, a in page.elements if a.get("aria-invalid") == "true"]
    assert wrong == ["content", "lines.1.hours"]
    hrefs = [a.get("href") for a in page.all("a")]
    assert "#f-content" in hrefs
    assert "#f-lines-1-hours" in hrefs
    assert "#f-lines-0" in hrefs
    assert any(a.get("name") == "_reasons.not_late" for a in page.all("input"))
    ids = {a["id"] for _, a in page.elements if "id" in a}
    assert {h[1:] for h in hrefs if h and h.startswith("#f-")} <= ids


def test_in_approval_only_the_steps_columns_are_inputs() -> None:
    html = pages.record_page(sample.APP, sample.viewer(), sample.FORM, sample.TO_DECIDE)
    names = {
        a["name"].rpartition(".")[2] for a in Document(html).all("input") if a.get("name", "").startswith("lines.")
    }
    assert names == {"id", "hours", "price"}
    assert 'value="approve"' in html
    assert 'value="reject"' in html


def test_figures_drill_to_the_records_behind_them() -> None:
    html = pages.dashboard_page(sample.APP, sample.viewer(), sample.BOARD, sample.board())
    hrefs = [a.get("href", "") for a in Document(html).all("a")]
    drill = next(h for h in hrefs if h.startswith("/m/day_labor/sheet?"))
    assert f"project={sample.RIVER['id']}" in drill
    assert "sheet_date%5Bgte%5D=2026-03-01" in drill
    assert "sheet_date%5Blte%5D=2026-03-31" in drill
    assert "state=effective" in drill  # the figure counts no drafts, so neither does its list
    assert "你没有权限查看这项数据。" in html


def test_every_chart_has_its_table() -> None:
    html = pages.dashboard_page(sample.APP, sample.viewer(), sample.BOARD, sample.board())
    assert html.count('<figure class="chart') == html.count("data-table") == 4
