"""What a scenario says of a step that did not come out as expected."""

from __future__ import annotations

from typing import Any

from engine.label import Label

_SAID = {
    "file": Label("模块包旁没有文件 {what}", "there is no file {what} beside the pack"),
    "altered": Label("被拒绝的步骤仍改动了单据", "the refused step left the record changed"),
    "refused": Label("被拒绝：{why}", "was refused: {why}"),
    "warned": Label("应提示 {want}，实际提示 {have}", "should warn {want}, warned {have}"),
    "unread": Label("之后无法读取：{why}", "cannot be read afterwards: {why}"),
    "is": Label("{what} 应为 {want}，实为 {have}", "{what} should be {want}, is {have}"),
    "state": Label("状态应为 {want}，实为 {have}", "state should be {want}, is {have}"),
    "may": Label("可用操作应为 {want}，实为 {have}", "may should be {want}, is {have}"),
    "next": Label("待办步骤应为 {want}，实为 {have}", "next should be {want}, is {have}"),
    "hidden": Label("{what} 不应可见", "{what} should be hidden"),
    "absent": Label("返回内容中没有 {what}", "{what} is not in the answer"),
    "lines": Label("{what} 共 {have} 行，没有第 {want} 行", "{what} has {have} lines, none at {want}"),
    "unasked": Label("无法查询 {what}：{why}", "{what} could not be asked: {why}"),
    "uncounted": Label("无法统计 {what}：{why}", "{what} could not be counted: {why}"),
    "count": Label("{what} 应有 {want} 条，实有 {have} 条", "there should be {want} of {what}, there are {have}"),
    "accepted": Label("应因 {want} 被拒绝，实际通过", "should be refused for {want}, was accepted"),
    "otherwise": Label("应因 {want} 被拒绝，实因 {why}", "should be refused for {want}, was for {why}"),
    "message": Label("提示应含“{want}”，实为“{have}”", "should say “{want}”, says “{have}”"),
    "pointer": Label("应指向 {want}，实指向 {have}", "should point at {want}, points at {have}"),
}


def say(name: str, **values: Any) -> Label:
    told = _SAID[name]
    return Label(told.zh.format(**values), told.en.format(**values))
