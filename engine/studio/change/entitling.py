"""A change of rights as people ask about it: which role, how many hold it, what they may before and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.catalog import Access, Catalog, Entity
from engine.compile.access import OPERATIONS
from engine.compile.people import holders
from engine.db import Database
from engine.expr.build.tree import by_columns
from engine.label import Label
from engine.plan.change import Line, Right
from engine.serve.tenant.bind import ENGINE, EVERYONE, Moment, call, clock
from engine.studio.follow.recoding import recoded
from engine.studio.source.matching import Matching

_ALL = "all"


async def rights(database: Database, old: Catalog, new: Catalog, made: Matching, zone: str) -> list[Line]:
    """A line for each role and entity whose rights are others."""
    earlier = renamed(old, new, made)
    found = list(_lines(old, new, made, {was: now for now, was in earlier.items()}))
    if not found:
        return []
    people = await _people(database, old, zone)
    return [_line(role, path, told, people.get(earlier.get(role, role), 0), new, old) for (role, path), told in found]


def renamed(old: Catalog, new: Catalog, made: Matching) -> dict[str, str]:
    """Role → what it was called: the choices by which it is given are called otherwise, and records follow."""
    fields = {f"{one.of}.{one.role}" for one in new.people.assignments.values()}
    given = (one for one in recoded(old, new, made) if one.path in fields)
    pairs = ((before, after) for one in given for before, after in one.names.items())
    return {now: was for was, now in pairs if now in new.roles and now not in old.roles and was not in new.roles}


def _line(role: str, path: str, told: tuple[Right, ...], people: int, new: Catalog, old: Catalog) -> Line:
    known = new.roles.get(role) or old.roles.get(role)
    title = known.title if known is not None else Label("所有人", "everyone") if role == EVERYONE else Label(role, role)
    says = Label(f"{title.to('zh')}（{role}）", f"{title.to('en')} ({role})")
    entity = new.entities.get(path)
    access = entity.access.get(role) if entity is not None else None
    where = access.where if access is not None else entity.where if entity is not None else None
    return Line("rights", path, "safe", says, rights=told, people=people, where=str(where) if where else "")


def _lines(
    old: Catalog, new: Catalog, made: Matching, roles: Mapping[str, str]
) -> Iterator[tuple[tuple[str, str], tuple[Right, ...]]]:
    """``roles``: what they were called → what they are called."""
    before = {made.before(path): path for path in new.entities}
    for path, entity in new.entities.items():
        if old.entities.get(path) is entity:
            continue
        yield from _of_entity(path, old.entities.get(made.before(path)), entity, made, roles)
    for path, gone in old.entities.items():
        if path not in before:
            yield from _of_entity(path, gone, None, made, roles)


def _of_entity(
    path: str, before: Entity | None, after: Entity | None, made: Matching, roles: Mapping[str, str]
) -> Iterator[tuple[tuple[str, str], tuple[Right, ...]]]:
    was = {roles.get(role, role): access for role, access in (before.access if before is not None else {}).items()}
    now = after.access if after is not None else {}
    for role in dict.fromkeys((*was, *now)):
        one, other = was.get(role), now.get(role)
        told = [
            Right(role, path, may, _told(one, may), _told(other, may))
            for may in OPERATIONS
            if not _same(_rule(one, may), _rule(other, may))
        ]
        if before is not None and after is not None:
            told += _fields(role, before, after, one, other, made)
        if told:
            yield (role, path), tuple(told)


def _rule(access: Access | None, may: str) -> Any:
    """False, True or a condition."""
    rule = getattr(access, may) if access is not None else None
    if may == "act" and rule is None and access is not None:
        rule = access.update
    return rule or False


def _same(one: Any, other: Any) -> bool:
    """Whatever the fields in them are called by now."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other or by_columns(one.tree) == by_columns(other.tree))


def _told(access: Access | None, may: str) -> str:
    """As it will be written to people: nothing, ``all``, or the condition."""
    rule = _rule(access, may)
    return "" if rule is False else _ALL if rule is True else str(rule.text)


def _fields(
    role: str, before: Entity, after: Entity, one: Access | None, other: Access | None, made: Matching
) -> Iterator[Right]:
    """What a role sees of a field and may change, where it can read the record at all."""
    for name in after.fields:
        path = f"{after.path}.{name}"
        known = made.before(path).rpartition(".")[2]
        if known not in before.fields:
            continue
        for may, words in (("see", _SEES), ("change", _CHANGES)):
            was, now = _word(one, known, words), _word(other, name, words)
            if was != now and one is not None and other is not None:
                yield Right(role, path, may, was, now)


_SEES: Mapping[str, str] = {"hide": "", "mask": "masked"}
_CHANGES: Mapping[str, str] = {"hide": "", "readonly": ""}


def _word(access: Access | None, field: str, words: Mapping[str, str]) -> str:
    if access is None:
        return ""
    return next((word for key, word in words.items() if field in getattr(access, key)), _ALL)


async def _people(database: Database, catalog: Catalog, zone: str) -> dict[str, int]:
    """Role → how many people hold it today, wherever that is."""
    moment = Moment(database.dialect, ENGINE, clock(), zone, {}, {})
    held: dict[str, set[str]] = {}
    for statement in holders(catalog, database.dialect):
        asked = call(statement, moment, {})
        for role, user in await database.read(asked.sql, asked.values):
            held.setdefault(str(role), set()).add(str(user))
            held.setdefault(EVERYONE, set()).add(str(user))
    return {role: len(users) for role, users in held.items()}
