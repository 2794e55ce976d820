"""``/system/licence``: which edition this is, for how many, how long. For administrators."""

from __future__ import annotations

from typing import Any

from engine.serve.document import licensing
from engine.serve.tenant.door import At, Door
from engine.serve.tenant.here import Here
from engine.serve.wire.answer import Answer, as_json
from engine.serve.wire.shapes import FLAG, TEXT, WHOLE, listed, thing

_OR_NOT = {"type": ["string", "null"]}


async def told(here: Here) -> dict[str, Any]:
    """``licensed`` is false where no vendor's key is set: then everything is allowed."""
    terms = here.tenant.terms
    if terms is None:
        return {"licensed": False, "seats": await licensing.seats(here.tenant)}
    one, now = terms.licence, licensing.now_of(here.tenant)
    return {
        "licensed": True,
        "edition": one.edition,
        "number": one.number,
        "holder": one.holder,
        "issued": one.issued.isoformat(),
        "until": one.until.isoformat() if one.until else None,
        "days_left": terms.days_left(now),
        "read_only": terms.over(now),
        "users": one.users,
        "seats": await licensing.seats(here.tenant),
        "modules": [
            {"name": m.name, "title": m.title.to(here.language), "licensed": terms.covers(m.name)}
            for m in here.app.modules.values()
        ],
        "wrong": terms.wrong or None,
        "clock_moved_back": terms.moved_back,
    }


async def _door(here: Here, _at: At) -> Answer:
    return Answer(200, as_json(await told(here)))


DOORS = (
    Door(
        "licence.show",
        ("GET",),
        "system/licence",
        _door,
        who="administrator",
        says="Which edition this is, how many may sign in, how long",
        gives=thing(
            "licensed",
            "seats",
            licensed=FLAG,
            edition=TEXT,
            number=TEXT,
            holder=TEXT,
            issued=TEXT,
            until=_OR_NOT,
            days_left={"type": ["integer", "null"]},
            read_only=FLAG,
            users={"type": ["integer", "null"]},
            seats=WHOLE,
            modules=listed(thing("name", "licensed", name=TEXT, title=TEXT, licensed=FLAG)),
            wrong=_OR_NOT,
            clock_moved_back=FLAG,
        ),
    ),
)
