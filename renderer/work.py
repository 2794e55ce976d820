"""The page of background work."""

from __future__ import annotations

from engine.label import Label
from engine.plan.app import App
from engine.plan.viewer import Viewer, WorkView
from renderer.environment import render, texts
from renderer.shell import Link, shell
from renderer.values import moment

_ADDRESS = "/system/work"
_LOOPS = {
    "relay": Label("事件排序", "Relay: gives events their place"),
    "courier": Label("消息推送", "Courier: sends to webhooks"),
    "folder": Label("汇总折叠", "Folder: keeps sums short"),
    "sealer": Label("审计封存", "Sealer: chains the audit"),
    "sweeper": Label("过期清理", "Sweeper: ends what is past"),
}


def work_page(app: App, viewer: Viewer, view: WorkView) -> str:
    t = texts(viewer.language)
    context = shell(app, viewer, t("Background work"), (Link(t("Background work"), _ADDRESS, True),), _ADDRESS)
    words = {
        "waiting": t("Not sent yet"), "done": t("Delivered"), "dead": t("Given up"), "skipped": t("Not wanted"),
    }  # fmt: skip
    return render(
        "work.html",
        **context,
        outbox={**view.outbox, "since": moment(view.outbox["oldest"], viewer) if view.outbox["oldest"] else ""},
        since=moment(view.deliveries["oldest"], viewer) if view.deliveries["oldest"] else "",
        states=[(word, view.deliveries[state]) for state, word in words.items()],
        loops=[
            {
                **one,
                "title": _LOOPS[one["name"]].to(viewer.language) if one["name"] in _LOOPS else one["name"],
                "when": moment(one["last"], viewer) if one["last"] else "",
            }
            for one in view.loops
        ],
    )
