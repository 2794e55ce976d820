"""The application: ``uvicorn --factory benchmarks.handwritten.app:create``, the database in HANDWRITTEN_URL."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request
from sqlalchemy import Select, and_, event, func, or_, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import contains_eager

from benchmarks.handwritten.models import Audit, Change, History, LaborEntry, Membership, Outbox, Project, Worker
from benchmarks.handwritten.schemas import EntryIn, EntryOut, EntryPatch, Page, ProjectSum

SECRET = b"benchmark"


@dataclass(frozen=True, slots=True)
class Caller:
    user: str
    tenant: str


def token(user: str, tenant: str) -> str:
    """A signed token, as a JWT library would give."""
    payload = base64.urlsafe_b64encode(json.dumps({"sub": user, "tenant": tenant}).encode()).decode()
    return f"{payload}.{hmac.new(SECRET, payload.encode(), hashlib.sha256).hexdigest()}"


async def caller(authorization: Annotated[str, Header()] = "") -> Caller:
    payload, _, signature = authorization.removeprefix("Bearer ").rpartition(".")
    if not hmac.compare_digest(hmac.new(SECRET, payload.encode(), hashlib.sha256).hexdigest(), signature):
        raise HTTPException(401)
    claims = json.loads(base64.urlsafe_b64decode(payload))
    return Caller(claims["sub"], claims["tenant"])


def engine_for(url: str, connections: int = 16) -> AsyncEngine:
    """An engine with what each database needs to be durable and correct under concurrency."""
    if not url.startswith("sqlite"):
        return create_async_engine(url, pool_size=connections, max_overflow=0)
    engine = create_async_engine(url, pool_size=connections, max_overflow=0, connect_args={"timeout": 30})

    @event.listens_for(engine.sync_engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))

    return engine


async def session(request: Request) -> AsyncIterator[AsyncSession]:
    async with request.app.state.sessions() as opened:
        yield opened


async def writing(request: Request) -> AsyncIterator[AsyncSession]:
    """A session that will write: on SQLite the one writing connection, its lock taken at once."""
    async with request.app.state.writers() as opened:
        await opened.connection(execution_options={"begin": "BEGIN IMMEDIATE"})
        yield opened


def members_projects(who: Caller) -> Select[tuple[UUID]]:
    return select(Membership.project_id).where(Membership.user == who.user, Membership.role == "clerk")


def visible(who: Caller) -> Any:
    return and_(
        LaborEntry.tenant == who.tenant,
        LaborEntry.deleted_at.is_(None),
        LaborEntry.project_id.in_(members_projects(who)),
    )


def with_names(query: Select[Any]) -> Select[Any]:
    return (
        query.join(LaborEntry.project)
        .join(LaborEntry.worker)
        .options(contains_eager(LaborEntry.project), contains_eager(LaborEntry.worker))
    )


Session = Annotated[AsyncSession, Depends(session)]
Writing = Annotated[AsyncSession, Depends(writing)]
Who = Annotated[Caller, Depends(caller)]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    url = os.environ["HANDWRITTEN_URL"]
    lite = url.startswith("sqlite")
    engine = engine_for(url, 4 if lite else 16)
    writer = engine_for(url, 1) if lite else engine
    app.state.sessions = async_sessionmaker(engine, expire_on_commit=False)
    app.state.writers = async_sessionmaker(writer, expire_on_commit=False)
    yield
    await engine.dispose()
    await writer.dispose()


def create() -> FastAPI:
    app = FastAPI(lifespan=lifespan)

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/labor-entries/sums", response_model=list[ProjectSum])
    async def sums(db: Session, who: Who) -> Any:
        query = (
            select(Project, func.count(), func.sum(LaborEntry.hours), func.sum(LaborEntry.amount))
            .join(LaborEntry.project)
            .where(visible(who))
            .group_by(Project.id)
            .order_by(Project.code)
        )
        rows = (await db.execute(query)).all()
        return [{"project": p, "entries": n, "hours": hours, "amount": amount} for p, n, hours, amount in rows]

    @app.get("/labor-entries/{entry_id}", response_model=EntryOut)
    async def get_one(entry_id: UUID, db: Session, who: Who) -> Any:
        found = await db.scalar(with_names(select(LaborEntry)).where(LaborEntry.id == entry_id, visible(who)))
        if found is None:
            raise HTTPException(404)
        return found

    @app.get("/labor-entries", response_model=Page)
    async def list_entries(
        db: Session,
        who: Who,
        project: UUID | None = None,
        status: Literal["draft", "approved"] | None = None,
        since: date | None = None,
        after: str | None = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> Any:
        query = with_names(select(LaborEntry)).where(visible(who))
        if project:
            query = query.where(LaborEntry.project_id == project)
        if status:
            query = query.where(LaborEntry.status == status)
        if since:
            query = query.where(LaborEntry.work_date >= since)
        if after:
            day, _, last = after.partition("|")
            at = date.fromisoformat(day)
            query = query.where(
                or_(LaborEntry.work_date < at, and_(LaborEntry.work_date == at, LaborEntry.id < UUID(last)))
            )
        query = query.order_by(LaborEntry.work_date.desc(), LaborEntry.id.desc()).limit(limit + 1)
        rows = list((await db.scalars(query)).all())
        more = rows[limit - 1] if len(rows) > limit else None
        return {"items": rows[:limit], "next": f"{more.work_date}|{more.id}" if more else None}

    @app.post("/labor-entries", response_model=EntryOut, status_code=201)
    async def create_entry(body: EntryIn, db: Writing, who: Who) -> Any:
        project = await db.scalar(
            select(Project).where(
                Project.id == body.project, Project.tenant == who.tenant, Project.id.in_(members_projects(who))
            )
        )
        worker = await db.scalar(select(Worker).where(Worker.id == body.worker, Worker.tenant == who.tenant))
        wrong = {k: "unknown" for k, v in {"project": project, "worker": worker}.items() if v is None}
        if wrong:
            raise HTTPException(422, wrong)
        made = LaborEntry(
            id=uuid4(),
            tenant=who.tenant,
            created_by=who.user,
            updated_by=who.user,
            amount=body.amount(),
            project=project,
            worker=worker,
            **body.model_dump(exclude={"project", "worker"}),
        )
        db.add(made)
        await db.flush()
        remember(db, who, made, body.model_dump(mode="json"), "created")
        db.add(counted(made, 1))
        await db.commit()
        return made

    @app.patch("/labor-entries/{entry_id}", response_model=EntryOut)
    async def update_entry(entry_id: UUID, body: EntryPatch, db: Writing, who: Who) -> Any:
        query = with_names(select(LaborEntry)).where(LaborEntry.id == entry_id, visible(who))
        found = await db.scalar(query.with_for_update(of=LaborEntry))
        if found is None:
            raise HTTPException(404)
        before = counted(found, -1)
        for name, value in body.model_dump(exclude_unset=True).items():
            setattr(found, name, value)
        if body.hours is not None:
            found.amount = EntryIn.amount(found)  # type: ignore[arg-type]  # hours and price are all it reads
        found.updated_by = who.user
        await db.flush()
        remember(db, who, found, body.model_dump(mode="json", exclude_unset=True), "updated")
        db.add_all(moved(before, counted(found, 1)))
        await db.commit()
        return found

    return app


def remember(db: AsyncSession, who: Caller, entry: LaborEntry, changes: dict[str, Any], kind: str) -> None:
    """What changed, for people (history), auditors and other systems (outbox), in the same transaction."""
    db.add(
        History(tenant=who.tenant, entity="labor_entry", record=entry.id, rev=entry.rev, by=who.user, changes=changes)
    )
    db.add(Audit(tenant=who.tenant, by=who.user, act=kind, entity="labor_entry", record=entry.id))
    db.add(Outbox(tenant=who.tenant, kind=f"labor_entry.{kind}", payload={"id": str(entry.id), "rev": entry.rev}))


def counted(entry: LaborEntry, sign: int) -> Change:
    """What the entry adds to the sums of its project and month, or takes from them."""
    return Change(
        tenant=entry.tenant,
        project_id=entry.project_id or entry.project.id,
        month=entry.work_date.replace(day=1),
        entries=sign,
        hours=sign * entry.hours,
        amount=sign * entry.amount,
    )


def moved(before: Change, after: Change) -> list[Change]:
    same = (after.hours, after.amount) == (-before.hours, -before.amount)
    return [] if same else [before, after]
