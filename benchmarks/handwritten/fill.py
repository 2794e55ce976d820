"""Makes the tables of the hand-written app and fills them with the data set."""

from __future__ import annotations

import asyncio
import itertools
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, text

from benchmarks import dataset
from benchmarks.handwritten.app import engine_for
from benchmarks.handwritten.models import Base, LaborEntry, Membership, Project, Worker

TENANT = "acme"


def entry_row(entry: dataset.Entry) -> dict[str, Any]:
    row = asdict(entry)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    system = {"rev": 1, "created_at": at, "created_by": "seed", "updated_at": at, "updated_by": "seed"}
    refs = {"id": UUID(entry.id), "project_id": UUID(row.pop("project")), "worker_id": UUID(row.pop("worker"))}
    return row | refs | system | {"tenant": TENANT, "deleted_at": None}


async def fill(url: str, count: int) -> None:
    engine = engine_for(url)
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
        projects = [asdict(p) | {"id": UUID(p.id), "tenant": TENANT} for p in dataset.projects()]
        workers = [asdict(w) | {"id": UUID(w.id), "tenant": TENANT} for w in dataset.workers()]
        await connection.execute(insert(Project), projects)
        await connection.execute(insert(Worker), workers)
        members = [{"user": dataset.CLERK, "project_id": UUID(p), "role": "clerk"} for p in dataset.clerks_projects()]
        await connection.execute(insert(Membership), members)
        rows = dataset.entries(count)
        while chunk := [entry_row(e) for e in itertools.islice(rows, 5_000)]:
            await connection.execute(insert(LaborEntry), chunk)
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("ANALYZE"))
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(fill(sys.argv[1], int(sys.argv[2])))
