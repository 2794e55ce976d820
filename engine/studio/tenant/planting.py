"""Putting records where packs say they are: seeds, demo data and the worlds of scenarios, through the write door."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.catalog import Catalog, Row
from engine.db import Body, Call
from engine.problem import Problems, problem
from engine.serve.document import decode
from engine.serve.document.store import Done, Op, World
from engine.serve.tenant.bind import ENGINE, Me, Moment
from engine.serve.tenant.tenancy import Tenant
from engine.serve.wire.fault import Refusal
from engine.serve.write.write import documents
from engine.studio.codes import CODES
from engine.studio.tenant.bodies import from_row

_TRUSTED = decode.Rules(trusted=True)


@dataclass(slots=True)
class Planter:
    """Knows what the planted records are called: (entity path, name) → id."""

    tenant: Tenant
    catalog: Catalog
    names: dict[tuple[str, str], str] = field(default_factory=dict)

    def resolve(self, entity: str, text: str) -> Body[str]:
        """The id of the record of that name, or with that key."""
        if known := self.names.get((entity, text)):
            return known
        plan = self.tenant.app.entities[entity]
        if len(plan.key) == 1 and (column := plan.fields[plan.key[0]].column):
            mark = "?1" if self.tenant.database.dialect == "sqlite" else "$1"
            sql = f'SELECT id FROM "{plan.table}" WHERE "{column}" = {mark} AND deleted_at IS NULL'
            rows = yield Call(sql, (text,))
            if len(rows) == 1:
                return str(rows[0][0])
        raise LookupError(f"no {entity} is called {text}")

    def plant(self, rows: Iterable[Row], moment: Moment | None = None) -> Body[int]:
        """Plants the rows in order, as the engine itself, in one transaction; how many."""
        at = moment or self.tenant.moment(ENGINE)
        count = 0
        for row in rows:
            try:
                yield from self.one(row, at)
            except (LookupError, Refusal) as error:
                raise not_planted(row, error) from error
            count += 1
        return count

    def one(self, row: Row, moment: Moment) -> Body[Done]:
        plan = self.tenant.app.entities[row.entity]
        body = yield from self.body_of(row, moment)
        change = decode.document(self.tenant.app, plan, body, True, _TRUSTED if moment.me is ENGINE else None)
        op = Op("create", plan.path, change=change, state=state_of(row), rules=_TRUSTED)
        (done,) = yield from documents(World(self.tenant.app, self.tenant.asker, moment), [op])
        self.remember(row.entity, row.name, done.id)
        return done

    def body_of(self, row: Row, moment: Moment) -> Body[dict[str, Any]]:
        context: Mapping[str, Any] = {"today": moment.today, "now": moment.now, "zone": moment.zone}
        return (yield from from_row(row, self.catalog, self.resolve, context))

    def remember(self, entity: str, name: str, record: str) -> None:
        if name:
            self.names[(entity, name)] = record

    def forget(self) -> None:
        self.names = {}


def not_planted(row: Row, error: Exception, who: str = "") -> Problems:
    """Why a record could not be put there, at the line of the pack that asks for it."""
    if isinstance(error, Refusal):
        says = "; ".join(f"{f.check or f.code}: {f.says.zh or f.says.en}" for f in error.faults)
    else:
        says = str(error)
    name = f"{row.entity} {row.name}".strip()
    return Problems([problem(CODES["plant.refused"], row.where, name=f"{name} ({who})" if who else name, reason=says)])


def state_of(row: Row) -> str:
    """The state a row asks to stand in, where it says so."""
    value = row.values.get("state")
    return str(value.literal) if value is not None and value.literal is not None else ""


__all__ = ["Me", "Planter", "state_of"]
