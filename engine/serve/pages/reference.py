"""The reference of a tenant's own API as a page: what its OpenAPI document says, without scripts of others."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from html import escape
from typing import Any

from engine.label import Label
from engine.plan.app import App

Json = Mapping[str, Any]
_WORDS = {
    "title": Label("接口说明", "API reference"),
    "body": Label("请求内容", "Body"),
    "answer": Label("返回内容", "Answer"),
    "own": Label("系统接口", "The engine's own"),
    "also": Label("完整描述：", "The whole of it: "),
}
_STYLE = (
    "body{max-width:64rem;margin:2rem auto;padding:0 1rem;font:14px/1.5 system-ui,sans-serif;color-scheme:light dark}"
    "code{font:13px ui-monospace,monospace}table{border-collapse:collapse;width:100%}"
    "td,th{border-top:1px solid #8884;padding:.25rem .5rem;text-align:left;vertical-align:top}"
    "summary{cursor:pointer;padding:.25rem 0}details details{margin-left:1.5rem}.m{display:inline-block;width:4rem}"
)
STYLE_HASH = "sha256-" + b64encode(sha256(_STYLE.encode()).digest()).decode()
"""For the policy of contents, which takes no other style than this one and those of our assets."""


def page(app: App, document: Json, language: str) -> str:
    title = escape(f"{document['info']['title']} · {_WORDS['title'].to(language)}")
    lang = "zh-CN" if language == "zh" else "en"
    parts = [
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body><h1>{title}</h1>"
        f'<p>{_WORDS["also"].to(language)}<a href="/api/v1/openapi.json"><code>/api/v1/openapi.json</code></a></p>'
    ]
    for path, entity in app.entities.items():
        found = [(p, m, o) for p, m, o in _operations(document) if path in o.get("tags", ())]
        if found:
            parts.append(f"<details><summary><b>{escape(entity.title.to(language))}</b> <code>{path}</code></summary>")
            parts += [_operation(document, at, method, one, language) for at, method, one in found]
            parts.append("</details>")
    own = [(p, m, o) for p, m, o in _operations(document) if "system" in o.get("tags", ())]
    parts.append(f"<details><summary><b>{_WORDS['own'].to(language)}</b> <code>/api/v1/system</code></summary>")
    parts += [_operation(document, at, method, one, language) for at, method, one in own]
    return "".join((*parts, "</details></body></html>"))


def _operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                yield path, method, operation


def _operation(document: Json, path: str, method: str, one: Json, language: str) -> str:
    out = [f'<details><summary><code class="m">{method.upper()}</code> <code>{escape(path)}</code> ']
    out.append(f"{escape(one.get('summary', ''))}</summary>")
    parameters = [_resolved(document, p) for p in one.get("parameters", ())]
    out.append(_table([(p["name"], p["in"], p.get("description", "")) for p in parameters]))
    body = one.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if body:
        out.append(f"<h4>{_WORDS['body'].to(language)}</h4>{_schema(document, body)}")
    answer: Json = next((a for s, a in one["responses"].items() if s.startswith("2")), {})
    schema = answer.get("content", {}).get("application/json", {}).get("schema")
    if schema:
        out.append(f"<h4>{_WORDS['answer'].to(language)}</h4>{_schema(document, schema)}")
    return "".join((*out, "</details>"))


def _resolved(document: Json, node: Json) -> Json:
    while "$ref" in node:
        found: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def _schema(document: Json, schema: Json) -> str:
    made = _resolved(document, schema)
    required = set(made.get("required", ()))
    rows = [
        (name + (" *" if name in required else ""), _kind(one), str(one.get("title", one.get("description", ""))))
        for name, one in made.get("properties", {}).items()
    ]
    return _table(rows)


def _kind(one: Json) -> str:
    if "$ref" in one:
        return str(one["$ref"]).rpartition("/")[2]
    if "enum" in one:
        return " | ".join(str(v) for v in one["enum"])
    if one.get("type") == "array":
        return f"[{_kind(one.get('items', {}))}]"
    for word in ("anyOf", "oneOf"):
        if word in one:
            return " | ".join(_kind(part) for part in one[word])
    kind = one.get("type", "")
    text = " | ".join(kind) if isinstance(kind, list) else str(kind)
    return f"{text} ({one['format']})" if "format" in one else text


def _table(rows: list[tuple[str, str, str]]) -> str:
    if not rows:
        return ""
    cells = (f"<tr><td><code>{escape(a)}</code></td><td>{escape(b)}</td><td>{escape(c)}</td></tr>" for a, b, c in rows)
    return f"<table>{''.join(cells)}</table>"
