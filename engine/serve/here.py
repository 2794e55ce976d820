"""A request at a tenant, and the few questions every handler asks of its address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.plan.app import App
from engine.plan.entity import Entity
from engine.serve.answer import Asked
from engine.serve.bind import Me, Moment
from engine.serve.fault import refuse
from engine.serve.tenancy import Tenant


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


def looks_like_id(text: str) -> bool:
    return re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text) is not None


def record_id(text: str, entity: Entity) -> str:
    if not looks_like_id(text):
        raise refuse("api.not-found", entity=entity.title)
    return text.lower()
