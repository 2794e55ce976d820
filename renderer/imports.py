"""The page of an import."""

from __future__ import annotations

from engine.plan.app import App
from engine.plan.viewer import ImportView, Viewer
from renderer.environment import render
from renderer.shell import Link, address, shell
from renderer.values import moment

MOST = 200
"""Problems that a page shows; the workbook has all of them."""


def import_page(app: App, viewer: Viewer, view: ImportView) -> str:
    title = view.title.to(viewer.language)
    entity = app.entities[view.entity]
    above = tuple(
        Link(page.title.to(viewer.language), address("m", path), False)
        for path, page in app.lists.items()
        if page.entity == view.entity
    )[:1]
    context = shell(app, viewer, title, (*above, Link(title, view.address, True)), view.address)
    report = view.report
    named = {name: f.title.to(viewer.language) for name, f in entity.fields.items()}
    for field in entity.fields.values():
        if field.origin == "lines" and field.target in app.entities:
            named = {n: f.title.to(viewer.language) for n, f in app.entities[field.target].fields.items()} | named
    return render(
        "import.html",
        **context,
        view=view,
        said=view.said,
        what=entity.title.to(viewer.language),
        columns=[(" / ".join(headers), told.to(viewer.language), needed) for headers, told, needed in view.columns],
        report=report,
        problems=list(report["problems"])[:MOST] if report else [],
        totals=[(named.get(name, name), total) for name, total in report["totals"].items()] if report else [],
        runs=[{**run, "at": moment(run["at"], viewer), "undone": bool(run["undone"])} for run in view.runs],
    )
