"""Types of numbers: integer, decimal, money, price, percent, quantity, boolean, duration."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from engine.fieldtypes.base import EQUAL, ORDERED, FieldType, Refused, shown, wrong_type
from engine.fieldtypes.spec import Spec
from engine.fieldtypes.storage import INTEGER_BOUND, integer_digits

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d{1,20}", re.ASCII)


def _within(value: Decimal | int, spec: Spec) -> None:
    if spec.min is not None and value < spec.min:
        raise Refused("value.min", min=spec.min)
    if spec.max is not None and value > spec.max:
        raise Refused("value.max", max=spec.max)


def _grouped(value: Decimal, scale: int) -> str:
    return f"{value.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP):,.{scale}f}".replace("-", "−")


@dataclass(frozen=True)
class Integer(FieldType):
    """A whole number that also JavaScript holds exactly."""

    def coerce(self, value: Any, spec: Spec) -> int:
        if isinstance(value, (bool, float)):
            raise wrong_type("a whole number", "整数", value)
        if isinstance(value, str):
            if not _WHOLE.fullmatch(value.strip()):
                raise wrong_type("a whole number", "整数", value)
            value = int(value)
        elif isinstance(value, Decimal):
            if value != value.to_integral_value():
                raise wrong_type("a whole number", "整数", value)
            value = int(value)
        if not isinstance(value, int):
            raise wrong_type("a whole number", "整数", value)
        if abs(value) > INTEGER_BOUND:
            raise Refused("value.integer-range", got=value)
        _within(value, spec)
        return value

    def schema(self, spec: Spec) -> dict[str, Any]:
        low = int(spec.min) if spec.min is not None else -INTEGER_BOUND
        high = int(spec.max) if spec.max is not None else INTEGER_BOUND
        return {"type": "integer", "minimum": low, "maximum": high}

    def format(self, value: Any, spec: Spec, language: str = "zh", zone: str = "UTC") -> str:
        return "" if value is None else f"{int(value):,}".replace("-", "−")


@dataclass(frozen=True)
class Number(FieldType):
    """An exact decimal with ``scale`` digits; more digits than that are refused, never rounded away unseen."""

    fixed_scale: bool = True

    def scale_of(self, spec: Spec) -> int:
        return self.scale if self.fixed_scale or not spec.scale else spec.scale

    def coerce(self, value: Any, spec: Spec) -> Decimal:
        number = self._decimal(value)
        scale = self.scale_of(spec)
        rounded = number.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP) if number.adjusted() < 40 else number
        if rounded != number:
            raise Refused("value.scale", scale=scale, got=shown(value if isinstance(value, str) else f"{number:f}"))
        digits = integer_digits(scale)
        if number and number.adjusted() >= digits:
            raise Refused("value.digits", digits=digits, got=shown(str(value)))
        _within(rounded, spec)
        return rounded + 0

    def _decimal(self, value: Any) -> Decimal:
        if isinstance(value, (bool, float)):
            raise wrong_type("a number", "数字", value)
        if isinstance(value, int | Decimal):
            number = Decimal(value)
        elif isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
            try:
                number = Decimal(value.strip())
            except InvalidOperation:
                raise wrong_type("a number", "数字", value) from None
        else:
            raise wrong_type("a number", "数字", value)
        if not number.is_finite():
            raise wrong_type("a number", "数字", value)
        return number

    def parse(self, text: str, spec: Spec) -> Decimal:
        plain = text.strip()
        if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", plain):
            plain = plain.replace(",", "")
        return self.coerce(plain, spec)

    def schema(self, spec: Spec) -> dict[str, Any]:
        scale = self.scale_of(spec)
        digits = rf"^-?\d{{1,{integer_digits(scale)}}}" + (rf"(\.\d{{1,{scale}}})?$" if scale else "$")
        return {"type": ["string", "number"], "pattern": digits}

    def format(self, value: Any, spec: Spec, language: str = "zh", zone: str = "UTC") -> str:
        if value is None:
            return ""
        return _grouped(Decimal(value), self.scale_of(spec)) + (f" {spec.unit}" if spec.unit else "")


@dataclass(frozen=True)
class Price(Number):
    """A unit price: shown with two digits, or with as many as it has."""

    def format(self, value: Any, spec: Spec, language: str = "zh", zone: str = "UTC") -> str:
        if value is None:
            return ""
        number = Decimal(value).normalize()
        return _grouped(number, max(2, -int(number.as_tuple().exponent)))


@dataclass(frozen=True)
class Percent(Number):
    """A fraction: 0.09 is 9 %. People write ``9%``."""

    def parse(self, text: str, spec: Spec) -> Decimal:
        plain = text.strip()
        if plain.endswith(("%", "％")):
            return self.coerce(self._decimal(plain[:-1].strip()) / 100, spec)
        return self.coerce(plain, spec)

    def format(self, value: Any, spec: Spec, language: str = "zh", zone: str = "UTC") -> str:
        return "" if value is None else f"{_grouped(Decimal(value) * 100, 2)} %"


@dataclass(frozen=True)
class Boolean(FieldType):
    def coerce(self, value: Any, spec: Spec) -> bool:
        if value is True or value is False:
            return value
        raise wrong_type("true or false", "是或否", value)

    def parse(self, text: str, spec: Spec) -> bool:
        known = {"true": True, "1": True, "是": True, "on": True, "false": False, "0": False, "否": False, "": False}
        if text.strip().lower() not in known:
            raise wrong_type("true or false", "是或否", text)
        return known[text.strip().lower()]

    def schema(self, spec: Spec) -> dict[str, Any]:
        return {"type": "boolean"}

    def format(self, value: Any, spec: Spec, language: str = "zh", zone: str = "UTC") -> str:
        if value is None:
            return ""
        chinese = language.startswith("zh")
        return ("是" if chinese else "Yes") if value else ("否" if chinese else "No")


@dataclass(frozen=True)
class Duration(Integer):
    """Whole minutes; shown as hours and minutes."""

    def format(self, value: Any, spec: Spec, language: str = "zh", zone: str = "UTC") -> str:
        if value is None:
            return ""
        sign, minutes = ("−" if int(value) < 0 else ""), abs(int(value))
        return f"{sign}{minutes // 60}:{minutes % 60:02d}"


TYPES: tuple[FieldType, ...] = (
    Integer("integer", "integer", "integer", ORDERED),
    Number("decimal", "decimal", "decimal", ORDERED, scale=2, fixed_scale=False),
    Number("money", "decimal", "money", ORDERED, scale=2),
    Price("price", "decimal", "decimal", ORDERED, scale=6),
    Percent("percent", "decimal", "percent", ORDERED, scale=6),
    Number("quantity", "decimal", "decimal", ORDERED, scale=4),
    Boolean("boolean", "boolean", "boolean", EQUAL),
    Duration("duration", "duration", "integer", ORDERED),
)
