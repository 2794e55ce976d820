"""Problems as people and editors read them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from unicodedata import east_asian_width

from engine.expr.build.codes import CODES as EXPR_CODES
from engine.label import Label
from engine.problem import Code, Problem
from engine.read.codes import CODES as READ_CODES

Texts = Mapping[str, str]
CODES: Mapping[str, Code] = {**READ_CODES, **EXPR_CODES}


def ordered(problems: Iterable[Problem]) -> list[Problem]:
    """By file, line and column; each said once."""
    return sorted(_once(problems), key=lambda p: (p.where, p.code))


def _once(problems: Iterable[Problem]) -> list[Problem]:
    seen: dict[tuple[object, str, str], Problem] = {}
    for problem in problems:
        seen.setdefault((problem.where, problem.code, problem.says), problem)
    return list(seen.values())


def for_people(
    problems: Iterable[Problem], texts: Texts, language: str = "en", codes: Mapping[str, Code] = CODES
) -> str:
    """Each problem with its line and a caret under the place."""
    parts = []
    for problem in ordered(problems):
        says, hint = in_language(problem, language, codes)
        lines = [f"{problem.where}: {problem.code}: {says}" if str(problem.where) else f"{problem.code}: {says}"]
        lines += _excerpt(problem, texts)
        if hint:
            lines.append(f"  = {hint}")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def in_language(problem: Problem, language: str, codes: Mapping[str, Code] = CODES) -> tuple[str, str]:
    """A problem's sentence and hint."""
    code = codes.get(problem.code)
    if language != "zh" or code is None:
        return problem.says, problem.hint
    english, chinese = _Shown(problem.params), _Shown({k: _chinese(v) for k, v in problem.params.items()})
    if problem.hint == code.hint_en.format_map(english):
        return code.zh.format_map(chinese), code.hint_zh.format_map(chinese)
    return code.zh.format_map(chinese), _chinese_hint(problem.hint)


_WORDS = {
    "entity": "实体", "field": "字段", "lines field": "明细字段", "aggregation": "汇总", "measure": "指标",
    "dimension": "维度", "figure": "指标", "role": "角色", "setting": "设置", "state": "状态", "feature": "功能",
    "dashboard": "看板", "list": "列表", "form": "表单", "import": "导入", "scenario": "场景", "workflow": "流程",
    "check": "检查", "transition": "动作", "step": "步骤", "posting": "记账", "control": "控制", "menu": "菜单",
    "menu item": "菜单项", "tile": "卡片", "option": "选项", "source": "来源", "a pack": "模块包",
    "an overlay": "覆盖层", "a map": "映射", "a list": "列表", "text": "文字", "a ledger": "流水", "module": "模块包",
    "overlay": "覆盖层", "section": "分组", "grid": "表格", "people": "人员", "unique key": "唯一键",
    "a reference": "引用", "a number": "数值", "a date": "日期", "a datetime": "时刻", "a boolean": "是否",
    "a choice": "选项", "a duration": "时长", "a month": "月份", "a group": "分组", "a text": "文字",
    "a lines field": "明细字段", "a month field": "月份字段", "a date field": "日期字段",
}  # fmt: skip
_HINTS = (
    (re.compile(r"did you mean (`[^`]*`|'[^']*'|\w+)\?"), r"是不是 \1？"),
    (re.compile(r"^known here: "), "此处有："),
    (re.compile(r"^it has "), "可用的键："),
    (re.compile(r"^it holds "), "其中有："),
    (re.compile(r"^quote it: "), "加引号："),
    (re.compile(r"^close it, or quote the whole: "), "请闭合，或整体加引号："),
    (re.compile(r"^an expression begins with `=`: "), "表达式以 `=` 开头："),
    (re.compile(r"^write all its digits$"), "写出全部数字"),
    (re.compile(r"^write "), "写作 "),
    (re.compile(r"; units are not written \(hours, days, 元\)$"), "；不写单位（小时、天、元）"),
    (re.compile(r"^a percent is a fraction: "), "百分比即小数："),
    (re.compile(r"^there are "), "有："),
    (re.compile(r"^scopes are "), "作用域有："),
    (re.compile(r"^each side is a whole condition: (.*), or (.*)$"), r"每一边都是完整的条件：\1，或 \2"),
    (re.compile(r"^a field of the rows is aggregated: "), "行的字段要先汇总："),
    (re.compile(r"^an entity is looked at by an aggregate: "), "实体通过汇总函数查看："),
    (re.compile(r"^a list in parentheses or a set such as "), "括号中的列表，或集合如 "),
    (
        re.compile(r"^a set is (\S+); a list stands in parentheses; for rows write "),
        r"集合如 \1；列表写在括号里；对行写 ",
    ),
    (re.compile(r"^name the field$"), "请写出字段"),
    (re.compile(r"^name what is counted: "), "请写出计数对象："),
    (re.compile(r"^the larger of two values is (.*), the smaller (.*)$"), r"两值取大用 \1，取小用 \2"),
    (re.compile(r"^a stock measure keeps the last balance: "), "取期末结余："),
    (re.compile(r"^texts are joined with `\|\|`$"), "文字用 `||` 连接"),
    (re.compile(r"^`\|\|` joins texts; TEXT\(number\) makes one$"), "`||` 连接文字；TEXT(数值) 转为文字"),
    (re.compile(r"^HOURS\(from, to\) gives the hours between$"), "HOURS(起, 止) 得到间隔小时数"),
    (
        re.compile(r"^a duration is added to a datetime; DATE\(datetime\) gives the day$"),
        "时长加在时刻上；DATE(时刻) 取日期",
    ),
    (re.compile(r"^ADD_MONTHS\(month, n\) moves a month$"), "ADD_MONTHS(月份, n) 移动月份"),
    (re.compile(r"^`：` is full-width; write `:` and a blank$"), "`：` 是全角，请写 `:` 加空格"),
    (re.compile(r"^quote a text that holds (.*) or #$"), r"含 \1 或 # 的文字要加引号"),
    (re.compile(r"^add it to the packs, or move it to `uses`$"), "请加入 packs，或移到 `uses`"),
)


def _chinese(value: object) -> object:
    """The words of our own that stand in a problem's parameters: a label, ``field `x` ``, ``a map``."""
    if isinstance(value, Label):
        return value.to("zh")
    if not isinstance(value, str):
        return value
    word, quote, rest = value.partition(" `")
    return _WORDS.get(word, word) + quote + rest


def _chinese_hint(hint: str) -> str:
    for pattern, chinese in _HINTS:
        hint = pattern.sub(chinese, hint)
    return hint


class _Shown(dict[str, object]):
    """A hole nobody filled stays as it is."""

    def __missing__(self, key: str) -> str:
        return "{" + key + "}"


def _excerpt(problem: Problem, texts: Texts) -> list[str]:
    text = texts.get(problem.where.file)
    if text is None or not problem.where.line:
        return []
    lines = text.split("\n")
    if problem.where.line > len(lines):
        return []
    line = lines[problem.where.line - 1].replace("\t", " ")
    before = line[: problem.where.column - 1]
    width = sum(2 if east_asian_width(sign) in "WF" else 1 for sign in before)
    number = str(problem.where.line)
    return [f"  {number} | {line}", f"  {' ' * len(number)} | {' ' * width}^"]


def for_editors(problems: Iterable[Problem]) -> str:
    """One JSON array: file, line and column from 1, code, sentence, hint."""
    rows = [
        {
            "file": p.where.file,
            "line": p.where.line,
            "column": p.where.column,
            "severity": "error",
            "code": p.code,
            "message": p.says,
            "hint": p.hint,
        }
        for p in ordered(problems)
    ]
    return json.dumps(rows, ensure_ascii=False, indent=1)
