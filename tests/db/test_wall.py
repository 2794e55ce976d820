"""The second wall: what the database itself refuses when a connection is lent wrongly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from engine.db import Body, Call, Database, Lost, install, open_database, raze
from engine.db.lease import Leases
from engine.db.postgres import PostgresDatabase
from engine.db.system import TABLES
from engine.db.wall import Place, role_of

DENIED = asyncpg.InsufficientPrivilegeError


@asynccontextmanager
async def tenant(url: str, schema: str, more: str = "") -> AsyncIterator[PostgresDatabase]:
    """A tenant with one row."""
    opened: Database = await open_database(f"{url}?schema={schema}{more}")
    assert isinstance(opened, PostgresDatabase)
    try:
        await install(opened, TABLES)
        await opened.write(lambda: _planted(schema))
        yield opened
    finally:
        await opened.close()


def _planted(key: str) -> Body[None]:
    yield Call("INSERT INTO _guard (key, n) VALUES ($1, 1)", (key,))
    yield Call(
        "INSERT INTO _revision (n, digest, at, by, source, shape, changes, note)"
        " VALUES (1, 'x', now(), '', '{}', '[]', '[]', '')"
    )


async def admin(url: str, *statements: str) -> list[Any]:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements[:-1]:
            await connection.execute(statement)
        return [tuple(row) for row in await connection.fetch(statements[-1])]
    finally:
        await connection.close()


async def plain_user(url: str, *rights: str) -> str:
    """The URL for a user who owns the database and is no superuser."""
    parts = urlsplit(url)
    name = parts.path[1:]
    user = f"test_{name}"
    made = f"CREATE ROLE {user} LOGIN {' '.join(rights)}"
    await admin(url, made, f"ALTER DATABASE {name} OWNER TO {user}", "SELECT 1")
    return parts._replace(netloc=f"{user}@{parts.netloc.rpartition('@')[2]}").geturl()


async def test_each_tenant_is_a_role_and_nothing_is_anybodys(postgres_url: str) -> None:
    async with tenant(postgres_url, "a") as a, tenant(postgres_url, "b") as b:
        assert a.place.role != b.place.role
        for one in (a, b):
            who = await one.read("SELECT current_user::text, current_schema()::text, n FROM _guard")
            assert [tuple(row) for row in who] == [(one.place.role, one.place.schema, 1)]
        owners = "SELECT DISTINCT pg_get_userbyid(relowner)::text FROM pg_class WHERE relnamespace = 'a'::regnamespace"
        assert await admin(postgres_url, owners) == [(a.place.role,)]
        public = """SELECT nspname::text FROM pg_namespace, aclexplode(nspacl) AS x
                     WHERE nspname IN ('a', 'b') AND x.grantee = 0
                    UNION ALL SELECT relname::text FROM pg_class, aclexplode(relacl) AS x
                     WHERE relnamespace IN ('a'::regnamespace, 'b'::regnamespace) AND x.grantee = 0"""
        assert await admin(postgres_url, public) == []
        rights = "SELECT rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls FROM pg_roles WHERE rolname ="
        assert await admin(postgres_url, f"{rights} '{a.place.role}'") == [(False,) * 5]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT n FROM b._guard",
        "INSERT INTO b._guard (key, n) VALUES ('x', 1)",
        "DELETE FROM b._guard",
        "CREATE TABLE b.mine (n integer)",
        "DROP TABLE b._guard",
        "ALTER TABLE b._guard OWNER TO CURRENT_USER",
    ],
)
async def test_what_a_tenants_connection_may_not(postgres_url: str, sql: str) -> None:
    async with tenant(postgres_url, "a") as a, tenant(postgres_url, "b") as b:
        with pytest.raises(DENIED, match=r"permission denied|must be owner"):
            await a.read(sql)
        assert [tuple(row) for row in await b.read("SELECT key FROM _guard")] == [("b",)]


async def test_a_wrong_lease_is_denied(postgres_url: str) -> None:
    """The role of one with the search path of the other: no connection, and no rows from one that were had anyway."""
    async with tenant(postgres_url, "a") as a, tenant(postgres_url, "b"):
        with pytest.raises(Lost, match="permission denied"):
            await Leases.open(postgres_url, Place("b", a.place.role), 1)
        wrong = {"role": a.place.role, "search_path": "b"}
        connection = await asyncpg.connect(postgres_url, server_settings=wrong)
        try:
            with pytest.raises(asyncpg.UndefinedTableError):
                await connection.fetch("SELECT n FROM _guard")
            with pytest.raises(DENIED, match="permission denied for schema b"):
                await connection.fetch("SELECT n FROM b._guard")
            with pytest.raises(asyncpg.PostgresError):
                await connection.execute("CREATE TABLE mine (n integer)")
        finally:
            await connection.close()


async def test_without_the_wall_nothing_would_refuse(postgres_url: str) -> None:
    """That it is the wall which holds: the same statement without it gives rows."""
    async with tenant(postgres_url, "a", "&wall=off") as a, tenant(postgres_url, "b", "&wall=off"):
        assert a.place.role == ""
        assert [tuple(row) for row in await a.read("SELECT key FROM b._guard")] == [("b",)]


@pytest.mark.parametrize("schema", ["a", "public"])
@pytest.mark.parametrize("plain", [False, True], ids=["superuser", "plain"])
async def test_a_database_of_before_is_taken_over(postgres_url: str, schema: str, plain: bool) -> None:
    url = await plain_user(postgres_url, "CREATEROLE") if plain else postgres_url
    async with tenant(url, schema, "&wall=off"):
        pass
    for database in await asyncio.gather(*(open_database(f"{url}?schema={schema}") for _ in range(3))):
        assert [tuple(row) for row in await database.read("SELECT key FROM _guard")] == [(schema,)]
        await database.run_script(["ALTER TABLE _guard ADD COLUMN IF NOT EXISTS more integer"])
        await database.close()
    kept = f"""SELECT DISTINCT pg_get_userbyid(relowner)::text FROM pg_class
                WHERE relnamespace = '{schema}'::regnamespace"""
    assert await admin(postgres_url, kept) == [(role_of(urlsplit(postgres_url).path[1:], schema),)]
    if plain:
        with pytest.raises(DENIED):
            await admin(url, f"SELECT key FROM {schema}._guard")


async def test_a_user_who_may_not_make_roles_is_told_what_to_do(postgres_url: str) -> None:
    url = await plain_user(postgres_url, "NOCREATEROLE")
    with pytest.raises(Lost, match="permission denied") as caught:
        await open_database(f"{url}?schema=a")
    hint = caught.value.hint
    assert "CREATEROLE" in hint
    assert "wall=off" in hint
    async with tenant(url, "without", "&wall=off") as off:
        assert [tuple(row) for row in await off.read("SELECT key FROM _guard")] == [("without",)]
    # What the hint says an administrator may do, done.
    statements = [one.strip() for one in hint.split(": ", 1)[1].partition("; or ")[0].split(";")]
    assert [one.split()[0] for one in statements] == ["CREATE", "GRANT", "CREATE"]
    await admin(postgres_url, *statements, "SELECT 1")
    async with tenant(url, "a") as a:
        assert [tuple(row) for row in await a.read("SELECT key FROM _guard")] == [("a",)]


async def test_somebody_elses_tables_are_left_alone(postgres_url: str) -> None:
    await admin(postgres_url, "CREATE TABLE theirs (n integer)", "SELECT 1")
    asked = "SELECT nspowner, nspacl::text FROM pg_namespace WHERE nspname = 'public'"
    before = await admin(postgres_url, asked)
    with pytest.raises(Lost, match="not ours"):
        await open_database(postgres_url)
    assert await admin(postgres_url, asked) == before


async def test_many_may_open_a_new_one_at_once(postgres_url: str) -> None:
    opened = await asyncio.gather(*(open_database(f"{postgres_url}?schema=new") for _ in range(6)))
    for one in opened:
        await one.close()
    for _ in range(2):  # also where it was done already, by one that was killed before he could say so
        await raze(f"{postgres_url}?schema=new")
    role = role_of(urlsplit(postgres_url).path[1:], "new")
    assert await admin(postgres_url, f"SELECT 1 FROM pg_roles WHERE rolname = '{role}'") == []


def test_roles_of_two_tenants_are_never_one() -> None:
    made = {role_of(*pair) for pair in (("a_b", "c"), ("a", "b_c"), ("a", "b"), ("b", "a"), ("a", "c" * 63))}
    assert len(made) == 5
    assert all(len(name.encode()) <= 63 for name in (*made, role_of("项目" * 9, "项目" * 10)))


async def test_a_wall_that_means_nothing_is_said(postgres_url: str) -> None:
    with pytest.raises(Lost, match="wall=maybe"):
        await open_database(f"{postgres_url}?wall=maybe")
