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
            "What the database holds (revision {number}) would be other tables to this version of the engine",
            "数据库的第 {number} 版元数据在本版引擎下会是不同的表结构",
            hint_en="look at `dougong plan`, then `dougong apply`",
            hint_zh="请先看 `dougong plan`，再执行 `dougong apply`",
        ),
        Code(
            "tenant.too-old",
            "The database was made by an engine that did not keep its revisions yet",
            "该数据库由尚不保存元数据版本的旧引擎创建",
            hint_en="serve it with that engine, export what is in it, and import it into a new database",
            hint_zh="请用旧引擎打开并导出数据，再导入新数据库",
        ),
        Code(
            "plan.refused",
            "The plan is refused: {count} of its lines have records in their way",
            "变更计划被拒绝：其中 {count} 项有记录不满足",
            hint_en="`dougong plan` names them; mend them, or change what the packs say",
            hint_zh="`dougong plan` 会列出它们；请先修正数据，或修改模块包",
        ),
        Code(
            "plan.drift",
            "The tables are not as the last revision left them: {what}",
            "表结构与最后一版元数据不符：{what}",
            hint_en="put them back by hand, or restore a backup; `dougong plan` names every difference",
            hint_zh="请手工复原或从备份恢复；`dougong plan` 会列出所有差异",
        ),
        Code(
            "plan.overtaken",
            "The plan begins at revision {planned}, and the system has been changed to {now} since",
            "计划制定后系统已被变更：现为第 {now} 版，计划基于第 {planned} 版",
            hint_en="make the plan anew and look at it again",
            hint_zh="请重新制定并查看计划",
        ),
        Code(
            "plan.held",
            "Others hold the tables and did not let go in time; nothing was changed",
            "表被其他操作占用且未及时释放；未做任何更改",
            hint_en="try again, or end the long-running reports and imports first",
            hint_zh="请重试，或先结束耗时的报表与导入",
        ),
        Code(
            "plan.violated",
            "The database refused the change: {what}; nothing was changed",
            "数据库拒绝了变更：{what}；未做任何更改",
            hint_en="records were written since the plan was made: make it anew",
            hint_zh="制定计划后又有记录写入：请重新制定",
        ),
        Code(
            "plan.other",
            "The packs say something else than the plan in {file}",
            "模块包与 {file} 中的计划不一致",
            hint_en="make the plan anew and look at it again",
            hint_zh="请重新制定并查看计划",
        ),
        Code(
            "plan.no-revision",
            "There is no revision {number}",
            "没有第 {number} 版",
            hint_en="`dougong revisions` lists them",
            hint_zh="`dougong revisions` 会列出所有版本",
        ),
        Code(
            "tenant.empty",
            "The database is empty: no app was installed in it",
            "数据库是空的，尚未安装任何应用",
            hint_en="check --database; `dougong serve` installs a new one",
            hint_zh="请检查 --database；新数据库由 `dougong serve` 安装",
        ),
        Code(
            "switch.unknown",
            "There is no module or feature called {name}",
            "没有名为 {name} 的模块或功能",
            hint_en="did you mean {nearest}?",
            hint_zh="是否想写 {nearest}？",
        ),
        Code(
            "switch.needed",
            "{name} cannot be switched off: {by} need it",
            "{name} 不能关闭：{by} 依赖它",
            hint_en="switch those off first",
            hint_zh="请先关闭它们",
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
            "policy.value",
            "{name} must be a whole number from {least} to {most}, not {got}",
            "{name} 须为 {least} 至 {most} 的整数，不能是 {got}",
        ),
        Code(
            "port.taken",
            "Port {port} is in use",
            "端口 {port} 已被占用",
            hint_en="name another with --port",
            hint_zh="用 --port 指定其他端口",
        ),
        Code("serve.setting", "{option} cannot be {text}: {reason}", "{option} 不能是 {text}：{reason}"),
        Code(
            "audit.seal",
            "{got} is not a seal",
            "{got} 不是封条",
            hint_en="write number:hash, as `dougong audit verify` printed it",
            hint_zh="写作 编号:散列值，与 `dougong audit verify` 的输出一致",
        ),
    )
}
