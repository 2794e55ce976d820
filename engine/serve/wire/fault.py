"""How the server says no: faults with a place and words in every language, and the refusal that carries them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engine.db import Lost, Unsettled
from engine.fieldtypes import Refused
from engine.fieldtypes.codes import CODES as VALUE_CODES
from engine.intake.codes import CODES as IMPORT_CODES
from engine.label import LANGUAGES, Label
from engine.plan.codes import CODES as HOUSE_CODES
from engine.problem import Code, Problem
from engine.serve.wire.codes import CODES
from engine.wording import in_language

RETRY_SECONDS = 2
TABLES: tuple[Mapping[str, Code], ...] = (CODES, VALUE_CODES, IMPORT_CODES, HOUSE_CODES)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. ``check`` names the rule, ``where`` the line of YAML that wrote it, ``reason``
    says that giving a reason lets it pass."""

    code: str
    says: Label
    pointer: str = ""
    hint: Label = field(default_factory=Label)
    check: str = ""
    where: str = ""
    reason: bool = False
    status: int = 422
    warning: bool = False


class Refusal(Exception):
    """The request is not done, for these faults; nothing of it is kept."""

    def __init__(self, faults: Iterable[Fault], status: int | None = None, headers: Mapping[str, str] | None = None):
        self.faults = tuple(faults)
        self.status = status or self.faults[0].status
        self.headers = dict(headers or {})
        super().__init__("; ".join(f"{f.code} {f.pointer} {f.says.en}" for f in self.faults))


def _code(code: str) -> Code:
    for table in TABLES:
        if code in table:
            return table[code]
    raise KeyError(code)


def fault(code: str, pointer: str = "", **params: object) -> Fault:
    """Words ``code`` in both languages. A parameter may be a Label: ``{name}`` and ``{name_zh}`` are filled from it."""
    row = _code(code)
    shown: dict[str, str] = {}
    for key, value in params.items():
        if isinstance(value, Label):
            shown[key] = value.to("en")
            shown[f"{key}_zh"] = value.to("zh")
        else:
            shown[key] = str(value)
            shown.setdefault(f"{key}_zh", str(value))
    hint = Label()
    hinted = "{nearest}" not in row.hint_en or shown.get("nearest")
    if row.hint_en and hinted:
        hint = Label(row.hint_zh.format_map(shown), row.hint_en.format_map(shown))
    return Fault(
        code, Label(row.zh.format_map(shown), row.en.format_map(shown)), pointer, hint, status=row.status or 422
    )


def refuse(code: str, pointer: str = "", **params: object) -> Refusal:
    return Refusal((fault(code, pointer, **params),))


def of_value(refused: Refused, pointer: str) -> Fault:
    """What a field type says of a value it does not take."""
    return fault(refused.code.code, pointer, **refused.params)


def yaml_of(where: str) -> str:
    """``entities/labour.yaml:105:7``: which line of a pack, and nothing of where this machine keeps it."""
    return "/".join(where.split("/")[-2:])


def of_lost(lost: Lost) -> Refusal:
    """The database is away: not now, but soon again."""
    code = "server.unsettled" if isinstance(lost, Unsettled) else "server.lost"
    return Refusal((fault(code, says=lost.says, hint=lost.hint),), headers={"retry-after": str(RETRY_SECONDS)})


def of_problem(found: Problem, status: int = 400) -> Fault:
    """A problem of another room (an expression asked at run time), with its own words."""
    (zh, zh_hint), (en, en_hint) = (in_language(found, language) for language in LANGUAGES)
    return Fault(found.code, Label(zh, en), str(found.where), Label(zh_hint, en_hint), status=status)
