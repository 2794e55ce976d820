"""``/system/work``: what goes on behind the pages, and whether it keeps up. For administrators."""

from __future__ import annotations

from typing import Any

from engine.fieldtypes.storage import moment_text
from engine.serve.tenant.door import At, Door
from engine.serve.tenant.here import Here
from engine.serve.wire.answer import Answer, as_json
from engine.serve.wire.shapes import MOMENT_OR_NOT, TEXT, WHOLE, listed, thing

_LOOP = "loop:"
_STATES = ("waiting", "done", "dead", "skipped")


async def told(here: Here) -> dict[str, Any]:
    """``outbox``: what has no place in the stream yet. ``deliveries`` by state. ``loops``: when each last did its work
    in any process, how often it has failed, and why the last time."""
    read = here.tenant.database.read
    behind, oldest = (await read("SELECT count(*), min(at) FROM _outbox WHERE position IS NULL"))[0]
    counted = {str(state): int(n) for state, n in await read("SELECT state, count(*) FROM _delivery GROUP BY state")}
    first = (await read("SELECT min(born) FROM _delivery WHERE state = 'waiting'"))[0][0]
    place = await read("SELECT n FROM _lease WHERE name = 'stream'")
    ran = await read(f"SELECT name, until, n, holder FROM _lease WHERE name LIKE '{_LOOP}%' ORDER BY name")
    return {
        "outbox": {
            "waiting": int(behind),
            "oldest": moment_text(oldest),
            "place": int(place[0][0]) if place else 0,
        },
        "deliveries": {**{state: counted.get(state, 0) for state in _STATES}, "oldest": first},
        "loops": [
            {
                "name": str(name).removeprefix(_LOOP),
                "last": moment_text(int(until) / 1000) if until else None,
                "failed": int(failed),
                "said": str(said),
            }
            for name, until, failed, said in ran
        ],
    }


async def _door(here: Here, _at: At) -> Answer:
    return Answer(200, as_json(await told(here)))


_LOOP_TOLD = thing("name", "failed", name=TEXT, last=MOMENT_OR_NOT, failed=WHOLE, said=TEXT)
DOORS = (
    Door(
        "work.show",
        ("GET",),
        "system/work",
        _door,
        who="administrator",
        says="What goes on in the background, and whether it keeps up",
        gives=thing(
            "outbox",
            "deliveries",
            "loops",
            outbox=thing(waiting=WHOLE, oldest=MOMENT_OR_NOT, place=WHOLE),
            deliveries=thing(waiting=WHOLE, done=WHOLE, dead=WHOLE, skipped=WHOLE, oldest=MOMENT_OR_NOT),
            loops=listed(_LOOP_TOLD),
        ),
    ),
)
