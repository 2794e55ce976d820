"""The world of names that expressions are typed in, made from the bones."""

from __future__ import annotations

from collections.abc import Mapping

from engine.catalog.layout import Layout, name_of
from engine.expr.build.world import Attribute, Figure, Relation, World, system_attributes, type_of
from engine.expr.run.types import Type, stored
from engine.fieldtypes import REGISTRY, Spec
from engine.fieldtypes.storage import link_table
from engine.read.link.desk import WORKFLOW_FIELD, Desk
from engine.read.link.structure import Bone, Frame, Skeleton, users
from engine.read.tree import Scalar

BROKEN = "(broken)"
"""What a name waits for whose own declaration is wrong: that is said once, there."""


def spec_type(spec: Spec) -> Type:
    """The expression type of a field's value."""
    kind = REGISTRY[spec.type]
    return type_of(spec, kind.kind, kind.scale_of(spec), spec.target)


def world_of(
    desk: Desk, frame: Frame, figures: Mapping[str, Figure], settings: Mapping[str, Spec], layout: Layout
) -> World:
    people = users(desk)
    return World(
        {path: _relation(desk, skeleton, people, layout) for path, skeleton in frame.of.items()},
        {name: spec_type(spec) for name, spec in settings.items()},
        me_words(desk, people),
        figures,
        frozenset(desk.absent) | frozenset(p for reach in desk.reach.values() for p in reach if p not in desk.written),
    )


def _relation(desk: Desk, skeleton: Skeleton, people: str, layout: Layout) -> Relation:
    attributes = system_attributes(skeleton.path, people)
    owner = skeleton.owner.rpartition(".")[2]
    called = {*skeleton.bones, owner or "id", WORKFLOW_FIELD}
    columns = {name: column for name in called if (column := name_of(f"{skeleton.path}.{name}", layout)) != name}
    for bone in skeleton.bones.values():
        attributes[bone.name] = _attribute(skeleton, bone, layout)
    prefix = f"{skeleton.module}.entities.{skeleton.name}.fields."
    for path, (why, where) in desk.gone.parts.items():
        name = path.removeprefix(prefix)
        if path.startswith(prefix) and "." not in name and name not in attributes:
            attributes[name] = Attribute(name, Type("null"), kind="absent", waits_for=why or BROKEN, where=where)
    if skeleton.states and WORKFLOW_FIELD not in attributes:
        names = tuple(option.name for option in skeleton.states)
        attributes[WORKFLOW_FIELD] = Attribute(
            WORKFLOW_FIELD,
            stored("text", options=names, nullable=False),
            columns.get(WORKFLOW_FIELD, WORKFLOW_FIELD),
        )
    if owner:
        reference = Type("ref", entity=skeleton.owner, nullable=False)
        attributes[owner] = Attribute(owner, reference, columns.get(owner, owner))
        attributes.setdefault("position", Attribute("position", stored("integer"), "position"))
    return Relation(skeleton.path, name_of(skeleton.path, layout), attributes, owner or None, columns=columns)


def _attribute(skeleton: Skeleton, bone: Bone, layout: Layout) -> Attribute:
    shape, spec = bone.shape, bone.spec
    kind, column = spec_type(spec), name_of(f"{skeleton.path}.{bone.name}", layout)
    if spec.type == "lines":
        owner = name_of(f"{spec.target}.{skeleton.name}", layout)
        return Attribute(bone.name, kind, owner, "lines", where=bone.where)
    if spec.type == "refs":
        link = (link_table(name_of(skeleton.path, layout), column), "owner", "target")
        return Attribute(bone.name, kind, None, "many", link=link, where=bone.where)
    if shape is not None and shape.live is not None:
        return Attribute(bone.name, kind, None, "live", shape.live.text, where=shape.live.where)
    return Attribute(bone.name, kind, column, where=bone.where)


def me_words(desk: Desk, people: str) -> dict[str, Type]:
    """`me` is the user; `me.projects` the places where he holds the role at hand, `me.any_projects` any."""
    out: dict[str, Type] = {}
    if people:
        out[""] = Type("ref", entity=people)
    for one in desk.written.values():
        found = one.pack.people
        for assignment in (found.assignments or {}).values() if found else ():
            if assignment.at is None or assignment.of is None:
                continue
            target = held_at(desk, one.key, assignment.of, assignment.at.text)
            given = [word.text for word in (assignment.gives, assignment.below) if word is not None]
            for word in (*given, *(assignment.above or ())) if target else ():
                out[word] = Type("rows", entity=target)
                out[f"any_{word}"] = Type("rows", entity=target)
    return out


def held_at(desk: Desk, module: str, of: Scalar, field: str) -> str:
    """The entity a reference of an assignment points at, found by text alone."""
    for path in (f"{module}.{of.text}", of.text):
        found = desk.things["entities"].get(path)
        if found is None:
            continue
        shape = (found[1].fields or {}).get(field)
        owner = found[1].owned_by
        if shape is None and owner is not None and owner.text.rpartition(".")[2] == field:
            return f"{module}.{owner.text}" if f"{module}.{owner.text}" in desk.things["entities"] else owner.text
        if shape is not None and shape.to is not None:
            for target in (f"{module}.{shape.to.text}", shape.to.text):
                if target in desk.things["entities"]:
                    return target
    return ""
