"""The second wall on PostgreSQL: a tenant's schema belongs to a role of its own, which nobody else acts as.

The first wall is that statements of one tenant run on its own connections. Should one ever be lent wrongly, the
database refuses: connections act as the tenant's role, and that role has rights in its own schema alone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import asyncpg

from engine.db.call import Lost

_KINDS = "'r', 'p', 'v', 'm'"
_STATE = f"""
SELECT n.oid IS NOT NULL, r.oid IS NOT NULL, n.nspowner = r.oid,
       CASE WHEN r.oid IS NULL THEN false ELSE pg_has_role(current_user, r.oid, $3) END,
       EXISTS (SELECT FROM pg_class WHERE relnamespace = n.oid AND relkind IN ({_KINDS})),
       EXISTS (SELECT FROM pg_class WHERE relnamespace = n.oid AND relkind IN ({_KINDS}) AND relowner <> r.oid),
       EXISTS (SELECT FROM pg_class WHERE relnamespace = n.oid AND relname = '_revision'),
       EXISTS (SELECT FROM aclexplode(n.nspacl) WHERE grantee = 0)
  FROM (SELECT $1::text AS schema, $2::text AS role) AS asked
  LEFT JOIN pg_namespace AS n ON n.nspname = asked.schema
  LEFT JOIN pg_roles AS r ON r.rolname = asked.role
"""
_RELATIONS = f"""
SELECT relname FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace
 WHERE nspname = $1 AND relkind IN ({_KINDS}) ORDER BY relname
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tenant's data lies, and the role that alone may touch it; no role: the wall is off."""

    schema: str
    role: str = ""


@dataclass(frozen=True, slots=True)
class _State:
    schema: bool
    role: bool
    owned: bool
    may_act: bool
    filled: bool
    foreign_tables: bool
    ours: bool
    public: bool

    @property
    def stands(self) -> bool:
        return self.schema and self.role and self.owned and self.may_act and not (self.foreign_tables or self.public)


def role_of(database: str, schema: str) -> str:
    """Roles belong to the whole server, schemas to one of its databases: the name holds a digest of both."""
    told = hashlib.sha256(f"{database}\0{schema}".encode()).hexdigest()[:12]
    return f"dougong_{schema.encode()[:32].decode(errors='ignore')}_{told}"


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


async def raised(connection: asyncpg.Connection[Any], schema: str) -> Place:
    """The place of a schema, which is made, or taken over from the server's own user, when that is not done yet."""
    asked = await connection.fetchrow("SELECT current_database()::text, session_user::text")
    assert asked is not None
    place = Place(schema, role_of(asked[0], schema))
    if not (await _state(connection, place)).stands:
        try:
            async with connection.transaction():
                # Several processes may open the same tenant at once.
                await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", place.role)
                await _raise(connection, place, await _state(connection, place))
        except asyncpg.InsufficientPrivilegeError as error:
            raise _not_allowed(place, asked[1], error) from error
    return place


async def _state(connection: asyncpg.Connection[Any], place: Place) -> _State:
    acts = "SET" if _knows_set(connection) else "MEMBER"
    row = await connection.fetchrow(_STATE, place.schema, place.role, acts)
    assert row is not None
    return _State(*(bool(value) for value in row))


def _knows_set(connection: asyncpg.Connection[Any]) -> bool:
    """Since 16 a membership says for itself whether it inherits; before, the member says it of all."""
    return connection.get_server_version().major >= 16


async def _raise(connection: asyncpg.Connection[Any], place: Place, state: _State) -> None:
    schema, role = quoted(place.schema), quoted(place.role)
    if state.filled and not state.ours:
        raise Lost(
            f"the schema {schema} holds tables that are not ours",
            "name another with ?schema=…, or another database",
        )
    if not state.role:
        await connection.execute(f"CREATE ROLE {role} NOLOGIN NOINHERIT")
    if not state.may_act:
        how = " WITH INHERIT FALSE, SET TRUE" if _knows_set(connection) else ""
        await connection.execute(f"GRANT {role} TO CURRENT_USER{how}")
    if not state.schema:
        await connection.execute(f"CREATE SCHEMA {schema} AUTHORIZATION {role}")
    elif not state.owned or state.foreign_tables:
        # Whoever gives a table away must own it, and whoever gets it must be let into its schema.
        if not state.owned:
            await connection.execute(f"GRANT USAGE, CREATE ON SCHEMA {schema} TO {role}")
        for (name,) in await connection.fetch(_RELATIONS, place.schema):
            await connection.execute(f"ALTER TABLE {schema}.{quoted(name)} OWNER TO {role}")
        await connection.execute(f"ALTER SCHEMA {schema} OWNER TO {role}")
    await connection.execute(f"SET LOCAL ROLE {role}")
    await connection.execute(f"REVOKE ALL ON SCHEMA {schema} FROM PUBLIC")
    await connection.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM PUBLIC")
    await connection.execute("RESET ROLE")


def _not_allowed(place: Place, user: str, error: asyncpg.PostgresError) -> Lost:
    role, schema = quoted(place.role), quoted(place.schema)
    return Lost(
        f"PostgreSQL does not let {user} set up the tenant's own role: {error}",
        f"let it make roles (ALTER ROLE {quoted(user)} CREATEROLE), or as an administrator of the server: "
        f"CREATE ROLE {role} NOLOGIN; GRANT {role} TO {quoted(user)}; CREATE SCHEMA {schema} AUTHORIZATION {role}; "
        "or do without the wall between tenants: add wall=off to the database's URL",
    )


async def check(connection: asyncpg.Connection[Any], place: Place) -> None:
    """Refuses a connection whose role and search path are not a pair: a pooler in between may drop what was asked."""
    if not place.role:
        return
    row = await connection.fetchrow("SELECT current_user::text, current_schema()::text")
    if row is None or tuple(row) != (place.role, place.schema):
        raise Lost(
            f"permission denied: the connection does not act as {place.role} in {place.schema}",
            "let a pooler between us and PostgreSQL pass role and search_path on, or connect without it",
        )


async def razed(connection: asyncpg.Connection[Any], schema: str, walled: bool) -> None:
    """Takes a schema and its role away with all that is in them; whoever was killed at it left a part, or nothing."""
    role = role_of(await connection.fetchval("SELECT current_database()::text"), schema)
    walled = walled and bool(await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role))
    if walled:
        await connection.execute(f"SET ROLE {quoted(role)}")
    await connection.execute(f"DROP SCHEMA IF EXISTS {quoted(schema)} CASCADE")
    if walled:
        await connection.execute("RESET ROLE")
        await connection.execute(f"DROP ROLE IF EXISTS {quoted(role)}")
