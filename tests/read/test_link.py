"""What slots become: values, people, templates, numbers, rows, figures."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from engine.catalog import Catalog
from engine.read import read_texts

PACK = """module: shop
grammar: 1
version: 1.0.0
roles: {clerk: 店员, boss: 店长}
settings:
  share: {type: percent, default: 9%}
  night: {type: duration, default: 480}
people:
  users: staff
  assignments: {post: {of: post, user: staff, role: role, at: branch, gives: branches}}
entities:
  staff:
    display: "{name}"
    fields: {name: {type: text, required: true}, chief: {type: user}}
    unique: {name: name}
  branch:
    display: "{code} {{x}}"
    fields: {code: {type: text}, open: {type: date}}
    unique: {code: code}
  post:
    fields: {staff: {type: user}, role: {type: text}, branch: {type: ref, to: branch}}
  goods:
    tree: true
    fields: {code: {type: text}, above: {type: tree}, hue: {type: choice, options: {r: 红, g: {zh: 绿, en: Green}}}}
    key: code
  sale:
    display: "{number} · {branch.code}"
    scope: branch
    fields:
      number:
        type: number
        pattern: "X-{branch.code}-{day:yyyyMM}-{0000}-S"
        at: submit
        gapless: true
        per: [branch, month]
      branch: {type: ref, to: branch, required: true, default: HQ}
      day: {type: date, default: 2026-03-05}
      note: {type: text, default: ==x, required: always}
      empty: {type: text, default: null}
      buyer: {type: user}
      lines: {type: lines, of: sale_line}
      total: {type: money, compute: SUM(lines.amount)}
      first: {type: money, keep: total, at: submit}
    access: {clerk: {read: branch IN me.branches, update: true, delete: false}}
    checks:
      much:
        that: total < 1000
        at: submit
        override: boss
        message: {zh: "超过{total}", en: "More than {total}, {settings.share}"}
  sale_line:
    owned_by: sale
    fields:
      goods: {type: ref, to: goods, required: true}
      amount: {type: money, min: 0, max: =sale.total}
      found: {type: ref, to: goods, find: code = this.goods.code, order: "code DESC, hue"}
  book:
    ledger: {period: month, date: day}
    fields: {month: {type: month}, day: {type: date}, goods: {type: ref, to: goods}, amount: {type: money}}
workflows:
  selling:
    of: sale
    states: {draft: 草稿, asked: {zh: 审批中, en: Asked}, done: 完成, void: {title: 作废, editable: true}}
    transitions:
      submit: {from: draft, to: asked, by: [clerk(branch), buyer, initiator], approval: main}
      undo: {from: [asked, done], to: void, by: leader(branch), set: {note: =number, day: 2026-01-01}}
    steps:
      one: {assign: boss, mode: 60%, timeout: {after: 2d, do: escalate, to: boss}, edit: lines.amount}
    approved: done
    rejected: {to: draft}
postings:
  booked:
    of: sale
    while: state = 'done'
    each: sale_line BY goods WHERE sale = this.id
    into: book
    set: {month: =TO_MONTH(this.day), day: =this.day, goods: =goods, amount: =SUM(sale_line.amount)}
aggregations:
  sold:
    sources:
      line: {of: sale_line, by: {goods: goods, branch: sale.branch, month: TO_MONTH(sale.day)}}
      book: {of: book, by: {goods: goods, month: month}, where: amount > 0}
    where: amount <> 0
    measures:
      gap: booked - sold
      sold: SUM(line.amount)
      booked: {compute: SUM(book.amount), title: 入账, stock: last}
menus:
  m: {items: {sales: {list: sale}, one: {dashboard: d}}}
dashboards:
  d: {filters: [branch], tiles: {t: {figure: sold.gap}, c: {chart: bar, of: sold, measures: [sold, booked], by: goods}}}
seeds:
  branch: {HQ: {open: 2026-01-01}}
  goods:
    "01": {hue: 红}
    "0101": {above: "01", hue: g}
tests:
  one:
    given: {sale: {branch: HQ, lines: [{goods: "0101", amount: 3.5}], state: done}}
    when: {as: clerk, create: sale, with: {branch: HQ}}
    then: {refused: much, field: total}
"""


def catalog() -> Catalog:
    return read_texts([{"shop.yaml": PACK.replace("approved: done", "approved: {to: done}")}])


FOUND = catalog()
SALE = FOUND.entities["shop.sale"]


def test_literals_have_their_fields_type() -> None:
    assert FOUND.settings["share"].default.literal == Decimal("0.09")
    assert FOUND.settings["night"].default.literal == 480
    assert SALE.fields["day"].default.literal == date(2026, 3, 5)
    assert SALE.fields["branch"].default.literal == "HQ"
    assert SALE.fields["note"].default.literal == "=x"
    assert SALE.fields["empty"].default.literal is None


def test_required_waits_for_submit_where_there_is_a_workflow() -> None:
    assert SALE.fields["branch"].required == "submit"
    assert SALE.fields["note"].required is True
    assert FOUND.entities["shop.sale_line"].fields["goods"].required == "submit"
    assert FOUND.entities["shop.staff"].fields["name"].required is True


def test_a_number_is_text_around_digits() -> None:
    number = SALE.fields["number"].number
    assert number is not None
    assert [p if isinstance(p, str) else (p.name, p.format) for p in number.before.parts] == [
        "X-", ("branch.code", ""), "-", ("day", "yyyyMM"), "-",
    ]  # fmt: skip
    assert number.after.parts == ("-S",)
    assert (number.width, number.at, number.gapless) == (4, "submit", True)
    assert (number.per, number.period, number.dated) == (("branch",), "month", "day")


def test_braces_and_languages_of_templates() -> None:
    assert FOUND.entities["shop.branch"].display.parts[1] == " {x}"
    message = SALE.checks["much"].message
    assert [h.name for h in message.en.holes] == ["total", "settings.share"]
    assert [h.name for h in message.to("zh").holes] == ["total"]


def test_people() -> None:
    flow = FOUND.workflows["shop.selling"]
    assert [(p.kind, p.role, p.path.text if p.path else "") for p in flow.transitions["submit"].by] == [
        ("role", "clerk", "branch"), ("path", "", "buyer"), ("initiator", "", ""),
    ]  # fmt: skip
    assert flow.transitions["undo"].by[0].kind == "leader"


def test_states_say_what_may_be_done() -> None:
    states = FOUND.workflows["shop.selling"].states
    assert [(s.name, s.initial, s.editable, s.effective) for s in states.values()] == [
        ("draft", True, True, False), ("asked", False, False, False), ("done", False, False, True),
        ("void", False, True, False),
    ]  # fmt: skip
    assert states["asked"].title.en == "Asked"


def test_a_step() -> None:
    step = FOUND.workflows["shop.selling"].steps["one"]
    assert (step.mode, step.share, step.edit) == ("share", "0.6", ("lines.amount",))
    assert step.timeout is not None
    assert (step.timeout.after, step.timeout.do, step.timeout.to[0].role) == (2880, "escalate", "boss")


def test_entities_know_their_place_in_a_document() -> None:
    line = FOUND.entities["shop.sale_line"]
    assert (line.owned_by, line.owned_as) == ("shop.sale", "lines")
    assert FOUND.root_of(line) is SALE
    assert FOUND.lines_of(SALE) == (line,)
    assert FOUND.workflow_of(SALE) is FOUND.workflows["shop.selling"]
    assert (FOUND.entities["shop.goods"].kind, FOUND.entities["shop.goods"].parent) == ("tree", "above")
    assert FOUND.entities["shop.book"].kind == "ledger"


def test_keys_are_declared_or_the_first_unique_field() -> None:
    assert FOUND.entities["shop.goods"].key == ("code",)
    assert FOUND.entities["shop.branch"].key == ("code",)
    assert SALE.key == ()


def test_who_gives_a_value() -> None:
    inputs = [f.name for f in SALE.fields.values() if f.input]
    assert inputs == ["branch", "day", "note", "empty", "buyer", "lines"]
    assert (SALE.fields["first"].keep, SALE.fields["first"].keep_at) == ("total", "submit")
    found = FOUND.entities["shop.sale_line"].fields["found"]
    assert [(o.by.text, o.descending) for o in found.order] == [("code", True), ("hue", False)]


def test_access_is_closed_unless_opened() -> None:
    rule = SALE.access["clerk"]
    assert rule.update is True
    assert (rule.create, rule.delete, rule.export) == (None, None, None)
    assert not isinstance(rule.read, bool)
    assert rule.read is not None
    assert ("me", "clerk.branches") in rule.read.params


def test_a_posting_for_each_group() -> None:
    posting = FOUND.postings["shop.booked"]
    assert posting.each is not None
    assert posting.each.entity == "shop.sale_line"
    assert [by.text for by in posting.each.by] == ["goods"]
    assert posting.each.rows is not None


def test_sources_meet_on_dimensions() -> None:
    sold = FOUND.aggregations["shop.sold"]
    assert list(sold.dimensions) == ["goods", "branch", "month"]
    assert list(sold.sources["book"].by) == ["goods", "month"]
    assert (sold.dimensions["goods"].target, sold.dimensions["month"].type) == ("shop.goods", "month")
    assert list(sold.measures) == ["gap", "sold", "booked"]
    assert sold.measures["gap"].uses == ("booked", "sold")
    assert sold.measures["booked"].stock == "last"
    rows = sold.sources["book"].rows
    assert rows is not None
    assert rows.text == "(amount > 0) AND (amount <> 0)"


def test_rows_of_seeds_and_scenarios() -> None:
    root, leaf = (row for row in FOUND.seeds if row.entity == "shop.goods")
    assert (root.name, root.values["hue"].literal) == ("01", "r")
    assert (leaf.name, leaf.values["above"].literal) == ("0101", "01")
    scenario = FOUND.scenarios["shop.one"]
    (given,) = scenario.given
    assert (given.name, given.values["state"].literal) == ("", "done")
    assert given.lines["lines"][0].values["amount"].literal == Decimal("3.50")
    (step,) = scenario.steps.values()
    assert (step.verb, step.target, step.as_, step.expect.refused, step.expect.field) == (
        "create", "shop.sale", "clerk", ("much",), "total",
    )  # fmt: skip


def test_menus_and_tiles() -> None:
    items = FOUND.menus["shop.m"].items
    assert (items["sales"].target, items["one"].target) == ("shop.sale", "shop.d")
    assert FOUND.dashboards["shop.d"].tiles["c"].measures == ("sold", "booked")
