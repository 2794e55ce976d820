"""What the studio may say of a project before any pack is read."""

from __future__ import annotations

from engine.problem import Code

CODES: dict[str, Code] = {
    c.code: c
    for c in (
        Code(
            "app.missing",
            "There is no {file}",
            "找不到 {file}",
            hint_en="name an app.yaml, or a pack's folder",
            hint_zh="请指定 app.yaml 或模块包文件夹",
        ),
        Code(
            "app.unknown-key",
            "{key} is not a key of app.yaml",
            "app.yaml 没有 {key} 这一项",
            hint_en="did you mean {nearest}?",
            hint_zh="是否想写 {nearest}？",
        ),
        Code("app.kind", "{key} must be {want}", "{key} 必须是{want_zh}"),
        Code(
            "app.zone",
            "{zone} is not a time zone",
            "{zone} 不是时区",
            hint_en="write Asia/Shanghai",
            hint_zh="写作 Asia/Shanghai",
        ),
        Code(
            "app.language",
            "{language} is not a language we speak",
            "不支持语言 {language}",
            hint_en="write zh or en",
            hint_zh="写作 zh 或 en",
        ),
        Code(
            "app.no-pack",
            "There is no pack called {pack}",
            "找不到模块包 {pack}",
            hint_en="did you mean {nearest}?",
            hint_zh="是否想写 {nearest}？",
        ),
        Code(
            "tenant.other-revision",
            "The database holds another revision of the metadata ({have}) than the packs say ({want})",
            "数据库中的元数据版本（{have}）与模块包（{want}）不同",
            hint_en="serve it with the packs it was installed from, or name a new database",
            hint_zh="请使用安装时的模块包，或指定新的数据库",
        ),
        Code(
            "tenant.foreign",
            "The database holds tables that are not ours",
            "数据库中已有不属于本系统的表",
            hint_en="name an empty database or schema",
            hint_zh="请指定空的数据库或模式",
        ),
        Code(
            "app.no-import",
            "No import is called {name}",
            "没有名为 {name} 的导入",
            hint_en="there is {nearest}",
            hint_zh="现有 {nearest}",
        ),
        Code("plant.refused", "{name} cannot be put there: {reason}", "{name} 无法写入：{reason}"),
        Code(
            "port.taken",
            "Port {port} is in use",
            "端口 {port} 已被占用",
            hint_en="name another with --port",
            hint_zh="用 --port 指定其他端口",
        ),
        Code(
            "audit.seal",
            "{got} is not a seal",
            "{got} 不是封条",
            hint_en="write number:hash, as `dougong audit verify` printed it",
            hint_zh="写作 编号:散列值，与 `dougong audit verify` 的输出一致",
        ),
    )
}
