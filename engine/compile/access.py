"""Who may do what, as rules: per operation and role True or the rule's text. Its SQL is made by ``ask``."""

from __future__ import annotations

from collections.abc import Mapping

from engine.catalog import Catalog, Entity

OPERATIONS = ("create", "read", "update", "delete", "export", "act")


def rules(catalog: Catalog, entity: Entity) -> Mapping[str, Mapping[str, bool | str]]:
    """A role that is not there is closed to; lines are as open as their root."""
    out: dict[str, dict[str, bool | str]] = {}
    for operation in OPERATIONS:
        for role, made in catalog.root_of(entity).access.items():
            rule = getattr(made, operation)
            if operation == "act" and rule is None:
                rule = made.update
            if rule is None or rule is False:
                continue
            out.setdefault(operation, {})[role] = True if rule is True else rule.text
    return out if not entity.owned_by else {}
