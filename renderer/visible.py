"""Which fields of a form do not apply now: their ``visible`` rule is judged here as the browser will judge it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.plan.app import App
from engine.plan.entity import Entity
from engine.plan.viewer import Viewer


def invisible(app: App, viewer: Viewer, entity: Entity, values: Mapping[str, Any]) -> set[str]:
    """Names of fields whose rule is known to be false; what cannot be judged here is shown."""
    return set()
