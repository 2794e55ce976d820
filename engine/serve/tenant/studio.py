"""Who changes a system's metadata, as far as whoever serves it needs to know: the roof hands one in with the tenant."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from engine.db import Body
from engine.label import Label
from engine.plan.change import Plan
from engine.plan.metadata import Difference, Done, Order, Revision, Running, Switch, Wanted
from engine.problem import Problem


class Studio(Protocol):
    """Everything raises ``Problems``: with what is wrong in the text, place by place, or with why not now."""

    async def plan(self, wanted: Wanted) -> Plan:
        """What would be changed. Changes nothing."""
        ...

    async def apply(
        self, wanted: Wanted, order: Order, beside: Callable[[Plan, Mapping[str, Any]], Body[None]]
    ) -> Done:
        """All of a plan or nothing of it. ``beside`` is written in the same transaction, given the plan and what the
        audit is to know. It goes on when the caller is cancelled."""
        ...

    async def running(self) -> Running | None: ...

    async def switches(self) -> Sequence[Switch]:
        """Modules and features, with the records they hold."""
        ...

    async def revisions(self) -> Sequence[Revision]:
        """Newest first, without what they consist of."""
        ...

    async def revision(self, number: int) -> Revision: ...

    async def bundle(self) -> str:
        """All of the configuration, as one text."""
        ...

    async def shown(self, bundle: str) -> Mapping[str, Any]:
        """What is in one, as ``dougong bundle show --json`` tells it."""
        ...

    async def difference(self, before: int, after: int) -> Difference: ...

    def said(self, found: Problem) -> tuple[Label, Label]:
        """A problem's sentence and hint, in the words of the commands."""
        ...
