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
            "Posting {name} sets {field} by `{reads}`, of which a group has many",
            "记账 {name} 的 {field} 取自“{reads}”，而一组中有多个值",
            hint_en="name it in BY, gather it (SUM, COUNT, AVG, MIN, MAX of the rows), or read the document: `this.…`",
            hint_zh="请写入 BY，或汇总（各行的 SUM、COUNT、AVG、MIN、MAX），或取单据自身的值：this.…",
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
