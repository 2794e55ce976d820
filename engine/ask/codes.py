"""What can be wrong with a question."""

from __future__ import annotations

from collections.abc import Mapping

from engine.problem import Code

_ROWS = (
    Code("ask.unknown-entity", "there is no entity {name}", "没有实体{name}", 404),
    Code("ask.unknown-field", "{entity} has no field {name}", "{entity}没有字段{name}", 400),
    Code("ask.unknown-figure", "there is no aggregation {name}", "没有统计{name}", 404),
    Code("ask.unknown-measure", "{figure} has no measure {name}", "{figure}没有指标{name}", 400),
    Code("ask.unknown-dimension", "{figure} has no dimension {name}", "{figure}没有维度{name}", 400),
    Code("ask.closed", "none of your roles may read {entity}", "您的角色不能查看{entity}", 403),
    Code(
        "ask.operator",
        "{name} is of type {type}, which cannot be asked with [{operator}]",
        "{name}的类型是{type}，不能用[{operator}]筛选",
        400,
        "it takes: {operators}",
        "可以用：{operators}",
    ),
    Code(
        "ask.not-a-reference",
        "{name} is not a reference, so nothing can follow it",
        "{name}不是引用，后面不能再接字段",
        400,
    ),
    Code(
        "ask.through-lines",
        "{path} leads through lines, which are many",
        "{path}经过明细，明细有多行",
        400,
        "ask the lines' own list, or expand them",
        "请查询明细自己的列表，或用expand展开",
    ),
    Code("ask.unsortable", "records cannot be sorted by {name}", "不能按{name}排序", 400),
    Code(
        "ask.not-expandable",
        "{name} is neither a reference nor lines, so it cannot be expanded",
        "{name}既不是引用也不是明细，不能展开",
        400,
    ),
    Code("ask.unsearchable", "{entity} has no search fields", "{entity}没有可搜索的字段", 400),
    Code("ask.cursor", "the cursor does not belong to this sort", "游标与排序不符", 400),
    Code("ask.too-deep", "{path} is longer than {limit} steps", "{path}超过{limit}层", 400),
    Code("ask.not-a-condition", "{slot} must be a condition, this is {kind}", "{slot}应为条件，实际是{kind}", 400),
    Code("ask.unavailable", "{what} cannot be asked here yet", "此处尚不能查询{what}", 400),
    Code("ask.no-measures", "a question about figures needs at least one measure", "统计查询至少要有一个指标", 400),
    Code("ask.not-a-dimension", "{name} is {kind}: figures are not split by that", "{name}是{kind}，不能作为维度", 400),
    Code("ask.twice", "{name} is named twice", "{name}重复", 400),
)

CODES: Mapping[str, Code] = {row.code: row for row in _ROWS}
