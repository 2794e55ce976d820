"""Numbers that check themselves: social credit codes and identity cards."""

from __future__ import annotations

from datetime import date

USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
USCC_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECK = "10X98765432"


def is_uscc(text: str) -> bool:
    """GB 32100: 18 characters of which the last is a check."""
    if len(text) != 18 or any(c not in USCC_ALPHABET for c in text):
        return False
    total = sum(USCC_ALPHABET.index(c) * w for c, w in zip(text[:17], USCC_WEIGHTS, strict=True))
    return USCC_ALPHABET.index(text[17]) == (31 - total % 31) % 31


def is_id_card(text: str) -> bool:
    """GB 11643: 17 digits holding a date of birth, and a check."""
    head, check = text[:17], text[17:].upper()
    if len(text) != 18 or not (head.isascii() and head.isdigit()) or head[0] == "0":
        return False
    try:
        born = date(int(head[6:10]), int(head[10:12]), int(head[12:14]))
    except ValueError:
        return False
    total = sum(int(c) * w for c, w in zip(head, ID_WEIGHTS, strict=True))
    return 1800 <= born.year <= 2199 and _ID_CHECK[total % 11] == check
