"""Systems that change at random while they hold data: nothing is lost, and what is there is what is wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.db.diff import reworded, wanting
from engine.db.inspect import drift
from engine.db.system import TABLES
from engine.plan.app import App
from engine.plan.table import Table
from engine.problem import Problems
from engine.studio.change.planning import installed
from engine.studio.source.build import source_from
from tests.studio.shop import Shop, listed, post

STEPS = [
    "add",
    "add",
    "retire",
    "restore",
    "rename",
    "swap",
    "reuse",
    "undo",
    "widen",
    "narrow",
    "require",
    "record",
    "record",
    "change",
    "switch",
    "name",
]
BORN: dict[str, tuple[dict[str, Any], Any, Any]] = {
    "text": ({"type": "text"}, "a", "b"),
    "integer": ({"type": "integer"}, 7, 8),
    "decimal": ({"type": "decimal", "scale": 1}, "1.5", "2.5"),
    "boolean": ({"type": "boolean", "required": True, "default": False}, True, False),
    "date": ({"type": "date"}, "2026-01-02", "2026-03-04"),
    "choice": ({"type": "choice", "options": {"x": "X", "y": "Y"}}, "x", "y"),
}


@dataclass
class Known:
    """A field as the model knows it: its name, how it is written, what each record holds in it."""

    name: str
    kind: str
    noun: dict[str, Any]
    values: dict[str, Any] = field(default_factory=dict)
    retired: bool = False
    number: dict[str, Any] = field(default_factory=dict)
    """How it was written as long as it was no text."""


class Model:
    """What must be there, whatever was done to the metadata."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.fields: list[Known] = []
        self.entity = "item"
        self.codes: list[str] = []
        self.was: list[str] = []
        self.off = False
        self.made = 0
        self.shop.pack["entities"] = {"item": {"title": "Item", "key": ["code"], "fields": {"code": {"type": "text"}}}}

    @property
    def living(self) -> list[Known]:
        return [known for known in self.fields if not known.retired]

    def pick(self, among: list[Known], n: int) -> Known | None:
        return among[n % len(among)] if among else None

    def noun(self) -> None:
        """The pack as the model has it now."""
        fields: dict[str, Any] = {"code": {"type": "text"}}
        fields |= {known.name: known.noun for known in self.living}
        entity: dict[str, Any] = {"title": "Item", "key": ["code"], "fields": fields}
        if self.was:
            entity["was"] = list(self.was)
        self.shop.pack["entities"] = {} if self.off else {self.entity: entity}

    async def step(self, what: str, n: int) -> None:
        if self.off and what != "switch":
            return
        await getattr(self, f"_{what}")(n)

    async def _applied(self) -> None:
        self.noun()
        await self.shop.apply()
        await self.shop.settled()
        await self.holds()

    async def holds(self) -> None:
        if self.off:
            return
        async with self.shop.served() as (_, door):
            found = {row["code"]: row for row in await listed(door, self.entity)}
        assert set(found) == set(self.codes)
        for known in self.living:
            told = {code: row[known.name] for code, row in found.items()}
            assert told == {code: known.values.get(code, self._else(known)) for code in self.codes}, known

    @staticmethod
    def _else(known: Known) -> Any:
        """What a record holds that was there before the field, or was not told it."""
        return known.noun["default"] if known.noun.get("required") else None

    async def _add(self, n: int) -> None:
        kind = list(BORN)[n % len(BORN)]
        self.made += 1
        self.fields.append(Known(f"f{self.made}", kind, dict(BORN[kind][0])))
        await self._applied()

    async def _retire(self, n: int) -> None:
        known = self.pick(self.living, n)
        if known is not None:
            known.retired = True
            await self._applied()

    async def _restore(self, n: int) -> None:
        gone = [k for k in self.fields if k.retired and k.name not in {o.name for o in self.living}]
        known = self.pick(gone, n)
        if known is not None:
            known.retired = False
            await self._applied()

    async def _rename(self, n: int) -> None:
        known = self.pick(self.living, n)
        if known is not None:
            self.made += 1
            known.noun["was"] = [known.name, *known.noun.get("was", [])]
            known.name = f"f{self.made}"
            await self._applied()

    async def _widen(self, n: int) -> None:
        known = self.pick([k for k in self.living if k.kind in ("integer", "decimal")], n)
        if known is None:
            return
        scale = known.noun.get("scale", 0) + 1
        if n % 4 == 3:
            known.number = dict(known.noun)
            known.noun["type"] = "text"
            known.noun.pop("scale", None)
            told = {code: None if v is None else str(v) for code, v in known.values.items()}
            known.kind = "wide"
        elif scale <= 4:
            known.noun |= {"type": "decimal", "scale": scale}
            told = {c: None if v is None else f"{Decimal(v):.{scale}f}" for c, v in known.values.items()}
            known.kind = "decimal"
        else:
            return
        known.values = told
        await self._applied()

    async def _narrow(self, n: int) -> None:
        """Text becomes the number again that it was, as long as all of it is still one."""
        known = self.pick([k for k in self.living if k.kind == "wide"], n)
        if known is None:
            return
        kept = deepcopy(known.noun)
        known.noun |= {key: known.number[key] for key in ("type", "scale") if key in known.number}
        if "w" in known.values.values():
            self.noun()
            with pytest.raises(Problems) as caught:
                await self.shop.apply()
            assert [p.code for p in caught.value.problems] == ["plan.refused"]
            known.noun = kept
            self.noun()
            await self.holds()
            return
        known.kind = known.number["type"]
        whole = known.kind == "integer"
        known.values = {c: int(v) if whole and v is not None else v for c, v in known.values.items()}
        await self._applied()

    async def _require(self, n: int) -> None:
        """Refused as long as a record lacks it; then it changes nothing."""
        known = self.pick([k for k in self.living if k.kind == "text"], n)
        if known is None or known.noun.get("required"):
            return
        lacking = [code for code in self.codes if known.values.get(code) is None]
        if not lacking:
            return
        known.noun["required"] = True
        self.noun()
        with pytest.raises(Problems) as caught:
            await self.shop.apply()
        assert [p.code for p in caught.value.problems] == ["plan.refused"]
        del known.noun["required"]
        self.noun()
        await self.holds()

    async def _record(self, n: int) -> None:
        self.noun()
        code = f"c{len(self.codes)}"
        values: dict[str, Any] = {}
        for at, known in enumerate(self.living):
            if (n >> at) & 1 or known.noun.get("required"):
                values[known.name] = self._value(known, n + at)
        async with self.shop.served() as (_, door):
            await post(door, self.entity, code=code, **values)
        self.codes.append(code)
        for known in self.living:
            known.values[code] = values.get(known.name)
        await self.holds()

    def _value(self, known: Known, n: int) -> Any:
        if known.kind == "wide":
            return "w"
        value = BORN[known.kind][1 + n % 2]
        if known.kind == "decimal":
            return f"{Decimal(value):.{known.noun['scale']}f}"
        return value

    async def _change(self, n: int) -> None:
        known = self.pick(self.living, n)
        if known is None or not self.codes:
            return
        code, value = self.codes[n % len(self.codes)], self._value(known, n + 1)
        async with self.shop.served() as (_, door):
            row = next(r for r in await listed(door, self.entity) if r["code"] == code)
            answer = await door.patch(
                f"/{self.entity}/{row['id']}", json={known.name: value}, headers={"if-match": f'"{row["rev"]}"'}
            )
            assert answer.status_code == 200, answer.text
        known.values[code] = value
        await self.holds()

    async def _switch(self, n: int) -> None:
        self.off = not self.off
        await self._applied()

    async def _swap(self, n: int) -> None:
        one, other = self.pick(self.living, n), self.pick(self.living, n + 1)
        if one is None or other is None or one is other:
            return
        for known in (one, other):
            known.noun["was"] = [known.name, *known.noun.get("was", [])]
        one.name, other.name = other.name, one.name
        await self._applied()

    async def _reuse(self, n: int) -> None:
        """Its name is given to something else in the same step."""
        known = self.pick(self.living, n)
        if known is None:
            return
        self.made += 1
        kind = list(BORN)[n % len(BORN)]
        self.fields.append(Known(known.name, kind, dict(BORN[kind][0])))
        known.noun["was"] = [known.name, *known.noun.get("was", [])]
        known.name = f"f{self.made}"
        await self._applied()

    async def _undo(self, n: int) -> None:
        """A change, and back to the revision before it, be it that numbers became text."""
        async with self.shop.database() as database:
            number = (await installed(database)).number
        kept = deepcopy((self.fields, self.entity, self.was, self.off))
        await (self._rename, self._swap, self._retire, self._name, self._add, self._widen)[n % 6](n)
        self.fields, self.entity, self.was, self.off = kept
        self.noun()
        await self.shop.revert(number)
        await self.holds()

    async def _name(self, n: int) -> None:
        self.made += 1
        self.was = [self.entity, *self.was]
        self.entity = f"item{self.made}"
        await self._applied()


async def lived(shop: Shop, steps: list[tuple[str, int]]) -> None:
    model = Model(shop)
    model.noun()
    async with shop.served():
        pass
    for what, n in steps:
        await model.step(what, n)
    # Whatever was retired comes back.
    model.off = False
    for known in model.fields:
        if known.retired and known.name not in {k.name for k in model.living}:
            known.retired = False
    await model._applied()
    await as_if_new(shop)


async def as_if_new(shop: Shop) -> None:
    """What is there is what is wanted, and but for the names of birth it is what a new system would have."""
    async with shop.database() as database:
        have, dialect = await installed(database), database.dialect
        assert not await drift(database, have.tables)
    source = source_from(have.source)
    app, new = source.app(dialect), replace(source, layout={}).app(dialect)
    assert not wanting(have.tables, (*TABLES, *app.tables))
    assert [told(table, app) for table in app.tables] == [told(table, new) for table in new.tables]


def told(table: Table, app: App) -> Any:
    """A table by what things are called."""
    tables = {entity.table: entity.path for entity in app.entities.values()}
    entity = app.entities[table.entity]
    names = {field.column: field.name for field in entity.fields.values() if field.column}

    def called(column: str) -> str:
        return names.get(column, column)

    def worded(sql: str) -> str:
        return reworded(sql, {c.name: called(c.name) for c in table.columns})

    return (
        table.entity,
        sorted((called(c.name), c.kind, c.scale, c.nullable) for c in table.columns),
        sorted((called(k.column), tables[k.table], k.on_delete) for k in table.foreign_keys),
        sorted((worded(c.sqlite), worded(c.postgresql)) for c in table.checks),
        sorted((tuple(map(called, i.columns)), i.unique, worded(i.where)) for i in table.indexes),
    )


_LIVES = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 63)), min_size=3, max_size=14)


def run(make: Callable[[], Shop], steps: list[tuple[str, int]]) -> None:
    asyncio.run(lived(make(), steps))


def fresh(base: Path, url: str = "") -> Shop:
    name = f"s{uuid4().hex[:12]}"
    return Shop(base / name, f"{url}?schema={name}" if url else f"sqlite://{base}/{name}.db")


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(steps=_LIVES)
def test_evolution(tmp_path: Path, steps: list[tuple[str, int]]) -> None:
    run(lambda: fresh(tmp_path), steps)


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(steps=_LIVES)
def test_evolution_on_postgresql(tmp_path: Path, postgres_url: str, steps: list[tuple[str, int]]) -> None:
    run(lambda: fresh(tmp_path, postgres_url), steps)


@pytest.mark.parametrize(
    "steps",
    [
        [("add", 0), ("record", 1), ("reuse", 0), ("swap", 0)],
        [("add", 0), ("add", 0), ("record", 1), ("swap", 0), ("reuse", 1)],
        [("add", 0), ("add", 0), ("reuse", 0), ("record", 1), ("swap", 2), ("reuse", 2)],
        [("add", 0), ("add", 0), ("reuse", 1), ("swap", 2), ("record", 1), ("swap", 0), ("swap", 0)],
    ],
)
def test_names_that_were_given_anew_are_exchanged(tmp_path: Path, steps: list[tuple[str, int]]) -> None:
    """Lives in which somebody was once taken for another one."""
    run(lambda: fresh(tmp_path), steps)


@pytest.mark.long
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_LIVES)
def test_long_evolution(tmp_path: Path, steps: list[tuple[str, int]]) -> None:
    run(lambda: fresh(tmp_path), steps)


@pytest.mark.long
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_LIVES)
def test_long_evolution_on_postgresql(tmp_path: Path, postgres_url: str, steps: list[tuple[str, int]]) -> None:
    run(lambda: fresh(tmp_path, postgres_url), steps)
