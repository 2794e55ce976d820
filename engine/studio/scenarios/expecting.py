"""What a scenario expects, held against what is there: compared as types compare, told in one sentence each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from engine.label import Label
from engine.studio.scenarios.sentences import say
from engine.studio.tenant.bodies import bare


def same(want: Any, have: Any) -> bool:
    """Whether the text of a scenario means this value of an answer: ``333.2`` is ``333.20``, ``null`` is nothing."""
    if want is None or have is None:
        return want is None and have is None
    if isinstance(have, Mapping) and "display" in have:
        return want in (have.get("id"), have.get("display"))
    if isinstance(have, bool):
        return str(want).lower() == str(have).lower()
    if isinstance(have, list):
        return isinstance(want, Sequence) and not isinstance(want, str) and list(want) == [str(h) for h in have]
    return str(want) == str(have) or _alike(str(want), str(have))


def _alike(want: str, have: str) -> bool:
    """Two spellings of one moment or one number."""
    if _date_like(have) and _date_like(want):
        return have.startswith(want) or want.startswith(have) or _moment(want) == _moment(have)
    try:
        return Decimal(want) == Decimal(have)
    except InvalidOperation:
        return False


def _date_like(text: str) -> bool:
    return len(text) >= 7 and text[:4].isdigit() and text[4] == "-"


def _moment(text: str) -> str:
    return text.replace("T", " ").removesuffix("Z")[:16]


def fields(want: Mapping[str, Any], record: Mapping[str, Any], at: str = "") -> list[Label]:
    """What differs between the fields expected and the record; lines by position from 1."""
    out: list[Label] = []
    for name, value in want.items():
        wanted, path = bare(value), f"{at}{name}"
        if name not in record:
            out.append(say("absent", what=path))
        elif isinstance(wanted, Mapping):
            out += _lines(wanted, record[name] or [], path)
        elif not same(wanted, record[name]):
            out.append(say("is", what=path, want=said(wanted), have=said(record[name])))
    return out


def _lines(want: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], path: str) -> list[Label]:
    out: list[Label] = []
    for at, line in want.items():
        place = int(at)
        if not 0 < place <= len(rows):
            out.append(say("lines", what=path, have=len(rows), want=place))
        else:
            out += fields(bare(line), rows[place - 1], f"{path}.{place}.")
    return out


def said(value: Any) -> str:
    if isinstance(value, Mapping):
        return str(value.get("display") or value.get("id") or dict(value))
    return "null" if value is None else str(value)
