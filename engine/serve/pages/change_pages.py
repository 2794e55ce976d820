"""Pages of changes: modules and features, overlays as text, revisions. What they do goes the way of the API."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from engine.plan.metadata import ChangeView, Order, Wanted
from engine.serve.pages import forms
from engine.serve.pages.html import html, viewer
from engine.serve.system import changes
from engine.serve.tenant.door import At, Door
from engine.serve.tenant.here import Here
from engine.serve.wire.answer import Answer, said
from engine.serve.wire.fault import Fault, Refusal, refuse
from engine.serve.wire.parsing import pairs_of
from renderer import changes as templates

Inputs = Mapping[str, str]


async def show(here: Here, page: str, view: ChangeView, status: int = 200) -> Answer:
    studio = here.tenant.studio
    if studio is None:
        view = replace(view, said=said(refuse("change.nowhere").faults, here.language))
    else:
        view = replace(view, running=await studio.running())
        if page == "switches":
            view = replace(view, switches=await studio.switches())
        elif page != "bundle":
            view = replace(view, revisions=await studio.revisions())
        if page == "changes" and not view.files:
            newest = await studio.revision(view.revisions[0].number)
            view = replace(view, files=_listed(newest.overlays))
    return html(templates.change_page(here.app, viewer(here.tenant, here.me, here.language), page, view), status)


async def step(here: Here, page: str, wanted: Wanted, view: ChangeView, inputs: Inputs, note: str) -> Answer:
    """A plan is shown; it is taken when it is sent back as it was seen, or is safe through and through."""
    try:
        reviewed = (changes.number_of(inputs["_revision"]), inputs["_digest"]) if inputs.get("_digest") else None
        order = Order(here.me.name, (inputs.get("note", "").strip() or note)[:1000], reviewed, True)
        if reviewed is None:
            plan = await changes.planned(here, wanted)
            if plan.careful or plan.empty or page != "switches":
                return await show(here, page, replace(view, plan=plan))
        done = json.loads((await changes.apply(here, wanted, order)).body)
    except Refusal as refusal:
        return await show(here, page, replace(view, said=said(_placed(refusal), here.language)), refusal.status)
    return await show(here, page, ChangeView(done=done["applied"] or 0, noted=done["applied"] is None))


def _placed(refusal: Refusal) -> tuple[Fault, ...]:
    """With the place in the text in front of each sentence."""
    return tuple(replace(f, says=changes.placed(f)) for f in refusal.faults)


def _listed(overlays: Sequence[Mapping[str, str]]) -> list[tuple[str, str, str]]:
    """(name, text, the overlay it is a file of)"""
    return [(name, text, str(n)) for n, files in enumerate(overlays) for name, text in files.items()]


def inputs_of(here: Here) -> dict[str, str]:
    return {name: values[-1] for name, values in forms.inputs_of(here.asked.body).items()}


async def _switches(here: Here, _at: At) -> Answer:
    return await show(here, "switches", ChangeView())


async def _switch(here: Here, _at: At) -> Answer:
    inputs = inputs_of(here)
    name, on = inputs.get("switch", ""), inputs.get("on") == "true"
    view = ChangeView(taking={"switch": name, "on": "true" if on else "false"})
    return await step(here, "switches", Wanted(switches={name: on}), view, inputs, f"{name} {'on' if on else 'off'}")


async def _changes(here: Here, _at: At) -> Answer:
    return await show(here, "changes", ChangeView())


async def _change(here: Here, _at: At) -> Answer:
    given = forms.inputs_of(here.asked.body)
    typed = [
        (name.strip(), text.replace("\r\n", "\n"), group)
        for name, text, group in zip(*(given.get(key, []) for key in ("name", "text", "group")), strict=False)
        if name.strip() and text.strip()
    ]
    overlays: dict[str, dict[str, str]] = {}
    for name, text, group in typed:
        overlays.setdefault(group, {})[name] = text
    inputs = inputs_of(here)
    view = ChangeView(files=typed, note=inputs.get("note", ""))
    try:
        for name, _, _ in typed:
            changes.require_file_name(name, "name")
    except Refusal as refusal:
        return await show(here, "changes", replace(view, said=said(refusal.faults, here.language)), refusal.status)
    return await step(here, "changes", Wanted(overlays=list(overlays.values())), view, inputs, "")


async def _revisions(here: Here, _at: At) -> Answer:
    given = dict(pairs_of(here.asked.query))
    view = ChangeView()
    if given.get("before") and given.get("after") and here.tenant.studio is not None:
        try:
            numbers = changes.number_of(given["before"]), changes.number_of(given["after"])
            made = await changes.asked(here, here.tenant.studio.difference(*numbers))
            view = replace(view, difference=made)
        except Refusal as refusal:
            view = replace(view, said=said(refusal.faults, here.language))
            return await show(here, "revisions", view, refusal.status)
    return await show(here, "revisions", view)


async def _revert(here: Here, _at: At) -> Answer:
    inputs = inputs_of(here)
    number = changes.number_of(inputs.get("revision", ""))
    view = ChangeView(taking={"revision": str(number)})
    return await step(here, "revisions", Wanted(revision=number), view, inputs, f"back to revision {number}")


DOORS = tuple(
    Door(f"page.{name}{more}", methods, f"system/{name}", handler, who="administrator", scope=scope)  # type: ignore[arg-type]
    for name, show, do in (
        ("switches", _switches, _switch), ("changes", _changes, _change), ("revisions", _revisions, _revert),
    )
    for more, methods, handler, scope in (("", ("GET", "HEAD"), show, "read"), ("-do", ("POST",), do, "write"))
)  # fmt: skip
