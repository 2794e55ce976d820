"""Which fields of a form do not apply now: their ``visible`` rule is judged here as the browser will judge it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.expr.run.evaluate import Missing, holds
from engine.plan.entity import Entity
from engine.plan.viewer import Viewer


def bound(viewer: Viewer) -> dict[str, Any]:
    """What expressions may ask beyond the record, as far as a page knows it."""
    return {
        "today": viewer.today,
        "zone": viewer.zone,
        "language": viewer.language,
        "me": {"id": viewer.user_id, "roles": list(viewer.roles)},
    }


def invisible(viewer: Viewer, entity: Entity, values: Mapping[str, Any]) -> set[str]:
    """Names of fields whose rule does not hold; what cannot be judged here is shown."""
    out = set()
    for field in entity.fields.values():
        if field.visible is None:
            continue
        try:
            if not holds(field.visible, values, bound(viewer)):
                out.add(field.name)
        except (Missing, ValueError, ArithmeticError, TypeError, KeyError):
            continue  # a refused form may hold anything, and some things only the database knows
    return out
