"""The engine's own pages in the menu, below what the packs put there. Every page under ``/system`` has its row here."""

from __future__ import annotations

from engine.label import Label
from engine.plan.viewer import Tool
from engine.serve.tenant.bind import Me

_EVERYBODY = (
    Tool(Label("我的账号", "My account"), "/system/me"),
    Tool(Label("接口文档", "API reference"), "/docs"),
)
"""Whoever has signed in may open these; what they show is what he may see."""

_AUDIT = Tool(Label("审计", "Audit"), "/system/audit")
_ADMINISTRATORS: tuple[Tool, ...] = (
    Tool(Label("人员与登录", "People and logins"), "/system/people"),
    Tool(Label("权限", "Rights"), "/system/rights"),
    Tool(Label("事件推送", "Webhooks"), "/system/webhooks"),
    Tool(Label("后台任务", "Background work"), "/system/work"),
    Tool(Label("许可", "Licence"), "/system/licence"),
    Tool(Label("模块与功能", "Modules and features"), "/system/switches"),
    Tool(Label("变更系统", "Change the system"), "/system/changes"),
    Tool(Label("版本", "Revisions"), "/system/revisions"),
    Tool(Label("配置包", "Bundles"), "/system/bundle"),
    Tool(Label("限时授权", "Access for a time"), "/system/grants"),
    _AUDIT,
)


def tools(me: Me) -> tuple[Tool, ...]:
    if me.user is None:
        return ()
    if me.granted == "auditor":
        return (_EVERYBODY[0], _AUDIT)
    return (*_EVERYBODY, *(_ADMINISTRATORS if me.admin else ()))
