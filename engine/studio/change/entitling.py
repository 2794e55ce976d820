"""A change of rights as people ask about it: which role, how many hold it, what they may before and after; and whom
workflows and appointments speak of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from engine.catalog import Access, Catalog, Entity
from engine.catalog.dump import plain
from engine.compile.access import OPERATIONS
from engine.compile.people import holders
from engine.db import Database, Stale
from engine.expr.build.tree import by_columns
from engine.label import Label
from engine.plan.change import ALL, Line, Right
from engine.serve.tenant.bind import ADMIN, ENGINE, EVERYONE, Moment, call, clock
from engine.studio.change import assigning
from engine.studio.follow.recoding import recoded
from engine.studio.source.matching import Matching


async def rights(database: Database, old: Catalog, new: Catalog, made: Matching, zone: str) -> list[Line]:
    """A line for each role and entity whose rights are others, for whoever gets other things to do by a workflow, and
    for each role that others hold."""
    earlier = renamed(old, new, made)
    roles = {was: now for now, was in earlier.items()}
    found, turns = list(_lines(old, new, made, roles)), list(assigning.turns(old, new, roles))
    appointed = plain(old.people) != plain(new.people)
    if not (found or turns or appointed):
        return []
    held = {roles.get(role, role): users for role, users in (await _holders(database, old, zone)).items()}
    out = [_line(role, path, told, _count(role, held), new, old) for (role, path), told in found]
    for one in turns:
        says = one.title or _called(one.role, new, old)
        people = _count(one.role, held) if one.title is None else None
        line = Line("rights", one.workflow, "safe", says, where=str(one.where), section="workflows")
        out.append(replace(line, rights=one.rights, people=people))
    return out + (await _appointed(database, old, new, held, roles, zone) if appointed else [])


def _count(role: str, held: Mapping[str, set[str]]) -> int | None:
    """None for those whom no appointment makes what they are."""
    return None if role == ADMIN else len(held.get(role, ()))


async def _appointed(
    database: Database, old: Catalog, new: Catalog, held: Mapping[str, set[str]], roles: Mapping[str, str], zone: str
) -> list[Line]:
    """Who holds which role by the new way of appointing, as far as what it speaks of is there."""
    try:
        found = await _holders(database, new, zone)
    except Stale:
        return []
    after = {roles.get(role, role): users for role, users in found.items()}
    out = []
    for role in sorted({*held, *after} - {EVERYONE}):
        was, now = held.get(role, set()), after.get(role, set())
        if was != now:
            title, gain, lose = _called(role, new, old), len(now - was), len(was - now)
            says = Label(f"{title.zh}：{gain} 人获得，{lose} 人失去", f"{title.en}: {gain} gain it, {lose} lose it")
            where = str(new.people.where) if new.people.where.file else ""
            out.append(Line("rights", "people", "safe", says, people=len(now), where=where, section="people"))
    return out


def _called(role: str, new: Catalog, old: Catalog) -> Label:
    known = new.roles.get(role) or old.roles.get(role)
    title = known.title if known is not None else Label("所有人", "everyone") if role == EVERYONE else Label(role, role)
    return Label(f"{title.to('zh')}（{role}）", f"{title.to('en')} ({role})")


def renamed(old: Catalog, new: Catalog, made: Matching) -> dict[str, str]:
    """Role → what it was called: the choices by which it is given are called otherwise, and records follow."""
    fields = {f"{one.of}.{one.role}" for one in new.people.assignments.values()}
    given = [one.names for one in recoded(old, new, made) if one.path in fields]
    pairs = {after: before for names in given for before, after in names.items()}
    known = {now: was for now, was in pairs.items() if now in new.roles and was in old.roles}
    taken = {*known.values()}
    return {now: was for now, was in known.items() if (now not in old.roles or now in taken)}


def _line(role: str, path: str, told: tuple[Right, ...], people: int | None, new: Catalog, old: Catalog) -> Line:
    says = _called(role, new, old)
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
    return "" if rule is False else ALL if rule is True else str(rule.text)


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
    return next((word for key, word in words.items() if field in getattr(access, key)), ALL)


async def _holders(database: Database, catalog: Catalog, zone: str) -> dict[str, set[str]]:
    """Role → who holds it today, wherever that is."""
    moment = Moment(database.dialect, ENGINE, clock(), zone, {}, {})
    held: dict[str, set[str]] = {}
    for statement in holders(catalog, database.dialect):
        asked = call(statement, moment, {})
        for role, user in await database.read(asked.sql, asked.values):
            held.setdefault(str(role), set()).add(str(user))
            held.setdefault(EVERYONE, set()).add(str(user))
    return held
