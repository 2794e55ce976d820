"""The pages: plans and decoded answers in, a whole HTML document out. Nothing here asks a database anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.plan.app import App
from engine.plan.machine import Machine
from engine.plan.page import Dashboard, FormPage, ListPage
from engine.plan.viewer import Action, DashboardView, HomeView, ListView, RecordView, Said, Viewer
from renderer import boards, lists, records
from renderer.environment import render, texts
from renderer.island import form_data
from renderer.shell import Link, address, list_of, may, sees_board, shell
from renderer.values import Cell, display_of, machine_of, moment, state_cell
from renderer.visible import invisible


def login(
    app: App, viewer: Viewer, said: tuple[Said, ...] = (), name: str = "", next: str = "/", two: bool = False
) -> str:
    """``two``: a second step is asked for."""
    t = texts(viewer.language)
    return render("login.html", **shell(app, viewer, t("Sign in")), said=said, name=name, next=next, two=two)


def home(app: App, viewer: Viewer, view: HomeView) -> str:
    tasks = []
    for task in view.tasks:
        path = str(task.get("entity", ""))
        entity = app.entities.get(path)
        machine = machine_of(app, entity) if entity else None
        step = next((s for s in machine.steps if s.name == task.get("step")), None) if machine else None
        initiator = task.get("initiator")
        by = initiator.get("display") if isinstance(initiator, dict) else initiator
        tasks.append(
            {
                "href": f"{address('r', path)}/{task.get('root')}",
                "what": entity.title.to(viewer.language) if entity else path,
                "display": task.get("display") or "",
                "step": step.title.to(viewer.language) if step else "",
                "by": by or "",
                "behalf": called_by(task.get("for")),
                "at": moment(task.get("born"), viewer),
            }
        )
    seen_boards = [
        Link(d.title.to(viewer.language), address("d", name))
        for name, d in app.dashboards.items()
        if sees_board(app, viewer, name)
    ]
    context = shell(app, viewer, texts(viewer.language)("Home"), here="/")
    context["trail"] = ()
    return render("home.html", **context, tasks=tasks, boards=seen_boards)


def list_page(app: App, viewer: Viewer, page: ListPage, view: ListView) -> str:
    href = address("m", page.name)
    title = page.title.to(viewer.language)
    context = shell(app, viewer, title, (menu_of(app, viewer, page.name), Link(title, href, True)), href)
    return render("list.html", **context, **lists.list_context(app, viewer, page, view), href=href)


def menu_of(app: App, viewer: Viewer, name: str) -> Link:
    """The step of the breadcrumbs above a list or a dashboard: its menu, which has no page of its own."""
    for menu in app.menus:
        if any(item.target == name for item in menu.items):
            return Link(menu.title.to(viewer.language))
    module = app.modules.get(name.partition(".")[0])
    return Link(module.title.to(viewer.language) if module else "")


def record_page(app: App, viewer: Viewer, page: FormPage, view: RecordView) -> str:
    t = texts(viewer.language)
    entity = app.entities[page.entity]
    machine = machine_of(app, entity)
    what = entity.title.to(viewer.language)
    values = records.values_of(view)
    new = view.record is None
    called = "" if view.record is None else display_of(app, entity, view.record, viewer.language, viewer.zone)
    title = t("New {what}", what=what) if new else called or what
    back = list_of(app, page.entity)
    trail: tuple[Link, ...] = (Link(title, current=True),)
    if back and may(viewer, page.entity, "read"):
        trail = (
            menu_of(app, viewer, back),
            Link(app.lists[back].title.to(viewer.language), address("m", back)),
            *trail,
        )
    state = None
    if machine is not None and view.record is not None:
        state = state_cell(machine, view.record.get(machine.field), viewer.language)
    made = records.sections(app, viewer, page, view, values)
    made = records.with_visibility(made, invisible(viewer, entity, values))
    inputs = [i for s in made for i in s.inputs]
    editable = any(i.editable for i in inputs)
    pointers = {f"/{i.name}" for i in inputs}
    for grid in (i for i in inputs if isinstance(i, records.GridView)):
        for line in grid.lines:
            pointers.add(f"/{grid.name}/{line.index}")
            pointers.update(f"/{grid.name}/{line.index}/{c.field.name}" for c in line.inputs)
    action = f"{address('r', entity.path)}/{'new' if view.record is None else view.record.get('id')}"
    may_do = view.actions or (first_actions(viewer, machine) if new and machine is not None else ())
    deciding = [a for a in may_do if a.kind in ("approve", "reject")]
    others = [a for a in may_do if a.kind not in ("approve", "reject")]
    return render(
        "record.html",
        **shell(app, viewer, title, trail, address("m", back) if back else ""),
        entity=entity,
        what=what,
        called=called,
        state=state,
        sections=made,
        editable=editable,
        grids=any(isinstance(i, records.GridView) for i in inputs),
        attaching=any(records.attaching(i) for i in inputs),
        new=new,
        values=values,
        action=action,
        deciding=deciding,
        plain=[a for a in others if not a.reason],
        grave=[a for a in others if a.reason],
        can_delete=view.can_delete and not new,
        saved=view.saved,
        source=source_of(app, viewer, view.record),
        errors=[s for s in view.said if s.level == "error"],
        warnings=[s for s in view.said if s.level == "warning"],
        anchors=pointers,
        trail_rows=[trail_row(app, viewer, entity, row) for row in view.trail],
        history_rows=[history_row(app, viewer, entity, row) for row in view.history],
        earlier=view.earlier,
        data=form_data(app, viewer, page, view, values) if editable else None,
    )


def source_of(app: App, viewer: Viewer, record: Mapping[str, Any] | None) -> Link | None:
    """The document behind an entry of a ledger, for readers who may read such documents."""
    told = (record or {}).get("_source")
    if not isinstance(told, dict) or told["entity"] not in app.entities or not may(viewer, told["entity"], "read"):
        return None
    title = app.entities[told["entity"]].title.to(viewer.language)
    return Link(title, f"{address('r', told['entity'])}/{told['id']}")


def first_actions(viewer: Viewer, machine: Machine) -> tuple[Action, ...]:
    """What may be done with a record when it is entered: hand it in. Whether at this place, the server says."""
    return tuple(
        Action(t.name, t.title)
        for t in machine.transitions.values()
        if t.approval
        and machine.initial in t.sources
        and (
            "admin" in viewer.roles
            or any(role in viewer.roles for role, _ in t.by.roles)
            or (t.open and may(viewer, machine.entity, "act"))
        )
    )


def called_by(value: Any) -> str:
    return str(value.get("display") or "") if isinstance(value, dict) else str(value or "")


def who_did(viewer: Viewer, who: Any, behalf: Any) -> str:
    """``B for A`` where somebody stood in."""
    if not behalf:
        return called_by(who)
    told = texts(viewer.language)("{who} for {other}")
    return told.replace("{who}", called_by(who)).replace("{other}", called_by(behalf))


def trail_row(app: App, viewer: Viewer, entity: Any, row: Any) -> dict[str, Any]:
    t = texts(viewer.language)
    machine = machine_of(app, entity)
    step = next((s for s in machine.steps if s.name == row.get("step")), None) if machine else None
    decisions = {
        "approve": ("good", t("Approved")),
        "reject": ("over", t("Rejected")),
        "withdraw": ("plain", t("Withdrawn")),
        "submit": ("begun", t("Submitted")),
    }
    decision = str(row.get("decision") or "")
    waiting = ("waiting", t("Waiting")) if row.get("open") else ("plain", decision)
    tone, said = decisions.get(decision, waiting)
    return {
        "step": step.title.to(viewer.language) if step else str(row.get("step") or ""),
        "who": who_did(viewer, row.get("user"), row.get("for")),
        "cell": Cell(said, "state", tone),
        "opinion": row.get("opinion") or "",
        "at": moment(row.get("at"), viewer),
        "round": row.get("round"),
    }


def history_row(app: App, viewer: Viewer, entity: Any, row: Any) -> dict[str, Any]:
    t = texts(viewer.language)
    machine = machine_of(app, entity)
    action = str(row.get("action") or "")
    known = {
        "create": t("Created"),
        "update": t("Changed"),
        "delete": t("Deleted"),
        "restore": t("Restored"),
        "approve": t("Approved"),
        "reject": t("Rejected"),
        "withdraw": t("Withdrawn"),
    }
    transition = machine.transitions.get(action) if machine else None
    said = known.get(action) or (transition.title.to(viewer.language) if transition else action)
    change = row.get("change")
    return {
        "at": moment(row.get("at"), viewer),
        "who": who_did(viewer, row.get("by"), row.get("for")),
        "said": said,
        "changes": records.change_lines(app, viewer, entity, change) if isinstance(change, dict) else [],
    }


def dashboard_page(app: App, viewer: Viewer, page: Dashboard, view: DashboardView) -> str:
    href = address("d", page.name)
    title = page.title.to(viewer.language)
    context = shell(app, viewer, title, (menu_of(app, viewer, page.name), Link(title, href, True)), href)
    return render("dashboard.html", **context, **boards.board_context(app, viewer, page, view), href=href)


def tile_page(app: App, viewer: Viewer, page: Dashboard, tile: str, view: DashboardView) -> str:
    """One tile of a dashboard with all that is behind it; ``page`` holds it alone."""
    href = f"{address('d', page.name)}/{tile}"
    board = Link(page.title.to(viewer.language), f"{address('d', page.name)}{lists.params(view.filters)}")
    made = boards.tile_context(app, viewer, page, view)
    title = page.tiles[0].title.to(viewer.language)
    context = shell(app, viewer, title, (menu_of(app, viewer, page.name), board, Link(title, href, True)), href)
    return render("tile.html", **context, **made, href=href)


def problem_page(app: App, viewer: Viewer, status: int, title: str, said: tuple[Said, ...]) -> str:
    return render("problem.html", **shell(app, viewer, title), status=status, said=said)
