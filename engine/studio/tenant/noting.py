"""What is done by commands stands in the audit too, before it is begun: that it was tried is worth knowing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.db import Body, Database
from engine.serve.people import audit
from engine.serve.tenant import rows


async def noted(database: Database, command: str, detail: Mapping[str, Any]) -> None:
    def body() -> Body[None]:
        yield rows.insert("_audit", [audit.at_terminal(command, detail)], database.dialect)

    await database.write(body)
