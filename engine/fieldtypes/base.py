"""What every field type is, and how it says no."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.fieldtypes.codes import CODES
from engine.fieldtypes.spec import Spec
from engine.problem import Code

EQUAL = ("eq", "ne", "in", "null")
ORDERED = (*EQUAL, "lt", "lte", "gt", "gte")
WORDS = (*ORDERED, "contains", "starts")


class Refused(Exception):
    """A value this type does not take."""

    def __init__(self, code: str, **params: Any) -> None:
        self.code: Code = CODES[code]
        self.params = params
        super().__init__(code)


def wrong_type(expected: str, expected_zh: str, value: object) -> Refused:
    return Refused("value.type", expected=expected, expected_zh=expected_zh, got=shown(value))


def shown(value: object) -> str:
    """A value as an error quotes it: short, and never a wall of text."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


@dataclass(frozen=True)
class FieldType:
    """One field type. Subclasses override; instances hold no state but their row of facts."""

    name: str
    kind: str
    widget: str
    operators: tuple[str, ...] = EQUAL
    scale: int = 0

    def coerce(self, value: Any, spec: Spec) -> Any:
        """A JSON or form value as the Python value of this type; raises ``Refused``. Never called with None."""
        raise NotImplementedError

    def parse(self, text: str, spec: Spec) -> Any:
        """A value from text as YAML, CSV and forms hold it."""
        return self.coerce(text, spec)

    def schema(self, spec: Spec) -> dict[str, Any]:
        """JSON Schema of the value in the API, null left out."""
        return {"type": "string"}

    def format(self, value: Any, spec: Spec, language: str = "zh", zone: str = "UTC") -> str:
        """The value as people read it; ``value`` is the API's JSON form or the Python value."""
        return "" if value is None else str(value)

    def scale_of(self, spec: Spec) -> int:
        return spec.scale if spec.scale else self.scale
