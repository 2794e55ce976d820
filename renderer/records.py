"""A record as its template wants it: sections of inputs or values, line grids, actions, what was said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from engine.fieldtypes import REGISTRY
from engine.fieldtypes.mask import STARS
from engine.plan.app import App
from engine.plan.entity import Entity, Field
from engine.plan.page import FormPage, Grid
from engine.plan.viewer import RecordView, Said, Viewer
from renderer.attachments import WIDGETS as ATTACHING
from renderer.attachments import Attached, Takes, attached, taken
from renderer.shell import address
from renderer.values import EMPTY, NUMBERS, SUMMED, Cell, cell, format_cell, hidden, leaf, machine_of, moment

WIDE = frozenset({"textarea", "grid", "json", "file", "signature", "refs"})


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    title: str
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Input:
    """One field in a form: what it is called, holds, allows, and what was said about it."""

    field: Field
    name: str
    """The input's name: ``sheet_date``, ``lines.0.worker``."""
    id: str
    title: str
    widget: str
    editable: bool
    value: str = ""
    """As the input holds it."""
    shown: Cell = EMPTY
    choices: tuple[Choice, ...] = ()
    required: bool = False
    hint: str = ""
    said: tuple[Said, ...] = ()
    source: str = ""
    where: str = ""
    link: str = ""
    wide: bool = False
    part: str = ""
    """What the reader is told of a value he sees in part."""
    files: tuple[Attached, ...] = ()
    takes: Takes | None = None
    visible: bool = True

    @property
    def number(self) -> bool:
        return self.field.spec.type in NUMBERS

    @property
    def wrong(self) -> bool:
        return any(s.level == "error" for s in self.said)


@dataclass(frozen=True, slots=True)
class Line:
    index: str
    id: str
    inputs: tuple[Input, ...]
    said: tuple[Said, ...] = ()


@dataclass(frozen=True, slots=True)
class GridView:
    name: str
    title: str
    heads: tuple[Input, ...]
    lines: tuple[Line, ...]
    blank: Line
    editable: bool
    """Cells may be changed."""
    growing: bool
    """Lines may be added and taken away."""
    sums: Mapping[str, str]
    """Column → its total, of columns that have one."""
    least: int = 0
    said: tuple[Said, ...] = ()


@dataclass(frozen=True, slots=True)
class SectionView:
    name: str
    title: str
    columns: int
    inputs: tuple[Input | GridView, ...]

    @property
    def visible(self) -> bool:
        return any(isinstance(i, GridView) or i.visible for i in self.inputs)


@dataclass(frozen=True, slots=True)
class Form:
    """What making the inputs of one page needs to know."""

    app: App
    viewer: Viewer
    editable: tuple[str, ...] | None
    said: tuple[Said, ...]
    fixed: frozenset[str] = frozenset()
    entity: str = ""
    place: str = ""
    """The record's address in the API; empty of one that is not there yet."""
    brought: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Who brought a file, and when."""

    def allows(self, path: str) -> bool:
        """``lines`` allows its columns and its rows; ``lines.hours`` that column only."""
        if path in self.fixed:
            return False
        if self.editable is None:
            return True
        return any(path == e or path.startswith(f"{e}.") for e in self.editable)


def attaching(one: Input | GridView) -> bool:
    """Whether a form that has it may bring files."""
    return any(i.takes for i in one.blank.inputs) if isinstance(one, GridView) else one.takes is not None


def plain_number(value: Any, field: Field) -> str:
    """A number as an input holds it: no separators; a price without the zeros nobody typed; a percent as people write
    it."""
    number = Decimal(str(value))
    if field.spec.type == "percent":
        return f"{(number * 100).normalize():f}%"
    if field.spec.type in ("price", "quantity"):
        text = f"{number.normalize():f}"
        whole, _, digits = text.partition(".")
        return f"{whole}.{digits.ljust(2, '0')}" if field.spec.type == "price" or digits else whole
    return f"{number:f}"


def input_value(field: Field, value: Any, zone: str) -> str:
    """A value of the API's JSON as the HTML input of its widget holds it."""
    if field.spec.type == "location" and isinstance(value, Mapping):
        return f"{value.get('lat')}, {value.get('lon')}"
    if isinstance(value, Mapping):
        value = value.get("id")
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    try:
        if field.kind == "datetime":
            moment = datetime.fromisoformat(str(value))
            return moment.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M") if moment.tzinfo else str(value)[:16]
        return plain_number(value, field) if field.spec.type in NUMBERS else str(value)
    except (ValueError, ArithmeticError):
        return str(value)  # as it was sent: a refused form may hold anything


def api_of(entity: str) -> str:
    return f"/api/v1{address('', entity)}" if entity else ""


def make_input(form: Form, field: Field, path: str, name: str, pointer: str, value: Any) -> Input:
    """``path`` is the field's in the metadata (``lines.hours``), ``name`` the input's (``lines.0.hours``)."""
    language, zone = form.viewer.language, form.viewer.zone
    kind = REGISTRY.get(field.spec.type)
    widget = kind.widget if kind else "text"
    takes = field.origin in ("input", "lines") and not field.readonly and widget != "number_text"
    editable = takes and form.allows(path)
    held, part = input_value(field, value, zone), ""
    if field.masked_for and STARS in held and editable:
        held, part, widget = "", held, "text"  # left blank it stays as it is
    choices: tuple[Choice, ...] = ()
    if widget == "choice":
        choices = tuple(Choice(o.name, o.title.to(language), o.name == value) for o in field.spec.options)
    elif widget == "choices":
        chosen = value if isinstance(value, list | tuple) else ()
        choices = tuple(Choice(o.name, o.title.to(language), o.name in chosen) for o in field.spec.options)
    elif widget == "ref" and isinstance(value, Mapping):
        choices = (
            (Choice(str(value.get("id") or ""), str(value.get("display") or ""), True),) if value.get("id") else ()
        )
    elif widget == "ref" and held:
        choices = (Choice(held, held, True),)
    elif widget == "refs":
        chosen = [v for v in (value or ()) if isinstance(v, Mapping)]
        choices = tuple(Choice(str(v.get("id")), str(v.get("display")), True) for v in chosen)
    try:
        shown = (
            format_cell(field.spec, value, language, zone) if value not in (None, "") else Cell(kind=field.spec.type)
        )
    except (ValueError, ArithmeticError, TypeError, KeyError):
        shown = Cell(str(value), field.spec.type)  # a refused form may hold anything
    link = ""
    if field.target and isinstance(value, Mapping) and value.get("id") and not editable:
        link = f"{address('r', field.target)}/{value['id']}"
    return Input(
        field,
        name,
        "f-" + name.replace(".", "-"),
        field.title.to(language),
        widget,
        editable,
        held,
        shown,
        choices,
        required=field.required != "no" and not part,
        hint=field.hint.to(language),
        said=tuple(s for s in form.said if s.pointer == pointer),
        source=api_of(field.target),
        where=field.picker_where,
        link=link,
        wide=widget in WIDE,
        part=part,
        files=attached(value, form.place, path, form.brought) if widget in ATTACHING else (),
        takes=taken(field, form.entity, path) if widget in ATTACHING and editable else None,
    )


def seen(app: App, viewer: Viewer, entity: Entity, field: Field, record: Mapping[str, Any] | None) -> bool:
    """A field is left out when it is hidden from the reader, or when the answer left it out."""
    if hidden(app, entity, field, viewer.roles):
        return False
    return record is None or field.name in record


def total_of(field: Field, held: list[Any]) -> str:
    total = Decimal(0)
    for value in held:
        try:
            total += Decimal(str(value)) if value not in (None, "") else 0
        except ArithmeticError:
            return ""  # a refused form may hold anything
    return f"{total:,.{field.scale if field.kind == 'decimal' else 0}f}".replace("-", "−")


def grid_view(form: Form, grid: Grid, field: Field, rows: list[Mapping[str, Any]], stored: bool) -> GridView:
    app, viewer = form.app, form.viewer
    child = app.entities[field.target]
    sample = rows[0] if rows and stored else None
    columns = [child.fields[c] for c in grid.columns if c in child.fields]
    columns = [f for f in columns if f.origin != "lines" and seen(app, viewer, child, f, sample)]

    def line(index: str, row: Mapping[str, Any]) -> Line:
        inputs = []
        for f in columns:
            place = f"{field.name}.{index}.{f.name}"
            pointer = f"/{field.name}/{index}/{f.name}"
            inputs.append(make_input(form, f, f"{field.name}.{f.name}", place, pointer, row.get(f.name)))
        shown = {i.field.name for i in inputs}
        start = f"/{field.name}/{index}"
        about = tuple(
            s
            for s in form.said
            if s.pointer == start or (s.pointer.startswith(f"{start}/") and s.pointer.rsplit("/", 1)[1] not in shown)
        )
        return Line(index, str(row.get("id") or ""), tuple(inputs), about)

    blank = line("__n__", {})
    lines = [line(str(n), row) for n, row in enumerate(rows)]
    growing = form.allows(field.name) and not field.readonly
    if growing and not lines:
        lines = [line("0", {})]
    sums = {f.name: total_of(f, [row.get(f.name) for row in rows]) for f in columns if f.spec.type in SUMMED}
    return GridView(
        field.name,
        field.title.to(viewer.language),
        blank.inputs,
        tuple(lines),
        blank,
        any(i.editable for i in blank.inputs),
        growing,
        sums,
        field.lines_min,
        tuple(s for s in form.said if s.pointer == f"/{field.name}"),
    )


def sections(
    app: App, viewer: Viewer, page: FormPage, view: RecordView, values: Mapping[str, Any]
) -> list[SectionView]:
    entity = app.entities[page.entity]
    machine = machine_of(app, entity)
    brought = {key: (who, moment(at, viewer)) for key, (who, at) in view.files.items()}
    place = f"{api_of(page.entity)}/{view.record.get('id')}" if view.record is not None else ""
    form = Form(app, viewer, view.editable, view.said, view.fixed, page.entity, place, brought)
    stored = view.record is not None and view.sent is None
    out = []
    for section in page.sections:
        inputs: list[Input | GridView] = []
        for name in section.fields:
            field = entity.fields.get(name)
            if field is None or (machine is not None and machine.field == name):
                continue
            if not seen(app, viewer, entity, field, view.record):
                continue
            if field.origin == "lines" or field.kind == "lines":
                if field.target in app.entities:
                    grid = page.grids.get(name) or Grid(name, tuple(app.entities[field.target].fields))
                    rows = [r for r in values.get(name) or () if isinstance(r, Mapping)]
                    inputs.append(grid_view(form, grid, field, rows, stored))
                continue
            made = make_input(form, field, name, name, f"/{name}", values.get(name))
            if view.record is None and not made.editable and made.field.origin in ("number", "keep"):
                continue  # nothing to show before it is given
            inputs.append(made)
        if inputs:
            out.append(SectionView(section.name, section.title.to(viewer.language), section.columns, tuple(inputs)))
    return out


def values_of(view: RecordView) -> dict[str, Any]:
    """What the form shows: what was sent over what is stored."""
    stored = dict(view.record or {})
    if view.sent is None:
        return stored
    merged = stored | dict(view.sent)
    for name, value in (view.sent or {}).items():
        before = stored.get(name)
        if isinstance(before, Mapping) and isinstance(value, str) and before.get("id") == value:
            merged[name] = before  # the picker sent the id back: keep what it is called
        if isinstance(value, list) and isinstance(before, list):
            known = {r.get("id"): r for r in before if isinstance(r, Mapping)}
            merged[name] = [{**known.get(r.get("id"), {}), **r} if isinstance(r, Mapping) else r for r in value]
    return merged


def change_lines(app: App, viewer: Viewer, entity: Entity, change: Mapping[str, Any]) -> list[tuple[str, Cell, Cell]]:
    """A history entry's changes: what, before, after."""
    out = []
    for name, pair in change.items():
        found = leaf(app, entity, name)
        if found is None or hidden(app, found.entity, found.field, viewer.roles):
            continue
        if not isinstance(pair, list | tuple) or len(pair) != 2 or found.field.kind == "lines":
            out.append((found.field.title.to(viewer.language), Cell(), Cell()))
            continue
        before, after = (cell(app, found, v, viewer.language, viewer.zone) for v in pair)
        out.append((found.field.title.to(viewer.language), before, after))
    return out


def with_visibility(made: list[SectionView], hidden_names: set[str]) -> list[SectionView]:
    """Fields whose ``visible`` does not hold now are there, for the browser, but not shown."""
    return [
        replace(
            s,
            inputs=tuple(
                replace(i, visible=False) if isinstance(i, Input) and i.field.name in hidden_names else i
                for i in s.inputs
            ),
        )
        for s in made
    ]
