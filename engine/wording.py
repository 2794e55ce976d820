"""A problem in the language of its reader: what stands in its sentence is put into words only now."""

from __future__ import annotations

from engine.label import Label
from engine.problem import KNOWN, Problem


def in_language(problem: Problem, language: str) -> tuple[str, str]:
    """A problem's sentence and hint."""
    code = KNOWN.get(problem.code)
    if language != "zh" or code is None:
        return problem.says, problem.hint.to("en")
    english, chinese = _Shown(problem.params), _Shown({k: _chinese(v) for k, v in problem.params.items()})
    own = problem.hint.en == code.hint_en.format_map(english)
    return code.zh.format_map(chinese), code.hint_zh.format_map(chinese) if own else problem.hint.to("zh")


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


def _chinese(value: object) -> object:
    """The words of our own that stand in a problem's parameters: a label, ``field `x` ``, ``a map``."""
    if isinstance(value, Label):
        return value.to("zh")
    if not isinstance(value, str):
        return value
    word, quote, rest = value.partition(" `")
    return _WORDS.get(word, word) + quote + rest


class _Shown(dict[str, object]):
    """A hole nobody filled stays as it is."""

    def __missing__(self, key: str) -> str:
        return "{" + key + "}"
