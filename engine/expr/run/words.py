"""What expressions do with text; letters of other scripts than ASCII have no case here, by definition."""

from __future__ import annotations

import string
from functools import lru_cache

_UPPER = str.maketrans(string.ascii_lowercase, string.ascii_uppercase)
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("", "拾", "佰", "仟")
_GROUPS = ("", "万", "亿", "万亿", "亿亿")


def upper(text: str) -> str:
    return text.translate(_UPPER)


def lower(text: str) -> str:
    return text.translate(_LOWER)


LONGEST = 1_000_000
"""Characters of a text that REPLACE makes longer: a few of them within each other would fill any memory."""


def replace(text: str, part: str, other: str) -> str | None:
    """None when it would grow past LONGEST."""
    if not part:
        return text
    more = len(other) - len(part)
    if more > 0 and len(text) + text.count(part) * more > LONGEST:
        return None
    return text.replace(part, other)


def substr(text: str, start: int, length: int) -> str:
    return text[start - 1 : start - 1 + length]


@lru_cache(maxsize=4096)
def pinyin(text: str) -> str:
    return " ".join(sounds(text))


def sounds(text: str) -> list[str]:
    """The pinyin of each Chinese character, without tones; what is not Chinese as it stands."""
    from pypinyin import lazy_pinyin  # noqa: PLC0415  (its dictionary takes a third of a second; many commands need none)

    told: list[str] = lazy_pinyin(text)
    return told


def similarity(one: str, other: str) -> int:
    """Dice's measure over pairs of neighbouring characters, in millionths."""
    if one == other:
        return 1_000_000
    first, second = _pairs(one), _pairs(other)
    if not first or not second:
        return 0
    left = dict.fromkeys(second, 0)
    for pair in second:
        left[pair] += 1
    shared = 0
    for pair in first:
        if left.get(pair, 0) > 0:
            left[pair] -= 1
            shared += 1
    total = len(first) + len(second)
    return (2 * 2 * shared * 1_000_000 + total) // (2 * total)


def _pairs(text: str) -> list[str]:
    return [text[i : i + 2] for i in range(len(text) - 1)]


def rmb_upper(cents: int) -> str | None:
    """人民币大写 of an amount in cents, as cheques and contracts write it; None beyond 10**16 yuan."""
    if abs(cents) >= 10**18:
        return None
    yuan, rest = divmod(abs(cents), 100)
    jiao, fen = divmod(rest, 10)
    text = "负" if cents < 0 else ""
    if yuan or not rest:
        text += f"{_whole(yuan)}元"
    if not rest:
        return f"{text}整"
    if jiao:
        text += f"{_DIGITS[jiao]}角"
    elif yuan:
        text += "零"
    return text + (f"{_DIGITS[fen]}分" if fen else "整")


def _whole(number: int) -> str:
    if number == 0:
        return _DIGITS[0]
    groups: list[int] = []
    while number:
        number, low = divmod(number, 10_000)
        groups.append(low)
    text = ""
    gap = False
    for at in range(len(groups) - 1, -1, -1):
        group = groups[at]
        if group == 0:
            gap = bool(text)
            continue
        if text and (gap or group < 1000):
            text += _DIGITS[0]
        text += _four(group) + _GROUPS[at]
        gap = False
    return text


def _four(group: int) -> str:
    text = ""
    gap = False
    for at in range(3, -1, -1):
        digit = group // 10**at % 10
        if digit == 0:
            gap = bool(text)
            continue
        text += (_DIGITS[0] if gap else "") + _DIGITS[digit] + _PLACES[at]
        gap = False
    return text
