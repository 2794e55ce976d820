"""Field types: one unit per type with everything about it — storage, coercion, schema, widget, search."""

from __future__ import annotations

from collections.abc import Mapping

from engine.fieldtypes import links, numbers, texts, times
from engine.fieldtypes.base import FieldType, Refused
from engine.fieldtypes.spec import Option, Spec

REGISTRY: Mapping[str, FieldType] = {t.name: t for t in (*texts.TYPES, *numbers.TYPES, *times.TYPES, *links.TYPES)}

__all__ = ["REGISTRY", "FieldType", "Option", "Refused", "Spec"]
