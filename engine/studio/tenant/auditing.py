"""``dougong audit verify``: is the audit of a database whole."""

from __future__ import annotations

import asyncio
from pathlib import Path

from rich.console import Console

from engine.problem import Problems, problem
from engine.studio.codes import CODES
from engine.studio.tenant.opening import opened
from engine.work import sealer
from engine.work.sealer import Broken

_WHAT = {
    "changed": "was changed (or the row before it, with its seal)",
    "missing": "is missing",
    "cut": "and what came after it are gone",
}


def verify(target: Path, url: str, seal: str) -> bool:
    """Prints what was found, and the newest seal; whether all holds."""
    kept = _seal(seal) if seal else None
    return asyncio.run(_verify(target, url, kept))


def _seal(text: str) -> tuple[int, str]:
    number, _, hash_ = text.partition(":")
    if not number.isdigit() or len(hash_) != 64:
        raise Problems([problem(CODES["audit.seal"], got=text[:80])])
    return int(number), hash_


async def _verify(target: Path, url: str, kept: tuple[int, str] | None) -> bool:
    async with opened(target, url) as app:
        count, broken = await sealer.verify(app.tenant.database, kept)
        newest = await sealer.newest(app.tenant.database)
    out = Console(highlight=False, soft_wrap=True)
    for one in broken:
        out.print(_line(one))
    out.print(f"{count} rows, {'the chain holds' if not broken else f'broken at {len(broken)} places'}")
    if newest[0]:
        out.print(f"newest seal {newest[0]}:{newest[1]}")
    return not broken


def _line(one: Broken) -> str:
    return f"row {one.n}{f' ({one.id})' if one.id else ''} {_WHAT[one.what]}"
