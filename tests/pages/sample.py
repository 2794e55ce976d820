"""A small day-labour App made by hand, and the views its pages are given: what a preview shows and tests look at."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from engine.fieldtypes import REGISTRY, Option, Spec
from engine.label import Label
from engine.plan.app import App, ModuleInfo, PeoplePlan
from engine.plan.entity import Entity, Field, Template
from engine.plan.machine import Machine, People, State, Step, Transition
from engine.plan.page import (
    Dashboard,
    Dimension,
    Figures,
    FormPage,
    Grid,
    ListPage,
    Measure,
    Menu,
    MenuItem,
    Section,
    Tile,
)
from engine.plan.viewer import Action, DashboardView, HomeView, ListView, RecordView, Said, Viewer


def uid(n: int) -> str:
    return f"01930000-0000-7000-8000-{n:012d}"


def f(name: str, zh: str, en: str, type_: str = "text", **more: Any) -> Field:
    spec_keys = {"options", "unit", "min", "max", "min_length", "max_length"}
    target = more.get("target", "")
    spec = Spec(
        type_, scale=more.pop("scale", 0), target=target, **{k: more.pop(k) for k in list(more) if k in spec_keys}
    )
    kind = REGISTRY[type_]
    origin = more.pop("origin", "lines" if type_ == "lines" else "input")
    return Field(name, Label(zh, en), spec, origin, name, kind.kind, kind.scale_of(spec), **more)


def options(**named: tuple[str, str]) -> tuple[Option, ...]:
    return tuple(Option(name, Label(*said)) for name, said in named.items())


LIABILITY = options(
    own=("自有成本", "Own cost"), owner=("业主签证", "Owner"), charge=("代工扣款", "Charged to another")
)
ALL = {"read": {"admin": True}}


def entity(path: str, zh: str, en: str, display: Template, *fields: Field, **more: Any) -> Entity:
    module, name = path.split(".")
    named = {x.name: x for x in fields}
    return Entity(path, module, name, Label(zh, en), path.replace(".", "__"), named, display, **{"key": (), **more})


PROJECT = entity(
    "base.project", "项目", "Project", Template((("name", ""),)),
    f("code", "项目编号", "Code", required="always", searchable=True),
    f("name", "项目名称", "Name", required="always", searchable=True),
    f("short_name", "简称", "Short name"),
    key=("code",),
)  # fmt: skip
WORKER = entity("base.worker", "工人", "Worker", Template((("name", ""),)), f("name", "姓名", "Name", searchable=True))
TEAM = entity("base.team", "班组", "Team", Template((("name", ""),)), f("name", "名称", "Name", searchable=True))
TRADE = entity("base.work_type", "工种", "Trade", Template((("name", ""),)), f("name", "名称", "Name"))
PARTNER = entity("base.partner", "往来单位", "Partner", Template((("name", ""),)), f("name", "名称", "Name"))
SHEET = entity(
    "day_labor.sheet", "点工单", "Day-labour sheet", Template((("number", ""), " ", ("team.name", ""))),
    f("number", "编号", "Number", "number", origin="number", searchable=True),
    f("project", "项目", "Project", "ref", target="base.project", required="always"),
    f("sheet_date", "用工日期", "Worked on", "date", required="always"),
    f("team", "班组", "Team", "ref", target="base.team", required="always", picker_where="project = this.project"),
    f("shift", "班次", "Shift", "choice", options=options(day=("白班", "Day"), night=("夜班", "Night"))),
    f("weather", "天气", "Weather"),
    f("content", "工作内容", "Work done", "long_text", required="submit",
      hint=Label("写清部位与做法，十个字以上。", "Say where and how, in ten characters or more.")),
    f("liability", "责任归属", "Borne by", "choice", options=LIABILITY, required="always"),
    f("charge_to", "被扣单位", "Charged to", "ref", target="base.partner"),
    f("urgent", "抢工", "Urgent", "boolean"),
    f("lines", "用工明细", "Lines", "lines", target="day_labor.sheet_line", lines_min=1),
    f("persons", "人数", "Persons", "integer", origin="compute"),
    f("man_days", "工日合计", "Man-days", "decimal", scale=2, origin="compute"),
    f("amount", "金额", "Amount", "money", origin="compute"),
    f("cut_rate", "审减率", "Cut", "percent", origin="compute"),
    f("entered_on", "录入日期", "Entered on", "date", readonly=True),
    f("late", "补单", "Late", "boolean", origin="compute"),
    f("state", "状态", "State", origin="system"),
    machine="sheet_approval", scope="project", access=ALL,
)  # fmt: skip
LINE = entity(
    "day_labor.sheet_line", "用工明细", "Sheet line", Template((("worker.name", ""),)),
    f("worker", "工人", "Worker", "ref", target="base.worker", required="always"),
    f("work_type", "工种", "Trade", "ref", target="base.work_type", required="always"),
    f("starts", "上班", "Starts", "datetime"),
    f("ends", "下班", "Ends", "datetime"),
    f("rest", "休息小时", "Rest", "decimal", scale=2),
    f("hours", "工时", "Hours", "decimal", scale=2, required="always"),
    f("overtime", "加班小时", "Overtime hours", "decimal", scale=2),
    f("man_days", "工日", "Man-days", "decimal", scale=2, origin="compute"),
    f("price", "单价", "Price", "price", required="submit"),
    f("amount", "金额", "Amount", "money", origin="compute"),
    f("remark", "备注", "Remark"),
    owner="day_labor.sheet", owner_field="sheet",
)  # fmt: skip
ENTITIES = {e.path: e for e in (PROJECT, WORKER, TEAM, TRADE, PARTNER, SHEET, LINE)}

MACHINE = Machine(
    "sheet_approval",
    "day_labor.sheet",
    "day_labor__sheet",
    "state",
    {
        "draft": State("draft", Label("草稿", "Draft"), editable=True, initial=True),
        "in_approval": State("in_approval", Label("审批中", "In approval")),
        "effective": State("effective", Label("已生效", "Effective"), effective=True),
        "void": State("void", Label("已作废", "Void")),
    },
    {
        "submit": Transition("submit", Label("提交", "Submit"), ("draft",), "in_approval", People(), approval=True),
        "void": Transition("void", Label("作废", "Void"), ("effective",), "void", People(), reason=True),
    },
    (
        Step("manager", Label("项目经理", "Project manager"), People()),
        Step("cost", Label("成本员", "Cost control"), People()),
    ),
    "effective",
    "draft",
    "until_first_decision",
    "in_approval",
)
SHEETS = ListPage(
    "day_labor.sheet",
    "day_labor.sheet",
    Label("点工单", "Day-labour sheets"),
    ("number", "sheet_date", "project.short_name", "team.name", "content", "liability", "man_days", "amount", "state"),
    tuple(
        Label(*x)
        for x in (
            ("编号", "Number"),
            ("用工日期", "Worked on"),
            ("项目", "Project"),
            ("班组", "Team"),
            ("工作内容", "Work done"),
            ("责任归属", "Borne by"),
            ("工日合计", "Man-days"),
            ("金额", "Amount"),
            ("状态", "State"),
        )
    ),
    ("project", "team", "liability", "state", "late", "sheet_date"),
    "-sheet_date",
)
PROJECTS = ListPage(
    "base.project",
    "base.project",
    Label("项目", "Projects"),
    ("code", "name"),
    (Label("编号", "Code"), Label("名称", "Name")),
)
FORM = FormPage(
    "day_labor.sheet",
    "day_labor.sheet",
    Label("点工单", "Day-labour sheet"),
    (
        Section(
            "main",
            Label("用工信息", "Work"),
            ("number", "project", "sheet_date", "team", "shift", "weather", "urgent"),
            3,
        ),
        Section("content", Label("内容与责任", "Content and liability"), ("content", "liability", "charge_to"), 2),
        Section("lines", Label("用工明细", "Lines"), ("lines",), 1),
        Section(
            "totals",
            Label("合计", "Totals"),
            ("persons", "man_days", "amount", "cut_rate", "entered_on", "late"),
            3,
        ),
    ),
    {
        "lines": Grid(
            "lines",
            (
                "worker",
                "work_type",
                "starts",
                "ends",
                "rest",
                "hours",
                "overtime",
                "man_days",
                "price",
                "amount",
                "remark",
            ),
        )
    },
)
FIGURES = Figures(
    "day_labor.man_days",
    "day_labor",
    Label("点工", "Day labour"),
    {
        d.name: d
        for d in (
            Dimension("project", Label("项目", "Project"), "uuid", "base.project", {LINE.path: "sheet.project"}),
            Dimension("team", Label("班组", "Team"), "uuid", "base.team", {LINE.path: "sheet.team"}),
            Dimension("work_type", Label("工种", "Trade"), "uuid", "base.work_type"),
            Dimension("liability", Label("责任归属", "Borne by"), "text"),
            Dimension("month", Label("月份", "Month"), "month", "", {LINE.path: "TO_MONTH(sheet.sheet_date)"}),
        )
    },
    {
        m.name: m
        for m in (
            Measure("amount", Label("金额", "Amount"), "decimal", 2, "元"),
            Measure("man_days", Label("工日", "Man-days"), "decimal", 2, "工日"),
            Measure("workers", Label("人数", "Workers"), "integer", 0, "人"),
            Measure("average", Label("平均工日单价", "Average price"), "decimal", 2, "元"),
            Measure("late_rate", Label("补单率", "Late rate"), "decimal", 6, "", True),
        )
    },
    ("day_labor.sheet_line",),
    {LINE.path: "sheet.state = 'effective'"},
)
A = "day_labor.man_days"
BOARD = Dashboard(
    "day_labor.overview",
    "day_labor",
    Label("点工总览", "Day labour"),
    ("project", "month"),
    (
        Tile("amount", Label("点工金额", "Amount"), "figure", A, ("amount",), compare="previous month",
             drill=SHEET.path),
        Tile("man_days", Label("工日", "Man-days"), "figure", A, ("man_days",), compare="previous month"),
        Tile("workers", Label("用工人数", "Workers"), "figure", A, ("workers",), compare="previous month"),
        Tile("average", Label("平均工日单价", "Average price"), "figure", A, ("average",)),
        Tile("late", Label("补单率", "Late rate"), "figure", A, ("late_rate",)),
        Tile("trend", Label("每月工日", "Man-days by month"), "line", A, ("man_days", "workers"), ("month",)),
        Tile("teams", Label("班组排行", "Teams"), "bar", A, ("amount",), ("team",), top=10, drill=SHEET.path),
        Tile("liability", Label("责任归属", "Borne by"), "donut", A, ("amount",), ("liability",)),
        Tile("stack", Label("工种构成", "By trade"), "stacked", A, ("man_days",), ("month", "work_type")),
        Tile("grid", Label("项目 × 工种", "Projects and trades"), "pivot", A, ("man_days",), rows="project",
             columns="work_type"),
        Tile("table", Label("班组明细", "By team"), "table", A, ("workers", "man_days", "amount", "average"),
             ("project", "team"), drill=SHEET.path),
        Tile("secret", Label("利润", "Margin"), "bar", A, ("amount",), ("team",)),
    ),
)  # fmt: skip
MENUS = (
    Menu(
        "day_labor.day_labor",
        "day_labor",
        Label("点工汇总中心", "Day-labour centre"),
        "clipboard-list",
        (
            MenuItem("overview", Label("点工总览", "Overview"), "dashboard", "day_labor.overview"),
            MenuItem("sheets", Label("点工单", "Sheets"), "list", "day_labor.sheet", SHEET.path),
        ),
    ),
    Menu(
        "base.business",
        "base",
        Label("项目与合同", "Projects and contracts"),
        "building-skyscraper",
        (MenuItem("projects", Label("项目", "Projects"), "list", "base.project", PROJECT.path),),
    ),
)
APP = App(
    "sqlite",
    "sample",
    {"day_labor": ModuleInfo("day-labor", "day_labor", "1.0.0", Label("点工汇总中心", "Day-labour centre"))},
    (),
    ENTITIES,
    {"sheet_approval": MACHINE},
    {A: FIGURES},
    {"day_labor.sheet": SHEETS, "base.project": PROJECTS},
    {"day_labor.sheet": FORM},
    MENUS,
    {"day_labor.overview": BOARD},
    {},
    {},
    PeoplePlan(),
    {},
    (),
    (),
    {},
    None,
)


def viewer(language: str = "zh", **more: Any) -> Viewer:
    full = frozenset({"read", "create", "update", "delete", "export"})
    made = Viewer(
        uid(1), "王建国" if language == "zh" else "Wang Jianguo", language, "Asia/Shanghai", ("admin",),
        dict.fromkeys(ENTITIES, full), "token", "2026-03-12", Label("临江建设集团", "Linjiang Construction"),
    )  # fmt: skip
    return replace(made, **more)


def ref(n: int, display: str) -> dict[str, str]:
    return {"id": uid(n), "display": display}


RIVER, METRO = ref(11, "滨江花园二期"), ref(12, "轨道交通6号线土建三标")
TEAMS = [ref(21, "李木工班组"), ref(22, "张钢筋班组"), ref(23, "陈普工班组"), ref(24, "赵架子班组")]
WORK = ["三层梁板模板拆除后清理及转运", "地下室积水抽排与淤泥清运", "配合业主检查搭设临时通道", "雨后基坑边坡修整"]


def sheets() -> tuple[dict[str, Any], ...]:
    states = ["draft", "in_approval", "effective", "effective", "effective", "void"]
    out = []
    for n in range(14):
        state = states[n % 6]
        project = RIVER if n % 3 else METRO
        out.append(
            {
                "id": uid(100 + n),
                "rev": 1,
                "number": None if state == "draft" else f"DG-BJ02-202603-{n:04d}",
                "sheet_date": f"2026-03-{12 - n // 2:02d}",
                "project": {**project, "short_name": project["display"][:4]},
                "team": {**TEAMS[n % 4], "name": TEAMS[n % 4]["display"]},
                "content": WORK[n % 4],
                "liability": ["own", "own", "owner", "charge"][n % 4],
                "man_days": f"{4 + n * 1.25:.2f}",
                "amount": f"{1180 + n * 3391.5:.2f}",
                "state": state,
            }
        )
    return tuple(out)


def line(n: int, name: str, trade: str, hours: str, price: str) -> dict[str, Any]:
    days = (Decimal(hours) / 8).quantize(Decimal("0.01"))
    return {
        "id": uid(300 + n),
        "worker": ref(400 + n, name),
        "work_type": ref(500 + n, trade),
        "starts": "2026-03-11T23:00:00Z",
        "ends": "2026-03-12T09:30:00Z",
        "rest": "1.50",
        "hours": hours,
        "overtime": "0.00",
        "man_days": str(days),
        "price": price,
        "amount": f"{days * Decimal(price):.2f}",
        "remark": "夜间值班" if n == 2 else None,
    }


LINES = [
    line(1, "张三丰", "木工", "9.00", "320.000000"),
    line(2, "欧阳建华", "普工", "10.50", "240.000000"),
    line(3, "李四", "钢筋工", "8.00", "350.500000"),
]


def record(state: str = "draft") -> dict[str, Any]:
    return {
        "id": uid(100), "rev": 3, "number": None if state == "draft" else "DG-BJ02-202603-0007", "project": RIVER,
        "sheet_date": "2026-03-12", "team": {**TEAMS[0], "name": "李木工班组"}, "shift": "day", "weather": "小雨",
        "content": "三层梁板模板拆除后清理及转运，配合塔吊吊运至堆场。", "liability": "charge",
        "charge_to": ref(31, "宏远机电安装有限公司"), "urgent": False, "lines": LINES, "persons": 3,
        "man_days": "3.44", "amount": "1025.50", "cut_rate": "0.035000", "entered_on": "2026-03-12", "late": False,
        "state": state, "display": ("DG-BJ02-202603-0007 " if state != "draft" else "") + "李木工班组",
    }  # fmt: skip


SUBMIT = Action("submit", Label("提交", "Submit"))
APPROVE = Action("approve", Label("同意", "Approve"), "approve")
REJECT = Action("reject", Label("驳回", "Reject"), "reject", reason=True)
VOID = Action("void", Label("作废", "Void"), reason=True)
WITHDRAW = Action("withdraw", Label("撤回", "Withdraw"), "withdraw")
TRAIL = (
    {"round": 1, "step": "manager", "user": ref(2, "刘志强"), "decision": "approve", "opinion": "情况属实，同意。",
     "at": "2026-03-12T10:05:00Z", "open": False},
    {"round": 1, "step": "cost", "user": ref(3, "周敏"), "decision": None, "opinion": None, "at": None, "open": True},
)  # fmt: skip
HISTORY = (
    {"at": "2026-03-12T09:40:00Z", "by": ref(1, "王建国"), "action": "submit",
     "change": {"state": ["draft", "in_approval"], "number": [None, "DG-BJ02-202603-0007"]}},
    {"at": "2026-03-12T09:31:00Z", "by": ref(1, "王建国"), "action": "create", "change": {}},
)  # fmt: skip
SAID = (
    Said("value.max", "工时不能大于24", "/lines/1/hours"),
    Said("check.failed", "张三丰当天累计工时超过24小时", "/lines/0"),
    Said("write.required", "请填写工作内容", "/content", hint="十个字以上"),
    Said("check.warning", "补单超过3天，请说明原因", "/late", reason="not_late", level="warning"),
)
NEW = RecordView(None, (SUBMIT,))
DRAFT = RecordView(record(), (SUBMIT,), can_delete=True, history=HISTORY)
REFUSED = RecordView(record(), (SUBMIT,), sent={**record(), "content": None}, said=SAID, can_delete=True)
TO_DECIDE = RecordView(
    record("in_approval"), (APPROVE, REJECT), ("lines.hours", "lines.price"), trail=TRAIL, history=HISTORY
)
EFFECTIVE = RecordView(record("effective"), (VOID,), (), trail=TRAIL[:1], history=HISTORY, saved=True)
LISTED = ListView(
    sheets(),
    {"state[in]": "draft,effective", "project": RIVER["id"], "sort": "-sheet_date"},
    next="abc",
    total=1284,
    chosen={"project": RIVER},
)
TASKS = HomeView(
    tuple(
        {
            "entity": "day_labor.sheet", "root": uid(100 + n),
            "display": f"DG-BJ02-202603-{n:04d} {TEAMS[n]['display']}",
            "step": "manager", "machine": "sheet_approval", "born": f"2026-03-1{n}T01:20:00Z",
            "initiator": ref(5, "孙小军"),
        }
        for n in range(3)
    )
)  # fmt: skip


def board(**filters: str) -> DashboardView:
    trades = [ref(501, "木工"), ref(502, "钢筋工"), ref(503, "普工")]
    months = ["2025-10", "2025-11", "2025-12", "2026-01", "2026-02", "2026-03"]
    by_team = [
        {"team": t, "amount": f"{182340.5 / (n + 1):.2f}", "man_days": f"{600 / (n + 1):.2f}"}
        for n, t in enumerate(TEAMS)
    ]
    return DashboardView(
        {
            "amount": {"rows": [{"amount": "386412.50"}]},
            "man_days": {"rows": [{"man_days": "1253.75"}]},
            "workers": {"rows": [{"workers": 87}]},
            "average": {"rows": [{"average": "308.21"}]},
            "late": {"rows": [{"late_rate": "0.043200"}]},
            "trend": {
                "rows": [
                    {"month": m, "man_days": f"{180 + (n * 37) % 90}.50", "workers": 40 + n * 7}
                    for n, m in enumerate(months)
                ]
            },
            "teams": {"rows": by_team},
            "liability": {
                "rows": [
                    {"liability": "own", "amount": "240112.00"},
                    {"liability": "owner", "amount": "96000.50"},
                    {"liability": "charge", "amount": "50300.00"},
                ]
            },
            "stack": {
                "rows": [
                    {"month": m, "work_type": t, "man_days": f"{60 + (n * 17 + k * 23) % 50}.00"}
                    for n, m in enumerate(months)
                    for k, t in enumerate(trades)
                ]
            },
            "grid": {
                "rows": [
                    {"project": p, "work_type": t, "man_days": f"{n * 87 + k * 45 + 120}.50"}
                    for n, p in enumerate((RIVER, METRO))
                    for k, t in enumerate(trades)
                    if (n, k) != (1, 2)
                ]
            },
            "table": {
                "rows": [
                    {**row, "project": RIVER if n < 2 else METRO, "workers": 20 + n, "average": "303.90"}
                    for n, row in enumerate(by_team)
                ],
                "totals": {"amount": "379876.04", "man_days": "1250.00", "workers": 87, "average": "303.90"},
            },
            "secret": None,
        },
        filters or {"month": "2026-03", "project": RIVER["id"]},
        {"project": RIVER},
        {"amount": {"rows": [{"amount": "350120.00"}]}, "man_days": {"rows": [{"man_days": "1301.00"}]}},
        "2026-03-12 17:42",
    )
