"""What a field of a type was declared with: the part of a field that its type needs to know."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from engine.label import Label


@dataclass(frozen=True, slots=True)
class Option:
    """One choice; ``name`` is stored, ``title`` shown; ``was``: what was stored for it earlier."""

    name: str
    title: Label
    was: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Spec:
    """A field's type with its parameters.

    ``type`` is the field type's name (``money``), ``scale`` the digits after the point of decimal kinds,
    ``min``/``max`` bounds in the value's own unit, ``target`` the entity path of a ref or of lines.
    Of files: ``max_size`` the bytes each may have, ``max_count`` how many there may be,
    ``accept`` the kinds of ``filekinds.py``, any when empty.
    """

    type: str
    scale: int = 0
    min: Decimal | None = None
    max: Decimal | None = None
    min_length: int | None = None
    max_length: int | None = None
    options: tuple[Option, ...] = ()
    target: str = ""
    unit: str = ""
    many: bool = False
    max_size: int | None = None
    max_count: int | None = None
    accept: tuple[str, ...] = ()
