"""What a field type may say of a value it refuses."""

from __future__ import annotations

from engine.problem import Code

CODES: dict[str, Code] = {
    c.code: c
    for c in (
        Code("value.type", "Expected {expected}, got {got}", "应为{expected_zh}，收到 {got}", 422),
        Code("value.text-length", "At most {max} characters, got {got}", "最多{max}个字，收到{got}个", 422),
        Code("value.text-short", "At least {min} characters, got {got}", "至少{min}个字，收到{got}个", 422),
        Code(
            "value.text-control",
            "Contains a character that cannot be stored (U+{point})",
            "含有无法保存的字符（U+{point}）",
            422,
        ),
        Code(
            "value.digits",
            "At most {digits} digits before the point, got {got}",
            "小数点前最多{digits}位，收到 {got}",
            422,
        ),
        Code(
            "value.scale", "At most {scale} digits after the point, got {got}", "小数点后最多{scale}位，收到 {got}", 422
        ),
        Code("value.integer-range", "Must lie within ±(2^53 − 1), got {got}", "超出整数范围 ±(2^53 − 1)：{got}", 422),
        Code("value.min", "Must be at least {min}", "不能小于{min}", 422),
        Code("value.max", "Must be at most {max}", "不能大于{max}", 422),
        Code("value.date", "Not a date: {got}", "不是有效日期：{got}", 422, "write 2026-03-05", "写作 2026-03-05"),
        Code("value.month", "Not a month: {got}", "不是有效月份：{got}", 422, "write 2026-03", "写作 2026-03"),
        Code("value.time", "Not a time: {got}", "不是有效时间：{got}", 422, "write 07:30", "写作 07:30"),
        Code(
            "value.datetime",
            "Not a date and time with a zone: {got}",
            "不是带时区的日期时间：{got}",
            422,
            "write 2026-03-05T07:30:00+08:00",
            "写作 2026-03-05T07:30:00+08:00",
        ),
        Code(
            "value.choice",
            "{got} is not one of the choices",
            "{got} 不在选项中",
            422,
            "did you mean {nearest}?",
            "是否想选 {nearest}？",
        ),
        Code("value.reference", "Not the id of a record: {got}", "不是有效的记录编号：{got}", 422),
        Code("value.files", "At most {max} files, got {got}", "最多 {max} 个文件，收到 {got} 个", 422),
        Code("value.email", "Not an e-mail address: {got}", "不是有效的邮箱：{got}", 422),
        Code("value.phone", "Not a phone number: {got}", "不是有效的电话号码：{got}", 422),
        Code(
            "value.url",
            "Not an address beginning with http:// or https://: {got}",
            "不是以 http:// 或 https:// 开头的网址：{got}",
            422,
        ),
        Code(
            "value.location",
            "Not a place: {got}",
            "不是有效的位置：{got}",
            422,
            'write {{"lat": 30.1, "lon": 120.2}}',
            '写作 {{"lat": 30.1, "lon": 120.2}}',
        ),
    )
}
