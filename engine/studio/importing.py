"""Importing a file: read it, resolve its references, write all of it in one transaction or none of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.progress import Progress as Bar

from engine.db import Body, Call, Violation
from engine.fieldtypes.storage import bind, encode_rows, quote, row_source
from engine.plan.app import ImportPlan
from engine.plan.entity import Entity
from engine.problem import Problem, Problems, Where, nearest, problem
from engine.serve import licensing
from engine.serve.actions import of_violation
from engine.serve.bind import ENGINE
from engine.serve.decode import Change, Rules
from engine.serve.fault import Refusal
from engine.serve.store import Op, World
from engine.serve.tenancy import Tenant
from engine.serve.write import documents
from engine.studio.codes import CODES
from engine.studio.noting import noted
from engine.studio.opening import opened
from engine.work.codes import CODES as FILE_CODES
from engine.work.imports import Line, read_file

_BATCH = 250
_SHOWN = 200

Progress = Callable[[str, int, int], None]
"""(what is being done, how far, of how many)."""


@dataclass(frozen=True, slots=True)
class Imported:
    """``skipped`` rows were there already, by the mapping's key."""

    rows: int
    created: int
    skipped: int


async def import_file(
    tenant: Tenant, plan: ImportPlan, file: Path, progress: Progress = lambda *_: None, keep: bool = True
) -> Imported:
    """Imports the file; raises Problems with every broken row, and then nothing of it is kept. ``keep`` False does
    everything but the COMMIT."""
    entity = tenant.app.entities[plan.entity]
    reading = await asyncio.to_thread(read_file, file, plan, entity, lambda n: progress("read", n, n))
    if reading.problems:
        raise Problems(reading.problems)
    try:
        return await tenant.database.write(
            lambda: _all(tenant, plan, entity, file.name, reading.lines, progress, keep), tenant.app.epoch
        )
    except Violation as found:
        told = of_violation(tenant.app, entity, found).faults
        where = Where(file.name)
        raise Problems([Problem(f.code, f.says.to("en"), where, f.hint.to("en")) for f in told]) from found


class _DryRun(Exception):
    def __init__(self, imported: Imported) -> None:
        self.imported = imported
        super().__init__()


async def rehearse(tenant: Tenant, plan: ImportPlan, file: Path, progress: Progress = lambda *_: None) -> Imported:
    """Everything an import does, and then nothing is kept."""
    try:
        return await import_file(tenant, plan, file, progress, keep=False)
    except _DryRun as done:
        return done.imported


def _all(
    tenant: Tenant, plan: ImportPlan, entity: Entity, file: str, lines: Sequence[Line], progress: Progress, keep: bool
) -> Body[Imported]:
    references = yield from _references(tenant, entity, file, lines)
    known = yield from _known(tenant, plan, entity, lines, references)
    fresh = [line for line in lines if line.number not in known]
    licensing.require_writable(tenant)
    licensing.require_module(tenant, entity.module)
    world = World(tenant.app, tenant.asker, tenant.moment(ENGINE))
    zone = ZoneInfo(tenant.zone)
    done = 0
    for start in range(0, len(fresh), _BATCH):
        batch = fresh[start : start + _BATCH]
        ops = [
            Op(
                "create",
                entity.path,
                change=Change(_values(line, references, zone)),
                rules=Rules(trusted=True),
                pointer=f"/{n}",
            )
            for n, line in enumerate(batch)
        ]
        try:
            yield from documents(world, ops)
        except Refusal as refusal:
            raise Problems(_refused(refusal, file, batch)) from refusal
        done += len(batch)
        progress("write", done, len(fresh))
    imported = Imported(len(lines), done, len(lines) - done)
    if not keep:
        raise _DryRun(imported)
    return imported


def _values(line: Line, references: Mapping[tuple[str, str], str], zone: ZoneInfo) -> dict[str, Any]:
    typed = {
        name: value.replace(tzinfo=zone) if isinstance(value, datetime) and value.tzinfo is None else value
        for name, value in line.values.items()
    }
    return {**typed, **{field: references[field, text] for field, text in line.keys.items()}}


def _refused(refusal: Refusal, file: str, batch: Sequence[Line]) -> list[Problem]:
    """What checks said, at the lines of the file (all of the batch where the database cannot say which row)."""
    first, last = batch[0].number, batch[-1].number
    out = []
    for fault in refusal.faults[:_SHOWN]:
        place = fault.pointer.strip("/").split("/")[0]
        line = batch[int(place)].number if place.isdigit() and int(place) < len(batch) else first
        says = fault.says.to("en") if place.isdigit() else f"{fault.says.to('en')} (lines {first}–{last})"
        out.append(Problem(fault.code, says, Where(file, line, 1), fault.hint.to("en")))
    return out


def _references(tenant: Tenant, entity: Entity, file: str, lines: Iterable[Line]) -> Body[dict[tuple[str, str], str]]:
    """(field, text) → id, one statement per field; every name that finds no record is a problem of its first line."""
    wanted: dict[str, dict[str, int]] = {}
    for line in lines:
        for field, text in line.keys.items():
            wanted.setdefault(field, {}).setdefault(text, line.number)
    found: dict[tuple[str, str], str] = {}
    problems = []
    for field, texts in wanted.items():
        target = tenant.app.entities[entity.fields[field].target]
        ids = yield from _ids_by_key(tenant, target, list(texts))
        for text, number in texts.items():
            if text in ids:
                found[field, text] = ids[text]
            else:
                title = entity.fields[field].title.to("en")
                said = target.title.to("en")
                where = Where(file, number, 1)
                problems.append(problem(FILE_CODES["import.reference"], where, header=title, entity=said, value=text))
    if problems:
        raise Problems(problems)
    return found


def _ids_by_key(tenant: Tenant, target: Entity, texts: Sequence[str]) -> Body[dict[str, str]]:
    column = target.fields[target.key[0]].column
    dialect = tenant.database.dialect
    columns = (("k", "text", 0),)
    source = row_source(columns, dialect, "?1" if dialect == "sqlite" else "$1", "k")
    sql = (
        f"SELECT t.{quote(str(column))}, t.id FROM {source} JOIN {quote(target.table)} AS t"
        f" ON t.{quote(str(column))} = k.k WHERE t.deleted_at IS NULL"
    )
    rows = yield Call(sql, (encode_rows(columns, [{"k": text} for text in texts], dialect),))
    return {str(row[0]): str(row[1]) for row in rows}


def _known(
    tenant: Tenant, plan: ImportPlan, entity: Entity, lines: Sequence[Line], refs: Mapping[tuple[str, str], str]
) -> Body[set[int]]:
    """Numbers of the lines whose record is there already, by the mapping's key."""
    if not plan.key:
        return set()
    dialect = tenant.database.dialect
    fields = [entity.fields[name] for name in plan.key]
    names = ", ".join(quote(str(f.column)) for f in fields)
    rows = yield Call(f"SELECT {names} FROM {quote(entity.table)} WHERE deleted_at IS NULL")
    there = {tuple(row) for row in rows}
    values = ((line.number, _values(line, refs, ZoneInfo(tenant.zone))) for line in lines)
    return {
        number
        for number, row in values
        if tuple(bind(f.kind, f.scale, dialect, row.get(f.name)) for f in fields) in there
    }


def find_import(tenant: Tenant, name: str) -> ImportPlan:
    """By its path or, where that is clear, its bare name."""
    imports = tenant.app.imports
    found = [plan for path, plan in imports.items() if name in (path, path.partition(".")[2])]
    if len(found) != 1:
        known = ", ".join(imports) or "none"
        raise Problems([problem(CODES["app.no-import"], name=name, nearest=nearest(name, imports) or known)])
    return found[0]


def run(target: Path, name: str, file: Path, url: str, dry_run: bool, make: bool = False) -> None:
    """``dougong import``: with a bar for people, and a line of what became of it."""
    asyncio.run(_run(target, name, file, url, dry_run, make))


async def _run(target: Path, name: str, file: Path, url: str, dry_run: bool, make: bool) -> None:
    async with opened(target, url, make) as app:
        plan = find_import(app.tenant, name)
        if not dry_run:
            await noted(app.tenant.database, "import", {"import": name, "file": file.name})
        with Bar(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("read", total=None)

            def seen(what: str, done: int, of: int) -> None:
                bar.update(task, description=what, completed=done, total=of if what == "write" else None)

            done = await (rehearse if dry_run else import_file)(app.tenant, plan, file, seen)
    kept = "nothing was kept" if dry_run else f"{done.skipped:,} there already"
    print(f"{file.name}: {done.rows:,} rows, {done.created:,} created, {kept}")
