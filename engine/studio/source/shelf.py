"""Apps that several tenants of a process are served by: the same text is compiled once, and kept once."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from threading import RLock
from typing import Any

from engine.ask import Ask
from engine.plan.app import App
from engine.plan.statement import Dialect
from engine.studio.source.build import Source

_KEPT = 32


class Shelf:
    """By the App's digest and by the text's; ``facts`` are things made of an App, which its tenants share too. Those
    asked for longest ago leave first; whoever is served by them keeps them."""

    def __init__(self, keep: int = _KEPT) -> None:
        self._keep = keep
        self._by_text: OrderedDict[tuple[str, Dialect], App] = OrderedDict()
        self._by_digest: dict[tuple[str, Dialect], tuple[App, dict[Any, Any]]] = {}
        self._turn = RLock()
        self.asker = Ask()

    def made(self, source: Source, dialect: Dialect) -> App:
        """Compiled by whoever comes first; others of the same text wait for it."""
        key = (source.content(), dialect)
        with self._turn:
            app = self._by_text.get(key)
            if app is None:
                app = source.app(dialect)
                self._by_text[key] = app
                self._by_digest.setdefault((app.digest, dialect), (app, {}))
                self._forget()
            elif self._keep:
                self._by_text.move_to_end(key)
            return app

    def held(self, digest: str, dialect: Dialect, epoch: int) -> App | None:
        found = self._by_digest.get((digest, dialect))
        return replace(found[0], epoch=epoch) if found else None

    def facts(self, app: App) -> dict[Any, Any]:
        found = self._by_digest.get((app.digest, app.dialect))
        return found[1] if found else {}

    def _forget(self) -> None:
        while len(self._by_text) > self._keep:
            _, gone = self._by_text.popitem(last=False)
            if all(one.digest != gone.digest or one.dialect != gone.dialect for one in self._by_text.values()):
                self._by_digest.pop((gone.digest, gone.dialect), None)
