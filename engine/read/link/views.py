"""Forms, lists, menus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from engine.catalog import Form, Grid, Item, List, Menu, Section, Sort
from engine.label import Label
from engine.problem import NO_HINT
from engine.read.link.desk import Desk
from engine.read.link.structure import Frame, label, language_of
from engine.read.link.words import Look, Speech
from engine.read.shape import views as shapes
from engine.read.switched import Written
from engine.read.tree import Scalar


@dataclass(slots=True)
class Views:
    frame: Frame
    speech: Speech

    @property
    def desk(self) -> Desk:
        return self.frame.desk

    def form(self, one: Written, path: str, shape: shapes.Form) -> Form | None:
        of = self.entity(shape.of, one.key)
        if not of:
            return None
        name, language = path.partition(".")[2], language_of(one)
        sections = {}
        for key, noun in (shape.sections or {}).items():
            made = self.desk.part(
                f"{one.key}.forms.{name}.sections.{key}", noun.place,
                self.section, key, noun, of, one.key, language,
            )  # fmt: skip
            if made is not None:
                sections[key] = made
        grids = {}
        for key, grid in (shape.grids or {}).items():
            place = Scalar(key, grid.place)
            found = self.frame.quietly(lambda p=place: self.frame.path(p, of, "lines field"))
            bone = self.frame.bone(key, of) if found else None
            if bone is None:
                continue
            if bone.spec.type != "lines":
                self.desk.say(
                    "link.kind",
                    grid.place,
                    NO_HINT,
                    name=key,
                    found=f"a {bone.spec.type}",
                    slot="grids",
                    needed="a lines field",
                )
                continue
            grids[key] = Grid(key, self.frame.fields(grid.columns, bone.spec.target))
        title = label(shape.title, language) if shape.title else self.frame.of[of].title
        return Form(path, one.key, name, title, of, sections, grids, shape.place)

    def section(self, name: str, shape: shapes.Section, of: str, module: str, language: str) -> Section:
        return Section(
            name, label(shape.title, language), self.frame.fields(shape.fields, of), shape.columns or 2,
            self.speech.maybe(shape.visible, Look(module, of)), shape.place,
        )  # fmt: skip

    def list_(self, one: Written, path: str, shape: shapes.List) -> List | None:
        of = self.entity(shape.of, one.key)
        if not of:
            return None
        name = path.partition(".")[2]
        title = label(shape.title, language_of(one)) if shape.title else self.frame.of[of].title
        return List(
            path, one.key, name, title, of, self.frame.fields(shape.columns, of), self.frame.fields(shape.filters, of),
            self.sort(shape.sort, of), self.frame.fields(shape.search, of),
            self.speech.maybe(shape.where, Look(one.key, of)), shape.place,
        )  # fmt: skip

    def sort(self, names: Sequence[Scalar] | None, of: str) -> tuple[Sort, ...]:
        out = []
        for name in names or ():
            for text in name.text.split(","):
                plain = Scalar(text.strip().removeprefix("-"), name.where)
                found = self.frame.quietly(lambda p=plain: self.frame.path(p, of))
                if found:
                    out.append(Sort(found, text.strip().startswith("-")))
        return tuple(out)

    def entity(self, name: Scalar | None, module: str) -> str:
        found = self.desk.find("entities", name, module)
        if found not in self.frame.of:
            self.desk.broken = self.desk.broken or not self.desk.sleeps
            return ""
        return found

    def menu(self, one: Written, path: str, shape: shapes.Menu) -> Menu:
        name = path.partition(".")[2]
        items = {}
        for key, noun in (shape.items or {}).items():
            made = self.desk.part(f"{one.key}.menus.{name}.items.{key}", noun.place, self.item, one, key, noun)
            if made is not None:
                items[key] = made
        return Menu(
            path, one.key, name, label(shape.title, language_of(one), name), items,
            shape.icon.text if shape.icon else "", self.desk.role_names(shape.roles), shape.place,
        )  # fmt: skip

    def item(self, one: Written, name: str, shape: shapes.Item) -> Item:
        kind = "list" if shape.list else "dashboard" if shape.dashboard else "form"
        target = shape.list or shape.dashboard or shape.form
        path = self.of_list(target, one.key) if kind == "list" else self.desk.find(f"{kind}s", target, one.key)
        title = label(shape.title, language_of(one)) if shape.title else self.title(kind, path, name)
        return Item(name, title, cast(Any, kind), path, self.desk.role_names(shape.roles), shape.place)

    def of_list(self, name: Scalar | None, module: str) -> str:
        """A list, or else an entity, whose list is then generated."""
        if name is not None and (
            f"{module}.{name.text}" in self.desk.things["lists"] or name.text in self.desk.things["lists"]
        ):
            return self.desk.find("lists", name, module)
        return self.desk.find("entities", name, module)

    def title(self, kind: str, path: str, name: str) -> Label:
        for section in (f"{kind}s", "entities"):
            if path in self.desk.things[section]:
                one, noun = self.desk.things[section][path]
                if noun.title is not None:
                    return label(noun.title, language_of(one))
                if section != "entities" and getattr(noun, "of", None) is not None:
                    of = f"{one.key}.{noun.of.text}"
                    return self.frame.of[of].title if of in self.frame.of else label(None, "", name)
        return label(None, "", name)
