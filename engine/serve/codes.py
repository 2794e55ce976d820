"""What the server may refuse, and in which words. ``status`` is the HTTP status it is answered with."""

from __future__ import annotations

from engine.problem import Code

_ALL = (
    # requests
    Code("api.syntax", "The body is not valid JSON: {reason}", "请求内容不是合法的 JSON：{reason}", 400),
    Code("api.number", "NaN and Infinity are not numbers of JSON", "NaN 与 Infinity 不是 JSON 数字", 400),
    Code("api.not-object", "The body must be a JSON object", "请求内容应是一个 JSON 对象", 400),
    Code("api.media-type", "Send {expected}", "请使用 {expected} 格式", 415),
    Code("api.too-large", "The body is larger than {limit} bytes", "请求内容超过 {limit} 字节", 413),
    Code("api.too-deep", "The body is nested more than {limit} levels deep", "请求内容嵌套超过 {limit} 层", 400),
    Code(
        "api.too-many-lines",
        "At most {limit} lines in one document, got {got}",
        "一张单据最多 {limit} 行，收到 {got} 行",
        422,
    ),
    Code(
        "api.no-route",
        "There is nothing at {path}",
        "地址不存在：{path}",
        404,
        "did you mean {nearest}?",
        "是否想访问 {nearest}？",
    ),
    Code(
        "api.method",
        "{method} is not possible here",
        "此处不能使用 {method}",
        405,
        "possible: {allowed}",
        "可用：{allowed}",
    ),
    Code(
        "api.unknown-parameter",
        "There is no parameter or field `{name}`",
        "没有参数或字段“{name}”",
        400,
        "did you mean {nearest}?",
        "是否想写 {nearest}？",
    ),
    Code("api.parameter", "`{name}` cannot be {got}", "参数“{name}”不能是 {got}", 400, "{expected}", "{expected_zh}"),
    Code("api.twice", "`{name}` is given twice", "参数“{name}”重复", 400),
    Code(
        "api.operator",
        "`{name}` cannot be asked with `{operator}`",
        "字段“{name}”不能用“{operator}”筛选",
        400,
        "possible: {allowed}",
        "可用：{allowed}",
    ),
    Code(
        "api.cursor",
        "The cursor does not belong to this question",
        "翻页标记与本次查询不符",
        400,
        "begin again without it",
        "请去掉它重新查询",
    ),
    Code(
        "api.slow",
        "The question took longer than {seconds} seconds",
        "查询超过 {seconds} 秒未完成",
        503,
        "narrow it with filters",
        "请加筛选条件缩小范围",
    ),
    # bodies
    Code(
        "api.unknown-field",
        "{entity} has no field `{name}`",
        "{entity_zh}没有字段“{name}”",
        422,
        "did you mean {nearest}?",
        "是否想写 {nearest}？",
    ),
    Code("api.computed-field", "{title} is computed; it cannot be written", "“{title_zh}”由系统计算，不能填写", 422),
    Code("api.readonly-field", "{title} cannot be written", "“{title_zh}”为只读，不能填写", 422),
    Code("api.system-field", "`{name}` is kept by the system", "“{name}”由系统维护，不能填写", 422),
    Code("api.not-editable", "{title} cannot be changed at this step", "本环节不能修改“{title_zh}”", 422),
    Code("field.required", "{title} is required", "请填写{title_zh}", 422),
    Code("api.lines", "Expected a list of lines", "应为明细行列表", 422),
    Code("api.line", "Expected an object with the line's fields", "应为一行明细的字段对象", 422),
    Code("api.unknown-line", "This document has no line {id}", "本单据没有编号为 {id} 的明细行", 422),
    Code("api.line-twice", "The line {id} is given twice", "明细行 {id} 重复", 422),
    Code("api.lines-min", "{title} needs at least {min}", "“{title_zh}”至少 {min} 行", 422),
    Code("api.id-differs", "`id` is not the id of this record", "id 与地址中的记录不一致", 422),
    Code("api.no-such-record", "There is no {entity} `{key}`", "没有{entity_zh}“{key}”", 422),
    Code("api.ambiguous-record", "There is more than one {entity} `{key}`", "{entity_zh}“{key}”不止一条", 422),
    # records
    Code("api.not-found", "There is no such {entity}", "没有这条{entity_zh}", 404),
    Code("access.denied", "You may not {operation} {entity}", "您没有{operation_zh}“{entity_zh}”的权限", 403),
    Code("access.administrator", "This is for administrators", "只有管理员可以这样做", 403),
    Code("access.denied-here", "You may not {operation} this {entity}", "您不能{operation_zh}这条“{entity_zh}”", 403),
    Code(
        "api.append-only",
        "{entity} is a ledger: its entries come from postings",
        "“{entity_zh}”是台账，分录只能由记账产生",
        405,
    ),
    Code("api.owned", "{entity} is written with {owner}", "“{entity_zh}”随“{owner_zh}”一起保存", 405),
    Code("api.locked", "{entity} cannot be changed in state {state}", "{entity_zh}处于“{state_zh}”状态，不能修改", 423),
    Code(
        "api.if-match",
        "Say which version you change: If-Match with the record's ETag",
        "请在 If-Match 中给出记录的 ETag",
        428,
    ),
    Code("api.if-match-form", 'If-Match holds an ETag like "3"', 'If-Match 应形如 "3"', 400),
    Code(
        "api.stale",
        "Somebody changed this record in the meantime (it is at {rev} now)",
        "这条记录已被他人修改（当前版本 {rev}）",
        412,
        "read it again and repeat your change",
        "请刷新后重新修改",
    ),
    Code("api.in-bin", "This {entity} is in the bin", "这条{entity_zh}在回收站中", 409, "restore it first", "请先恢复"),
    Code("api.not-in-bin", "This {entity} is not in the bin", "这条{entity_zh}不在回收站中", 409),
    Code("api.not-unique", "There is already a record with this {fields}", "{fields_zh}已存在", 409),
    Code("api.referenced", "{other} refers to it ({field})", "“{other_zh}”的“{field_zh}”引用了它，不能删除", 409),
    Code("ref.outside", "It is not one of those that may be chosen", "不在可选范围内", 422),
    Code("field.lines", "There are too few lines", "明细行太少", 422),
    Code("api.no-reference", "{title}: there is no such record", "{title_zh}：没有这条记录", 422),
    Code("api.constraint", "The database refused it: {name}", "数据库约束拒绝：{name}", 422),
    Code(
        "api.idempotency", "This Idempotency-Key was used for another request", "此 Idempotency-Key 已用于其他请求", 409
    ),
    Code(
        "api.idempotency-form",
        "Idempotency-Key has 1 to 200 visible characters",
        "Idempotency-Key 应为 1 至 200 个可见字符",
        400,
    ),
    Code("api.invalid", "{count} things are wrong", "有 {count} 处问题", 422),
    Code(
        "api.needs-reason",
        "A reason is needed",
        "请填写原因",
        422,
        "send it as reasons.{check}",
        "请填写在 reasons.{check} 中",
    ),
    # flow
    Code(
        "workflow.unknown-action",
        "{entity} has no action `{name}`",
        "{entity_zh}没有动作“{name}”",
        404,
        "did you mean {nearest}?",
        "是否想用 {nearest}？",
    ),
    Code(
        "workflow.state",
        "{action} is not possible in state {state}",
        "“{state_zh}”状态下不能{action_zh}",
        409,
        "possible now: {allowed}",
        "现在可以：{allowed_zh}",
    ),
    Code("workflow.not-yours", "{action}: not yours to do", "您无权执行“{action_zh}”", 403),
    Code("workflow.condition", "{action} is not possible: its condition does not hold", "不满足{action_zh}的条件", 422),
    Code(
        "workflow.reason", "{action} needs a reason", "{action_zh}须填写原因", 422, "send it as `reason`", "请填写原因"
    ),
    Code("workflow.decided", "Somebody has already decided, so it cannot be withdrawn", "已有人审批，不能撤回", 409),
    # signing in
    Code("auth.needed", "Sign in first", "请先登录", 401),
    Code("auth.wrong", "The name or the password is wrong", "用户名或密码错误", 401),
    Code(
        "auth.locked", "Too many attempts; try again in {minutes} minutes", "尝试次数过多，请 {minutes} 分钟后再试", 429
    ),
    Code(
        "auth.csrf",
        "The request did not come from our own pages",
        "请求不是来自本系统页面",
        403,
        "reload the page and try again",
        "请刷新页面后重试",
    ),
    # the house
    Code("server.no-tenant", "Nobody lives at this address", "此地址没有对应的系统", 404),
    Code("server.lost", "{says}", "数据库不可用：{says}", 503, "{hint}", "{hint}"),
    Code(
        "server.fault",
        "Something went wrong on our side ({reference})",
        "系统出错（{reference}）",
        500,
        "tell us this reference",
        "请把此编号告诉我们",
    ),
)

CODES: dict[str, Code] = {c.code: c for c in _ALL}
