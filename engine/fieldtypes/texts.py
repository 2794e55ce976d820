"""Types of text: plain, long, rich, e-mail, phone, address, running number, choice."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from engine.fieldtypes.base import EQUAL, WORDS, FieldType, Refused, shown, wrong_type
from engine.fieldtypes.spec import Spec
from engine.problem import nearest

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_LINE_ENDS = re.compile(r"\r\n?")
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_PHONE = re.compile(r"\+?[0-9][0-9 \-()]{4,24}")
_URL = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)


@dataclass(frozen=True)
class Text(FieldType):
    """One line (``text``) or many (``long_text``); kept as typed, line ends made ``\\n``."""

    max_length: int = 500
    multiline: bool = False
    pattern: re.Pattern[str] | None = field(default=None, compare=False)
    pattern_code: str = ""

    def coerce(self, value: Any, spec: Spec) -> str:
        if not isinstance(value, str):
            raise wrong_type("text", "文本", value)
        text = _LINE_ENDS.sub("\n", value) if "\r" in value else value
        if found := _CONTROL.search(text):
            raise Refused("value.text-control", point=f"{ord(found[0]):04X}")
        if not self.multiline:
            text = text.strip()
        limit = spec.max_length or self.max_length
        if len(text) > limit:
            raise Refused("value.text-length", max=limit, got=len(text))
        if spec.min_length and len(text) < spec.min_length:
            raise Refused("value.text-short", min=spec.min_length, got=len(text))
        if self.pattern is not None and not self.pattern.fullmatch(text):
            raise Refused(self.pattern_code, got=shown(text))
        return text

    def schema(self, spec: Spec) -> dict[str, Any]:
        out: dict[str, Any] = {"type": "string", "maxLength": spec.max_length or self.max_length}
        if spec.min_length:
            out["minLength"] = spec.min_length
        if self.name == "email":
            out["format"] = "email"
        elif self.name == "url":
            out["format"] = "uri"
        return out


@dataclass(frozen=True)
class Choice(FieldType):
    """One of named options."""

    def coerce(self, value: Any, spec: Spec) -> str:
        if not isinstance(value, str):
            raise wrong_type("one of the choices", "选项之一", value)
        names = [o.name for o in spec.options]
        if value not in names:
            meant = nearest(value, names) or ", ".join(names[:6])
            raise Refused("value.choice", got=shown(value), nearest=meant)
        return value

    def parse(self, text: str, spec: Spec) -> str:
        """Also takes an option's title, as files and people write it."""
        for option in spec.options:
            if text in (option.title.zh, option.title.en):
                return option.name
        return self.coerce(text, spec)

    def schema(self, spec: Spec) -> dict[str, Any]:
        return {"type": "string", "enum": [o.name for o in spec.options]}

    def format(self, value: Any, spec: Spec, language: str = "zh", zone: str = "UTC") -> str:
        for option in spec.options:
            if option.name == value:
                return option.title.to(language)
        return "" if value is None else str(value)


@dataclass(frozen=True)
class Choices(Choice):
    """Several of named options, each once, in the order declared."""

    def coerce(self, value: Any, spec: Spec) -> Any:
        if not isinstance(value, list | tuple):
            raise wrong_type("a list of choices", "选项列表", value)
        chosen = [Choice.coerce(self, item, spec) for item in value]
        return [o.name for o in spec.options if o.name in chosen]

    def parse(self, text: str, spec: Spec) -> Any:
        parts = [p.strip() for p in re.split(r"[,，、;；]", text) if p.strip()]
        return self.coerce([Choice.parse(self, p, spec) for p in parts], spec)

    def schema(self, spec: Spec) -> dict[str, Any]:
        return {"type": "array", "uniqueItems": True, "items": Choice.schema(self, spec)}

    def format(self, value: Any, spec: Spec, language: str = "zh", zone: str = "UTC") -> str:
        mark = "、" if language.startswith("zh") else ", "
        return mark.join(Choice.format(self, item, spec, language) for item in value or ())


TYPES: tuple[FieldType, ...] = (
    Text("text", "text", "text", WORDS),
    Text("long_text", "text", "textarea", WORDS, max_length=20_000, multiline=True),
    Text("rich_text", "text", "textarea", WORDS, max_length=100_000, multiline=True),
    Text("email", "text", "email", WORDS, max_length=254, pattern=_EMAIL, pattern_code="value.email"),
    Text("phone", "text", "tel", WORDS, max_length=26, pattern=_PHONE, pattern_code="value.phone"),
    Text("url", "text", "url", WORDS, max_length=2_000, pattern=_URL, pattern_code="value.url"),
    Text("number", "text", "number_text", WORDS, max_length=120),
    Choice("choice", "text", "choice", EQUAL),
    Choices("choices", "json", "choices", ("contains", "null")),
)
