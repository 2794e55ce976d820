"""Answers as they go out; refusals as problem+json (RFC 9457) in the caller's language."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from engine.label import LANGUAGES, Label
from engine.plan.viewer import Said
from engine.serve.wire.fault import Fault, Refusal

_TAGS = re.compile(r'"[^"]*"')
PROBLEMS = "/api/v1/problems"
"""Where each code is explained; a reference within the system that answered."""
_TITLES: Mapping[int, Label] = {
    400: Label("请求有误", "Bad request"),
    401: Label("请先登录", "Sign in first"),
    403: Label("没有权限", "Not allowed"),
    404: Label("找不到", "Not found"),
    405: Label("不支持的操作", "Not possible here"),
    408: Label("请求超时", "Too slow"),
    409: Label("冲突", "Conflict"),
    412: Label("数据已被修改", "Changed in the meantime"),
    413: Label("内容过大", "Too large"),
    415: Label("格式不支持", "Wrong format"),
    416: Label("范围有误", "Outside of it"),
    422: Label("内容有误", "Invalid"),
    423: Label("已锁定", "Locked"),
    428: Label("缺少版本", "Version needed"),
    429: Label("请求过多", "Too many attempts"),
    500: Label("系统出错", "Our fault"),
    503: Label("服务暂不可用", "Not available"),
    507: Label("空间不足", "No room"),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """``stream`` instead of ``body`` is sent as it comes, and closed when the caller leaves."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    media: bytes = b"application/json"
    stream: AsyncIterator[bytes] | None = None


def as_json(data: Any) -> bytes:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), default=_text).encode()


def _text(value: Any) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def choose_language(accepted: str, usual: str) -> str:
    """The language of ours that the header asks for first, else the usual one."""
    best, weight = usual, 0.0
    for part in accepted.split(","):
        name, _, parameters = part.strip().partition(";")
        try:
            q = float(parameters.partition("=")[2]) if "q=" in parameters else 1.0
        except ValueError:
            continue
        language = name.strip().lower()[:2]
        if language in LANGUAGES and q > weight:
            best, weight = language, q
    return best


def headers_of(given: Mapping[str, str]) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((name.encode(), value.encode()) for name, value in given.items())


def unchanged(headers: Mapping[str, str], tag: str) -> bool:
    """Whether ``If-None-Match`` (tags with commas, weak or strong, or ``*``) names ``tag``, itself a strong one."""
    told = headers.get("if-none-match", "").strip()
    return told == "*" or tag in _TAGS.findall(told)


def problem(refusal: Refusal, language: str) -> Answer:
    """``errors`` lists everything that is wrong; the top says what to do about it."""
    first = refusal.faults[0]
    errors = [_error(one, language) for one in refusal.faults]
    title = _TITLES.get(refusal.status, _TITLES[400]).to(language)
    body: dict[str, Any] = {
        "type": f"{PROBLEMS}/{first.code}",
        "title": title,
        "status": refusal.status,
        "code": first.code,
        "detail": first.says.to(language) if len(errors) == 1 else _several(refusal.faults, language),
        "errors": errors,
    }
    if hint := first.hint.to(language):
        body["hint"] = hint
    return Answer(refusal.status, as_json(body), headers_of(refusal.headers), b"application/problem+json")


def _several(faults: tuple[Fault, ...], language: str) -> str:
    first = faults[0].says.to(language)
    more = len(faults) - 1
    return f"{first}（另有 {more} 处问题）" if language == "zh" else f"{first} (and {more} more)"


def _error(one: Fault, language: str) -> dict[str, Any]:
    out: dict[str, Any] = {"pointer": one.pointer, "code": one.code, "message": one.says.to(language)}
    for name, value in (("hint", one.hint.to(language)), ("check", one.check), ("where", one.where)):
        if value:
            out[name] = value
    if one.reason:
        out["needs_reason"] = True
    return out


def warning(one: Fault, language: str) -> dict[str, Any]:
    return _error(one, language)


def said(faults: tuple[Fault, ...], language: str) -> tuple[Said, ...]:
    """The same for pages."""
    return tuple(
        Said(
            f.code,
            f.says.to(language),
            f.pointer,
            f.hint.to(language),
            f.check if f.reason else "",
            "warning" if f.warning else "error",
        )
        for f in faults
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as the rooms see it, the same for the API and for pages. ``chunks`` holds the body of a door that
    streams, in place of ``body``; ``refused`` is what was wrong with the files of a form; ``address`` is the
    caller's, as far as the server knows."""

    method: str
    path: tuple[str, ...]
    query: bytes = b""
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    chunks: AsyncIterator[bytes] | None = None
    refused: tuple[Fault, ...] = ()
    address: str = ""
