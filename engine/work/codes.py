"""What an import may say of a file."""

from __future__ import annotations

from engine.problem import Code

CODES: dict[str, Code] = {
    c.code: c
    for c in (
        Code("import.no-file", "The file is not there: {file}", "找不到文件：{file}"),
        Code("import.encoding", "The text is neither UTF-8 nor GB18030", "文件编码既不是 UTF-8 也不是 GB18030"),
        Code("import.empty", "The file has no header row", "文件没有表头"),
        Code(
            "import.no-column",
            "No column for {field}: none of {headers}",
            "缺少“{field}”对应的列：{headers}",
            hint_en="the file has {found}",
            hint_zh="文件中有 {found}",
        ),
        Code("import.same-column", "The header {header} stands twice", "表头“{header}”重复"),
        Code(
            "import.width",
            "The row has {got} cells, the header {want}",
            "此行有{got}格，表头有{want}格",
            hint_en="a quote or a separator is probably missing",
            hint_zh="可能缺少引号或分隔符",
        ),
        Code("import.quote", "The quoting is broken: {reason}", "引号不配对：{reason}"),
        Code("import.value", "{header}: {reason}", "{header}：{reason}"),
        Code("import.date", "{header}: {value} does not look like {pattern}", "{header}：{value} 不符合 {pattern}"),
        Code("import.required", "{header} is empty", "{header} 为空"),
        Code("import.reference", "{header}: no {entity} is called {value}", "{header}：没有名为 {value} 的{entity}"),
        Code("import.duplicate", "The same {key} as line {line}: {value}", "与第{line}行的{key}相同：{value}"),
        Code("import.total", "{field} adds up to {got}, the mapping says {want}", "{field} 合计为 {got}，应为 {want}"),
        Code("import.rows", "The file has {got} rows, the mapping says {want}", "文件有{got}行，应为{want}行"),
    )
}
