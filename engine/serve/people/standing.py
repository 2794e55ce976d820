"""For whom somebody stands in today, and which tasks are his by that; see ``system/standins.py``."""

from __future__ import annotations

import json
from typing import Any

from engine.fieldtypes.storage import bind
from engine.plan.app import App
from engine.plan.statement import Dialect, Param
from engine.serve.tenant import rows
from engine.serve.tenant.bind import StandIn
from engine.serve.tenant.tenancy import Tenant


async def found(tenant: Tenant, user: str) -> list[tuple[StandIn, dict[str, bool]]]:
    """Those this person was let stand in for today, each with what his login says."""
    dialect = tenant.database.dialect
    p = [rows.placeholder(dialect, n) for n in (1, 2)]
    cast = "::uuid" if dialect == "postgresql" else ""
    day = "::date" if dialect == "postgresql" else ""
    today = bind("date", 0, dialect, tenant.moment().today)
    sql = (
        'SELECT s.giver, l.name, l.admin, s.roles, l.disabled FROM _standin AS s JOIN _login AS l ON l."user" = s.giver'
        f" WHERE s.taker = {p[0]}{cast} AND s.starts <= {p[1]}{day} AND s.ends >= {p[1]}{day} AND s.ended IS NULL"
        " ORDER BY s.id"
    )
    return [
        (StandIn(str(giver), name, _steps(tenant.app, listed(roles))), {"admin": bool(admin), "disabled": bool(off)})
        for giver, name, admin, roles, off in await tenant.database.read(sql, (user, today))
    ]


def _steps(app: App, roles: list[str] | None) -> frozenset[str] | None:
    """The steps (``table:step``) that ask one of the roles; None: every step, whoever it asks."""
    if roles is None:
        return None
    wanted = set(roles)
    return frozenset(
        f"{machine.table}:{step.name}"
        for machine in app.machines.values()
        for step in machine.steps
        if any(role in wanted for role, _ in step.assign.roles)
    )


def listed(value: Any) -> list[str] | None:
    found: list[str] | None = json.loads(value) if isinstance(value, str) else value
    return found


def is_mine(dialect: Dialect, ids: str, steps: str, alias: str = "_task") -> str:
    """SQL: whether a task waits, or waited, for the caller or somebody he stands in for. ``ids``, ``steps``: the bound
    ``me.tasks`` and ``me.steps``."""
    user = f'{alias}."user"'
    if dialect == "postgresql":
        own = f"{user} = ANY (ARRAY(SELECT _v.value::uuid FROM jsonb_array_elements_text({ids}::jsonb) AS _v(value)))"
        listed = f"SELECT _v.value FROM jsonb_array_elements_text({steps}::jsonb) AS _v(value)"
        key = f"({user}::text || ':' || {alias}.entity || ':' || {alias}.step)"
    else:
        own = f"{user} IN (SELECT value FROM json_each({ids}))"
        listed = f"SELECT value FROM json_each({steps})"
        key = f"({user} || ':' || {alias}.entity || ':' || {alias}.step)"
    return f"({own} OR {key} IN ({listed}))"


PARAMS = (Param("me", "tasks.of", "json"), Param("me", "steps.of", "json"))
"""What ``is_mine`` is bound from."""
