"""A database that takes no writes for a while: whoever writes is refused by the database itself, in every process.

While a tenant is copied elsewhere nothing may be written that the copy does not have. Triggers say so; they are there
after one transaction that waited for all writes before it, and reading goes on.
"""

from __future__ import annotations

from engine.db.call import FROZEN, Body, Call, Database, Rows
from engine.fieldtypes.storage import quote

_CODE = "25006"
"""PostgreSQL's own for a transaction that may only read."""
_TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
    "postgresql": "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1",
}
_THERE = {
    "sqlite": f"SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger' AND substr(name, 1, 7) = '{FROZEN}'",
    "postgresql": (
        "SELECT t.tgname::text, c.relname::text FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid"
        f" WHERE c.relnamespace = current_schema()::regnamespace AND starts_with(t.tgname, '{FROZEN}')"
    ),
}
_FUNCTION = f"""
CREATE OR REPLACE FUNCTION {FROZEN}() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the tenant is being moved' USING ERRCODE = '{_CODE}'; END $$
"""


async def freeze(database: Database) -> None:
    """Raises ``Held`` when those who write do not end in time."""

    def body() -> Body[None]:
        if database.dialect == "postgresql":
            yield Call(_FUNCTION)
        for (table,) in (yield Call(_TABLES[database.dialect])):
            if database.dialect == "postgresql":
                yield Call(
                    f"CREATE OR REPLACE TRIGGER {FROZEN} BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE"
                    f" ON {quote(table)} FOR EACH STATEMENT EXECUTE FUNCTION {FROZEN}()"
                )
                continue
            for what in ("INSERT", "UPDATE", "DELETE"):
                name = quote(f"{FROZEN}_{what.lower()}_{table}")
                yield Call(
                    f"CREATE TRIGGER IF NOT EXISTS {name} BEFORE {what} ON {quote(table)}"
                    f" BEGIN SELECT RAISE(ABORT, '{FROZEN}'); END"
                )

    await database.change(body)


async def thaw(database: Database) -> None:
    """Takes writes again; does nothing where it did already."""

    def body() -> Body[None]:
        found: Rows = yield Call(_THERE[database.dialect])
        for name, table in found:
            on = f" ON {quote(table)}" if database.dialect == "postgresql" else ""
            yield Call(f"DROP TRIGGER IF EXISTS {quote(name)}{on}")
        if database.dialect == "postgresql":
            yield Call(f"DROP FUNCTION IF EXISTS {FROZEN}()")

    await database.change(body)
