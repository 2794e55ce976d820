"""Lists of whoever sees the records of a few places: each place is walked in order by itself, and the runs are merged.

One index over all records would be walked past everybody else's. Rights do not depend on it: the rule is asked of every
row all the same.
"""

from __future__ import annotations

from engine.ask import access
from engine.ask.build import Build
from engine.expr.build.tree import Node, Op, Par, Path
from engine.fieldtypes.storage import quote
from engine.plan.entity import Entity
from engine.plan.question import Places


def places(build: Build, entity: Entity) -> Places | None:
    """Where every role that reads them reads those of its places by one field (``project IN me.projects``)."""
    if build.everything or entity.owner or access.rule(build, entity, "read"):
        return None
    found = [_place(node) for node in access.rules_of(build, entity, "read")]
    known = [one for one in found if one is not None]
    if len(known) < len(found) or len({field for field, _ in known}) != 1:
        return None
    return Places(known[0][0], tuple(sorted({held for _, held in known})))


def _place(node: Node) -> tuple[str, str] | None:
    """(own reference, set of places) of a rule that is just that."""
    if not (isinstance(node, Op) and node.name == "among"):
        return None
    field, held = node.args[:2]
    if not (isinstance(field, Path) and isinstance(held, Par) and held.source == "me" and "." in held.name):
        return None
    own = not field.hops and field.column and field.live is None and field.start is None
    return (field.column, held.name) if own else None


def run(build: Build, alias: str, walked: Places, n: int) -> str:
    """A condition: the row is of the n-th place that is bound as ``places``; of none, where there are fewer."""
    bound = build.input("places", "json")
    if build.dialect == "postgresql":
        return f"{alias}.{quote(walked.field)} = ({bound} ->> {n})::uuid"
    return f"{alias}.{quote(walked.field)} = json_extract({bound}, '$[{n}]')"
