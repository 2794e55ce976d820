"""What the names in expressions stand for: entities and their attributes, settings, people, figures.

Linking fills it; questions asked at run time are typed against the same world. It holds no expression, only the text
of live values, so that it can be dumped; those are typed when first used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.expr.run.types import DATETIME, INTEGER, Type, not_null, stored
from engine.fieldtypes.spec import Spec
from engine.problem import Where


@dataclass(frozen=True, slots=True)
class Attribute:
    """A name after a dot.

    ``stored``: has ``column``. ``live``: ``live`` is its expression's text, typed in the scope of its own entity.
    ``lines``: rows of ``type.entity`` whose ``column`` holds this record's id. ``many``: ``link`` is (table, column
    of this record, column of the other). ``absent``: its pack or feature ``waits_for`` is not there: an expression
    that names it is unavailable.
    """

    name: str
    type: Type
    column: str | None = None
    kind: Literal["stored", "live", "lines", "many", "absent"] = "stored"
    live: str = ""
    link: tuple[str, str, str] | None = None
    waits_for: str = ""
    where: Where = field(default_factory=Where)


@dataclass(frozen=True, slots=True)
class Relation:
    """An entity. ``path`` is ``day_labor.sheet``; ``owner`` the attribute that points at the owner of these lines;
    ``living``: it has a bin, and only rows outside it count."""

    path: str
    table: str
    attributes: Mapping[str, Attribute]
    owner: str | None = None
    living: bool = True
    display: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Attribute → column, where that is called otherwise."""

    @property
    def module(self) -> str:
        return self.path.partition(".")[0]

    @property
    def name(self) -> str:
        return self.path.partition(".")[2]


@dataclass(frozen=True, slots=True)
class Figure:
    """A measure of an aggregation, and the dimensions it may be asked at. ``additive``: nothing counts as 0."""

    type: Type
    dims: Mapping[str, Type]
    additive: bool = True


@dataclass(frozen=True, slots=True)
class World:
    """``entities`` by path; ``settings`` by name; ``me``: ``""`` is the user's reference, other names what roles give
    (``projects``: rows of a place); ``figures`` by ``module.aggregation.measure``; ``absent``: keys of packs that
    are named in ``uses`` but not there; ``tables`` of entities are physical names."""

    entities: Mapping[str, Relation]
    settings: Mapping[str, Type] = field(default_factory=dict)
    me: Mapping[str, Type] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    typed: dict[tuple[str, str], Any] = field(default_factory=dict, compare=False, repr=False)
    """Live values typed so far: (entity, attribute) → Expr. Not part of the world's identity, never dumped."""


def type_of(spec: Spec, kind: str, scale: int = 0, target: str = "", nullable: bool = True) -> Type:
    """The expression type of a field: its spec, and the storage kind and scale its field type gives."""
    if spec.type in ("lines", "refs"):
        return Type("rows", entity=target)
    if kind == "uuid":
        return Type("ref", entity=target, nullable=nullable)
    options = tuple(option.name for option in spec.options) if kind == "text" else ()
    return stored(kind, scale, options=options, nullable=nullable)  # type: ignore[arg-type]


def system_attributes(entity: str, users: str = "", living: bool = True) -> dict[str, Attribute]:
    """What every record has: ``id rev created_at created_by updated_at updated_by`` and, with a bin, ``deleted_at``."""
    by = Type("ref", entity=users) if users else Type("text")
    own = {
        "id": Type("ref", entity=entity, nullable=False),
        "rev": not_null(INTEGER),
        "created_at": not_null(DATETIME),
        "created_by": by,
        "updated_at": not_null(DATETIME),
        "updated_by": by,
    }
    if living:
        own["deleted_at"] = DATETIME
    return {name: Attribute(name, type, name) for name, type in own.items()}
