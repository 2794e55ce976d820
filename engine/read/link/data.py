"""Imports, seeds, demo data, scenarios."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from engine.catalog import Act, Expect, Given, Import, ImportColumn, Row, Scenario, Value
from engine.catalog.value import Story, StoryAct
from engine.fieldtypes import Spec
from engine.problem import Where
from engine.read.link.desk import SYSTEM_FIELDS, Desk
from engine.read.link.flows import DECISIONS
from engine.read.link.structure import Frame, label, language_of, options
from engine.read.link.words import Look, Speech
from engine.read.shape import data as shapes
from engine.read.shape.noun import place_of
from engine.read.switched import Written
from engine.read.tree import List, Map, Node, Scalar, kind_of


@dataclass(slots=True)
class Data:
    frame: Frame
    speech: Speech

    @property
    def desk(self) -> Desk:
        return self.frame.desk

    # imports ----------------------------------------------------------------------------------------------------

    def import_(self, one: Written, path: str, shape: shapes.Import) -> Import | None:
        of = self.desk.find("entities", shape.of, one.key)
        if of not in self.frame.of:
            self.desk.broken = self.desk.broken or not self.desk.sleeps
            return None
        name = path.partition(".")[2]
        lines = self.frame.path(shape.lines, of, "lines field") if shape.lines else ""
        bone = self.frame.bone(lines, of) if lines else None
        columns = {}
        for field, noun in (shape.columns or {}).items():
            column = self.column(field, noun, one.key, of, bone.spec.target if bone else "")
            if column is not None:
                columns[field] = column
        for total in shape.totals or {}:
            self.holder(Scalar(total, place_of(shape.totals or {}, total)), of, bone.spec.target if bone else "")
        return Import(
            path, one.key, name, label(shape.title, language_of(one), name), of, cast(Any, shape.format or "csv"),
            columns, self.frame.fields(shape.key, of), {k: v.text for k, v in (shape.totals or {}).items()},
            shape.rows, self.frame.fields(shape.group, of), lines, shape.page.text if shape.page else "",
            shape.encoding.text if shape.encoding else "utf-8", shape.place,
        )  # fmt: skip

    def holder(self, field: Scalar, of: str, lines: str) -> str:
        """The entity an imported field belongs to: the lines' one when it has it, else the document's."""
        if lines and field.text in self.frame.of[lines].bones:
            return lines
        return of if self.frame.quietly(lambda: self.frame.path(field, of)) else ""

    def column(self, field: str, shape: shapes.Column, module: str, of: str, lines: str) -> ImportColumn | None:
        holder = self.holder(Scalar(field, shape.place), of, lines)
        bone = self.frame.bone(field, holder) if holder else None
        if bone is None:
            return None
        value = self.speech.maybe_value(shape.value, Look(module, holder), bone.spec)
        return ImportColumn(
            field, tuple(h.text for h in shape.from_ or ()), shape.date.text if shape.date else "",
            shape.clean or (), {k: v.text for k, v in (shape.map or {}).items()}, value,
            bool(shape.required), cast(Any, shape.unknown or "refuse"), shape.place,
        )  # fmt: skip

    # rows -------------------------------------------------------------------------------------------------------

    def rows(self, written: Mapping[str, Node] | None, module: str, whole: bool = False) -> tuple[Row, ...]:
        """Seeds, demo data and `given`: entity → name → fields. Rows of entities that are gone are left out, or take
        a ``whole`` to sleep."""
        out: list[Row] = []
        for entity, node in (written or {}).items():
            where = node.where
            word = Scalar(entity, place_of(written or {}, entity))
            path = (
                self.desk.find("entities", word, module)
                if whole
                else self.frame.quietly(partial(self.desk.find, "entities", word, module))
            )
            if path not in self.frame.of:
                continue
            if not isinstance(node, Map):
                self.desk.say("shape.map", where, key=entity, found=kind_of(node))
            elif self.single(node, path):
                out.append(self.row("", node, path, module, where))
            else:
                for name, item in node.items.items():
                    if isinstance(item, Map):
                        out.append(self.row(name, item, path, module, node.keys[name]))
                    else:
                        self.desk.say("shape.map", node.keys[name], key=name, found=kind_of(item))
        return tuple(out)

    def single(self, node: Map, path: str) -> bool:
        """`sheet: {project: A, …}`: one record without a name. Told by its keys, all of them fields."""
        bones = self.frame.of[path].bones
        return any(not isinstance(item, Map) for item in node.items.values()) and any(k in bones for k in node.items)

    def row(self, name: str, node: Map, path: str, module: str, where: Where) -> Row:
        values: dict[str, Value] = {}
        lines: dict[str, tuple[Row, ...]] = {}
        skeleton = self.frame.of[path]
        for field, item in node.items.items():
            if field.startswith("$"):
                continue
            bone = skeleton.bones.get(field)
            if bone is None:
                self.other(field, item, node.keys[field], path, values)
            elif bone.spec.type == "lines":
                lines[field] = self.lines(field, item, bone.spec.target, module)
            elif isinstance(item, Scalar):
                values[field] = self.speech.value(item, Look(module, path), bone.spec)
            elif bone.spec.many or bone.spec.type in ("json", "location"):
                values[field] = Value(plain(item), None, item.where)
            else:
                self.desk.say("shape.text", item.where, key=field, found=kind_of(item))
        return Row(path, name, values, lines, where, self.story(node))

    def story(self, node: Map) -> Story | None:
        """`$as`, `$now`, `$acts`, `$reason`: how the record came to be."""
        told = {key: item for key, item in node.items.items() if key.startswith("$")}
        if not told:
            return None
        for key, item in told.items():
            if key not in ("$as", "$now", "$acts", "$reason"):
                self.desk.say("shape.unknown-key", node.keys[key], thing="a record", thing_zh="记录", key=key)
            elif isinstance(item, Scalar) == (key == "$acts"):
                self.desk.say(
                    "shape.list" if key == "$acts" else "shape.text", item.where, key=key, found=kind_of(item)
                )
        acts = told.get("$acts")
        words = [i.text.split() for i in acts.items if isinstance(i, Scalar)] if isinstance(acts, List) else []
        texts = {key: item.text for key, item in told.items() if isinstance(item, Scalar)}
        return Story(
            texts.get("$as", ""),
            texts.get("$now", ""),
            tuple(StoryAct(w[0], w[1], w[2] if len(w) > 2 else "") for w in words if len(w) > 1),
            texts.get("$reason", ""),
        )

    def other(self, field: str, item: Node, where: Where, path: str, values: dict[str, Value]) -> None:
        """What is no declared field: the state, the moment of creation, or a mistake."""
        skeleton = self.frame.of[path]
        if isinstance(item, Scalar) and (self.frame.system(skeleton, field) and field not in SYSTEM_FIELDS[1:2]):
            states = Spec("choice", options=skeleton.states) if field == "state" else Spec("json")
            values[field] = Value(self.speech.literal(item, states), None, item.where)
            return
        self.frame.quietly(lambda: self.frame.path(Scalar(field, where), path))

    def lines(self, field: str, node: Node, target: str, module: str) -> tuple[Row, ...]:
        items = node.items if isinstance(node, List) else [node]
        out = []
        for item in items:
            if isinstance(item, Map):
                out.append(self.row("", item, target, module, item.where))
            else:
                self.desk.say("shape.list", item.where, key=field, found=kind_of(item))
        return tuple(out)

    # scenarios --------------------------------------------------------------------------------------------------

    def scenario(self, one: Written, path: str, shape: shapes.Scenario) -> Scenario:
        name = path.partition(".")[2]
        steps = {}
        written = dict(shape.steps or {})
        if shape.when is not None:
            shape.when.expect = shape.then or shape.when.expect
            written[shape.when.create.text if shape.when.create else "when"] = shape.when
        for key, noun in written.items():
            steps[key] = self.act(key, noun, one.key)
        settings = {}
        for key, text in (shape.settings or {}).items():
            spec = self.setting(Scalar(key, place_of(shape.settings or {}, key)))
            if spec is not None:
                settings[key] = Value(self.speech.literal(text, spec), None, text.where)
        given = self.rows(shape.given, one.key, True)
        return Scenario(
            path, one.key, name, label(shape.title, language_of(one), name), given, steps,
            self.desk.find("tests", shape.like, one.key) if shape.like else "", shape.now.text if shape.now else "",
            settings, shape.place,
        )  # fmt: skip

    def setting(self, name: Scalar) -> Spec | None:
        known = {n: s for one in self.desk.written.values() for n, s in (one.pack.settings or {}).items()}
        found = known.get(name.text)
        if found is None:
            self.desk.unknown("setting", name, known)
            return None
        return Spec(found.type or "text", found.scale or 0, options=options(found.options, "zh"))

    def act(self, name: str, shape: shapes.Act, module: str) -> Act:
        verbs = {
            "create": shape.create, "update": shape.update, "delete": shape.delete, "restore": shape.restore,
            "act": shape.act, "import": shape.import_,
        }  # fmt: skip
        verb, target = next(((v, t) for v, t in verbs.items() if t is not None), ("", None))
        text = target.text if target else ""
        if verb == "create":
            text = self.desk.find("entities", target, module)
        elif verb == "import":
            text = self.desk.find("imports", target, module)
        elif verb == "act" and target is not None:
            self.action(target)
        values = {k: Given(plain(v), v.where) for k, v in (shape.with_ or {}).items()}
        if verb == "create" and text in self.frame.of:
            for field in shape.with_ or {}:
                self.frame.quietly(partial(self.frame.path, Scalar(field, place_of(shape.with_ or {}, field)), text))
        return Act(
            name, shape.as_.text if shape.as_ else "", verb, text, shape.of.text if shape.of else "", values,
            shape.reason.text if shape.reason else "", shape.now.text if shape.now else "",
            shape.file.text if shape.file else "", self.expect(shape.expect, module), shape.place,
        )  # fmt: skip

    def action(self, name: Scalar) -> None:
        """A transition of some workflow, or a decision of the engine's approvals."""
        known = dict.fromkeys(DECISIONS)
        for _, workflow in self.desk.things["workflows"].values():
            known |= dict.fromkeys(workflow.transitions or {})
        if name.text in known:
            return
        gone = (path for path in self.desk.gone.parts if path.endswith(f".transitions.{name.text}"))
        if not self.desk.missing(next(gone, "")):
            self.desk.unknown("transition", name, known)

    def expect(self, shape: shapes.Expect | None, module: str) -> Expect:
        if shape is None:
            return Expect()

        def texts(names: tuple[Scalar, ...] | None) -> tuple[str, ...] | None:
            return None if names is None else tuple(n.text for n in names)

        def found(section: str, written: Mapping[str, Node] | None) -> dict[str, Given]:
            out = {}
            for key, node in (written or {}).items():
                path = self.desk.find(section, Scalar(key, place_of(written or {}, key)), module)
                if path:
                    out[path] = Given(plain(node), node.where)
            return out

        fields = {k: Given(plain(v), v.where) for k, v in (shape.fields or {}).items()}
        message = shape.message.text if shape.message else ""
        return Expect(
            shape.state.text if shape.state else "", fields,
            texts(shape.next), texts(shape.may), texts(shape.refused) or (), message,
            shape.field.text if shape.field else "", texts(shape.warned), found("aggregations", shape.figures),
            found("entities", shape.counts), texts(shape.hides) or (), shape.place,
        )  # fmt: skip


def plain(node: Node) -> Any:
    """Data as written: text, None, a tuple or a mapping of the same."""
    if isinstance(node, Scalar):
        return None if node.null else node.text
    if isinstance(node, Map):
        return {key: plain(item) for key, item in node.items.items()}
    return tuple(plain(item) for item in node.items)
