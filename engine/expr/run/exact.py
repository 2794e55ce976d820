"""Exact arithmetic on scaled integers: what SQLite's functions, the interpreter and (in ``expr.js``) browsers do.

A decimal of scale ``s`` is the integer ``value * 10**s``. Rounding is half away from zero, division by zero is None.
"""

from __future__ import annotations


def divide_round(a: int, b: int) -> int | None:
    """``a / b`` rounded half away from zero."""
    if b == 0:
        return None
    magnitude = (2 * abs(a) + abs(b)) // (2 * abs(b))
    return magnitude if (a < 0) == (b < 0) else -magnitude


def div(a: int, b: int, power: int) -> int | None:
    return divide_round(a * 10**power, b)


def truncated(a: int, b: int) -> int:
    """``a / b`` cut towards zero."""
    magnitude = abs(a) // abs(b)
    return magnitude if (a < 0) == (b < 0) else -magnitude


def mod(a: int, b: int) -> int | None:
    """What a truncated division leaves: the sign is that of ``a``."""
    return None if b == 0 else a - b * truncated(a, b)


def up(a: int, power: int) -> int:
    return int(a * 10**power)


def down(a: int, power: int) -> int:
    found = divide_round(a, 10**power)
    assert found is not None
    return found


def trunc(a: int, power: int) -> int:
    return truncated(a, int(10**power))


def floor(a: int, power: int) -> int:
    return int(a // 10**power)


def ceil(a: int, power: int) -> int:
    return int(-(-a // 10**power))


def sign(a: int) -> int:
    return (a > 0) - (a < 0)


def number_text(a: int, scale: int) -> str:
    """The number with all its digits: ``-0.50``."""
    if scale <= 0:
        return str(a)
    digits = f"{abs(a):0{scale + 1}d}"
    return f"{'-' if a < 0 else ''}{digits[:-scale]}.{digits[-scale:]}"
