"""The directory: which tenants there are, where the data of each lies, which hosts are theirs, what was done to them.

A database of its own, in a file or a schema. Server processes keep what they read of it and look for what is newer, so
tenants that are served go on while the directory is away.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from engine.db import Body, Call, Database, Violation
from engine.db.install import definitions
from engine.label import Label
from engine.plan.statement import Dialect
from engine.plan.table import Column, Index, Table
from engine.problem import Problems, nearest, problem
from engine.tenants.codes import CODES

State = Literal["making", "active", "suspended", "moving", "restoring", "deleting", "deleted"]
"""``deleted`` is kept as a row, so that whoever serves hears of it."""
STATES: Mapping[State, Label] = {
    "making": Label("建立中", "making"),
    "active": Label("启用", "active"),
    "suspended": Label("已暂停", "suspended"),
    "moving": Label("迁移中", "moving"),
    "restoring": Label("恢复中", "restoring"),
    "deleting": Label("删除中", "deleting"),
    "deleted": Label("已删除", "deleted"),
}
FORM = 2
"""Of these tables; what an earlier one lacks is added, a later one is refused."""
_NAMES = ("name", "url", "files", "state", "note", "options", "born", "version", "going")


def _table(name: str, columns: str, key: str, *indexes: Index) -> Table:
    made = [
        Column(word.partition(":")[0], word.partition(":")[2].rstrip("!"), nullable=not word.endswith("!"))
        for word in columns.split()
    ]
    return Table(name, tuple(made), tuple(key.split()), indexes=indexes)


TABLES = (
    _table(
        "_tenant",
        "name:text! url:text! files:text! state:text! note:text! options:text! born:integer! version:integer!"
        " going:text!",
        "name",
        Index("_tenant_version", ("version",)),
    ),
    _table("_host", "host:text! tenant:text!", "host", Index("_host_tenant", ("tenant",))),
    _table(
        "_event",
        "n:integer! at:integer! tenant:text! act:text! account:text! detail:text!",
        "n",
        Index("_event_tenant", ("tenant", "n")),
    ),
    _table("_directory", "one:integer! version:integer! form:integer!", "one"),
)
_LATER = {2: ("ALTER TABLE _directory ADD COLUMN form integer NOT NULL DEFAULT 1",
              "ALTER TABLE _tenant ADD COLUMN going text NOT NULL DEFAULT ''")}  # fmt: skip
_FORMED = {
    "sqlite": "SELECT 1 FROM pragma_table_info('_directory') WHERE name = 'form'",
    "postgresql": "SELECT 1 FROM pg_attribute WHERE attrelid = '_directory'::regclass AND attname = 'form'",
}
_THERE = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    "postgresql": "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()",
}


def unfitting(name: str, state: State, command: str, fits: Label) -> Problems:
    """For what is not done to a tenant in this state."""
    return Problems([problem(CODES["tenant.state"], name=name, state=STATES[state], command=command, fits=fits)])


@dataclass(frozen=True, slots=True)
class Entry:
    """A tenant as the directory knows it. ``files`` is the folder of its files, ``options`` what the app's own
    settings say of them, ``note`` why it is in this state. ``going``: a token of who is at it, and the place that is
    being filled: what lies there is nobody's yet (``filling``)."""

    name: str
    url: str
    files: str
    state: State = "making"
    note: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    born: int = 0
    version: int = 0
    going: str = ""
    hosts: tuple[str, ...] = ()

    @property
    def filling(self) -> str:
        return self.going.partition(" ")[2]


@dataclass(frozen=True, slots=True)
class Event:
    """A line of what was done to a tenant, by which account of which machine."""

    n: int
    at: int
    tenant: str
    act: str
    account: str
    detail: Mapping[str, Any]


class Directory:
    def __init__(self, database: Database) -> None:
        self.database = database

    @classmethod
    async def over(cls, database: Database) -> Directory:
        """Makes the tables in an empty database; Problems when something else is in it."""
        there = {row[0] for row in await database.read(_THERE[database.dialect])}
        if not there:
            begun = f"INSERT INTO _directory (one, version, form) VALUES (1, 0, {FORM})"
            await database.run_script([*definitions(TABLES, database.dialect), begun])
        elif not {table.name for table in TABLES} <= there:
            raise Problems([problem(CODES["directory.foreign"])])
        else:
            await cls._brought_up(database)
        return cls(database)

    @staticmethod
    async def _brought_up(database: Database) -> None:
        formed = await database.read(_FORMED[database.dialect])
        form = int((await database.read("SELECT form FROM _directory"))[0][0]) if formed else 1
        if form > FORM:
            raise Problems([problem(CODES["directory.newer"], form=form, known=FORM)])
        if form < FORM:
            later = [sql for number in range(form + 1, FORM + 1) for sql in _LATER[number]]
            await database.run_script([*later, f"UPDATE _directory SET form = {FORM}"])

    async def close(self) -> None:
        await self.database.close()

    # reading

    async def version(self) -> int:
        """Raises Problems when a newer engine has taken it over meanwhile."""
        version, form = (await self.database.read("SELECT version, form FROM _directory"))[0]
        if int(form) > FORM:
            raise Problems([problem(CODES["directory.newer"], form=form, known=FORM)])
        return int(version)

    async def newer(self, version: int) -> list[Entry]:
        """What became of tenants since, deleted ones too."""
        return await self._entries(f"version > {int(version)}")

    async def all(self) -> list[Entry]:
        return await self._entries("state <> 'deleted'")

    async def _entries(self, where: str) -> list[Entry]:
        found = await self.database.read(f"SELECT {', '.join(_NAMES)} FROM _tenant WHERE {where} ORDER BY name")
        hosts: dict[str, list[str]] = {}
        asked = f"SELECT h.tenant, h.host FROM _host AS h JOIN _tenant AS t ON t.name = h.tenant WHERE {where}"
        for tenant, host in await self.database.read(f"{asked} ORDER BY h.host"):
            hosts.setdefault(str(tenant), []).append(str(host))
        return [_entry(row, hosts.get(str(row[0]), ())) for row in found]

    async def get(self, name: str) -> Entry:
        """Raises Problems with the nearest name."""
        known = {one.name: one for one in await self.all()}
        if name not in known:
            meant = nearest(name, known) or ", ".join(sorted(known)[:10]) or "-"
            raise Problems([problem(CODES["tenant.unknown"], name=name[:60], nearest=meant)])
        return known[name]

    async def events(self, name: str = "", most: int = 1000) -> list[Event]:
        """Newest first."""
        where, values = (f"WHERE tenant = {self._marks(1)}", (name,)) if name else ("", ())
        asked = f"SELECT n, at, tenant, act, account, detail FROM _event {where} ORDER BY n DESC LIMIT {int(most)}"
        rows = await self.database.read(asked, values)
        return [Event(n, at, tenant, act, account, json.loads(detail)) for n, at, tenant, act, account, detail in rows]

    # writing

    async def add(self, entry: Entry, account: str) -> Entry:
        """A new tenant; its name and hosts are taken from now on."""
        made = replace(entry, born=_now())

        def body() -> Body[int]:
            held = yield self._call("SELECT state FROM _tenant WHERE name = {}", made.name)
            if held and held[0][0] != "deleted":
                raise taken(made.name, held[0][0])
            version = yield from self._next()
            yield self._call("DELETE FROM _tenant WHERE name = {}", made.name)
            yield self._call(
                f"INSERT INTO _tenant ({', '.join(_NAMES)}) VALUES ({', '.join(['{}'] * len(_NAMES))})",
                *(made.name, made.url, made.files, made.state, made.note, json.dumps(dict(made.options))),
                *(made.born, version, made.going),
            )
            yield from self._settle(made.name, made.hosts)
            yield from self._event(made.name, "create", account, {"hosts": list(made.hosts)})
            return version

        return replace(made, version=await self._write(body, made.hosts))

    async def change(
        self,
        name: str,
        act: str,
        account: str,
        detail: Mapping[str, Any] | None = None,
        was: Sequence[State] = (),
        fits: Label | None = None,
        ours: str | None = None,
        **sets: Any,
    ) -> Entry:
        """Sets ``state``, ``url``, ``files``, ``note``, ``going`` or ``hosts``, and writes that down. Refused
        when the tenant is in none of the states ``was``, or what is ``going`` on is not ``ours``."""
        hosts: tuple[str, ...] | None = sets.pop("hosts", None)

        def body() -> Body[Entry]:
            held = yield self._call(f"SELECT {', '.join(_NAMES)} FROM _tenant WHERE name = {{}}", name)
            if not held or held[0][3] == "deleted":
                raise Problems([problem(CODES["tenant.unknown"], name=name, nearest="-")])
            if was and held[0][3] not in was:
                must = STATES[was[0]]
                only = Label(f"只能在“{must.zh}”时执行", f"it must be {must.en}")
                raise unfitting(name, held[0][3], act, fits or only)
            if ours is not None and held[0][8] != ours:
                raise Problems([problem(CODES["tenant.overtaken"], name=name)])
            version = yield from self._next()
            columns = {**sets, "version": version}
            marks = ", ".join(f"{column} = {{}}" for column in columns)
            yield self._call(f"UPDATE _tenant SET {marks} WHERE name = {{}}", *columns.values(), name)
            if hosts is not None:
                yield from self._settle(name, hosts)
            yield from self._event(name, act, account, detail or {})
            after = yield self._call(f"SELECT {', '.join(_NAMES)} FROM _tenant WHERE name = {{}}", name)
            kept = yield self._call("SELECT host FROM _host WHERE tenant = {} ORDER BY host", name)
            return _entry(after[0], [row[0] for row in kept])

        made: Entry = await self._write(body, hosts or ())
        return made

    async def note(self, name: str, act: str, account: str, detail: Mapping[str, Any]) -> None:
        """That something was done which changed nothing here."""
        await self.database.write(lambda: self._event(name, act, account, detail))

    async def _write(self, body: Any, hosts: Sequence[str]) -> Any:
        try:
            return await self.database.write(body)
        except Violation as error:
            for host in hosts:
                held = await self.database.read(f"SELECT tenant FROM _host WHERE host = {self._marks(1)}", (host,))
                if held:
                    raise Problems([problem(CODES["tenant.host-taken"], host=host, name=held[0][0])]) from error
            raise

    def _next(self) -> Body[int]:
        """The row is held until the transaction ends, so versions become visible in their order."""
        return int((yield Call("UPDATE _directory SET version = version + 1 RETURNING version"))[0][0])

    def _settle(self, name: str, hosts: Sequence[str]) -> Body[None]:
        yield self._call("DELETE FROM _host WHERE tenant = {}", name)
        for host in hosts:
            yield self._call("INSERT INTO _host (host, tenant) VALUES ({}, {})", host, name)

    def _event(self, name: str, act: str, account: str, detail: Mapping[str, Any]) -> Body[None]:
        yield Call("UPDATE _directory SET version = version")  # one at a time, for the number
        yield self._call(
            "INSERT INTO _event (n, at, tenant, act, account, detail)"
            " VALUES ((SELECT coalesce(max(n), 0) + 1 FROM _event), {}, {}, {}, {}, {})",
            *(_now(), name, act, account, json.dumps(dict(detail), ensure_ascii=False)),
        )

    def _call(self, sql: str, *values: Any) -> Call:
        """``{}`` is a value."""
        return Call(sql.format(*(self._marks(n) for n in range(1, len(values) + 1))), values)

    def _marks(self, n: int) -> str:
        return mark(self.database.dialect, n)


def mark(dialect: Dialect, n: int) -> str:
    return f"?{n}" if dialect == "sqlite" else f"${n}"


def _entry(row: Sequence[Any], hosts: Sequence[str]) -> Entry:
    name, url, files, state, note, options, born, version, going = row
    return Entry(name, url, files, state, note, json.loads(options), int(born), int(version), going, tuple(hosts))


def taken(name: str, state: str) -> Problems:
    return Problems([problem(CODES["tenant.half" if state == "making" else "tenant.taken"], name=name)])


def _now() -> int:
    return time.time_ns() // 1_000_000
