"""Named scopes: a word in a role's rule that stands for a condition, by the fields each entity has for it.

`own` and `all` are the engine's; the rest a pack declares under ``people: scopes:``. The word becomes the expression it
stands for before anything is typed, so whoever judges, explains or compiles a rule reads one language.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from engine.expr.build.parse import parse
from engine.expr.build.syntax import Many, Name, Syntax, Unary
from engine.expr.build.tokens import Source
from engine.expr.run.types import Type
from engine.label import Label
from engine.problem import Problems, did_you_mean, nearest
from engine.read.link.desk import Desk
from engine.read.link.structure import Frame, Skeleton, users
from engine.read.link.world import me_words
from engine.read.tree import Scalar

OWN, ALL = "own", "all"


@dataclass(slots=True)
class Scopes:
    frame: Frame
    words: dict[str, Type] = field(default_factory=dict)
    """What ``me.`` may be followed by."""
    declared: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Name → the name entities give the path by, and the word of ``me`` it must be among."""

    @property
    def desk(self) -> Desk:
        return self.frame.desk

    def __post_init__(self) -> None:
        self.words = me_words(self.desk, users(self.desk))
        for one in self.desk.written.values():
            for name, shape in ((one.pack.people.scopes if one.pack.people else None) or {}).items():
                if name in (OWN, ALL):
                    why = Label("引擎已有同名作用域", "the engine has a scope of this name")
                    self.desk.say("shape.reserved", shape.place, name=name, why=why)
                elif shape.in_ is not None and shape.in_.text not in self.words:
                    known = [word for word in self.words if word and not word.startswith("any_")]
                    self.desk.unknown("word of `me`", shape.in_, known)
                elif shape.in_ is not None:
                    self.declared[name] = (shape.of.text if shape.of else name, shape.in_.text)

    def names(self) -> Iterator[str]:
        yield from (OWN, ALL, *self.declared)

    def check(self, bones: Skeleton) -> None:
        """The paths an entity declares lead somewhere, under names that scopes ask for."""
        keys = [OWN, *dict.fromkeys(key for key, _ in self.declared.values())]
        for key, path in (bones.shape.scopes or {}).items():
            if key not in keys:
                self.desk.unknown("scope", Scalar(key, path.where), keys)
            else:
                self.frame.path(path, bones.path)

    def rule(self, text: Scalar, bones: Skeleton) -> Scalar | bool:
        """The rule with every scope in the place of a condition replaced by what it means here; True for all."""
        try:
            tree = parse(Source(text.text, text.where))
        except Problems:
            return text  # said when it is typed
        found = [name for name in conditions(tree) if not self.holds(name.parts[0], bones)]
        if found == [tree] and text.text.strip() == ALL:
            return True
        out = text.text
        for name in reversed(found):
            word = name.parts[0]
            meant = self.meaning(word, bones, Scalar(word, text.where))
            if meant is None:
                return text
            out = out[: name.at] + meant + out[name.end :]  # a comparison binds tighter than AND, OR and NOT
        return Scalar(out, text.where, text.plain)

    def holds(self, name: str, bones: Skeleton) -> bool:
        """Whether it is a yes/no field of the entity, which has the name first."""
        bone = bones.bones.get(name)
        return bone is not None and bone.spec.type == "boolean"

    def meaning(self, word: str, bones: Skeleton, said: Scalar) -> str | None:
        if word == ALL:
            return "TRUE"
        if word == OWN:
            declared = (bones.shape.scopes or {}).get(OWN)
            return f"{declared.text if declared else 'created_by'} = me"
        if word not in self.declared:
            if word not in bones.bones and not self.desk.missing(f"{bones.module}.entities.{bones.name}.fields.{word}"):
                close = nearest(word, list(self.names()))
                if close or not self.frame.system(bones, word):
                    known = ", ".join(f"`{name}`" for name in self.names())
                    hint = did_you_mean(close) or Label(f"作用域有：{known}", f"scopes are {known}")
                    self.desk.say("rule.scope-unknown", said.where, hint, name=word)
            return None
        key, among = self.declared[word]
        place = self.words[among].entity
        path = self.path(key, place, bones)
        if path is None:
            if not self.desk.missing(f"{bones.module}.entities.{bones.name}.fields.{key}"):
                target = place.partition(".")[2]
                self.desk.say("rule.scope-nowhere", said.where, entity=bones.path, name=word, key=key, target=target)
            return None
        return f"{path} IN me.{among}"

    def path(self, key: str, place: str, bones: Skeleton, deep: bool = True) -> str | None:
        """Where an entity says what a scope asks for: declared; itself; its field of that name; the reference that
        places it; and what that record says in turn."""
        declared = (bones.shape.scopes or {}).get(key)
        if declared is not None:
            return declared.text
        if bones.path == place:
            return "id"
        bone = bones.bones.get(key)
        if bone is not None and bone.spec.target == place and bone.spec.type != "lines":
            return key
        placed = bones.shape.scope
        bone = bones.bones.get(placed.text) if placed is not None else None
        if bone is None or placed is None:
            return None
        if bone.spec.target == place:
            return placed.text
        above = self.frame.of.get(bone.spec.target)
        further = self.path(key, place, above, False) if above is not None and deep else None
        return f"{placed.text}.{further}" if further else None


def conditions(tree: Syntax) -> Iterator[Name]:
    """Bare names that stand where a condition stands, from left to right."""
    if isinstance(tree, Name) and len(tree.parts) == 1:
        yield tree
    elif isinstance(tree, Many):
        for arg in tree.args:
            yield from conditions(arg)
    elif isinstance(tree, Unary) and tree.op.upper() == "NOT":
        yield from conditions(tree.arg)
