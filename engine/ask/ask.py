"""The Asker: questions in, statements out, kept by the App's digest and the question's shape."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from engine.ask import access as _access
from engine.ask import figures as _figures
from engine.ask import places as _places
from engine.ask import records as _records
from engine.ask.build import start
from engine.ask.facts import Facts, facts_of
from engine.plan.app import App
from engine.plan.question import Asked, FigureQuestion, Places, Question
from engine.plan.statement import Statement

T = TypeVar("T")
_KEPT = 4096
_KEPT_APPS = 64


class Ask:
    """Implements ``plan.question.Asker``. Holds nothing but what it could make again."""

    def __init__(self, keep: int = _KEPT) -> None:
        self._keep = keep
        self._made: OrderedDict[Hashable, Any] = OrderedDict()
        self._facts: OrderedDict[Hashable, Facts] = OrderedDict()

    def records(self, app: App, question: Question) -> Asked:
        return self._made_once(app, question, lambda facts: _records.records(facts, question))

    def figures(self, app: App, question: FigureQuestion) -> Asked:
        return self._made_once(app, question, lambda facts: _figures.figures(facts, question))

    def places(self, app: App, entity: str, roles: tuple[str, ...]) -> Places | None:
        def make(facts: Facts) -> tuple[Places | None]:
            return (_places.places(start(facts, roles), facts.entity(entity)),)

        return self._made_once(app, ("places", entity, roles), make)[0]

    def access(self, app: App, entity: str, operation: str, roles: tuple[str, ...], of: str = "") -> Statement | None:
        asked = (entity, operation, roles, of)

        def make(facts: Facts) -> tuple[Statement | None]:
            return (_access.statement(facts, facts.entity(entity), operation, roles, of),)

        return self._made_once(app, asked, make)[0]

    def _made_once(self, app: App, shape: Hashable, make: Callable[[Facts], T]) -> T:
        key = (app.digest, app.dialect, shape)
        made: T | None = self._made.get(key)
        if made is None:
            made = make(self._facts_of(app))
            self._made[key] = made
            while len(self._made) > self._keep:
                self._made.popitem(last=False)
        else:
            self._made.move_to_end(key)
        return made

    def _facts_of(self, app: App) -> Facts:
        key = (app.digest, app.dialect)
        facts = self._facts.get(key)
        if facts is None:
            facts = self._facts[key] = facts_of(app)
            while len(self._facts) > _KEPT_APPS:
                self._facts.popitem(last=False)
        return facts
