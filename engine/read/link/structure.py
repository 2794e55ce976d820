"""The bones: every entity's fields with their types and targets, before any expression is looked at."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from engine.fieldtypes import REGISTRY
from engine.fieldtypes.spec import Option, Spec
from engine.label import Label
from engine.problem import NO_HINT, Where
from engine.read.link.desk import SYSTEM_FIELDS, WORKFLOW_FIELD, Desk
from engine.read.shape.entity import Entity as EntityShape
from engine.read.shape.entity import Field as FieldShape
from engine.read.shape.slot import Words
from engine.read.switched import Written
from engine.read.tree import Scalar

REFERENCES = ("ref", "refs", "tree", "user")


@dataclass(slots=True)
class Bone:
    """One field before its expressions."""

    name: str
    spec: Spec
    title: Label
    shape: FieldShape | None = None
    where: Where = field(default_factory=Where)


@dataclass(slots=True)
class Skeleton:
    path: str
    one: Written
    shape: EntityShape
    title: Label
    owner: str = ""
    owned_as: str = ""
    bones: dict[str, Bone] = field(default_factory=dict)
    states: tuple[Option, ...] = ()
    cut: bool = False  # its owners went in a ring

    @property
    def module(self) -> str:
        return self.one.key

    @property
    def name(self) -> str:
        return self.path.partition(".")[2]


def label(words: Words | None, language: str, name: str = "") -> Label:
    """A label as written; left out, the name in plain words."""
    if words is None:
        return Label(en=name.replace("_", " ").capitalize()) if name else Label()
    zh, en = words.zh.text if words.zh else "", words.en.text if words.en else ""
    return Label(en=zh) if words.short and language == "en" else Label(zh=zh, en=en)


def language_of(one: Written) -> str:
    return one.pack.language or "zh"


def skeletons(desk: Desk) -> dict[str, Skeleton]:
    """Every entity's bones. Those whose owner or target is gone fall asleep, in rounds, until nothing more does."""
    while True:
        before = len(desk.gone.parts)
        out = _round(desk)
        if len(desk.gone.parts) == before:
            return out


def _round(desk: Desk) -> dict[str, Skeleton]:
    out: dict[str, Skeleton] = {}
    for path, (one, shape) in list(desk.things["entities"].items()):
        name = path.partition(".")[2]
        made = desk.part(f"{one.key}.entities.{name}", shape.place, _bare, desk, one, shape, path)
        if made is not None:
            out[path] = made
        else:
            del desk.things["entities"][path]
            desk.gone.add(f"{one.key}.entities.{name}", _why(desk, f"{one.key}.entities.{name}"), shape.place)
    for skeleton in out.values():
        _bones(desk, skeleton)
    return out


def _why(desk: Desk, path: str) -> str:
    return desk.asleep.parts.get(path, ("", Where()))[0]


def _bare(desk: Desk, one: Written, shape: EntityShape, path: str) -> Skeleton:
    title = label(shape.title, language_of(one), path.partition(".")[2])
    owner = desk.find("entities", shape.owned_by, one.key) if shape.owned_by is not None else ""
    return Skeleton(path, one, shape, title, owner)


def _bones(desk: Desk, skeleton: Skeleton) -> None:
    prefix = f"{skeleton.module}.entities.{skeleton.name}.fields"
    for name, shape in (skeleton.shape.fields or {}).items():
        where = shape.place
        if desk.is_gone(f"{prefix}.{name}"):
            continue
        spec = desk.part(f"{prefix}.{name}", where, _spec, desk, skeleton, name, shape)
        if spec is None:
            desk.gone.add(f"{prefix}.{name}", _why(desk, f"{prefix}.{name}"), where)
            continue
        title = label(shape.title, language_of(skeleton.one), name)
        skeleton.bones[name] = Bone(name, spec, title, shape, where)


def options(shapes: object, language: str) -> tuple[Option, ...]:
    found = shapes if isinstance(shapes, dict) else {}
    return tuple(
        Option(name, label(shape.title, language, name), tuple(w.text for w in shape.was or ()))
        for name, shape in found.items()
    )


def number_of(desk: Desk, value: Scalar | None) -> Decimal | None:
    """A bound written as a number; an expression is judged elsewhere."""
    if value is None or value.text.startswith("="):
        return None
    plain = value.text.replace("%", "") if value.text.endswith("%") else value.text
    if not re.fullmatch(r"-?\d{1,15}(\.\d{1,6})?", plain):
        number, why = Label("数字", "a number"), Label("不是数字", "it is none")
        desk.say("link.literal", value.where, NO_HINT, text=value.text, type=number, why=why)
        return None
    return Decimal(plain) / 100 if plain != value.text else Decimal(plain)


def _spec(desk: Desk, skeleton: Skeleton, name: str, shape: FieldShape) -> Spec:
    kind = shape.type or ""
    if not kind:
        desk.broken = True
        return Spec("text")
    target = _target(desk, skeleton, name, shape, kind)
    language = language_of(skeleton.one)
    if kind in ("choice", "choices") and not shape.options:
        desk.say("rule.no-options", shape.place)
    numeric = kind not in ("date", "month", "datetime", "time")
    return Spec(
        kind,
        scale=shape.scale if shape.scale is not None else (REGISTRY[kind].scale if kind in REGISTRY else 0),
        min=number_of(desk, shape.min) if numeric else None,
        max=number_of(desk, shape.max) if numeric else None,
        min_length=shape.min_length,
        max_length=shape.max_length,
        options=options(shape.options, language),
        target=target,
        unit=shape.unit.text if shape.unit else "",
        many=kind in ("refs", "lines", "choices", "files", "images"),
        max_size=shape.max_size,
        max_count=shape.max_count,
        accept=shape.accept or (),
    )


_BELONGS = {
    "to": (("ref", "refs"), Label(" ref 与 refs 字段", "ref and refs fields")),
    "of": (("lines",), Label("明细字段", "lines fields")),
    "options": (("choice", "choices"), Label("选项字段", "choice fields")),
    "pattern": (("number",), Label("编号字段", "number fields")),
    "gapless": (("number",), Label("编号字段", "number fields")),
    "per": (("number",), Label("编号字段", "number fields")),
    "scale": (("decimal",), Label(" decimal 字段", "decimal fields")),
    "max_size": (("file", "files", "image", "images", "signature"), Label("文件类字段", "fields of files")),
    "max_count": (("files", "images"), Label("多文件字段", "fields of several files")),
    "accept": (("file", "files"), Label(" file 与 files 字段", "file and files fields")),
    "find": (("ref",), Label(" ref 字段", "ref fields")),
    "where": (("ref", "refs", "user", "tree"), Label("引用", "references")),
    "on_delete": (("ref", "refs", "user", "tree"), Label("引用", "references")),
    "acyclic": (("ref", "tree"), Label("引用", "references")),
}


def _target(desk: Desk, skeleton: Skeleton, name: str, shape: FieldShape, kind: str) -> str:
    for key, (types, owner) in _BELONGS.items():
        if getattr(shape, key) is not None and kind not in types:
            place = getattr(shape, key)
            where = place.where if isinstance(place, Scalar) else shape.place
            desk.say("shape.misplaced", where, key=key, owner=owner, type=kind)
    thing = f"field `{name}`"
    if kind in ("ref", "refs"):
        if shape.to is None:
            desk.say("shape.needs", shape.place, thing=thing, keys="`to`")
            return ""
        return desk.find("entities", shape.to, skeleton.module)
    if kind == "lines":
        if shape.of is None:
            desk.say("shape.needs", shape.place, thing=thing, keys="`of`")
            return ""
        return desk.find("entities", shape.of, skeleton.module)
    if kind == "number" and shape.pattern is None:
        desk.say("shape.needs", shape.place, thing=thing, keys="`pattern`")
    if kind == "tree":
        return skeleton.path
    return users(desk) if kind == "user" else ""


def users(desk: Desk) -> str:
    """The entity of people who log in, or empty."""
    for one in desk.written.values():
        if one.pack.people is not None and one.pack.people.users is not None:
            path = f"{one.key}.{one.pack.people.users.text}"
            for found in (path, one.pack.people.users.text):
                if found in desk.things["entities"]:
                    return found
    return ""


@dataclass(slots=True)
class Frame:
    """All skeletons, and walking along paths over them."""

    desk: Desk
    of: dict[str, Skeleton]

    def path(self, name: Scalar, start: str, kind: str = "field", text: str | None = None) -> str:
        """A dotted path of fields from entity ``start``, judged; empty when it leads nowhere (said) or sleeps."""
        at = start
        parts = (text or name.text).split(".")
        for place, part in enumerate(parts):
            last = place == len(parts) - 1
            skeleton = self.of.get(at)
            if skeleton is None:
                return ""
            bone = skeleton.bones.get(part)
            if bone is None and last and self.system(skeleton, part):
                return text or name.text
            owner = skeleton.owner.rpartition(".")[2]
            if bone is None and part in (owner, "created_by", "updated_by") and part:
                at = skeleton.owner if part == owner else users(self.desk)
                continue
            if bone is None:
                if not self.desk.missing(f"{skeleton.module}.entities.{skeleton.name}.fields.{part}"):
                    self.desk.unknown(kind, Scalar(part, name.where), self.names(skeleton), f"`{at}`")
                return ""
            if not last:
                if not bone.spec.target:
                    what = bone.spec.type
                    self.desk.say(
                        "link.kind", name.where, NO_HINT, name=part, found=f"a {what}", slot=Label("路径", "a path"),
                        needed="a reference"
                    )
                    return ""
                at = bone.spec.target
        return text or name.text

    def names(self, skeleton: Skeleton) -> list[str]:
        extra = [WORKFLOW_FIELD] if skeleton.states else []
        owner = [skeleton.owner.rpartition(".")[2]] if skeleton.owner else []
        return [*skeleton.bones, *extra, *owner]

    def system(self, skeleton: Skeleton, part: str) -> bool:
        owner = skeleton.owner.rpartition(".")[2]
        return part in SYSTEM_FIELDS or part == owner or (part == WORKFLOW_FIELD and bool(skeleton.states))

    def fields(self, names: Sequence[Scalar] | None, entity: str, kind: str = "field") -> tuple[str, ...]:
        """A list of dotted paths; those that are gone leave the list instead of taking their part along."""
        out = []
        for name in names or ():
            if found := self.quietly(lambda n=name: self.path(n, entity, kind)):
                out.append(found)
        return tuple(out)

    def quietly(self, look: object) -> str:
        """What ``look`` finds, without falling asleep when it is gone."""
        assert callable(look)
        sleeps, self.desk.sleeps = self.desk.sleeps, ""
        found = look()
        self.desk.sleeps = sleeps
        return str(found)

    def bone(self, path: str, entity: str) -> Bone | None:
        """The field a judged path ends at, None for the engine's own."""
        at = self.of[entity]
        parts = path.split(".")
        for part in parts[:-1]:
            bone = at.bones.get(part)
            target = bone.spec.target if bone else at.owner
            if target not in self.of:
                return None
            at = self.of[target]
        return at.bones.get(parts[-1])
