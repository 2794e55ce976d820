"""The page of bundles: this system's configuration as one file, and another one's looked at, planned and taken."""

from __future__ import annotations

from engine.plan.metadata import ChangeView, Wanted
from engine.serve.files import files
from engine.serve.files.receiving import store_of
from engine.serve.pages.change_pages import inputs_of, show, step
from engine.serve.system import changes
from engine.serve.tenant.door import At, Door
from engine.serve.tenant.here import Here, looks_like_id
from engine.serve.wire.answer import Answer, headers_of, said
from engine.serve.wire.fault import Refusal, refuse

_FLAGS = ("over_changes", "downgrade")


async def _page(here: Here, _at: At) -> Answer:
    return await show(here, "bundle", ChangeView())


async def _do(here: Here, _at: At) -> Answer:
    inputs = inputs_of(here)
    file = inputs.get("file", "")
    flags = {name: "true" for name in _FLAGS if inputs.get(name) == "true"}
    view = ChangeView(taking={"file": file, **flags} if file else flags, note=inputs.get("note", ""))
    try:
        studio = changes.studio_of(here)
        if inputs.get("_do") == "export":
            return _file(here.tenant.name, await changes.asked(here, studio.bundle()))
        if here.asked.refused:
            raise Refusal(here.asked.refused)
        text = await _text(here, file)
        view = ChangeView(taking=view.taking, note=view.note, bundle=await changes.asked(here, studio.shown(text)))
    except Refusal as refusal:
        return await show(here, "bundle", ChangeView(said=said(refusal.faults, here.language)), refusal.status)
    assert view.bundle is not None
    wanted = Wanted(bundle=text, over_changes="over_changes" in flags, downgrade="downgrade" in flags)
    return await step(here, "bundle", wanted, view, inputs, f"bundle {view.bundle['seal'][:12]}")


def _file(name: str, text: str) -> Answer:
    headers = {"content-disposition": f'attachment; filename="{files.safe_name(name)}.bundle"'}
    return Answer(200, text.encode(), headers_of({**headers, "cache-control": "no-store"}), b"application/json")


async def _text(here: Here, file: str) -> str:
    """Of a file that the caller has just sent in."""
    if not file:
        raise refuse("import.no-choice", "/file")
    row = await files.file_of(here.tenant, {"id": file}) if looks_like_id(file) else None
    if row is None or row["entity"] is not None or str(row["user"]) != here.me.user:
        raise refuse("file.none", "/file")
    if int(row["size"]) > changes.MOST_TEXT:
        raise refuse("api.too-large", "/file", limit=changes.MOST_TEXT)
    pieces = [piece async for piece in store_of(here.tenant).read(row["digest"], 0, int(row["size"]))]
    return b"".join(pieces).decode(errors="replace")


DOORS = (
    Door("page.bundle", ("GET", "HEAD"), "system/bundle", _page, who="administrator"),
    Door("page.bundle-do", ("POST",), "system/bundle", _do, who="administrator", scope="write", files=True),
)
