"""Takes one property out of a YAML text by the place of its key, and leaves everything else as it stands, comments too.

Block style loses whole lines, flow style what stands between two commas; a map left empty goes with its key.
"""

from __future__ import annotations

import re

_KEY = re.compile(r"""\s*(?:"[^"]*"|'[^']*'|[^\s#'"{\[][^:]*):\s*(?:#.*)?$""")


def cut(text: str, line: int, column: int) -> str:
    """``line`` and ``column`` of the key, both from 1. Raises ValueError where no key begins there."""
    lines = text.splitlines(keepends=True)
    if not 1 <= line <= len(lines) or not 1 <= column <= len(lines[line - 1]):
        raise ValueError("no such place")
    before = lines[line - 1][: column - 1]
    if before.strip():
        return _cut_flow(text, sum(len(one) for one in lines[: line - 1]) + column - 1)
    return _cut_block(lines, line - 1, len(before))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _is_text(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _cut_block(lines: list[str], start: int, indent: int) -> str:
    end = start + 1
    while end < len(lines) and (not _is_text(lines[end]) or _indent(lines[end]) > indent):
        end += 1
    while end > start + 1 and not _is_text(lines[end - 1]):
        end -= 1  # blank lines and comments after it belong to what follows
    left = lines[:start] + lines[end:]
    parent = next((n for n in range(start - 1, -1, -1) if _is_text(left[n])), None)
    if parent is not None and indent and _KEY.match(left[parent].rstrip("\n")) and _indent(left[parent]) < indent:
        child = next((one for one in left[parent + 1 :] if _is_text(one)), "")
        if not child or _indent(child) <= _indent(left[parent]):
            return _cut_block(left, parent, _indent(left[parent]))
    return "".join(left)


def _cut_flow(text: str, start: int) -> str:
    end = _end_of_entry(text, start)
    before = start
    while before and text[before - 1] in " \t\n":
        before -= 1
    opens = text[before - 1] == "{"
    if text[end] == ",":
        end += 1
        while opens and end < len(text) and text[end] in " \t\n":
            end += 1
        return text[: before if opens else before - 1] + ("" if opens else ",") + text[end:]
    if text[before - 1] == ",":
        return text[: before - 1] + text[end:]
    return _cut_empty(text, before - 1, end)


def _cut_empty(text: str, start: int, end: int) -> str:
    """The whole map is gone: its key goes too."""
    head = text[:start].rstrip(" ")
    if not head.endswith(":"):
        raise ValueError("not the value of a key")
    line_start = head.rfind("\n") + 1
    inside = max(head.rfind("{", line_start), head.rfind(",", line_start))
    rest = text[end + 1 :]
    if inside >= line_start:
        place = inside + 1
        while text[place] in " \t":
            place += 1
        return _cut_flow(text[:start] + "0" + rest, place)
    lines = text.splitlines(keepends=True)
    number = text.count("\n", 0, line_start)
    return _cut_block(lines, number, _indent(lines[number]))


def _end_of_entry(text: str, start: int) -> int:
    """Where the comma or the brace stands that ends the entry."""
    depth, quote = 0, ""
    for at in range(start, len(text)):
        sign = text[at]
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'":
            quote = sign
        elif sign in "{[":
            depth += 1
        elif sign in "}]" and depth:
            depth -= 1
        elif (sign == "," and not depth) or sign in "}]":
            return at
    raise ValueError("the map is not closed")
