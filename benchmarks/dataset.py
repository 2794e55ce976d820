"""The same rows for everyone who is measured: 100 projects, 2,000 workers, 200,000 labour entries; seeded."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

PROJECTS = 100
WORKERS = 2_000
ENTRIES = 200_000
QUICK_ENTRIES = 20_000
DAY_ONE = date(2025, 1, 1)
TRADES = ("carpenter", "steel", "concrete", "mason", "electric", "plumbing", "paint", "general")
REGIONS = ("north", "east", "south", "west")
LOCATIONS = ("1号楼", "2号楼", "地下室", "室外管网", "样板区")
CLERK = "clerk"
"""The person who asks: not an administrator, holds the role ``clerk`` on the first half of the projects."""
RESTRICTED = "restricted"
"""Holds the same role on two of the hundred projects: his scope removes nearly every row."""
ADMINISTRATOR = "administrator"


def identity(kind: int, n: int) -> str:
    """A UUID of version 7 whose order is n's: kinds do not mix, and a run repeats."""
    return str(UUID(int=((1_735_689_600_000 + n) << 80) | (7 << 76) | (kind << 64) | (2 << 62) | n))


@dataclass(frozen=True, slots=True)
class Project:
    id: str
    code: str
    name: str
    region: str


@dataclass(frozen=True, slots=True)
class Worker:
    id: str
    number: str
    name: str
    trade: str


@dataclass(frozen=True, slots=True)
class Entry:
    id: str
    number: str
    project: str
    worker: str
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


def projects() -> list[Project]:
    return [Project(identity(1, n), f"P{n:03}", f"项目 {n:03} 期", REGIONS[n % len(REGIONS)]) for n in range(PROJECTS)]


def workers() -> list[Worker]:
    return [Worker(identity(2, n), f"W{n:05}", f"工人{n:05}", TRADES[n % len(TRADES)]) for n in range(WORKERS)]


def clerks_projects() -> list[str]:
    return [identity(1, n) for n in range(PROJECTS // 2)]


def restricted_projects() -> list[str]:
    return [identity(1, n) for n in (3, 30)]


def entries(count: int = ENTRIES) -> Iterator[Entry]:
    rng = random.Random(20_261_123)
    for n in range(count):
        hours = Decimal(rng.randrange(100, 1_200)).scaleb(-2)
        price = Decimal(rng.randrange(25_000_000, 65_000_000)).scaleb(-6)
        day = DAY_ONE + timedelta(days=rng.randrange(540))
        status = "approved" if rng.random() < 0.7 else "draft"
        yield Entry(
            id=identity(3, n),
            number=f"LE-{n:07}",
            project=identity(1, rng.randrange(PROJECTS)),
            worker=identity(2, rng.randrange(WORKERS)),
            work_date=day,
            shift="night" if rng.random() < 0.2 else "day",
            hours=hours,
            overtime=Decimal(rng.randrange(0, 400)).scaleb(-2),
            price=price,
            amount=(hours * price).quantize(Decimal("0.01"), ROUND_HALF_UP),
            allowance=Decimal(rng.randrange(0, 5_000)).scaleb(-2),
            quantity=Decimal(rng.randrange(0, 900_000)).scaleb(-4),
            status=status,
            approved=status == "approved",
            team=f"班组{rng.randrange(40):02}",
            location=LOCATIONS[rng.randrange(len(LOCATIONS))],
            task=f"task {rng.randrange(300):03}",
            entered_on=day + timedelta(days=rng.randrange(4)),
            remark="按图施工，已验收" if rng.random() < 0.3 else "",
        )


def bodies(count: int, projects_of: list[str]) -> Iterator[dict[str, object]]:
    """Bodies to create entries with, as a client sends them."""
    rng = random.Random(77)
    for n in range(count):
        yield {
            "number": f"NEW-{n:07}",
            "project": projects_of[rng.randrange(len(projects_of))],
            "worker": identity(2, rng.randrange(WORKERS)),
            "work_date": (DAY_ONE + timedelta(days=rng.randrange(540))).isoformat(),
            "shift": "day",
            "hours": f"{rng.randrange(100, 1_200) / 100:.2f}",
            "overtime": "0.50",
            "price": f"{rng.randrange(25, 65)}.500000",
            "allowance": "12.00",
            "quantity": "3.2500",
            "status": "draft",
            "approved": False,
            "team": "班组01",
            "location": LOCATIONS[0],
            "task": f"task {rng.randrange(300):03}",
            "entered_on": "2026-06-30",
            "remark": "按图施工",
        }
