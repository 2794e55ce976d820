"""A list as its template wants it: heads that sort, filters as chips, rows of cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from engine.fieldtypes import REGISTRY
from engine.plan.app import App
from engine.plan.entity import Entity
from engine.plan.page import ListPage
from engine.plan.viewer import ListView, Record, Viewer
from renderer.environment import texts
from renderer.shell import address, may
from renderer.values import NUMBERS, Cell, Leaf, cell, display_of, hidden, leaf, machine_of, value_at

CONTROLS: Mapping[str, str] = {
    "choice": "choice",
    "boolean": "boolean",
    "ref": "ref",
    "date": "range",
    "month": "month",
    "datetime": "range",
    "integer": "span",
    "decimal": "span",
    "money": "span",
}
"""Widget of a field → control of its filter; anything else is searched by what it contains."""
_FORMATS = (("xlsx", "Excel"), ("csv", "CSV"), ("ndjson", "JSON"))
PAGING = frozenset({"cursor", "limit", "count"})


@dataclass(frozen=True, slots=True)
class Head:
    title: str
    number: bool
    href: str = ""
    sorted: str = ""
    """``ascending``, ``descending`` or empty."""


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    title: str
    chosen: bool = False
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter: closed it is a chip that says what is chosen, open the control to choose with."""

    name: str
    title: str
    control: str
    said: str = ""
    options: tuple[Option, ...] = ()
    value: str = ""
    low: str = ""
    high: str = ""
    source: str = ""
    clear: str = ""
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    href: str
    title: str
    cells: tuple[Cell, ...]


def _has_bin(entity: Entity) -> bool:
    return entity.write is not None and not entity.owner and entity.kind != "ledger"


def params(asked: Mapping[str, str], drop: tuple[str, ...] = (), **put: str) -> str:
    """The page's own address with something changed; paging starts anew."""
    kept = {k: v for k, v in asked.items() if k not in drop and k not in PAGING and v != ""}
    query = urlencode(kept | put)
    return f"?{query}" if query else "?"


def sort_keys(page: ListPage, view: ListView) -> list[str]:
    return [k for k in (view.asked.get("sort") or page.sort).split(",") if k]


def heads(app: App, entity: Entity, page: ListPage, view: ListView, language: str, shown: list[int]) -> list[Head]:
    first = next(iter(sort_keys(page, view)), "")
    out = []
    for at in shown:
        path = page.columns[at]
        found = leaf(app, entity, path)
        number = found is not None and found.field.spec.type in NUMBERS
        title = page.column_titles[at].to(language) if at < len(page.column_titles) else path
        if found is None or found.field.kind in ("json", "lines") or found.field.origin == "live":
            out.append(Head(title, number))
            continue
        here = {path: "ascending", f"-{path}": "descending"}.get(first, "")
        turned = f"-{path}" if here == "ascending" else path
        out.append(Head(title, number, params(view.asked, ("sort",), sort=turned), here))
    return out


def chip(app: App, found: Leaf, name: str, view: ListView, language: str) -> Chip:
    """The filter on one field, with the control that fits its type."""
    t = texts(language)
    field = found.field
    machine = machine_of(app, found.entity)
    title = field.title.to(language)
    kind = REGISTRY.get(field.spec.type)
    control = CONTROLS.get(kind.widget if kind else "", "text")
    choices: list[tuple[str, str]] = []
    if machine is not None and machine.field == name:
        control = "choice"
        choices = [(s.name, s.title.to(language)) for s in machine.states.values()]
    elif control == "choice":
        choices = [(o.name, o.title.to(language)) for o in field.spec.options]
    elif control == "boolean":
        control = "choice"
        choices = [("true", t("Yes")), ("false", t("No"))]
    if control == "choice":
        return choice_chip(name, title, choices, view.asked)
    if control in ("range", "span"):
        return range_chip(name, title, control, view.asked)
    key = f"{name}[contains]" if control == "text" else name
    value = view.asked.get(key, "")
    said = str(view.chosen.get(name, {}).get("display") or value) if control == "ref" and value else value
    source = f"/api/v1{address('', field.target)}" if control == "ref" and field.target else ""
    clear = params(view.asked, (key,))
    return Chip(name, title, control, said, value=value, source=source, clear=clear, inputs=(key,))


def range_chip(name: str, title: str, control: str, asked: Mapping[str, str]) -> Chip:
    names = (f"{name}[gte]", f"{name}[lte]")
    low, high = (asked.get(n, "") for n in names)
    said = f"{low} – {high}" if low and high else f"≥ {low}" if low else f"≤ {high}" if high else ""
    return Chip(name, title, control, said, low=low, high=high, clear=params(asked, names), inputs=names)


def choice_chip(name: str, title: str, choices: list[tuple[str, str]], asked: Mapping[str, str]) -> Chip:
    """Several may be chosen: one is ``name=a``, more are ``name[in]=a,b``."""
    chosen = [v for v in (asked.get(name) or asked.get(f"{name}[in]") or "").split(",") if v]
    options = tuple(Option(value, said, value in chosen) for value, said in choices)
    said = "、".join(o.title for o in options if o.chosen)
    clear = params(asked, (name, f"{name}[in]"))
    return Chip(name, title, "choice", said, options, value=",".join(chosen), clear=clear, inputs=(name, f"{name}[in]"))


def row(app: App, entity: Entity, page: ListPage, item: Record, viewer: Viewer, shown: list[int]) -> Row:
    cells = []
    for at in shown:
        path = page.columns[at]
        found = leaf(app, entity, path)
        cells.append(cell(app, found, value_at(item, path), viewer.language, viewer.zone))
    owner = value_at(item, entity.owner_field) if entity.owner else None
    if entity.owner and isinstance(owner, Mapping):
        href = f"{address('r', entity.owner)}/{owner.get('id')}"
    else:
        href = f"{address('r', entity.path)}/{item.get('id')}" if not entity.owner else ""
    return Row(href, display_of(app, entity, item, viewer.language, viewer.zone), tuple(cells))


def exports(
    viewer: Viewer, entity: Entity, page: ListPage, view: ListView, columns: list[str]
) -> tuple[tuple[str, str], ...]:
    """(title, address) of what the list can be taken away as: its columns, its filters, its order."""
    if not may(viewer, entity.path, "export") or view.said:
        return ()
    place = f"/api/v1{address('', entity.path)}/export"
    asked = {name: value for name, value in view.asked.items() if name not in ("cursor", "limit")}
    if page.sort:
        asked.setdefault("sort", page.sort)
    if page.where:
        asked["where"] = f"({page.where}) AND ({asked['where']})" if asked.get("where") else page.where
    asked["fields"] = ",".join(columns)
    return tuple((title, f"{place}?{urlencode({**asked, 'format': kind})}") for kind, title in _FORMATS)


def imports(app: App, viewer: Viewer, entity: Entity) -> tuple[tuple[str, str], ...]:
    """(title, address) of what fills this list from files."""
    if not may(viewer, entity.path, "create"):
        return ()
    found = [(path, plan) for path, plan in app.imports.items() if plan.entity == entity.path]
    return tuple((plan.title.to(viewer.language), f"/i/{path.replace('.', '/', 1)}") for path, plan in found)


def list_context(app: App, viewer: Viewer, page: ListPage, view: ListView) -> dict[str, object]:
    entity = app.entities[page.entity]
    language = viewer.language
    t = texts(language)
    shown = []
    for at, path in enumerate(page.columns):
        found = leaf(app, entity, path)
        if found is None or not hidden(app, found.entity, found.field, viewer.roles):
            shown.append(at)
    chips = []
    for name in page.filters:
        found = leaf(app, entity, name)
        if found is not None and not hidden(app, found.entity, found.field, viewer.roles):
            chips.append(chip(app, found, name, view, language))
    declared = {key for c in chips for key in c.inputs} | {"q", "sort"}
    other = [
        Chip(k, t("Condition") if k == "where" else k, "", v, value=v, clear=params(view.asked, (k,)))
        for k, v in view.asked.items()
        if k not in declared and k not in PAGING
    ]
    paged = "cursor" in view.asked
    narrowed = bool(other) or any(k not in PAGING and k != "sort" and v for k, v in view.asked.items())
    return {
        "page": page,
        "entity": entity,
        "heads": heads(app, entity, page, view, language, shown),
        "rows": [row(app, entity, page, item, viewer, shown) for item in view.items],
        "chips": chips,
        "other": other,
        "q": view.asked.get("q", ""),
        "sort": view.asked.get("sort", ""),
        "searchable": any(f.searchable for f in entity.fields.values())
        or any(entity.fields[p].searchable for p in entity.key if p in entity.fields),
        "narrowed": narrowed,
        "total": view.total if view.total is not None or paged or view.next else len(view.items),
        "count_of": f"/api/v1{address('', entity.path)}{params(view.asked, ('sort',))}" if not view.said else "",
        "exports": exports(viewer, entity, page, view, [page.columns[at] for at in shown]) if view.items else (),
        "imports": imports(app, viewer, entity),
        "first": params(view.asked) if paged else "",
        "next": params(view.asked, (), cursor=view.next) if view.next else "",
        "said": view.said,
        "bin": f"{address('r', entity.path)}/bin" if may(viewer, entity.path, "delete") and _has_bin(entity) else "",
        "new": f"{address('r', entity.path)}/new" if may(viewer, entity.path, "create") and not entity.owner else "",
        "what": entity.title.to(language),
    }
