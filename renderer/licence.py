"""The page of the licence."""

from __future__ import annotations

from engine.label import Label
from engine.plan.app import App
from engine.plan.viewer import LicenceView, Viewer
from renderer.environment import render, texts
from renderer.shell import Link, shell

_ADDRESS = "/system/licence"
EDITIONS = {
    "trial": Label("试用版", "Trial"),
    "professional": Label("专业版", "Professional"),
    "enterprise": Label("企业版", "Enterprise"),
}
_WRONG = {
    "licence.form": Label("许可文件无法读取", "The installed file cannot be read"),
    "licence.forged": Label("许可文件的签名不是供应商的", "The installed file is not signed by the vendor"),
    "licence.other": Label("许可文件属于其他租户", "The installed file is made out to somebody else"),
}


def licence_page(app: App, viewer: Viewer, view: LicenceView) -> str:
    t = texts(viewer.language)
    context = shell(app, viewer, t("Licence"), (Link(t("Licence"), _ADDRESS, True),), _ADDRESS)
    told = view.told
    wrong = str(told.get("wrong") or "")
    return render(
        "licence.html",
        **context,
        told=told,
        edition=EDITIONS[told["edition"]].to(viewer.language) if told["licensed"] else "",
        wrong=_WRONG.get(wrong, Label(wrong, wrong)).to(viewer.language) if wrong else "",
    )
