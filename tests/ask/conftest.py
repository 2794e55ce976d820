"""Both databases with the same rows, asked the same questions; their answers must be the same text."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.ask import Ask
from engine.compile import compile_app
from engine.db import Body, Call, Database, install, open_database
from engine.fieldtypes.storage import bind, quote
from engine.plan.app import App
from engine.plan.question import Asked, FigureQuestion, Question
from engine.plan.statement import Param, Statement
from engine.read import read_texts
from tests.ask import world
from tests.ask.ledgers import DATA
from tests.pg import fresh_database


@dataclass
class Door:
    """One database with its App."""

    runner: asyncio.Runner
    database: Database
    make_app: Callable[..., App]
    asker: Ask

    def run(self, statement: Statement, inputs: Mapping[str, Any], about: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        values = [self._value(p, inputs, about) for p in statement.params]
        rows = self.runner.run(self.database.read(statement.sql, values))
        return [tuple(row) for row in rows]

    def _value(self, param: Param, inputs: Mapping[str, Any], about: Mapping[str, Any]) -> Any:
        value = param.value
        if param.source == "input":
            value = inputs[param.name]
        elif param.source != "literal":
            value = about[f"{param.source}.{param.name}"]
        return bind(param.kind, param.scale, self.database.dialect, value)


ABOUT = {"language.language": "zh", "me.id": world.ident(1, 1)}


class Both:
    """Not a dataclass: hypothesis would print everything it holds."""

    def __init__(self, doors: tuple[Door, ...]) -> None:
        self.doors = doors

    def ask(
        self,
        question: Question | FigureQuestion,
        inputs: Mapping[str, Any] | None = None,
        about: Mapping[str, Any] | None = None,
        **app: Any,
    ) -> Any:
        """The decoded answer, the same from every database; None when there is no row."""
        answers = []
        for door in self.doors:
            made = self.made(door, question, **app)
            rows = door.run(made.statement, inputs or {"limit": 1000}, {**ABOUT, **(about or {})})
            assert len(rows) <= 1
            answers.append(json.loads(rows[0][0], parse_float=str) if rows else None)
        for answer in answers[1:]:
            assert answer == answers[0]
        return answers[0]

    def made(self, door: Door, question: Question | FigureQuestion, **app: Any) -> Asked:
        made_app = door.make_app(door.database.dialect, **app)
        if isinstance(question, Question):
            return door.asker.records(made_app, question)
        return door.asker.figures(made_app, question)

    def ids(self, question: Question, inputs: Mapping[str, Any] | None = None, **more: Any) -> list[str]:
        return [item["id"] for item in self.ask(question, inputs, **more)["items"]]

    def fill(self, app: App, data: world.Data) -> None:
        for door in self.doors:
            load(door, data, app)


def load(door: Door, data: world.Data, app: App) -> None:
    kinds = {t.name: {c.name: (c.kind, c.scale) for c in t.columns} for t in app.tables}
    dialect = door.database.dialect

    def body() -> Body[None]:
        for table, rows in data.rows.items():
            for row in rows:
                names = list(row)
                marks = ", ".join(placeholder(dialect, n + 1, kinds[table][name][0]) for n, name in enumerate(names))
                columns = ", ".join(quote(n) for n in names)
                values = tuple(bind(*kinds[table][n], dialect, row[n]) for n in names)
                yield Call(f"INSERT INTO {table} ({columns}) VALUES ({marks})", values)

    door.runner.run(door.database.write(body))


def placeholder(dialect: str, n: int, kind: str) -> str:
    return f"?{n}" if dialect == "sqlite" else f"${n}" + ("::jsonb" if kind == "json" else "")


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory, postgres_server: str) -> Iterator[Both]:
    """Both databases with the world's tables and nothing in them."""
    with asyncio.Runner() as runner, fresh_database(postgres_server) as url:
        path = tmp_path_factory.mktemp("ask") / "t.db"
        doors = []
        for at in (f"sqlite://{path}", url):
            database = runner.run(open_database(at))
            runner.run(install(database, world.app(database.dialect).tables))
            doors.append(Door(runner, database, world.app, Ask()))
        try:
            yield Both(tuple(doors))
        finally:
            for door in doors:
                runner.run(door.database.close())


@pytest.fixture(scope="module")
def both(empty: Both) -> Both:
    """Both databases with the standard rows."""
    empty.fill(world.app("sqlite"), world.standard())
    return empty


@pytest.fixture(scope="module")
def ledgers(tmp_path_factory: pytest.TempPathFactory, postgres_server: str) -> Iterator[Both]:
    catalog = read_texts([{"led.yaml": (Path(__file__).parent / "ledger.yaml").read_text(encoding="utf-8")}])
    with asyncio.Runner() as runner, fresh_database(postgres_server) as url:
        doors = []
        for at in (f"sqlite://{tmp_path_factory.mktemp('figures')}/t.db", url):
            database = runner.run(open_database(at))
            app = compile_app(catalog, database.dialect)
            runner.run(install(database, app.tables))
            doors.append(Door(runner, database, lambda _dialect, app=app: app, Ask()))
            load(doors[-1], DATA, app)
        try:
            yield Both(tuple(doors))
        finally:
            for door in doors:
                runner.run(door.database.close())
