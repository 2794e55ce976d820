"""The templates' environment: strict, escaping, in the reader's language, with the built assets by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from babel.messages.pofile import read_po
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

HERE = Path(__file__).resolve().parent
ASSETS = HERE / "assets"
CATALOGUES = HERE / "locale"


@lru_cache(maxsize=8)
def catalogue(language: str) -> Mapping[str, str]:
    """What each English sentence is in ``language``; empty for English, whose sentences are the keys."""
    path = CATALOGUES / language / "LC_MESSAGES" / "renderer.po"
    if not path.exists():
        return {}
    with path.open("rb") as file:
        read = read_po(file, locale=language)
    return {str(m.id): str(m.string) for m in read if m.id and m.string}


class Texts:
    """The sentences of the pages in one language: ``t("Save")``, ``t("{n} records", n=3)``."""

    __slots__ = ("known", "language")

    def __init__(self, language: str) -> None:
        self.language = "zh" if language.startswith("zh") else "en"
        self.known = catalogue("zh_CN" if self.language == "zh" else "en")

    def __call__(self, sentence: str, **params: object) -> str:
        said = self.known.get(sentence, sentence)
        return said.format_map(params) if params else said


@lru_cache(maxsize=1)
def texts_by_language() -> Mapping[str, Texts]:
    return {language: Texts(language) for language in ("zh", "en")}


def texts(language: str) -> Texts:
    return texts_by_language()["zh" if language.startswith("zh") else "en"]


@lru_cache(maxsize=1)
def asset_names() -> Mapping[str, str]:
    """Entry point → built file, as ``manifest.json`` says; empty before the first build."""
    path = ASSETS / "manifest.json"
    if not path.exists():
        return {}
    built = json.loads(path.read_text("utf-8"))["assets"]
    return {name: str(entry["file"]) for name, entry in built.items()}


def asset(name: str) -> str:
    """The address of a built asset; of one that was not built, a name that says so in the browser's log."""
    return f"/assets/{asset_names().get(name, 'not-built-' + name)}"


def island(value: Any) -> Markup:
    """JSON for a ``<script type="application/json">``: data that can neither close its element nor open a comment."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


@lru_cache(maxsize=1)
def environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals.update(asset=asset, island=island)
    return made


def render(template: str, **context: Any) -> str:
    return environment().get_template(template).render(**context)
