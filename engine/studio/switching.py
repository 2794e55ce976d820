"""Modules and features of a running system, on and off. Off means hidden: what they hold stays, and comes back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from engine.db import Database
from engine.fieldtypes.storage import quote
from engine.label import Label
from engine.plan.metadata import Held, Switch
from engine.plan.table import Table
from engine.problem import Problems, nearest, problem
from engine.read.packs import PackTree, arrange, gather
from engine.read.tree import List, Map, Node, Scalar
from engine.studio.build import Source
from engine.studio.codes import CODES
from engine.tenants import identity


def _trees(source: Source) -> list[PackTree]:
    trees = [gather(texts)[0] for texts in source.packs]
    return arrange([tree for tree in trees if tree is not None], [])


def listed(source: Source) -> list[Switch]:
    """Everything that can be switched, packs first, in the order of their dependencies."""
    trees = _trees(source)
    now = {**_written(source, trees), **source.switches}
    off = {tree.name for tree in trees if not now[tree.name]}
    packs, features = [], []
    needs: dict[str, list[str]] = {}
    for tree in trees:
        needed_by = [t.name for t in trees if t.name not in off and tree.name in dict(_required(t.tree))]
        own = tuple(_entities(tree))
        packs.append(Switch(tree.name, _title(tree.tree), tree.name not in off, "module", tuple(needed_by), own))
        declared = tree.tree.items.get("features")
        for name, noun in declared.items.items() if isinstance(declared, Map) else ():
            path = f"{tree.key}.{name}"
            for wanted in _names(noun, "requires"):
                needs.setdefault(wanted if "." in wanted else f"{tree.key}.{wanted}", []).append(path)
            holds = tuple(_featured(tree, name))
            features.append(Switch(path, _title(noun), now[path] and tree.name not in off, "feature", holds=holds))
    on_now = {one.name for one in features if one.on}
    return packs + [
        replace(one, needed_by=tuple(n for n in needs.get(one.name, ()) if n in on_now)) for one in features
    ]


def _written(source: Source, trees: Sequence[PackTree]) -> dict[str, bool]:
    """What the text says: the project, or else the packs themselves."""
    out = {tree.name: True for tree in trees}
    for tree in trees:
        for name, noun in _under(tree.tree, "features").items():
            out[f"{tree.key}.{name}"] = not (isinstance(noun, Map) and _text(noun.items.get("default")) == "false")
    return {**out, **source.features}


def _required(tree: Map) -> list[tuple[str, str]]:
    found = tree.items.get("requires")
    return [(name, "") for name in found.items] if isinstance(found, Map) else []


def _names(noun: object, key: str) -> list[str]:
    found = noun.items.get(key) if isinstance(noun, Map) else None
    return [one.text for one in found.items if isinstance(one, Scalar)] if isinstance(found, List) else []


def _title(noun: object) -> Label:
    found = noun.items.get("title") if isinstance(noun, Map) else None
    if isinstance(found, Map):
        return Label(*(_text(found.items.get(language)) for language in ("zh", "en")))
    return Label(_text(found), _text(found))


def _text(node: object) -> str:
    return node.text if isinstance(node, Scalar) else ""


def _entities(tree: PackTree) -> Iterator[Held]:
    for name, noun in _under(tree.tree, "entities").items():
        yield Held(f"{tree.key}.{name}", _title(noun))


def _featured(tree: PackTree, feature: str) -> Iterator[Held]:
    """Entities and fields of a feature."""
    for name, noun in _under(tree.tree, "entities").items():
        if _of(noun, feature):
            yield Held(f"{tree.key}.{name}", _title(noun))
            continue
        for field, inner in _under(noun, "fields").items():
            if _of(inner, feature):
                title, own = _title(noun), _title(inner)
                both = Label(f"{title.zh} · {own.zh or field}", f"{title.en} · {own.en or field}")
                yield Held(f"{tree.key}.{name}.{field}", both)


def _of(noun: object, feature: str) -> bool:
    return isinstance(noun, Map) and _text(noun.items.get("feature")) == feature


def _under(noun: object, key: str) -> Mapping[str, Node]:
    found = noun.items.get(key) if isinstance(noun, Map) else None
    return found.items if isinstance(found, Map) else {}


async def counted(switches: Sequence[Switch], tables: Sequence[Table], database: Database) -> list[Switch]:
    """With the records that each holds, whether it is on or off; those of a field are the records that fill it."""
    columns = {table.name: {c.name for c in table.columns} for table in tables}
    paths = {held.path for one in switches for held in one.holds}
    known = sorted(await identity.all_of(database), key=lambda one: (one.retired is None, one.retired or 0))
    names = {one.path: one.physical for one in known}
    asked = {path: sql for path in sorted(paths) if (sql := _count(path, names, columns))}
    found: dict[str, int] = {}
    if asked:
        row = (await database.read("SELECT " + ", ".join(f"({sql})" for sql in asked.values())))[0]
        found = dict(zip(asked, map(int, row), strict=True))
    return [
        replace(one, holds=tuple(replace(held, records=found.get(held.path, 0)) for held in one.holds))
        for one in switches
    ]


def _count(path: str, names: Mapping[str, str], columns: Mapping[str, set[str]]) -> str:
    field = names.get(path, "") if path.count(".") > 1 else "*"
    table = names.get(path if field == "*" else path.rpartition(".")[0], "")
    if table not in columns or field not in {"*", *columns[table]}:
        return ""
    living = " WHERE deleted_at IS NULL" if "deleted_at" in columns[table] else ""
    return f"SELECT count({field if field == '*' else quote(field)}) FROM {quote(table)}{living}"


def switched(source: Source, name: str, on: bool) -> Source:
    return switched_to(source, {name: on})


def switched_to(source: Source, wanted: Mapping[str, bool]) -> Source:
    """What is switched to what the text says anyway leaves no trace. Raises Problems when there is nothing of a name,
    or what is on afterwards needs what is off."""
    known = {one.name: one for one in listed(source)}
    wrong = []
    for name in wanted:
        if name not in known:
            meant = nearest(name, known) or ", ".join(known)
            wrong.append(problem(CODES["switch.unknown"], name=name, nearest=meant))
    if wrong:
        raise Problems(wrong)
    written = _written(source, _trees(source))
    switches = {name: on for name, on in {**source.switches, **wanted}.items() if on is not written.get(name)}
    made = replace(source, switches=switches)
    after = {one.name: one for one in listed(made)}
    for name, on in wanted.items():
        if not on and after[name].kind == "module" and after[name].needed_by:
            wrong.append(problem(CODES["switch.needed"], name=name, by=", ".join(after[name].needed_by)))
    if wrong:
        raise Problems(wrong)
    return made
