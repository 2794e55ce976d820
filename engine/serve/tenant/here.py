"""A request at a tenant, and the few questions every handler asks of its address."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.plan import sight
from engine.plan.app import App
from engine.plan.entity import Entity
from engine.serve.tenant.bind import Me, Moment, call, id_array
from engine.serve.tenant.tenancy import Tenant
from engine.serve.wire.answer import Asked
from engine.serve.wire.fault import refuse


@dataclass(frozen=True, slots=True)
class Here:
    """A request at a tenant: who asks, and the App it is served by from beginning to end."""

    tenant: Tenant
    app: App
    me: Me
    asked: Asked
    language: str

    def moment(self, board: Mapping[str, Any] | None = None) -> Moment:
        return self.tenant.moment(self.me, board)

    async def admits(self, entity: Entity, operation: str, record: str, roles: Sequence[str]) -> bool:
        """Whether one of these roles of the caller gives the operation on a document as it stands."""
        root = sight.root_of(self.app.entities, entity)
        rules = root.access.get(operation, {})
        if self.me.admin or any(rules.get(role) is True for role in roles):
            return True
        statement = self.tenant.asker.access(self.app, root.path, operation, tuple(roles))
        if statement is None:
            return False
        asked = call(statement, self.moment(), {"roots": id_array([record])})
        return bool(await self.tenant.database.read(asked.sql, asked.values))


def looks_like_id(text: str) -> bool:
    return re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text) is not None


def record_id(text: str, entity: Entity) -> str:
    if not looks_like_id(text):
        raise refuse("api.not-found", entity=entity.title)
    return text.lower()
