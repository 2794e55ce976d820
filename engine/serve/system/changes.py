"""A system's metadata through the API: plan, apply, revisions, back again, modules and features. For administrators.

What is wrong is told as ``dougong check`` and ``dougong plan`` tell it: codes, file, line and column, the nearest name.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Mapping
from contextlib import nullcontext
from dataclasses import asdict
from typing import Any, TypeVar

from engine.db import Body
from engine.label import Label
from engine.plan.change import Plan
from engine.plan.metadata import Done, Order, Revision, Wanted
from engine.problem import KNOWN, Problems
from engine.serve.people import audit
from engine.serve.tenant import idempotency, rows
from engine.serve.tenant.door import At, Door
from engine.serve.tenant.here import Here
from engine.serve.tenant.studio import Studio
from engine.serve.wire.answer import Answer, as_json
from engine.serve.wire.fault import Fault, Refusal, refuse
from engine.serve.wire.parsing import own_body, wrong
from engine.serve.wire.shapes import FLAG, TEXT, WHOLE, Shape, body, items, listed, thing, words

MOST_TEXT = 4 * 1024 * 1024
_FILE = re.compile(r"[\w.-]+(/[\w.-]+)*\.ya?ml", re.ASCII)
_WAIT = 2
T = TypeVar("T")
_KEYS = ("overlays", "switches", "folder", "revision", "bundle", "over_changes", "downgrade")


def studio_of(here: Here) -> Studio:
    if here.tenant.studio is None:
        raise refuse("change.nowhere")
    return here.tenant.studio


def refusal(studio: Studio, found: Problems) -> Refusal:
    """The same diagnostics as the commands give; where in the text each is stands in ``where``."""
    faults = []
    for one in found.problems:
        says, hint = studio.said(one)
        code = KNOWN.get(one.code)
        status = (code.status if code is not None else None) or 422
        faults.append(Fault(one.code, says, "", hint, where=str(one.where), status=status))
    waiting = faults[0].status == 503 or faults[0].code == "plan.running"
    return Refusal(faults, headers={"retry-after": str(_WAIT)} if waiting else None)


def placed(one: Fault) -> Label:
    """Its sentence with the place in the text in front."""
    where = f"{one.where} — " if one.where else ""
    return Label(where + one.says.to("zh"), where + one.says.to("en"))


async def planned(here: Here, wanted: Wanted) -> Plan:
    return await asked(here, studio_of(here).plan(wanted))


async def asked(here: Here, answer: Awaitable[T]) -> T:
    try:
        return await answer
    except Problems as found:
        raise refusal(studio_of(here), found) from None


async def apply(here: Here, wanted: Wanted, order: Order) -> Answer:
    """Done once for each idempotency key, whether or not its caller is still there to hear of it."""
    key, moment = idempotency.key_of(here.asked, here.me), here.moment()
    studio, tenant = studio_of(here), here.tenant

    def beside(plan: Plan, detail: Mapping[str, Any]) -> Body[None]:
        yield rows.insert("_audit", [audit.row(here, "metadata.applied", None, detail)], tenant.database.dialect)
        if key is not None:
            yield from idempotency.put(key, _answered(Done(plan, int(detail["revision"]))), moment)

    with nullcontext() if key is None else idempotency.alone(tenant, key):
        if key is not None:
            kept = await tenant.database.write(lambda: idempotency.recall(key, moment))
            if kept is not None:
                return kept
        done = await asked(here, studio.apply(wanted, order, beside))
        answer = _answered(done)
        if key is not None and done.posted:
            await tenant.database.write(lambda: idempotency.put(key, answer, moment))
        return answer


def _answered(done: Done) -> Answer:
    posted = {"posted": dict(done.posted)} if done.posted else {}
    return Answer(200, as_json({**done.plan.plain(despite=True), "applied": done.applied, **posted}))


# what is asked


def wanted_of(given: Mapping[str, Any]) -> Wanted:
    """Out of a body that was checked for unknown keys."""
    if sum(bool(given.get(name)) for name in ("folder", "revision", "bundle")) > 1:
        raise wrong("revision", "one of folder, revision, bundle", "folder、revision、bundle 之一")
    overlays = given.get("overlays")
    bundle = given.get("bundle", "")
    alone = overlays is None and not given.get("switches")
    if "bundle" in given and not (isinstance(bundle, str) and bundle and alone):
        raise wrong("bundle", "the text of a bundle, and nothing beside it", "配置包文本，且不与其他内容并用")
    return Wanted(
        None if overlays is None else [_files(one, n) for n, one in enumerate(_list(overlays))],
        _switches(given.get("switches", {})),
        _flag(given, "folder"),
        _number(given, "revision"),
        bundle,
        _flag(given, "over_changes"),
        _flag(given, "downgrade"),
    )


def order_of(here: Here, given: Mapping[str, Any], note: str = "") -> Order:
    review = given.get("plan")
    if review is not None and not (
        isinstance(review, dict) and isinstance(review.get("revision"), int) and isinstance(review.get("digest"), str)
    ):
        raise wrong("plan", '{"revision": 3, "digest": "…"}')
    said = given.get("note", note)
    if not isinstance(said, str) or len(said) > 1000:
        raise wrong("note", "at most 1000 letters", "最多 1000 个字")
    reviewed = (review["revision"], review["digest"]) if review is not None else None
    return Order(here.me.name, said.strip(), reviewed, reviewed is None, _flag(given, "despite_scenarios"))


def _list(given: Any) -> list[Any]:
    if not isinstance(given, list):
        raise wrong("overlays", '[{"acme.yaml": "overlay: acme…"}]')
    return given


def _files(given: Any, n: int) -> dict[str, str]:
    if not isinstance(given, dict) or not given or not all(isinstance(text, str) for text in given.values()):
        raise wrong(f"overlays/{n}", '{"acme.yaml": "overlay: acme…"}')
    for name in given:
        require_file_name(name, f"overlays/{n}")
    return given


def require_file_name(name: str, pointer: str) -> None:
    if len(name) > 200 or not _FILE.fullmatch(name) or ".." in name:
        raise wrong(
            pointer, "a file name like acme.yaml or acme/flows.yaml", "文件名，如 acme.yaml 或 acme/flows.yaml"
        )


def _switches(given: Any) -> dict[str, bool]:
    if not isinstance(given, dict) or not all(isinstance(on, bool) for on in given.values()):
        raise wrong("switches", '{"day-labor": false}')
    return given


def _flag(given: Mapping[str, Any], name: str) -> bool:
    found = given.get(name, False)
    if not isinstance(found, bool):
        raise wrong(name, "true | false")
    return found


def _number(given: Mapping[str, Any], name: str) -> int:
    found = given.get(name)
    if name not in given:
        return 0
    if isinstance(found, bool) or not isinstance(found, int) or not 1 <= found < 2**31:
        raise wrong(name, "a number of a revision", "版本号")
    return found


def _body(here: Here, *known: str) -> dict[str, Any]:
    return own_body(here.asked, *known) if here.asked.body else {}


# doors


async def _state(here: Here, _at: At) -> Answer:
    studio = studio_of(here)
    running, newest = await studio.running(), (await studio.revisions())[0]
    told = None if running is None else asdict(running)
    return Answer(200, as_json({"revision": newest.number, "digest": newest.digest, "running": told}))


async def _plan(here: Here, _at: At) -> Answer:
    given = _body(here, *_KEYS)
    return Answer(200, as_json((await planned(here, wanted_of(given))).plain()))


_ORDER = ("plan", "note", "despite_scenarios")


async def _apply(here: Here, _at: At) -> Answer:
    given = _body(here, *_KEYS, *_ORDER)
    return await apply(here, wanted_of(given), order_of(here, given))


async def _revisions(here: Here, _at: At) -> Answer:
    return Answer(200, as_json({"items": [_told(one) for one in await studio_of(here).revisions()]}))


def _told(one: Revision) -> dict[str, Any]:
    told = {"revision": one.number, "at": one.at, "by": one.by, "note": one.note, "digest": one.digest}
    return {**told, "changes": list(one.changes)}


async def _revision(here: Here, at: At) -> Answer:
    one = await asked(here, studio_of(here).revision(number_of(at.names["number"])))
    more = {"packs": one.packs, "switches": one.switches, "overlays": [dict(files) for files in one.overlays]}
    return Answer(200, as_json({**_told(one), **more}))


def number_of(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text):
        raise refuse("change.number", number=text[:40])
    return int(text)


async def _bundle(here: Here, _at: At) -> Answer:
    return Answer(200, (await asked(here, studio_of(here).bundle())).encode())


async def _difference(here: Here, at: At) -> Answer:
    numbers = number_of(at.names["before"]), number_of(at.names["after"])
    made = await asked(here, studio_of(here).difference(*numbers))
    told = {"before": made.before, "after": made.after, "text": made.text, "changes": list(made.changes)}
    return Answer(200, as_json(told))


async def _revert(here: Here, at: At) -> Answer:
    number = number_of(at.names["number"])
    given = _body(here, *_ORDER, "dry_run")
    if _flag(given, "dry_run"):
        return Answer(200, as_json((await planned(here, Wanted(revision=number))).plain()))
    return await apply(here, Wanted(revision=number), order_of(here, given, f"back to revision {number}"))


async def _switches_list(here: Here, _at: At) -> Answer:
    found = await asked(here, studio_of(here).switches())
    return Answer(200, as_json({"items": [one.plain() for one in found]}))


async def _switch(here: Here, at: At) -> Answer:
    name = at.names["switch"]
    given = _body(here, *_ORDER, "on", "dry_run")
    if not isinstance(given.get("on"), bool):
        raise wrong("on", "true | false")
    wanted = Wanted(switches={name: given["on"]})
    if _flag(given, "dry_run"):
        return Answer(200, as_json((await planned(here, wanted)).plain()))
    return await apply(here, wanted, order_of(here, given, f"{name} {'on' if given['on'] else 'off'}"))


_LABEL = thing("zh", "en", zh=TEXT, en=TEXT)
_MAP: Shape = {"type": "object"}
_CHANGE = thing("kind", "path", "risk", kind=TEXT, path=TEXT, risk=words("safe", "online", "guarded", "destructive"))
_PLAN = thing(
    "revision", "digest", "empty", "refused", "changes", revision=WHOLE, digest=TEXT, empty=FLAG, refused=FLAG,
    drift=listed(TEXT), changes=listed(_CHANGE),
)  # fmt: skip
_DONE = {**_PLAN, "properties": {**_PLAN["properties"], "applied": {"type": ["integer", "null"]}}}
_TEXTS: Shape = {"type": "object", "additionalProperties": TEXT}
_FLAGS: Shape = {"type": "object", "additionalProperties": FLAG}
_WANTED: dict[str, Shape] = {
    "overlays": listed(_TEXTS),
    "switches": _FLAGS,
    "folder": FLAG,
    "revision": {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
    "bundle": TEXT,
    "over_changes": FLAG,
    "downgrade": FLAG,
}
_SEEN = body("revision", "digest", revision=WHOLE, digest=TEXT)
_NOTE: Shape = {"type": "string", "maxLength": 1000}
_ORDERED: dict[str, Shape] = {"plan": _SEEN, "note": _NOTE, "despite_scenarios": FLAG}
_REVISION = thing("revision", "at", "by", revision=WHOLE, at=TEXT, by=TEXT, note=TEXT, digest=TEXT)
_SWITCH = thing("name", "on", name=TEXT, kind=words("module", "feature"), title=_LABEL, on=FLAG, needed_by=listed(TEXT))


def _door(name: str, method: str, path: str, handler: Any, says: str, **more: Any) -> Door:
    return Door(name, (method,), f"system/{path}", handler, who="administrator", says=says, **more)


DOORS = (
    _door(
        "changes.state", "GET", "changes", _state, "Which revision holds, and whether a change is under way",
        gives=thing("revision", "running", revision=WHOLE, digest=TEXT, running={"type": ["object", "null"]}),
    ),
    _door(
        "changes.plan", "POST", "changes/plan", _plan, "What would be changed; nothing is",
        takes=body(**_WANTED), gives=_PLAN, most=MOST_TEXT,
    ),
    _door(
        "changes.apply", "POST", "changes", _apply, "Change the system: all of a plan or nothing of it",
        scope="write", takes=body(**_WANTED, **_ORDERED), gives=_DONE, most=MOST_TEXT,
    ),
    _door(
        "changes.bundle", "GET", "bundle", _bundle, "All of the configuration, to be brought to another system",
        gives=thing("bundle", "format", "parts", "sha256", bundle=TEXT, format=WHOLE, parts=listed(_MAP), sha256=TEXT),
    ),
    _door("revisions.list", "GET", "revisions", _revisions, "What the metadata has been", gives=items(_REVISION)),
    _door(
        "revisions.show", "GET", "revisions/{number}", _revision, "A revision: its packs, switches and overlays",
        gives=_REVISION,
    ),
    _door(
        "revisions.diff", "GET", "revisions/{before}/diff/{after}", _difference,
        "What lies between two revisions, as text and as changes",
        gives=thing("before", "after", "text", "changes", before=WHOLE, after=WHOLE, text=TEXT, changes=listed(_MAP)),
    ),
    _door(
        "revisions.revert", "POST", "revisions/{number}/revert", _revert, "Go back to an earlier revision",
        scope="write", takes=body(**_ORDERED, dry_run=FLAG), gives=_DONE,
    ),
    _door(
        "switches.list", "GET", "switches", _switches_list,
        "Modules and features: on or off, who needs them, what they hold", gives=items(_SWITCH),
    ),
    _door(
        "switches.set", "POST", "switches/{switch}", _switch, "Switch a module or feature on or off",
        scope="write", takes=body("on", on=FLAG, dry_run=FLAG, **_ORDERED), gives=_DONE,
    ),
)  # fmt: skip
