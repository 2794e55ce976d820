"""What surrounds every page: menus the reader may open, the way back, the switches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.plan.app import App
from engine.plan.page import Menu, MenuItem
from engine.plan.viewer import Viewer
from renderer.environment import texts


@dataclass(frozen=True, slots=True)
class Link:
    title: str
    href: str = ""
    current: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    icon: str
    links: tuple[Link, ...]

    @property
    def current(self) -> bool:
        return any(link.current for link in self.links)


def address(kind: str, name: str) -> str:
    """``day_labor.sheet`` of a kind (m: list, r: record, d: dashboard) as the path of its page."""
    module, _, rest = name.partition(".")
    return f"/{kind}/{module}/{rest}" if kind else f"/{module}/{rest}"


def may(viewer: Viewer, entity: str, operation: str) -> bool:
    return operation in viewer.can.get(entity, frozenset())


def item_link(app: App, viewer: Viewer, item: MenuItem, here: str) -> Link | None:
    """The menu item as a link, or None when this person may not open it."""
    if item.kind == "list":
        entity = item.entity or (app.lists[item.target].entity if item.target in app.lists else "")
        if item.target not in app.lists or not may(viewer, entity, "read"):
            return None
        href = address("m", item.target)
    elif item.kind == "dashboard":
        board = app.dashboards.get(item.target)
        if board is None or not sees_board(app, viewer, item.target):
            return None
        href = address("d", item.target)
    else:
        href = item.target if item.target.startswith("/") else ""
        if not href:
            return None
    return Link(item.title.to(viewer.language), href, href == here)


def sees_board(app: App, viewer: Viewer, name: str) -> bool:
    """A dashboard is worth opening when at least one tile's figures may be read."""
    board = app.dashboards[name]
    if board.access and "admin" not in viewer.roles and not set(board.access) & set(viewer.roles):
        return False
    figures = [app.figures[t.aggregation] for t in board.tiles if t.aggregation in app.figures]
    return any(all(may(viewer, source, "read") for source in f.sources) for f in figures)


def menu_group(app: App, viewer: Viewer, menu: Menu, here: str) -> Group | None:
    links = tuple(link for item in menu.items if (link := item_link(app, viewer, item, here)))
    return Group(menu.title.to(viewer.language), menu.icon, links) if links else None


def tools(viewer: Viewer, here: str) -> tuple[Group, ...]:
    """The engine's own pages, below those of the packs."""
    links = tuple(Link(tool.title.to(viewer.language), tool.href, tool.href == here) for tool in viewer.tools)
    return (Group(texts(viewer.language)("System"), "settings", links),) if links else ()


def shortcuts(app: App, viewer: Viewer) -> tuple[Link, ...]:
    """New documents this person may begin, what people come to do on site first: documents with a workflow, out of
    the menu that is most this person's own."""
    t = texts(viewer.language)
    found: list[tuple[bool, float, Link]] = []
    for menu in app.menus:
        mine = [item for item in menu.items if item_link(app, viewer, item, "")]
        for item in mine:
            page = app.lists.get(item.target) if item.kind == "list" else None
            if page is None or not may(viewer, page.entity, "create") or app.entities[page.entity].owner:
                continue
            entity = app.entities[page.entity]
            title = t("New {what}", what=entity.title.to(viewer.language))
            link = Link(title, f"{address('r', entity.path)}/new")
            found.append((not entity.machine, -len(mine) / len(menu.items), link))
    found.sort(key=lambda one: one[:2])
    return tuple(link for *_, link in found)


def shell(app: App, viewer: Viewer, title: str, trail: tuple[Link, ...] = (), here: str = "") -> dict[str, Any]:
    """The context that ``base.html`` needs; ``here`` is the address the menus mark."""
    t = texts(viewer.language)
    home = Link(t("Home"), "/", here == "/")
    signed_in = bool(viewer.user_id)
    menus = [g for m in app.menus if (g := menu_group(app, viewer, m, here))] if signed_in else []
    begin = shortcuts(app, viewer) if signed_in else ()
    return {
        "t": t,
        "viewer": viewer,
        "zh": t.language == "zh",
        "lang": "zh-CN" if t.language == "zh" else "en",
        "tenant": viewer.title.to(viewer.language) or t("Dougong"),
        "title": title,
        "trail": (home, *trail),
        "home": home,
        "menus": (*menus, *tools(viewer, here)),
        "begin": begin,
        "here": here,
    }


def list_of(app: App, entity: str) -> str:
    """The list page a record of this entity goes back to: in a menu when there is one."""
    in_menus = [i.target for m in app.menus for i in m.items if i.kind == "list"]
    for name in (*in_menus, *app.lists):
        if name in app.lists and app.lists[name].entity == entity:
            return name
    return ""
