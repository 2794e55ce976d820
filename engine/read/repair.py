"""The line as it was probably meant, for hints; and the parser's complaints in our words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engine.label import Label
from engine.problem import NO_HINT, Problem, Where, problem
from engine.read.codes import CODES

_SIGNS = "!*&@%`"
_LOOKED_AT = 500
"""What is looked at of a line, which may be as long as a file: some patterns look again from each sign."""
_TOLD = 200
_WIDE_COLON = re.compile(r"^\s*[\w一-鿿-]+：")


def beginning(line: str, start: int = 0, most: int = _TOLD) -> str:
    """As much of a line as is told of it."""
    return line[start : start + most] + ("…" if len(line) > start + most else "")


def quoted(text: str) -> str:
    """The text as a quoted scalar: in `"` when it can be, in `'` when it holds `"` or `\\`."""
    inner = text.strip()
    if len(inner) > 1 and inner[0] == inner[-1] and inner[0] in "\"'":
        return inner
    if '"' in inner or "\\" in inner:
        return "'" + inner.replace("'", "''") + "'"
    return f'"{inner}"'


def syntax_problem(file: str, lines: list[str], error: Any) -> Problem:
    """libyaml's complaint about a text that is no YAML at all, with the usual slips named."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:  # a character YAML forbids anywhere
        reason = str(getattr(error, "reason", error)).splitlines()[0]
        return problem(CODES["load.syntax"], Where(file, 1, 1), reason=reason)
    context = getattr(error, "context_mark", None)
    if context is not None and not "".join(lines[mark.line :]).strip():
        mark = context  # not closed before the end of the file: show where it was opened
    elif mark.line and _WIDE_COLON.match(lines[mark.line - 1]):
        where = Where(file, mark.line, lines[mark.line - 1].index("：") + 1)
        said = "could not find expected ':'"
        return problem(CODES["load.syntax"], where, _hint("", lines[mark.line - 1]), reason=_reason(said))
    line = beginning(lines[mark.line], most=_LOOKED_AT) if mark.line < len(lines) else ""
    where = Where(file, mark.line + 1, mark.column + 1)
    said = str(getattr(error, "problem", "") or "this is not YAML")
    if sign := _leading_sign(line):
        at, rest = sign
        where = Where(file, mark.line + 1, at + 1)
        return problem(CODES["load.leading-sign"], where, sign=rest[0], repaired=quoted(rest))
    return problem(CODES["load.syntax"], where, _hint(said, line), reason=_reason(said))


def _leading_sign(line: str) -> tuple[int, str] | None:
    """A value that begins with a sign YAML keeps for itself: where, and the text to its end."""
    for found in re.finditer(rf"(?:[:,\[{{-]\s+|^\s*|\[)([{re.escape(_SIGNS)}])", line):
        start = found.start(1)
        if (
            line[start] in "@`%"
            or re.match(r"[!&*]\S*[\s，。（]", line[start:])
            or line[start:].rstrip() == line[start]
        ):
            rest = line[start:]
            end = re.search(r"[,}\]]", rest) if "{" in line[:start] or "[" in line[:start] else None
            return start, rest[: end.start()] if end else rest.rstrip()
    return None


_REASONS: Mapping[str, Label] = {
    "mapping values are not allowed in this context": Label(
        "`:` 出现在不能作键的位置",
        "a `:` stands where no key can be",
    ),
    "could not find expected ':'": Label("键后缺少 `:`", "a key without its `:`"),
    "did not find expected ',' or '}'": Label(
        "`{…}` 没有闭合，或其中有需要加引号的文字",
        "a flow map `{…}` is not closed, or holds a text that needs quotes",
    ),
    "did not find expected ',' or ']'": Label(
        "`[…]` 没有闭合，或其中有需要加引号的文字",
        "a flow list `[…]` is not closed, or holds a text that needs quotes",
    ),
    "did not find expected key": Label("缩进与上文不一致", "the indentation does not fit the lines above"),
    "did not find expected '-' indicator": Label(
        "缩进与上面的列表不一致",
        "the indentation does not fit the list above",
    ),
    "found unexpected end of stream": Label("引号没有闭合", "a quote is not closed"),
    "found unexpected document indicator": Label("引号没有闭合", "a quote is not closed"),
    "did not find expected node content": Label(
        "`,`、`}` 或 `]` 前缺少值",
        "a value is missing before `,`, `}` or `]`",
    ),
    "block sequence entries are not allowed in this context": Label(
        "列表不能写在键的同一行",
        "a list cannot begin on the line of its key",
    ),
}


def _reason(said: str) -> str | Label:
    return _REASONS.get(said, said)


def _hint(said: str, line: str) -> Label:
    if _WIDE_COLON.match(line):
        return Label("`：` 是全角，请写 `:` 加空格", "`：` is full-width; write `:` and a blank")
    pair = re.match(r"^(\s*(?:- )?[\w一-鿿-]+):\s+(.*\S)\s*$", line)
    if pair and not pair[2].startswith(("{", "[", '"', "'")) and said.startswith("mapping values"):
        meant = f"{pair[1].strip()}: {quoted(pair[2])}"
        return Label(f"加引号：{meant}", f"quote it: {meant}")
    if "{" in line and said.startswith("did not find expected ','"):
        signs = "{ } [ ] , :"
        return Label(f"含 {signs} 或 # 的文字要加引号", f"quote a text that holds {signs} or #")
    return NO_HINT
