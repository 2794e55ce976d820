"""The page of who may sign in."""

from __future__ import annotations

from urllib.parse import urlencode

from engine.plan.app import App
from engine.plan.viewer import PeopleView, Viewer
from renderer.environment import render, texts
from renderer.shell import Link, shell

_ADDRESS = "/system/people"


def people_page(app: App, viewer: Viewer, view: PeopleView) -> str:
    t = texts(viewer.language)
    context = shell(app, viewer, t("People and logins"), (Link(t("People and logins"), _ADDRESS, True),), _ADDRESS)
    following = f"{_ADDRESS}?{urlencode({'q': view.words, 'after': view.next})}" if view.next else ""
    return render("people.html", **context, view=view, said=view.said, following=following)
