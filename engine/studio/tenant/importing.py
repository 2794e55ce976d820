"""Importing a file at the terminal: all of it in one transaction, or none of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress as Bar

from engine.db import Body
from engine.intake import read_file
from engine.plan.app import ImportPlan
from engine.problem import Problem, Problems, Where, nearest, problem
from engine.serve.document.decode import Rules
from engine.serve.document.store import Op
from engine.serve.records import importing
from engine.serve.records.importing import Bringing, Found, Outcome, Rehearsed
from engine.serve.tenant.bind import ENGINE
from engine.serve.tenant.tenancy import Tenant
from engine.serve.write.writing import transact
from engine.studio.codes import CODES
from engine.studio.tenant.noting import noted
from engine.studio.tenant.opening import opened

_SHOWN = 200

Progress = Callable[[str, int, int], None]
"""(what is being done, how far, of how many)."""


@dataclass(frozen=True, slots=True)
class Imported:
    """``skipped`` records were there already, by the mapping's key."""

    rows: int
    created: int
    skipped: int


async def import_file(
    tenant: Tenant, plan: ImportPlan, file: Path, progress: Progress = lambda *_: None, keep: bool = True
) -> Imported:
    """Imports the file; raises Problems with every broken row, and then nothing of it is kept. ``keep`` False does
    everything but the COMMIT."""
    entity = tenant.app.entities[plan.entity]
    child = importing.child_of(tenant, plan)
    reading = await asyncio.to_thread(read_file, file, plan, entity, child, lambda n: progress("read", n, n))
    _refuse(file, map(importing.of_wrong, reading.wrong))
    rules = Rules(trusted=True)
    bringing = Bringing(plan, entity, rules=rules, seen=lambda done, of: progress("write", done, of))
    refs, unknown = await importing.references(tenant, ENGINE, bringing, reading)
    _refuse(file, unknown)
    moment = tenant.moment(ENGINE)

    def body() -> Body[Outcome]:
        outcome = yield from importing.bring(tenant, moment, bringing, reading, refs)
        _refuse(file, outcome.found)
        if not keep:
            raise Rehearsed(outcome)
        return outcome

    try:
        done = await transact(tenant, tenant.app, [Op("create", entity.path)], body)
    except Rehearsed as rehearsed:
        done = rehearsed.outcome
    return Imported(done.rows, done.created, done.skipped)


def _refuse(file: Path, found: Iterable[Found]) -> None:
    told = [
        Problem(
            one.fault.code,
            one.fault.says.to("en"),
            Where(file.name, one.row, 1 if one.row else 0),
            one.fault.hint,
        )
        for one in sorted(found, key=lambda f: f.row)
    ]
    if told:
        raise Problems(told[:_SHOWN])


async def rehearse(tenant: Tenant, plan: ImportPlan, file: Path, progress: Progress = lambda *_: None) -> Imported:
    """Everything an import does, and then nothing is kept."""
    return await import_file(tenant, plan, file, progress, keep=False)


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
