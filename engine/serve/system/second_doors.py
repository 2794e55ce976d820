"""Doors of second steps: one's own, and an administrator's for whoever lost his."""

from __future__ import annotations

from engine.db import Body
from engine.serve.people import audit, auth, passwords, second
from engine.serve.system import account
from engine.serve.tenant import rows
from engine.serve.tenant.door import At, Door
from engine.serve.tenant.here import Here, looks_like_id
from engine.serve.wire.answer import Answer, as_json
from engine.serve.wire.fault import refuse
from engine.serve.wire.shapes import FLAG, TEXT, body, listed, thing


async def begin(here: Here) -> dict[str, str]:
    """A secret for one's app; it counts once a code of it has been shown."""
    if await second.held(here.tenant, str(here.me.user)) is not None:
        raise refuse("second.held")
    step = second.STEPS[second.USUAL]
    house = here.tenant.title.to(here.language) or here.tenant.name
    kept, told = step.begin(here.me.name, house)
    row = {"user": here.me.user, "kind": step.name, "confirmed": False, "recovery": None, "born": here.tenant.clock()}
    dialect = here.tenant.database.dialect

    def body() -> Body[None]:
        yield rows.delete("_second", dialect, {"user": here.me.user, "confirmed": False})
        yield rows.insert("_second", [{**row, **kept}], dialect)

    await here.tenant.database.write(body)
    return told


async def confirm(here: Here, given: str) -> list[str]:
    """From now on it is asked for; gives the recovery codes, told once."""
    tenant, user = here.tenant, str(here.me.user)
    dialect, now = tenant.database.dialect, tenant.clock()
    await passwords.take_a_try(tenant, here.me.name, here.asked.address)
    codes = second.new_codes()

    def body() -> Body[bool]:
        yield auth.locked(user, dialect)
        found = yield rows.select("_second", dialect, {"user": user, "confirmed": False})
        kept = rows.by_name("_second", found[0]) if found else None
        sets = second.STEPS[str(kept["kind"])].passes(kept, given, now) if kept else None
        if sets is None:
            return False
        sets |= {"confirmed": True, "recovery": [second.digest(code) for code in codes]}
        yield rows.update("_second", dialect, {"user": user}, sets)
        yield from passwords.forgive(here.me.name, here.asked.address, dialect)
        return True

    if not await tenant.database.write(body):
        raise refuse("second.wrong", "/code")
    tenant.forget_people()
    audit.note(tenant, "second.on", user, address=here.asked.address)
    return codes


async def give_up(here: Here, password: str) -> None:
    """By its holder, who shows his password again."""
    tenant, user = here.tenant, str(here.me.user)
    row = await auth.login_of(tenant, {"user": user})
    assert row is not None
    await passwords.take_a_try(tenant, str(row["name"]), here.asked.address)
    if not await passwords.right(str(row["hash"]), password):
        raise refuse("auth.password-old", "/password")
    await second.take(tenant, user)
    await tenant.database.write(
        lambda: passwords.forgive(str(row["name"]), here.asked.address, tenant.database.dialect)
    )
    audit.note(tenant, "second.off", user, address=here.asked.address)


# doors


async def _see(here: Here, _at: At) -> Answer:
    kept = await second.held(here.tenant, str(here.me.user))
    left = len(second.codes_of(kept)) if kept else 0
    return Answer(200, as_json({"on": kept is not None, "recovery_left": left}))


async def _begin(here: Here, _at: At) -> Answer:
    account.require_person(here)
    return Answer(201, as_json(await begin(here)))


async def _confirm(here: Here, _at: At) -> Answer:
    account.require_person(here)
    (code,) = account.texts_of(here, "code")
    return Answer(200, as_json({"recovery": await confirm(here, code[:80])}))


async def _end(here: Here, _at: At) -> Answer:
    account.require_person(here)
    (password,) = account.texts_of(here, "password")
    await give_up(here, password)
    return Answer(204)


async def _take(here: Here, at: At) -> Answer:
    account.require_person(here)
    user = at.names["user"].lower()
    if not looks_like_id(user) or await auth.login_of(here.tenant, {"user": user}) is None:
        raise refuse("auth.no-login")
    await second.take(here.tenant, user)
    return Answer(204)


DOORS = (
    Door(
        "second.see",
        ("GET",),
        "system/second-step",
        _see,
        who="anyone",
        says="Whether you have a second step",
        gives=thing("on", on=FLAG, recovery_left={"type": "integer"}),
    ),
    Door(
        "second.begin",
        ("POST",),
        "system/second-step",
        _begin,
        who="anyone",
        scope="write",
        says="A secret for your app; it counts once you have shown a code of it",
        status=201,
        gives=thing("secret", "address", secret=TEXT, address=TEXT),
    ),
    Door(
        "second.confirm",
        ("POST",),
        "system/second-step/confirm",
        _confirm,
        who="anyone",
        scope="write",
        says="Show a code; gives recovery codes, told once",
        takes=body("code", code=TEXT),
        gives=thing("recovery", recovery=listed(TEXT)),
    ),
    Door(
        "second.end",
        ("POST",),
        "system/second-step/end",
        _end,
        who="anyone",
        scope="write",
        says="Give your second step up; takes your password",
        status=204,
        takes=body("password", password=TEXT),
    ),
    Door(
        "people.second",
        ("DELETE",),
        "system/people/{user}/second-step",
        _take,
        "administrator",
        scope="write",
        says="Take a second step from whoever lost it",
        status=204,
    ),
)
