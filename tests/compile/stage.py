"""A compiled system on a real database, statement by statement: what the server does, without the server."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from engine.db import Body, Call, Database, install
from engine.db.system import TABLES
from engine.fieldtypes.storage import bind, encode_rows
from engine.plan.app import App
from engine.plan.entity import LineWrite, TableWrite, Write
from engine.plan.statement import Param, Statement

NOW = datetime(2026, 3, 5, 8, 0, tzinfo=UTC)


@dataclass
class Stage:
    app: App
    database: Database
    now: datetime = NOW
    today: date = date(2026, 3, 5)
    me: str = "00000000-0000-7000-8000-00000000000a"
    settings: dict[str, Any] = field(default_factory=dict)
    made: int = 0

    async def build(self) -> Stage:
        await install(self.database, (*TABLES, *self.app.tables))
        return self

    def id(self) -> str:
        self.made += 1
        return f"00000000-0000-7000-9000-{self.made:012d}"

    def value(self, param: Param, inputs: Mapping[str, Any]) -> Any:
        known = {"now": self.now, "today": self.today, "language": "zh", "zone": "Asia/Shanghai"}
        if param.source == "input":
            value = inputs[param.name]
            if isinstance(value, list) and param.kind == "json":
                value = json.dumps(value)
        elif param.source == "literal":
            value = param.value
        elif param.source == "setting":
            value = self.settings.get(param.name, self._setting(param.name))
        elif param.source == "me":
            value = self.me
        else:
            value = known[param.source]
        return bind(param.kind, param.scale, self.app.dialect, value)

    def _setting(self, name: str) -> Any:
        return self.app.settings[name].default

    @property
    def nothing(self) -> dict[str, Any]:
        """What statements may ask for when they are run on no records."""
        ids = dict.fromkeys(("user", "id", "history", "event", "audit"), self.me)
        return {**dict.fromkeys(("rows", "roots", "ids", "revs"), "[]"), **ids, "at": 0}

    async def run(self, statement: Statement, **inputs: Any) -> list[tuple[Any, ...]]:
        """Runs in a transaction of its own."""
        call = Call(statement.sql, tuple(self.value(p, inputs) for p in statement.params))

        def body() -> Body[list[tuple[Any, ...]]]:
            rows = yield call
            return [tuple(str(v) if hasattr(v, "hex") and not isinstance(v, float) else v for v in r) for r in rows]

        return await self.database.write(body)

    def write_of(self, entity: str) -> Write:
        write = self.app.entities[entity].write
        assert write is not None
        return write

    def rows(self, write: TableWrite, rows: Iterable[Mapping[str, Any]]) -> str:
        return encode_rows(write.inputs, rows, self.app.dialect)

    async def create(self, entity: str, **values: Any) -> str:
        """Inserts a document and its lines, runs the passes; gives its id."""
        write = self.write_of(entity)
        root = {"id": values.pop("id", None) or self.id()}
        lines = {line.field: values.pop(line.field, []) for line in write.lines}
        await self.run(write.root.insert, rows=self.rows(write.root, [{**root, **values}]))
        for line in write.lines:
            await self._insert(line, root["id"], lines[line.field])
        await self.settle(entity, root["id"])
        return str(root["id"])

    async def _insert(self, line: LineWrite, owner: str, rows: Iterable[Mapping[str, Any]]) -> None:
        for position, row in enumerate(rows):
            inner = dict(row)
            nested = {child.field: inner.pop(child.field, []) for child in line.lines}
            made = {"id": self.id(), line.owner: owner, "position": position, **inner}
            await self.run(line.write.insert, rows=self.rows(line.write, [made]))
            for child in line.lines:
                await self._insert(child, made["id"], nested[child.field])

    async def settle(self, entity: str, root: str) -> None:
        for statement in self.write_of(entity).passes:
            await self.run(statement, roots=[root])

    async def update(self, entity: str, id: str, **values: Any) -> None:
        write = self.write_of(entity)
        await self.run(write.root.update, rows=self.rows(write.root, [{"id": id, **values}]))
        await self.settle(entity, id)

    async def update_line(self, entity: str, root: str, field_name: str, id: str, **values: Any) -> None:
        line = next(x for x in self.write_of(entity).lines if x.field == field_name)
        await self.run(line.write.update, rows=self.rows(line.write, [{"id": id, **values}]))
        await self.settle(entity, root)

    async def act(self, entity: str, root: str, action: str) -> None:
        machine = self.app.machines[self.app.entities[entity].machine]
        transition = machine.transitions.get(action)
        apply = transition.apply if transition is not None else machine.outcomes[action]
        assert apply is not None
        await self.run(apply, roots=[root])
        await self.settle(entity, root)

    async def read(self, entity: str, root: str) -> dict[str, Any]:
        rows = await self.run(self.write_of(entity).read_back, roots=[root])
        made: dict[str, Any] = json.loads(rows[0][1])
        return made

    async def broken(self, entity: str, root: str, stage: str = "save") -> dict[str, Any]:
        """The violated checks by name, with the values of their words."""
        statement = self.write_of(entity).checks.get(stage)
        rows = await self.run(statement, roots=[root]) if statement else []
        return {row[0]: json.loads(row[3]) for row in rows}

    async def post(self, entity: str, root: str) -> dict[str, tuple[int, int]]:
        """Per posting how many entries were mirrored and how many were made."""
        out = {}
        for posting in self.write_of(entity).postings:
            mirrored = await self.run(posting.reverse, roots=[root])
            made = await self.run(posting.post, roots=[root])
            if mirrored or made:
                out[posting.name] = (len(mirrored), len(made))
        return out
