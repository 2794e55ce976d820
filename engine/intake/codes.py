"""What an import may say of a file and its rows."""

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
            "缺少“{field_zh}”对应的列：{headers}",
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
        Code("import.value", "{header}: {reason}", "{header}：{reason_zh}"),
        Code("import.date", "{header}: {value} does not look like {pattern}", "{header}：{value} 不符合 {pattern}"),
        Code("import.required", "{header} is empty", "{header} 为空"),
        Code("import.reference", "{header}: no {entity} is called {value}", "{header}：没有名为 {value} 的{entity_zh}"),
        Code("import.duplicate", "The same {key} as line {line}: {value}", "与第{line}行的{key_zh}相同：{value}"),
        Code("import.total", "{field} adds up to {got}, not to {want}", "{field_zh}合计为 {got}，应为 {want}"),
        Code(
            "import.workbook",
            "The workbook cannot be read: {reason}",
            "工作簿无法读取：{reason}",
            hint_en="open it in a spreadsheet program and save it as .xlsx, without a password",
            hint_zh="请用表格软件打开后另存为 .xlsx，且不要加密",
        ),
        Code(
            "import.no-page",
            "The workbook has no sheet {page}",
            "工作簿中没有名为“{page}”的工作表",
            hint_en="it has {found}",
            hint_zh="其中有 {found}",
        ),
        Code("import.too-large", "The workbook unpacks to more than {limit}", "工作簿解压后超过 {limit}"),
        Code(
            "import.too-heavy",
            "Reading the workbook takes too much memory or time",
            "读取此工作簿所需的内存或时间过多",
            hint_en="something may stand far from the rows you want: copy these into a new workbook",
            hint_zh="可能有内容离数据很远；请把需要的行复制到新的工作簿",
        ),
        Code(
            "import.many-rows",
            "The file has more than {limit} rows",
            "文件超过 {limit} 行",
            hint_en="divide it",
            hint_zh="请拆分后导入",
        ),
        Code(
            "import.many-wrong",
            "More than {limit} things are wrong",
            "错误超过 {limit} 处",
            hint_en="this may be another kind of file",
            hint_zh="可能选错了文件",
        ),
        Code(
            "import.digits",
            "{header}: the workbook keeps {value} as a number and has lost its last digits",
            "{header}：工作簿把 {value} 存成了数字，末尾几位已经丢失",
            hint_en="type it again as text; it cannot be recovered from this file",
            hint_zh="请按文本格式重新录入；无法从此文件恢复",
        ),
        Code(
            "import.unlike",
            "{fields}: not the same as in row {line}, of the same document",
            "“{fields_zh}”与同一单据的第{line}行不一致",
        ),
        Code(
            "import.none",
            "There is no import called {name}, or you may not bring it",
            "没有名为 {name} 的导入，或您无权使用",
            404,
            "did you mean {nearest}?",
            "是否想用 {nearest}？",
        ),
        Code("import.no-choice", "Choose a file", "请选择文件"),
        Code("import.no-run", "There is no such run, or it is not yours", "没有这次导入，或不是您导入的", 404),
        Code("import.undone", "This run was taken back already", "这次导入已经撤销", 409),
        Code("import.there", "A record with this key is there already", "已有相同关键字的记录", 409),
        Code(
            "import.changed-since",
            "Row {row}: what it became was changed since",
            "第{row}行：导入的记录之后又被修改",
            409,
            "set it back by hand, or throw it away, then take the run back",
            "请先手工改回或删除，再撤销导入",
        ),
        Code(
            "import.lines-stay",
            "An import with lines makes new documents; it does not change those that are there",
            "带明细的导入只新建单据，不修改已有单据",
        ),
        Code("import.large-file", "An import may have {limit} at most", "导入文件不得超过 {limit}", 413),
        Code("import.rows", "The file has {got} rows, the mapping says {want}", "文件有{got}行，应为{want}行"),
    )
}
