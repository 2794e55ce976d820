"""Mapped classes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, DateTime, ForeignKey, Index, Numeric, String, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator, TypeEngine


class Scaled(TypeDecorator[Decimal]):
    """Exact decimals: NUMERIC on PostgreSQL, scaled integers on SQLite, which has none."""

    impl = Numeric
    cache_ok = True

    def __init__(self, scale: int) -> None:
        super().__init__(15 + scale, scale)
        self.digits = scale

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return BigInteger() if dialect.name == "sqlite" else Numeric(15 + self.digits, self.digits)

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        return int(value.scaleb(self.digits)) if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        return Decimal(value).scaleb(-self.digits) if value is not None and dialect.name == "sqlite" else value


Document = JSON().with_variant(JSONB(), "postgresql")


def now() -> datetime:
    return datetime.now(UTC)


class Base(DeclarativeBase):
    type_annotation_map = {datetime: DateTime(timezone=True)}  # noqa: RUF012  (SQLAlchemy's own way)


class Project(Base):
    __tablename__ = "project"
    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    tenant: Mapped[str] = mapped_column(String(20), index=True)
    code: Mapped[str]
    name: Mapped[str]
    region: Mapped[str]


class Worker(Base):
    __tablename__ = "worker"
    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    tenant: Mapped[str] = mapped_column(String(20), index=True)
    number: Mapped[str]
    name: Mapped[str]
    trade: Mapped[str]


class Membership(Base):
    __tablename__ = "membership"
    user: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[UUID] = mapped_column(ForeignKey("project.id"), primary_key=True)
    role: Mapped[str]


class LaborEntry(Base):
    __tablename__ = "labor_entry"
    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    tenant: Mapped[str] = mapped_column(String(20))
    rev: Mapped[int] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(default=now)
    created_by: Mapped[str]
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)
    updated_by: Mapped[str]
    deleted_at: Mapped[datetime | None]
    number: Mapped[str]
    project_id: Mapped[UUID] = mapped_column(ForeignKey("project.id"))
    worker_id: Mapped[UUID] = mapped_column(ForeignKey("worker.id"), index=True)
    work_date: Mapped[date]
    shift: Mapped[str]
    hours: Mapped[Decimal] = mapped_column(Scaled(2))
    overtime: Mapped[Decimal] = mapped_column(Scaled(2))
    price: Mapped[Decimal] = mapped_column(Scaled(6))
    amount: Mapped[Decimal] = mapped_column(Scaled(2))
    allowance: Mapped[Decimal] = mapped_column(Scaled(2))
    quantity: Mapped[Decimal] = mapped_column(Scaled(4))
    status: Mapped[str]
    approved: Mapped[bool]
    team: Mapped[str]
    location: Mapped[str]
    task: Mapped[str]
    entered_on: Mapped[date]
    remark: Mapped[str]

    project: Mapped[Project] = relationship(lazy="raise")
    worker: Mapped[Worker] = relationship(lazy="raise")

    __mapper_args__ = {"version_id_col": rev}  # noqa: RUF012  (SQLAlchemy's own way)
    __table_args__ = (Index("labor_entry_by_project", "tenant", "project_id", "work_date", "id"),)


class History(Base):
    __tablename__ = "history"
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant: Mapped[str] = mapped_column(String(20))
    entity: Mapped[str]
    record: Mapped[UUID] = mapped_column(index=True)
    rev: Mapped[int]
    at: Mapped[datetime] = mapped_column(default=now)
    by: Mapped[str]
    changes: Mapped[dict[str, Any]] = mapped_column(Document)


class Audit(Base):
    """Who did what, for auditors."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant: Mapped[str] = mapped_column(String(20))
    at: Mapped[datetime] = mapped_column(default=now)
    by: Mapped[str]
    act: Mapped[str]
    entity: Mapped[str]
    record: Mapped[UUID] = mapped_column(index=True)


class Change(Base):
    """What an entry adds to the sums of its project and month; a job folds it into them, so that writers do not queue
    for one row."""

    __tablename__ = "labor_entry_change"
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant: Mapped[str] = mapped_column(String(20))
    project_id: Mapped[UUID]
    month: Mapped[date]
    entries: Mapped[int]
    hours: Mapped[Decimal] = mapped_column(Scaled(2))
    amount: Mapped[Decimal] = mapped_column(Scaled(2))


class Outbox(Base):
    __tablename__ = "outbox"
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant: Mapped[str] = mapped_column(String(20))
    kind: Mapped[str]
    at: Mapped[datetime] = mapped_column(default=now)
    payload: Mapped[dict[str, Any]] = mapped_column(Document)
