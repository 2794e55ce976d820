"""What this room refuses: parts of the language that are read, and not carried out yet. Silence would be worse."""

from __future__ import annotations

from engine.problem import Code

CODES: dict[str, Code] = {
    c.code: c
    for c in (
        Code(
            "compile.control-key",
            "`{key}` is not a dimension of {aggregation}: there is nothing to compare at it",
            "`{key}` 不是 {aggregation} 的维度，无法按它比较",
        ),
        Code(
            "compile.each",
            "Posting {name} makes an entry per group (`each`); that is not carried out yet",
            "记账 {name} 按分组生成分录（each），目前尚不支持",
            hint_en="post each line of its own",
            hint_zh="请逐行记账",
        ),
        Code(
            "compile.rollup",
            "Rollup {name} cannot be kept: {what} reads {reads}",
            "汇总 {name} 无法保持：{what} 取自 {reads}",
            hint_en="a kept sum changes only with its own records: use their stored fields and those of their document",
            hint_zh="汇总只随自身记录变化：请用记录及其单据中存储的字段",
        ),
    )
}
