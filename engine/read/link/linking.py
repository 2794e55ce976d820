"""Written packs → Catalog. The order: bones, the world, figures, then everything else; in rounds while parts sleep."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from engine.catalog import (
    Asleep,
    Assignment,
    Cast,
    Catalog,
    Entity,
    Feature,
    Function,
    Module,
    Origin,
    Role,
    Row,
    Setting,
)
from engine.catalog.flow import Workflow
from engine.catalog.layout import Layout
from engine.expr.build.world import Figure
from engine.fieldtypes import Spec
from engine.label import Label
from engine.problem import Problem
from engine.read.link.boards import Boards
from engine.read.link.data import Data
from engine.read.link.desk import Desk
from engine.read.link.entities import Entities, owned, state_options
from engine.read.link.expressions import figure_types, parser
from engine.read.link.figures import Figures
from engine.read.link.flows import Flows
from engine.read.link.scopes import Scopes
from engine.read.link.structure import Frame, label, language_of, number_of, options, skeletons, users
from engine.read.link.views import Views
from engine.read.link.words import Look, Speech
from engine.read.link.world import held_at, world_of
from engine.read.shape import pack as shapes
from engine.read.switched import Gone, Written
from engine.read.tree import Scalar


@dataclass(slots=True)
class Linked:
    """``broken``: paths of parts that could not be built."""

    catalog: Catalog
    problems: list[Problem] = field(default_factory=list)
    broken: frozenset[str] = frozenset()


def link(
    written: Mapping[str, Written], gone: Gone, absent: tuple[str, ...], overlay_files: frozenset[str],
    overlaid: Mapping[str, Origin], digest: str, layout: Layout,
) -> Linked:  # fmt: skip
    """The catalog, and what is wrong. What sleeps takes along what names it, so this goes in rounds until quiet."""
    while True:
        desk = Desk(written, gone, absent, overlay_files)
        catalog = _round(desk, overlaid, digest, layout)
        fresh = {path: found for path, found in desk.asleep.parts.items() if path not in gone.parts}
        if not fresh:
            return Linked(catalog, desk.problems, frozenset(desk.wrong))
        for path, (why, where) in fresh.items():
            gone.add(path, why, where)


def _round(desk: Desk, overlaid: Mapping[str, Origin], digest: str, layout: Layout) -> Catalog:
    frame = Frame(desk, skeletons(desk))
    state_options(frame)
    owned(frame)
    specs = _setting_specs(desk)
    figures: dict[str, Figure] = {}
    world = world_of(desk, frame, figures, specs, layout)
    speech = Speech(frame, parser(desk, frame, world))

    makers = Figures(frame, speech)
    aggregations = _all(desk, "aggregations", makers.aggregation)
    figures.update(figure_types(aggregations))
    flows, views, data = Flows(frame, speech), Views(frame, speech), Data(frame, speech)
    entities = _entities(frame, speech)
    workflows = _all(desk, "workflows", flows.workflow)
    return Catalog(
        modules={one.source.name: _module(one) for one in desk.written.values()},
        entities=_with_workflows(entities, workflows),
        workflows=workflows,
        postings=_all(desk, "postings", flows.posting),
        controls=_all(desk, "controls", flows.control),
        aggregations=aggregations,
        settings=_settings(desk, speech, specs),
        roles=_roles(desk),
        features=_features(desk),
        people=_cast(desk, frame, speech),
        forms=_all(desk, "forms", views.form),
        lists=_all(desk, "lists", views.list_),
        menus=_all(desk, "menus", views.menu),
        dashboards=_all(desk, "dashboards", Boards(desk).dashboard),
        functions=_all(desk, "functions", partial(_function, desk, frame)),
        imports=_all(desk, "imports", data.import_),
        seeds=_rows(desk, data, "seeds"),
        demo=_rows(desk, data, "demo"),
        scenarios=_all(desk, "tests", data.scenario),
        world=world,
        digest=digest,
        overlaid=overlaid,
        asleep=tuple(Asleep(path, why, where) for path, (why, where) in sorted(desk.gone.parts.items()) if why),
    )


def _all(desk: Desk, section: str, make: Callable[[Written, str, Any], Any]) -> dict[str, Any]:
    """Every noun of a section, built; those that sleep or are broken left out."""
    out = {}
    for path, (one, shape) in desk.things[section].items():
        inner = f"{one.key}.{section}.{path.partition('.')[2]}"
        made = desk.part(inner, shape.place, make, one, path, shape)
        if made is not None:
            out[path] = made
    return out


def _entities(frame: Frame, speech: Speech) -> dict[str, Entity]:
    maker = Entities(frame, speech, Scopes(frame))
    out = {}
    for path, bones in frame.of.items():
        inner = f"{bones.module}.entities.{bones.name}"
        made = frame.desk.part(inner, bones.shape.place, maker.entity, bones)
        if made is not None:
            out[path] = made
    return out


def _with_workflows(entities: Mapping[str, Entity], workflows: Mapping[str, Workflow]) -> dict[str, Entity]:
    by_entity: dict[str, list[Workflow]] = {}
    for workflow in workflows.values():
        by_entity.setdefault(workflow.of, []).append(workflow)
    out = dict(entities)
    for path, found in by_entity.items():
        if path in out:
            ordered = sorted(found, key=lambda w: w.field != "state")
            out[path] = replace(out[path], workflows=tuple(w.path for w in ordered))
    return out


def _module(one: Written) -> Module:
    ranges = {k: {n: r.text for n, r, _ in one.source.needs(k)} for k in ("requires", "uses")}
    version = ".".join(str(n) for n in one.source.version)
    title = label(one.pack.title, language_of(one), one.key)
    name = one.source.name
    return Module(name, one.key, version, title, ranges["requires"], ranges["uses"], language_of(one), one.source.where)


def _features(desk: Desk) -> dict[str, Feature]:
    out = {}
    for one in desk.written.values():
        for name, shape in (one.pack.features or {}).items():
            needs = tuple(n.text if "." in n.text else f"{one.key}.{n.text}" for n in shape.requires or ())
            out[f"{one.key}.{name}"] = Feature(
                f"{one.key}.{name}", name, label(shape.title, language_of(one), name), shape.default is not False,
                needs, shape.place,
            )  # fmt: skip
    return out


def _roles(desk: Desk) -> dict[str, Role]:
    out = {
        "admin": Role("admin", "", Label("系统管理员", "Administrator")),
        "everyone": Role("everyone", "", Label("所有人", "Everyone")),
    }
    for one in desk.written.values():
        for name, shape in (one.pack.roles or {}).items():
            if name in out:
                first = str(out[name].where) or Label("引擎自带", "the engine's own")
                desk.say("link.two", shape.place, kind="role", name=name, first=first)
            out[name] = Role(name, one.key, label(shape.title, language_of(one), name), shape.place)
    return out


def _setting_specs(desk: Desk) -> dict[str, Spec]:
    out: dict[str, Spec] = {}
    first: dict[str, shapes.Setting] = {}
    for one in desk.written.values():
        for name, shape in (one.pack.settings or {}).items():
            if name in out:
                desk.say("link.two", shape.place, kind="setting", name=name, first=first[name].place)
            if shape.type is None:
                continue
            first[name] = shape
            out[name] = Spec(
                shape.type, shape.scale or 0, number_of(desk, shape.min), number_of(desk, shape.max),
                options=options(shape.options, language_of(one)), unit=shape.unit.text if shape.unit else "",
            )  # fmt: skip
    return out


def _settings(desk: Desk, speech: Speech, specs: Mapping[str, Spec]) -> dict[str, Setting]:
    out = {}
    for one in desk.written.values():
        for name, shape in (one.pack.settings or {}).items():
            if name not in specs or shape.default is None:
                continue
            language = language_of(one)
            default = speech.value(shape.default, Look(one.key, ""), specs[name])
            out[name] = Setting(
                name, one.key, label(shape.title, language, name), specs[name], default,
                tuple(s.text for s in shape.scope or ()), shape.group.text if shape.group else "",
                label(shape.help, language), shape.place,
            )  # fmt: skip
    return out


def _cast(desk: Desk, frame: Frame, speech: Speech) -> Cast:
    for one in desk.written.values():
        found = one.pack.people
        if found is None:
            continue
        people = desk.find("entities", found.users, one.key) if found.users else ""
        assignments = {}
        for name, shape in (found.assignments or {}).items():
            made = desk.part(
                f"{one.key}.people.assignments.{name}",
                shape.place,
                _assignment,
                desk,
                frame,
                speech,
                name,
                shape,
                one,
            )
            if made is not None:
                assignments[name] = made
        leader = found.leader.text if found.leader else ""
        if leader:
            entity, _, field_name = leader.rpartition(".")
            where = found.leader.where if found.leader else found.place
            path = desk.find("entities", Scalar(entity, where), one.key)
            if path:
                frame.path(Scalar(field_name, where), path)
                leader = f"{path}.{field_name}"
        who = people or users(desk)
        active = speech.maybe(found.while_, Look(one.key, who)) if who else None
        return Cast(who, active, assignments, leader, found.place)
    return Cast()


def _assignment(
    desk: Desk, frame: Frame, speech: Speech, name: str, shape: shapes.Assignment, one: Written
) -> Assignment | None:
    of = desk.find("entities", shape.of, one.key)
    if of not in frame.of:
        return None

    def at(text: Scalar | None) -> str:
        return frame.path(text, of) if text is not None else ""

    place = held_at(desk, one.key, shape.of, shape.at.text) if shape.of and shape.at else ""
    if shape.below is not None or shape.above:
        hangs = frame.of[place].shape.tree if place in frame.of else None
        if not hangs:
            desk.say("rule.assignment-tree", shape.place, name=name, place=place.partition(".")[2] or "—")
            return None
    look = Look(one.key, place)
    return Assignment(
        name, of, at(shape.user), at(shape.role), at(shape.at), shape.gives.text if shape.gives else "",
        at(shape.from_), at(shape.to), shape.below.text if shape.below else "",
        {word: speech.expression(text, look, "boolean") for word, text in (shape.above or {}).items()},
        place, shape.place,
    )  # fmt: skip


def _function(desk: Desk, frame: Frame, one: Written, path: str, shape: shapes.Function) -> Function | None:
    over = desk.find("entities", shape.over, one.key)
    within = desk.find("entities", shape.within, one.key) if shape.within else ""
    if over not in frame.of:
        return None
    name = path.partition(".")[2]
    python = shape.python.text if shape.python else ""
    return Function(
        path, one.key, name, label(shape.title, language_of(one), name), python, over,
        within, frame.fields(shape.reads, over), frame.fields(shape.writes, over), shape.run or "save", shape.place,
    )  # fmt: skip


def _rows(desk: Desk, data: Data, section: str) -> tuple[Row, ...]:
    out: list[Row] = []
    for one in desk.written.values():
        out.extend(data.rows(getattr(one.pack, section), one.key))
    return tuple(out)
