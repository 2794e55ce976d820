"""Pydantic models of the API."""

from __future__ import annotations

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

Hours = Annotated[Decimal, Field(ge=0, le=24, max_digits=17, decimal_places=2)]
Money = Annotated[Decimal, Field(ge=0, max_digits=17, decimal_places=2)]
Price = Annotated[Decimal, Field(ge=0, max_digits=21, decimal_places=6)]
Quantity = Annotated[Decimal, Field(ge=0, max_digits=19, decimal_places=4)]


class Named(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: UUID
    name: str


class EntryIn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    number: Annotated[str, Field(min_length=1, max_length=40)]
    project: UUID
    worker: UUID
    work_date: date
    shift: Literal["day", "night"]
    hours: Hours
    overtime: Hours
    price: Price
    allowance: Money
    quantity: Quantity
    status: Literal["draft", "approved"]
    approved: bool
    team: str
    location: str
    task: str
    entered_on: date
    remark: str = ""

    @model_validator(mode="after")
    def no_more_than_a_day(self) -> EntryIn:
        if self.hours + self.overtime > 24:
            raise ValueError("more than 24 hours a day")
        return self

    def amount(self) -> Decimal:
        return (self.hours * self.price).quantize(Decimal("0.01"), ROUND_HALF_UP)


class EntryPatch(BaseModel):
    """What may be changed; more fields would be listed here the same way."""

    model_config = ConfigDict(extra="forbid")
    hours: Hours | None = None
    remark: str | None = None
    status: Literal["draft", "approved"] | None = None


class EntryOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: UUID
    rev: int
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str
    number: str
    project: Named
    worker: Named
    work_date: date
    shift: str
    hours: Decimal
    overtime: Decimal
    price: Decimal
    amount: Decimal
    allowance: Decimal
    quantity: Decimal
    status: str
    approved: bool
    team: str
    location: str
    task: str
    entered_on: date
    remark: str


class Page(BaseModel):
    items: list[EntryOut]
    next: str | None


class ProjectSum(BaseModel):
    project: Named
    entries: int
    hours: Decimal
    amount: Decimal
