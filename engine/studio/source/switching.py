"""Modules and features of a running system, on and off. Off means hidden: what they hold stays, and comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from engine.db import Database
from engine.fieldtypes.storage import quote
from engine.plan.metadata import Switch
from engine.plan.table import Table
from engine.problem import Problems, nearest, problem
from engine.studio.codes import CODES
from engine.studio.source.build import Source
from engine.studio.source.parts import Part, parts_of
from engine.tenants import identity


def listed(source: Source) -> list[Switch]:
    """Everything that can be switched, packs first, in the order of their dependencies."""
    parts = parts_of(source.packs)
    now = {**_written(source, parts), **source.switches}
    packs = [part for part in parts if not part.pack]
    off = {part.name for part in packs if not now[part.name]}
    on = {part.name for part in parts if now[part.name] and part.name not in off and part.pack not in off}
    while idle := {p.name for p in parts if p.pack and p.name in on and not on.issuperset(p.requires)}:
        on -= idle  # a feature is not on without those it requires

    def needed_by(wanted: str) -> tuple[str, ...]:
        return tuple(part.name for part in parts if wanted in part.requires and part.name in on)

    return [
        Switch(
            part.name,
            part.title,
            part.name in on,
            "feature" if part.pack else "module",
            needed_by(part.name),
            part.holds,
        )
        for part in parts
    ]


def _written(source: Source, parts: Sequence[Part]) -> dict[str, bool]:
    """What the text says: the project, or else the packs themselves."""
    return {**{part.name: part.default for part in parts}, **source.features}


async def counted(switches: Sequence[Switch], tables: Sequence[Table], database: Database) -> list[Switch]:
    """With the records that each holds, whether it is on or off; those of a field are the records that fill it."""
    columns = {table.name: {c.name for c in table.columns} for table in tables}
    paths = {held.path for one in switches for held in one.holds}
    known = sorted(await identity.all_of(database), key=lambda one: (one.retired is None, one.retired or 0))
    names = {one.path: one.physical for one in known}
    asked = {path: sql for path in sorted(paths) if (sql := _count(path, names, columns))}
    found: dict[str, int] = {}
    if asked:
        row = (await database.read("SELECT " + ", ".join(f"({sql})" for sql in asked.values())))[0]
        found = dict(zip(asked, map(int, row), strict=True))
    return [
        replace(one, holds=tuple(replace(held, records=found.get(held.path, 0)) for held in one.holds))
        for one in switches
    ]


def _count(path: str, names: Mapping[str, str], columns: Mapping[str, set[str]]) -> str:
    field = names.get(path, "") if path.count(".") > 1 else "*"
    table = names.get(path if field == "*" else path.rpartition(".")[0], "")
    if table not in columns or field not in {"*", *columns[table]}:
        return ""
    living = " WHERE deleted_at IS NULL" if "deleted_at" in columns[table] else ""
    return f"SELECT count({field if field == '*' else quote(field)}) FROM {quote(table)}{living}"


def known(source: Source, switches: Mapping[str, bool]) -> Mapping[str, bool]:
    """Those of them that the text still has: with a feature that a pack has given up goes what it was switched to."""
    there = {part.name for part in parts_of(source.packs)}
    return {name: on for name, on in switches.items() if name in there}


def switched(source: Source, name: str, on: bool) -> Source:
    return switched_to(source, {name: on})


def switched_to(source: Source, wanted: Mapping[str, bool]) -> Source:
    """What is switched to what the text says anyway leaves no trace. Raises Problems when there is nothing of a name,
    or what is on afterwards needs what is off."""
    known = {one.name: one for one in listed(source)}
    wrong = []
    for name in wanted:
        if name not in known:
            meant = nearest(name, known) or ", ".join(known)
            wrong.append(problem(CODES["switch.unknown"], name=name, nearest=meant))
    if wrong:
        raise Problems(wrong)
    written = _written(source, parts_of(source.packs))
    switches = {name: on for name, on in {**source.switches, **wanted}.items() if on is not written.get(name)}
    made = replace(source, switches=switches)
    after = {one.name: one for one in listed(made)}
    for name, on in wanted.items():
        if not on and after[name].kind == "module" and after[name].needed_by:
            wrong.append(problem(CODES["switch.needed"], name=name, by=", ".join(after[name].needed_by)))
    features = (part for part in parts_of(source.packs) if part.pack and wanted.get(part.name))
    for part in features:
        if lacks := [one for one in part.requires if one in after and not after[one].on]:
            wrong.append(problem(CODES["switch.lacks"], name=part.name, lacks=", ".join(lacks)))
    if wrong:
        raise Problems(wrong)
    return made
