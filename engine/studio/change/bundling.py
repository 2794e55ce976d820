"""Configuration taken out of one tenant and brought into another: a bundle becomes a plan like any other."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from engine.db import Body, Call, Database, Lost, open_database
from engine.fieldtypes import REGISTRY
from engine.label import Label
from engine.plan.app import App
from engine.plan.change import Line
from engine.problem import Problems, problem
from engine.read import versions_of
from engine.serve.people import audit
from engine.serve.tenant import rows
from engine.serve.tenant.ids import uuid7
from engine.studio.change import bundles
from engine.studio.change.bundles import Bundle, Digests
from engine.studio.change.changing import Asked, taken
from engine.studio.change.planning import Planned, installed, planned, require_no_downgrade
from engine.studio.change.telling import Told
from engine.studio.codes import CODES
from engine.studio.follow.following import held
from engine.studio.source.build import source_from
from engine.studio.source.project import find_project
from engine.studio.tenant.opening import install
from engine.studio.tenant.where import Where, database_of
from engine.tenants import revision

_MARK = "$bundle"
"""A row of ``_setting``: which parts the last bundle brought."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a bundle comes in: ``over`` what was changed in the target since, with a pack that is older (``downgrade``),
    into a database that is made for it (``new``)."""

    over: bool = False
    downgrade: bool = False
    new: bool = False


async def export(where: Where, expects: Bundle | None = None) -> Bundle:
    async with _opened(where) as database:
        made = await bundle_of(database)
    return made if expects is None else replace(made, expects=expects.digests)


async def bundle_of(database: Database) -> Bundle:
    have = await installed(database)
    return Bundle(source_from(have.source), tuple(await _settings(database)))


async def bring(where: Where, bundle: Bundle, arrival: Arrival, asked: Asked) -> Told | None:
    """None when a database was made and installed, instead of changed."""
    if arrival.new and not asked.go and not await _there(where):
        _require_settings(bundle.source.app("sqlite"), bundle)
        return None
    async with _opened(where, arrival.new) as database:
        if arrival.new and await held(database) is None:
            await _new(database, bundle)
            return None
        beside = find_project(where.target).places if where.target is not None else ()
        made = await arriving(bundle, database, arrival, beside)
        if asked.go and made.plan.empty:
            await unchanged(made, database)
        return await taken(made, database, asked)


async def arriving(bundle: Bundle, database: Database, arrival: Arrival, beside: Sequence[Path] = ()) -> Planned:
    """The plan. Raises Problems where the target is another system, was changed since, or has a newer pack."""
    now, source = await bundle_of(database), bundle.source
    if not arrival.over:
        await _require_unchanged(now, bundle, database)
    if not arrival.downgrade:
        require_no_downgrade(now.source, source)
    made = await planned(source, database, switched=True, beside=beside)
    _require_settings(made.app, bundle)
    lines = tuple(_lines(now.settings, bundle.settings))

    def also(number: int) -> Body[None]:
        if now.settings != bundle.settings:
            yield from _set(database, now, bundle)
        yield from _mark(database, bundle, number)

    return replace(made, plan=replace(made.plan, lines=(*made.plan.lines, *lines)), also=also)


async def unchanged(made: Planned, database: Database) -> None:
    """A plan that changes nothing is taken: of a bundle it is written that it was here."""
    also = made.also
    if also is not None:
        await database.write(lambda: also(made.have.number))


async def _require_unchanged(now: Bundle, bundle: Bundle, database: Database) -> None:
    here, coming = now.digests, bundle.digests
    if here == coming:
        return
    if now.source.name != bundle.source.name:
        raise Problems([problem(CODES["bundle.other"], name=bundle.source.name, other=now.source.name)])
    expected = bundle.expects or await _last(database)
    if changed := bundles.differing(here, expected):
        raise Problems([problem(CODES["bundle.changed"], parts=bundles.named(changed))])


async def _last(database: Database) -> Digests:
    """What the last bundle brought, or what was installed."""
    kept = await database.read(f"SELECT value FROM _setting WHERE name = '{_MARK}'")
    if kept:
        value = kept[0][0]
        found: dict[str, str] = (json.loads(value) if isinstance(value, str) else value)["parts"]
        return found
    text = await revision.source_of(database, 1)
    return Bundle(source_from(text)).digests if text is not None else {}


def _mark(database: Database, bundle: Bundle, number: int) -> Body[None]:
    value = {"revision": number, "seal": bundle.seal, "parts": bundle.digests}
    row = {"id": uuid7(), "name": _MARK, "scope": "tenant", "value": value, "at": datetime.now(UTC)}
    yield rows.delete("_setting", database.dialect, {"name": _MARK})
    yield rows.insert("_setting", [row], database.dialect)


def shown(bundle: Bundle) -> dict[str, Any]:
    """What is in it."""
    source = bundle.source
    return {
        "name": source.name,
        "engine": bundle.engine,
        "seal": bundle.seal,
        "packs": versions_of(source.packs),
        "overlays": [file for files in source.overlays for file in files],
        "switches": {**source.features, **source.switches},
        "settings": [list(one) for one in bundle.settings],
        "parts": bundle.digests,
        "expects": dict(bundle.expects),
    }


# values of settings


async def _settings(database: Database) -> list[tuple[str, str, Any]]:
    """What was set for the whole tenant; of several for the same day the newest. Those of a place are data, and the
    engine's own begin with a ``$``."""
    found: dict[tuple[str, str], Any] = {}
    for name, since, value in await database.read(
        "SELECT name, since, value FROM _setting WHERE place IS NULL AND name NOT LIKE '$%' ORDER BY at, id"
    ):
        found[str(name), "" if since is None else str(since)[:10]] = _value(value)
    return [(name, since, value) for (name, since), value in sorted(found.items())]


def _value(raw: Any) -> Any:
    found = json.loads(raw) if isinstance(raw, str) else raw
    return json.loads(json.dumps(found, sort_keys=True))  # a database may have put keys in an order of its own


def _require_settings(app: App, bundle: Bundle) -> None:
    """That what is switched off keeps its values, like everything it holds."""
    wrong = []
    for name, since, value in bundle.settings:
        try:
            if since:
                date.fromisoformat(since)
            if name in app.settings and value is not None:
                spec = app.settings[name].spec
                REGISTRY[spec.type].coerce(value, spec)
        except (ValueError, TypeError, ArithmeticError) as error:
            wrong.append(problem(CODES["bundle.setting"], name=name, reason=error))
    if wrong:
        raise Problems(wrong)


def _lines(before: Sequence[tuple[str, str, Any]], after: Sequence[tuple[str, str, Any]]) -> Iterator[Line]:
    was, now = ({(name, since): value for name, since, value in one} for one in (before, after))
    for key in sorted({*was, *now}):
        if was.get(key) == now.get(key) and (key in was) == (key in now):
            continue
        told = [json.dumps(one[key], ensure_ascii=False) if key in one else "–" for one in (was, now)]
        zh, en = (f"（自 {key[1]} 起）", f" from {key[1]} on") if key[1] else ("", "")
        says = Label(f"{told[0]} 改为 {told[1]}{zh}", f"{told[0]} becomes {told[1]}{en}")
        yield Line("setting", key[0], "safe", says, section="settings")


def _set(database: Database, now: Bundle, bundle: Bundle) -> Body[None]:
    moment = datetime.now(UTC)
    for name in dict.fromkeys(name for name, _, _ in (*now.settings, *bundle.settings)):
        mark = rows.placeholder(database.dialect, 1)
        yield Call(f"DELETE FROM _setting WHERE name = {mark} AND place IS NULL", (name,))
    made = [
        {"id": uuid7(), "name": name, "scope": "tenant", "value": value, "at": moment}
        | ({"since": date.fromisoformat(since)} if since else {})
        for name, since, value in bundle.settings
    ]
    if made:
        yield rows.insert("_setting", made, database.dialect)


# where


async def _there(where: Where) -> bool:
    """Whether there is a system already; a database is not made to find out."""
    try:
        async with _opened(where) as database:
            return await held(database) is not None
    except Lost:
        return False


async def _new(database: Database, bundle: Bundle) -> None:
    _require_settings(bundle.source.app(database.dialect), bundle)
    await install(bundle.source, database)

    def body() -> Body[None]:
        yield rows.insert("_audit", [audit.at_terminal("bundle", {"revision": 1})], database.dialect)
        yield from _set(database, replace(bundle, settings=()), bundle)
        yield from _mark(database, bundle, 1)

    await database.write(body)


@asynccontextmanager
async def _opened(where: Where, make: bool = False) -> AsyncIterator[Database]:
    url = await database_of(where)
    if not url:
        raise Problems([problem(CODES["bundle.nowhere"])])
    database = await open_database(url, make)
    try:
        yield database
    finally:
        await database.close()
