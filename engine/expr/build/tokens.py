"""Text → tokens. What people type by mistake is named here, before anything is parsed."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal, NamedTuple

from engine.expr.build.codes import CODES
from engine.expr.run.types import INTEGER_DIGITS, SAFE_INTEGER
from engine.label import Label
from engine.problem import NO_HINT, Code, Problem, Problems, Where, problem, write_instead

MAX_LENGTH = 4000
MAX_DEPTH = 40
MAX_FRACTION = 10

KEYWORDS = frozenset(
    [
        "AND",
        "OR",
        "NOT",
        "IN",
        "IS",
        "NULL",
        "BETWEEN",
        "CASE",
        "WHEN",
        "THEN",
        "ELSE",
        "END",
        "WHERE",
        "ORDER",
        "BY",
        "ASC",
        "DESC",
        "DISTINCT",
        "TRUE",
        "FALSE",
        "LIKE",
    ]
)
"""Words of the grammar, in any case."""

RESERVED = frozenset(word.lower() for word in KEYWORDS) | frozenset(
    ["from", "set", "any", "for", "as", "with", "comment", "create"]
)
"""What no field may be called."""

COMMANDS = frozenset(
    [
        "SELECT",
        "INSERT",
        "UPDATE",
        "DELETE",
        "DROP",
        "ALTER",
        "CREATE",
        "GRANT",
        "REVOKE",
        "TRUNCATE",
        "EXEC",
        "EXECUTE",
        "CALL",
        "MERGE",
        "COPY",
        "ATTACH",
        "PRAGMA",
        "VACUUM",
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "SET",
        "SHOW",
        "USE",
        "DESCRIBE",
        "EXPLAIN",
        "ANALYZE",
        "COMMENT",
        "WITH",
        "UNION",
    ]
)

_SUGGESTED = {"end": "ends", "from": "starts", "desc": "description", "case": "matter", "set": "assigned",
              "any": "some", "for": "purpose", "as": "role", "with": "partner", "comment": "remark",
              "create": "make", "order": "sequence", "by": "author", "in": "inside", "like": "similar"}  # fmt: skip

TokenKind = Literal["name", "number", "text", "op", "keyword", "end"]


class Token(NamedTuple):
    """``text`` of a keyword is upper case, of a quoted text its content; ``at``..``end`` are offsets."""

    kind: TokenKind
    text: str
    at: int
    end: int


_TOKEN = re.compile(
    r"(?P<space>[ \t\r\n]+)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<number>[0-9]+(?:\.[0-9]+)?)"
    r"|(?P<text>'(?:[^']|'')*')"
    r"|(?P<op><=|>=|<>|!=|\|\||[=<>+\-*/%(),.])"
)
_FULL_WIDTH = {
    "（": "(", "）": ")", "，": ",", "＝": "=", "＞": ">", "＜": "<", "；": ";", "‘": "'", "’": "'", "“": "'", "”": "'",
    "＋": "+", "－": "-", "＊": "*", "／": "/", "％": "%", "．": ".", "。": ".", "、": ",", "：": ":", "×": "*",
    "÷": "/", "≥": ">=", "≤": "<=", "≠": "<>", "\u3000": " ",
    "！": "NOT", "＆": "AND", "｜": "||", "—": "-", "–": "-", "−": "-",
    "【": "(", "】": ")", "《": "<", "》": ">", "「": "'", "」": "'",
}  # fmt: skip
_OPERATORS = {"&&": "AND", "==": "=", "!": "NOT", "^": "a product", "~": "CONTAINS(a, b)", "&": "AND", "|": "OR",
              "=>": ">=", "=<": "<=", "->": ".", ":=": "="}  # fmt: skip


class Source:
    """An expression's text and where it stands; makes problems with their place."""

    def __init__(self, text: str, where: Where) -> None:
        self.text = text
        self.where = where

    def at(self, offset: int) -> Where:
        """The place of a character; offsets count from the start of the text, be it the first line or a later one."""
        if self.where.pointer or not self.where.line:
            return self.where
        before = self.text[:offset]
        line = before.count("\n")
        column = len(before) - (before.rfind("\n") + 1) + (self.where.column if line == 0 else 1)
        return Where(self.where.file, self.where.line + line, column)

    def problem(self, slug: str, offset: int, hint: Label | None = None, **params: object) -> Problem:
        code: Code = CODES[f"expr.{slug}"]
        return problem(code, self.at(offset), hint, **params)


def suggested_name(word: str) -> str:
    return _SUGGESTED.get(word.lower(), f"{word.lower()}_")


def tokenize(source: Source) -> list[Token]:
    """Raises ``Problems`` with everything the characters alone say is wrong."""
    text = source.text
    if len(text) > MAX_LENGTH:
        raise Problems([source.problem("too-long", 0, length=len(text), max=MAX_LENGTH)])
    tokens: list[Token] = []
    problems: list[Problem] = []
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            wrong, at = _wrong(source, at)
            problems.append(wrong)
            continue
        kind, word, end = found.lastgroup, found.group(), found.end()
        if kind == "op":
            if word == "-" and text.startswith("--", at):
                problems.append(source.problem("comment", at, found="--"))
                break
            if word == "/" and text.startswith("/*", at):
                problems.append(source.problem("comment", at, found="/*"))
                break
            two = text[at : at + 2]
            if two in ("==", "=>", "=<"):
                problems.append(source.problem("operator", at, found=two, twin=_OPERATORS[two]))
                end = at + 2
            tokens.append(Token("op", "<>" if word == "!=" else word, at, end))
        elif kind == "number":
            end = _number(source, tokens, problems, found)
        elif kind == "name":
            upper = word.upper()
            tokens.append(Token("keyword", upper, at, end) if upper in KEYWORDS else Token("name", word, at, end))
        elif kind == "text":
            if control := next((c for c in word if unicodedata.category(c) in ("Cc", "Cs")), None):
                problems.append(source.problem("character", at, found=_named(control)))
            tokens.append(Token("text", word[1:-1].replace("''", "'"), at, end))
        at = end
    problems += _depth(source, tokens)
    if problems:
        raise Problems(problems)
    if not tokens:
        raise Problems([source.problem("empty", 0)])
    tokens.append(Token("end", "", len(text), len(text)))
    return tokens


def _number(source: Source, tokens: list[Token], problems: list[Problem], found: re.Match[str]) -> int:
    """A number, and what people glue to it: ``24h``, ``1e5``, ``5.``, ``.5``, ``90%``."""
    text, at, end = source.text, found.start(), found.end()
    word = found.group()
    glued = re.compile(r"\.?[A-Za-z_][A-Za-z0-9_]*|\.(?![A-Za-z_])").match(text, end)
    hint = NO_HINT
    if glued:
        end = glued.end()
        whole = text[at:end]
        if re.fullmatch(r"[0-9.]+[eE][0-9]+|0[xX][0-9a-fA-F]+", whole):
            hint = Label("写出全部数字", "write all its digits")
        elif glued.group() == ".":
            hint = write_instead(f"`{word}`")
        else:
            hint = Label(
                f"写作 `{word}`；不写单位（小时、天、元）", f"write `{word}`; units are not written (hours, days, 元)"
            )
        problems.append(source.problem("number-format", at, found=whole, hint=hint))
    elif tokens and tokens[-1].text == "." and tokens[-1].end == at and _starts_value(tokens[:-1]):
        hint = write_instead(f"`0.{word}`")
        problems.append(source.problem("number-format", at - 1, found=f".{word}", hint=hint))
    elif re.match(r"%\s*($|[),=<>]|AND\b|OR\b)", text[end:], re.IGNORECASE):
        fixed = f"{int(word) / 100:g}" if word.isdigit() and len(word) < 6 else "0.x"
        hint = Label(f"百分比即小数：{fixed}", f"a percent is a fraction: {fixed}")
        problems.append(source.problem("number-format", at, found=f"{word}%", hint=hint))
        end += 1
    whole_digits, _, fraction = word.partition(".")
    safe = int(whole_digits) <= SAFE_INTEGER if not fraction else len(whole_digits.lstrip("0")) <= INTEGER_DIGITS
    if not safe or len(fraction) > MAX_FRACTION:
        problems.append(source.problem("number-size", at, found=word))
    tokens.append(Token("number", word, at, found.end()))
    return end


def _starts_value(tokens: list[Token]) -> bool:
    return not tokens or (tokens[-1].kind in ("op", "keyword") and tokens[-1].text not in (")", "END", "NULL"))


def _wrong(source: Source, at: int) -> tuple[Problem, int]:
    """The problem of a character no token begins with, and where to go on."""
    text = source.text
    char = text[at]
    if char == "'":
        return source.problem("unclosed-text", at), len(text)
    if char in _FULL_WIDTH:
        return source.problem("full-width", at, found=char, twin=_FULL_WIDTH[char]), at + 1
    twin = unicodedata.normalize("NFKC", char)
    if twin != char and len(twin) == 1 and twin.isascii() and not twin.isspace():
        return source.problem("full-width", at, found=char, twin=twin), at + 1
    if char in '"`':
        close = text.find(char, at + 1)
        end = close + 1 if close > 0 else len(text)
        return source.problem("quote", at, found=text[at:end] if char == '"' else f"`` {char} ``"), end
    if char == ";":
        return source.problem("block", at), len(text)
    if char == "#":
        return source.problem("comment", at, found="#"), len(text)
    if placeholder := re.compile(r"[?$@:][A-Za-z0-9_]*").match(text, at):
        found = placeholder.group()
        if text.startswith("::", at):
            cast = re.compile(r"::\s*\w*").match(text, at)
            return source.problem("cast", at), cast.end() if cast else at + 2
        if text.startswith(":=", at):
            return source.problem("operator", at, found=":=", twin="="), at + 2
        return source.problem("placeholder", at, found=found), placeholder.end()
    if char in "{}":
        return source.problem("brace", at), at + 1
    for operator, meant in _OPERATORS.items():
        if text.startswith(operator, at):
            return source.problem("operator", at, found=operator, twin=meant), at + len(operator)
    return source.problem("character", at, found=_named(char)), at + 1


def _named(char: str) -> str:
    """A character as a message may show it."""
    if char.isprintable() and not char.isspace():
        return f"`{char}`"
    return f"U+{ord(char):04X} {unicodedata.name(char, '(a control character)').lower()}"


def _depth(source: Source, tokens: list[Token]) -> list[Problem]:
    """Levels of parentheses, CASE and repeated signs, counted before anything recurses."""
    depth = signs = 0
    for token in tokens:
        if token.text == "(" or (token.kind == "keyword" and token.text == "CASE"):
            depth += 1
        elif token.text == ")" or (token.kind == "keyword" and token.text == "END"):
            depth -= 1
        prefix = (token.kind == "keyword" and token.text == "NOT") or (token.kind == "op" and token.text in "+-")
        signs = signs + 1 if prefix else 0
        if depth + signs > MAX_DEPTH:
            return [source.problem("too-deep", token.at, max=MAX_DEPTH)]
    return []
