"""What is said of a tenant as a whole, where somebody asks for it."""

from __future__ import annotations

from engine.problem import Code

CODES: dict[str, Code] = {
    c.code: c
    for c in (
        Code(
            "server.suspended",
            "This system is suspended",
            "本系统已暂停使用",
            503,
            "ask whoever runs it; all data is kept",
            "请联系系统的运营方；所有数据均已保留",
        ),
        Code(
            "server.moving",
            "This system is being moved",
            "系统正在迁移",
            503,
            "try again in a moment; nothing was done",
            "请稍后再试；本次未做任何更改",
        ),
        Code(
            "server.full",
            "The server has no room for another system now",
            "服务器暂时无法打开更多系统",
            503,
            "try again in a moment; nothing was done",
            "请稍后再试；本次未做任何更改",
        ),
        Code(
            "licence.trial-over",
            "The trial ended on {until}: everything can be read and exported, nothing changed",
            "试用已于 {until} 结束：可以查看和导出全部数据，但不能再更改",
            403,
            "install a licence; nothing is lost",
            "请安装许可；数据不会丢失",
        ),
        Code(
            "licence.over",
            "The licence ended on {until}: everything can be read and exported, nothing changed",
            "许可已于 {until} 到期：可以查看和导出全部数据，但不能再更改",
            403,
            "install a new licence; nothing is lost",
            "请安装新的许可；数据不会丢失",
        ),
        Code(
            "licence.module",
            "{module} is not among the licensed modules: it can be read and exported",
            "{module_zh} 不在许可的模块之内：只能查看和导出",
            403,
            "ask the vendor for a licence that names it",
            "请向供应商购买包含该模块的许可",
        ),
        Code(
            "licence.seats",
            "The licence is for {users} people, {held} may sign in already",
            "许可人数为 {users}，已有 {held} 人可以登录",
            403,
            "disable somebody who needs it no more, or ask the vendor for more; whoever may sign in keeps that",
            "请停用不再需要的账号，或向供应商增购；已能登录的人不受影响",
        ),
    )
}
