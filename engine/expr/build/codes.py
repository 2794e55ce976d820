"""What can be wrong with an expression."""

from __future__ import annotations

from engine.problem import Code

_ROWS: tuple[tuple[str, str, str, str], ...] = (
    # text
    ("empty", "An expression is expected here", "此处应为表达式", ""),
    ("too-long", "The expression has {length} characters; at most {max} are allowed", "表达式有{length}个字符，最多{max}个", "compute a part of it in a field of its own"),
    ("too-deep", "The expression is nested deeper than {max} levels", "表达式嵌套超过{max}层", "compute a part of it in a field of its own"),
    ("full-width", "`{found}` is a full-width character", "`{found}` 是全角字符", "write `{twin}`"),
    ("comment", "Expressions hold no comments: what follows `{found}` would be dropped", "表达式不能含注释：`{found}` 之后的内容会被丢弃", "put the comment in YAML, after two blanks and `#`"),
    ("block", "`;` would begin a second statement", "`;` 会开始第二条语句", "an expression is one value"),
    ("command", "`{word}` is a command, not a value", "`{word}` 是命令，不是值", "expressions only look; what changes data is declared"),
    ("quote", "{found} does not quote text", "{found} 不能用来引文本", "text stands in single quotes: `'text'`"),
    ("unclosed-text", "This text is not closed", "文本没有结束引号", "end it with `'`; a quote inside is doubled: `''`"),
    ("placeholder", "`{found}` is a placeholder", "`{found}` 是占位符", "name the value itself: a field, `settings.x`, `me`"),
    ("brace", "Braces belong to text templates", "花括号只用于文本模板", "write the path without braces"),
    ("operator", "`{found}` is not an operator here", "`{found}` 不是这里的运算符", "write `{twin}`"),
    ("cast", "Types are not cast with `::`", "不能用 `::` 转换类型", "ROUND, TO_MONTH, TEXT and other functions convert"),
    ("character", "{found} has no meaning in an expression", "{found} 在表达式中没有意义", ""),
    ("number-format", "`{found}` is not a number as it is written here", "`{found}` 不是这里的数字写法", "{hint}"),
    ("number-size", "`{found}` has more digits than can be kept exactly", "`{found}` 位数过多，无法精确保存", "at most 15 digits before the point and 10 after it"),
    ("reserved-name", "`{name}` is a word of the language and cannot be a name", "`{name}` 是语言的保留字，不能作名称", "call the field `{suggestion}`"),
    ("alias", "`{first} {second}`: two values stand side by side", "`{first} {second}`：两个值并列，缺少运算符", "an operator or a comma is missing between them"),
    ("unexpected", "`{found}` is not expected here", "此处不应出现 `{found}`", ""),
    ("ends", "The expression ends too early: {expected} is missing", "表达式过早结束：缺少{expected}", ""),
    ("chained", "Comparisons cannot be chained", "比较不能连写", "write `{first} AND …`"),
    ("null-compare", "Comparing with NULL is never true", "与 NULL 比较永远不为真", "write `{fixed}`"),
    ("like", "LIKE is not among the operators", "没有 LIKE 运算符", "use CONTAINS(text, part) or STARTS_WITH(text, beginning)"),
    # names
    ("unknown-name", "`{name}` is not known here: {scope}", "此处没有 `{name}`：{scope}", ""),
    ("unknown-entity", "There is no entity `{name}`", "没有实体 `{name}`", ""),
    ("unknown-function", "There is no function `{name}`", "没有函数 `{name}`", ""),
    ("unknown-option", "`{name}` is not one of the options of {field}", "`{name}` 不是 {field} 的选项", ""),
    ("unknown-figure", "There is no figure `{name}`", "没有指标 `{name}`", ""),
    ("ambiguous", "`{name}` may be {first} or {second}", "`{name}` 可能是{first}或{second}", "write `{fixed}`"),
    ("not-a-record", "`{name}` is {type}: nothing stands behind its dot", "`{name}` 是{type}，其后不能再有点", ""),
    ("rows", "`{name}` is many rows, not a value", "`{name}` 是多行，不是一个值", "SUM, COUNT, EXISTS, FIRST … make one value of it"),
    ("no-this", "`this` has no meaning here", "此处 `this` 没有意义", ""),
    ("ring", "`{name}` depends on itself: {ring}", "`{name}` 依赖于自身：{ring}", ""),
    # types
    ("type", "{operator} does not take {got}", "{operator} 不能用于{got}", ""),
    ("types", "{left} and {right} do not go together with {operator}", "{left} 与 {right} 不能用 {operator} 运算", ""),
    ("not-boolean", "{operator} joins conditions; `{text}` is {type}", "{operator} 连接的是条件，而 `{text}` 是{type}", ""),
    ("expects", "{expected} is expected here; this is {got}", "此处应为{expected}，而这是{got}", ""),
    ("arguments", "{function} takes {expected}, not {got}", "{function} 需要{expected}，而不是{got}", ""),
    ("literal", "`{text}` is not {type}", "`{text}` 不是{type}", ""),
    ("constant", "{what} must be a plain number", "{what}必须是普通数字", ""),
    ("case", "A CASE needs at least one WHEN … THEN … and an END", "CASE 至少需要一个 WHEN … THEN … 与 END", ""),
    ("aggregate", "`{name}` cannot be aggregated", "`{name}` 不能聚合", "name a collection (`lines.amount`) or an entity (`sheet_line.hours`)"),
    ("needs-order", "FIRST needs ORDER BY: without it any row could be the first", "FIRST 需要 ORDER BY，否则首行不确定", "add `ORDER BY since DESC`"),
    ("no-order", "Only FIRST takes ORDER BY", "只有 FIRST 可以用 ORDER BY", ""),
    ("no-where", "{function} takes no WHERE", "{function} 不能用 WHERE", ""),
    ("figure", "A figure is asked at `dimension = value AND …`", "指标按 `维度 = 值 AND …` 取值", "write FIGURE(cost.used WHERE project = this.project)"),
    ("dimension", "MONTH(d) is 1 to 12 and would add up the same month of different years", "MONTH(d) 是1到12，会把不同年份的同月相加", "write TO_MONTH(…)"),
    ("no-sql", "{function} cannot be computed inside the database", "{function} 无法在数据库内计算", "use it in templates and prints"),
    ("overflow", "The number may have more than {max} digits", "数字可能超过{max}位", "round a part of it first"),
)  # fmt: skip

_HINTS_ZH = {
    "too-long": "把其中一部分放进单独的字段计算",
    "too-deep": "把其中一部分放进单独的字段计算",
    "full-width": "请写 `{twin}`",
    "comment": "注释写在 YAML 中：空两格再写 `#`",
    "block": "一个表达式只是一个值",
    "command": "表达式只读取；改变数据要用声明",
    "quote": "文本用单引号：`'文本'`",
    "unclosed-text": "以 `'` 结束；文本中的引号写两个：`''`",
    "placeholder": "直接写值的名称：字段、`settings.x`、`me`",
    "brace": "去掉花括号，直接写路径",
    "operator": "请写 `{twin}`",
    "cast": "用 ROUND、TO_MONTH、TEXT 等函数转换",
    "number-format": "{hint}",
    "number-size": "小数点前最多15位，后最多10位",
    "reserved-name": "字段可改名为 `{suggestion}`",
    "alias": "两者之间缺少运算符或逗号",
    "chained": "请写 `{first} AND …`",
    "null-compare": "请写 `{fixed}`",
    "like": "用 CONTAINS(文本, 片段) 或 STARTS_WITH(文本, 开头)",
    "ambiguous": "请写 `{fixed}`",
    "rows": "用 SUM、COUNT、EXISTS、FIRST 等把它变成一个值",
    "aggregate": "写出集合（`lines.amount`）或实体（`sheet_line.hours`）",
    "needs-order": "加上 `ORDER BY since DESC`",
    "figure": "请写 FIGURE(cost.used WHERE project = this.project)",
    "dimension": "请写 TO_MONTH(…)",
    "no-sql": "可用于模板和打印",
    "overflow": "先对其中一部分四舍五入",
}

CODES: dict[str, Code] = {
    f"expr.{slug}": Code(f"expr.{slug}", en, zh, 400, hint, _HINTS_ZH.get(slug, "")) for slug, en, zh, hint in _ROWS
}
