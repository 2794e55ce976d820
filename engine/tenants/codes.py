"""What may be said of tenants as a whole, and of licences."""

from __future__ import annotations

from engine.problem import Code

CODES: dict[str, Code] = {
    c.code: c
    for c in (
        Code(
            "tenant.name",
            "{name} cannot be a tenant's name",
            "{name} 不能作为租户名",
            hint_en="2 to 32 small letters, digits and hyphens, beginning with a letter; not {reserved}",
            hint_zh="2 至 32 个小写字母、数字或连字符，以字母开头；不能是 {reserved}",
        ),
        Code(
            "tenant.unknown",
            "There is no tenant {name} in the directory",
            "目录中没有租户 {name}",
            hint_en="did you mean {nearest}?",
            hint_zh="是否想写 {nearest}？",
        ),
        Code("tenant.taken", "There is a tenant {name} already", "已有租户 {name}"),
        Code(
            "tenant.half",
            "{name} is being made, or its making was broken off",
            "{name} 正在建立，或建立时被中断",
            hint_en="dougong tenant delete {name} takes away what there is of it",
            hint_zh="dougong tenant delete {name} 会清除已建立的部分",
        ),
        Code(
            "tenant.overtaken",
            "Somebody else took {name} back meanwhile",
            "{name} 已被他人撤回",
            hint_en="nothing was switched; see dougong tenant history {name}",
            hint_zh="未切换；请查看 dougong tenant history {name}",
        ),
        Code("tenant.host", "{host} is no host name", "{host} 不是主机名", hint_en="write it as customer.example.com"),
        Code("tenant.host-taken", "The host {host} belongs to {name}", "主机名 {host} 已属于 {name}"),
        Code(
            "tenant.state",
            "{name} is {state}: {command} does not fit",
            "{name} 当前状态为 {state}，不能执行 {command}",
            hint_en="{fits}",
            hint_zh="{fits}",
        ),
        Code(
            "tenant.confirm",
            "What was typed is not {name}: nothing was done",
            "输入的不是 {name}：未做任何更改",
            hint_en="repeat the name with --confirm {name}",
            hint_zh="请用 --confirm {name} 再次输入名称",
        ),
        Code(
            "tenant.no-backup",
            "There is no backup of {name} as it is now: {reason}",
            "{name} 没有当前的备份：{reason}",
            hint_en="run dougong tenant backup {name} first, or say --without-backup",
            hint_zh="请先运行 dougong tenant backup {name}，或明确使用 --without-backup",
        ),
        Code(
            "tenant.place",
            "{name} cannot have its data at {place}: {reason}",
            "{name} 的数据不能放在 {place}：{reason}",
        ),
        Code(
            "tenant.differs",
            "The copy of {name} is not what was copied: {what}",
            "{name} 的副本与原数据不一致：{what}",
            hint_en="nothing was switched; the tenant goes on where it was",
            hint_zh="未切换；租户仍在原处运行",
        ),
        Code(
            "directory.foreign",
            "The database of the directory holds something else",
            "目录数据库中有其他内容",
            hint_en="name an empty one, or the one made by dougong tenant create",
            hint_zh="请指定空数据库，或由 dougong tenant create 建立的数据库",
        ),
        Code(
            "directory.newer",
            "The directory is of a newer engine (form {form}; this one knows {known})",
            "目录由更新版本的引擎管理（格式 {form}；本版识别 {known}）",
            hint_en="use that engine for it",
            hint_zh="请使用该版本的引擎",
        ),
        Code(
            "archive.broken",
            "{file} is no whole archive: {reason}",
            "{file} 不是完整的备份：{reason}",
            hint_en="nothing was restored; take another backup",
            hint_zh="未恢复任何内容；请换一个备份",
        ),
        Code(
            "archive.disk",
            "{file} could not be written: {reason}",
            "无法写入 {file}：{reason}",
            hint_en="free some space, or name another place with --to",
            hint_zh="请腾出空间，或用 --to 指定其他位置",
        ),
        Code(
            "archive.dialect",
            "The archive is of {had}, the place is {want}",
            "备份来自 {had}，目标是 {want}",
            hint_en="restore it into a database of the same kind",
            hint_zh="请恢复到同类数据库",
        ),
        Code("archive.there", "{file} is there already", "{file} 已存在", hint_en="name another file with --to"),
        Code(
            "licence.form",
            "This is no licence: {reason}",
            "这不是有效的许可文件：{reason}",
            hint_en="install the file as it came from the vendor",
            hint_zh="请原样安装供应商提供的文件",
        ),
        Code(
            "licence.forged",
            "The signature of the licence is not the vendor's",
            "许可文件的签名不是供应商的",
            hint_en="the file was changed, or another key signed it",
            hint_zh="文件被改动，或由其他密钥签名",
        ),
        Code(
            "licence.other",
            "The licence is made out to {holder}, this is {name}",
            "许可属于 {holder}，而本租户是 {name}",
        ),
        Code(
            "licence.no-key",
            "No vendor's key is known: licences cannot be checked",
            "未设置供应商公钥，无法检查许可",
            hint_en="set DOUGONG_LICENCE_KEY to what dougong licence keygen printed",
            hint_zh="请将 DOUGONG_LICENCE_KEY 设为 dougong licence keygen 打印的公钥",
        ),
        Code("licence.key", "{file} is no key: {reason}", "{file} 不是密钥：{reason}"),
        Code("licence.terms", "{what}", "{what}"),
    )
}
