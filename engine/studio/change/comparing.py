"""Two catalogs, noun by noun: what was added, changed or removed that no table shows (labels, forms, rights, flows)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from engine.catalog import Catalog
from engine.catalog.dump import plain, unequal
from engine.label import Label
from engine.plan.change import Line
from engine.studio.source.matching import Matching

_NOUNS: Mapping[str, Label] = {
    "modules": Label("模块", "module"),
    "features": Label("功能", "feature"),
    "roles": Label("角色", "role"),
    "settings": Label("参数", "setting"),
    "workflows": Label("工作流", "workflow"),
    "postings": Label("过账", "posting"),
    "controls": Label("预算控制", "control"),
    "aggregations": Label("汇总", "aggregation"),
    "forms": Label("表单", "form"),
    "lists": Label("列表", "list"),
    "menus": Label("菜单", "menu"),
    "dashboards": Label("看板", "dashboard"),
    "imports": Label("导入", "import"),
}
_SHORT = 40
_NOT_TOLD = frozenset({"name", "path", "was", "where", "module"})


def compared(old: Catalog, new: Catalog, made: Matching) -> Iterator[Line]:
    """Entities and fields that stay are compared with what they were called before. What both catalogs share (see
    ``build.made_of``) is not looked at."""
    for entity in new.entities.values():
        before = old.entities.get(made.before(entity.path))
        if before is None or before is entity:
            continue
        yield from _line(entity.path, _differing(before, entity, {"fields", "workflows"}), _where(entity))
        for field in entity.fields.values():
            path = f"{entity.path}.{field.name}"
            was = before.fields.get(made.before(path).rpartition(".")[2])
            if was is not None:
                yield from _line(path, _differing(was, field, set()), _where(field))
    for noun in _NOUNS:
        yield from _noun(old, new, noun)
    if plain(old.people) != plain(new.people):
        yield Line("changed", "people", "safe", Label("人员与任职", "people and appointments"), section="people")


def _noun(old: Catalog, new: Catalog, noun: str) -> Iterator[Line]:
    title, there = _NOUNS[noun], getattr(old, noun)
    for path, one in getattr(new, noun).items():
        if path not in there:
            yield Line("added", path, "safe", title, where=_where(one), section=noun)
        elif there[path] is not one:
            keys = _differing(there[path], one, set())
            if keys:
                told = Label(f"{title.zh}：{'、'.join(keys)}", f"{title.en}: {', '.join(keys)}")
                yield Line("changed", path, "safe", told, where=_where(one), section=noun)
    for path in there:
        if path not in getattr(new, noun):
            yield Line("removed", path, "safe", title, section=noun)


def _line(path: str, keys: list[str], where: str) -> Iterator[Line]:
    if not keys:
        return
    yield Line("changed", path, "safe", Label("、".join(keys), ", ".join(keys)), where=where)


def _differing(before: Any, after: Any, quiet: set[str]) -> list[str]:
    """What differs, with what it was and is where that is short."""
    old, new = unequal(before, after)
    keys = sorted(k for k in {*old, *new} - _NOT_TOLD - quiet if old.get(k) != new.get(k))
    return [f"{key}{_turned(old.get(key), new.get(key))}" for key in keys]


def _turned(old: Any, new: Any) -> str:
    told = [json.dumps(one, ensure_ascii=False) if one is not None else "" for one in (old, new)]
    short = all(len(one) <= _SHORT for one in told) and all(told)
    return f" {told[0]} → {told[1]}" if short else ""


def _where(one: Any) -> str:
    known = any(f.name == "where" for f in fields(one))
    return str(one.where) if known and one.where.file else ""
