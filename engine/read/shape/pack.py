"""The shape of a whole pack and of an overlay: the header, then sections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from engine.expr.build.align import MAX_SCALE
from engine.read.shape.data import ROWS, Import, Scenario
from engine.read.shape.entity import FIELD_TYPES, Entity, Option
from engine.read.shape.figures import Aggregation
from engine.read.shape.flow import Control, Posting, Workflow
from engine.read.shape.noun import Named, Noun, One, key, keys_of
from engine.read.shape.slot import Bool, Expression, Int, Label, Name, Names, Slot, Text, Value, Word, Words
from engine.read.shape.views import Dashboard, Form, List, Menu
from engine.read.tree import Node, Scalar

GRAMMAR = 1
_RANGES = Named("map of version ranges", Text("version range"), free=True)


@dataclass(slots=True, eq=False)
class Feature(Noun):
    thing: ClassVar[str] = "feature"

    title: Words | None = key(Label(), "What people call it")
    help: Words | None = key(Label(), "A sentence about it")
    default: bool | None = key(Bool(), "On unless a customer switches it; left out: true")
    requires: tuple[Scalar, ...] | None = key(Names("list of features"), "Features it cannot be without")


@dataclass(slots=True, eq=False)
class Role(Noun):
    thing: ClassVar[str] = "role"

    title: Words | None = key(Label(), "What people call it")


@dataclass(slots=True, eq=False)
class Setting(Noun):
    thing: ClassVar[str] = "setting"
    needs: ClassVar = (("type",), ("default",))

    type: str | None = key(Word("field type", FIELD_TYPES), "What it holds")
    default: Scalar | None = key(Value(), "Its value until a customer sets one")
    title: Words | None = key(Label(), "What people call it")
    help: Words | None = key(Label(), "A sentence about it")
    scope: tuple[Scalar, ...] | None = key(
        Names("list of paths"), "Where a customer may set it, from general to special; the most special value wins"
    )
    group: Scalar | None = key(Name(), "The page of settings it stands on")
    scale: int | None = key(Int(least=0, most=MAX_SCALE), "Digits after the point of a `decimal`: 0 to 10")
    min: Scalar | None = key(Value(), "Smallest value")
    max: Scalar | None = key(Value(), "Greatest value")
    unit: Scalar | None = key(Text(), "Shown after the number")
    options: dict[str, Option] | None = key(
        Named("map of options", One("option", Option, short="title")), "The choices of a `choice`"
    )
    feature: Scalar | None = key(Name(), "The feature it belongs to")


@dataclass(slots=True, eq=False)
class Assignment(Noun):
    thing: ClassVar[str] = "assignment"
    needs: ClassVar = (("of",), ("user",), ("role",))

    of: Scalar | None = key(Name("entity"), "The entity whose rows say who holds which role")
    user: Scalar | None = key(Name("field"), "Its reference to the user")
    role: Scalar | None = key(Name("field"), "Its field that holds the role: a choice of roles, or a text")
    at: Scalar | None = key(Name("field"), "Its reference to the place the role is held at; left out: everywhere")
    gives: Scalar | None = key(Name("word"), "`projects` makes `me.projects` of those places")
    below: Scalar | None = key(
        Name("word"), "`departments_below` makes `me.departments_below` of those places and all that hang under them"
    )
    above: dict[str, Scalar] | None = key(
        Named("map of expressions", Expression()),
        "`companies: kind = 'company'` makes `me.companies` of the nearest place, itself or above, for which it holds",
    )
    from_: Scalar | None = key(Name("field"), "Its first day")
    to: Scalar | None = key(Name("field"), "Its last day")


@dataclass(slots=True, eq=False)
class Within(Noun):
    thing: ClassVar[str] = "scope"
    needs: ClassVar = (("in",),)

    in_: Scalar | None = key(Name("word"), "The word of `me.` whose places it means: `departments_below`")
    of: Scalar | None = key(Name(), "What entities call the path that must be among them; left out: the scope's name")


@dataclass(slots=True, eq=False)
class People(Noun):
    thing: ClassVar[str] = "people"
    needs: ClassVar = (("users",),)

    users: Scalar | None = key(Name("entity"), "The entity of people who log in")
    while_: Scalar | None = key(Expression(), "Who of them may: as long as this holds for the person")
    assignments: dict[str, Assignment] | None = key(
        Named("map of assignments", One("assignment", Assignment)), "Where it is written who holds which role"
    )
    scopes: dict[str, Within] | None = key(
        Named("map of scopes", One("scope", Within, short="in")), "Words that rules of `access` may say for a condition"
    )
    leader: Scalar | None = key(
        Name("path"), "`org.leader`: the entity and the field that names its leader, for `leader(path)`"
    )


@dataclass(slots=True, eq=False)
class Function(Noun):
    thing: ClassVar[str] = "function"
    needs: ClassVar = (("python",), ("over",))

    title: Words | None = key(Label(), "What people call it")
    python: Scalar | None = key(Text("module:function"), "Pure: rows in, rows out")
    over: Scalar | None = key(Name("entity"), "The entity whose rows it gets")
    within: Scalar | None = key(Name("entity"), "Once for each of these, with its rows")
    reads: tuple[Scalar, ...] | None = key(Names("list of fields"), "What it gets")
    writes: tuple[Scalar, ...] | None = key(Names("list of fields"), "What it gives")
    run: str | None = key(Word("save \\| submit \\| request", ("save", "submit", "request")), "When; left out: at save")


@dataclass(slots=True, eq=False)
class Sections(Noun):
    """What a pack and an overlay share. Top-level names may be written with their pack in an overlay."""

    features: dict[str, Feature] | None = key(
        Named("map of features", One("feature", Feature, short="title")), "Parts a customer may switch off"
    )
    roles: dict[str, Role] | None = key(
        Named("map of roles", One("role", Role, short="title")), "Named once in the whole product"
    )
    settings: dict[str, Setting] | None = key(
        Named("map of settings", One("setting", Setting)), "Limits and switches customers set"
    )
    people: People | None = key(One("people", People), "Which entity plays the users, and where roles are written")
    entities: dict[str, Entity] | None = key(
        Named("map of entities", One("entity", Entity), reserved=True, dotted=True), "What is recorded"
    )
    workflows: dict[str, Workflow] | None = key(
        Named("map of workflows", One("workflow", Workflow), dotted=True), "How records move"
    )
    postings: dict[str, Posting] | None = key(
        Named("map of postings", One("posting", Posting), dotted=True), "What records write into ledgers"
    )
    controls: dict[str, Control] | None = key(
        Named("map of controls", One("control", Control), dotted=True), "Budget control over ledgers"
    )
    aggregations: dict[str, Aggregation] | None = key(
        Named("map of aggregations", One("aggregation", Aggregation), dotted=True), "Figures by dimensions"
    )
    functions: dict[str, Function] | None = key(
        Named("map of functions", One("function", Function), dotted=True), "Python of the pack"
    )
    forms: dict[str, Form] | None = key(
        Named("map of forms", One("form", Form), dotted=True), "How a record is filled in; left out: generated"
    )
    lists: dict[str, List] | None = key(
        Named("map of lists", One("list", List), dotted=True), "How records are listed; left out: generated"
    )
    menus: dict[str, Menu] | None = key(
        Named("map of menus", One("menu", Menu), dotted=True), "The navigation; left out: generated"
    )
    dashboards: dict[str, Dashboard] | None = key(
        Named("map of dashboards", One("dashboard", Dashboard), dotted=True), "Figures on a page"
    )
    imports: dict[str, Import] | None = key(
        Named("map of imports", One("import", Import), dotted=True), "Other people's files"
    )
    seeds: dict[str, Node] | None = key(ROWS, "Records every customer begins with: entity → name → fields")
    demo: dict[str, Node] | None = key(ROWS, "Records for trying it out, loaded only on request")
    tests: dict[str, Scenario] | None = key(
        Named("map of scenarios", One("scenario", Scenario), dotted=True), "Scenarios: see scenarios.md"
    )


@dataclass(slots=True, eq=False)
class Pack(Sections):
    thing: ClassVar[str] = "a pack"

    module: Scalar | None = key(Text("pack's name"), "kebab-case: `day-labor`; in paths `day_labor`")
    grammar: Scalar | None = key(Text("number"), "The language's version: 1")
    version: Scalar | None = key(Text("version"), "The pack's own: `1.0.0`")
    title: Words | None = key(Label(), "What people call it")
    language: str | None = key(
        Word("zh \\| en", ("zh", "en")), "The language of texts without a language; left out: zh"
    )
    requires: dict[str, Scalar] | None = key(_RANGES, "Packs it cannot be without: name → versions")
    uses: dict[str, Scalar] | None = key(_RANGES, "Packs that may be absent; what names them then sleeps")


@dataclass(slots=True, eq=False)
class Overlay(Sections):
    thing: ClassVar[str] = "an overlay"

    overlay: Scalar | None = key(Text("name"), "The customer's or purpose's name")
    grammar: Scalar | None = key(Text("number"), "The language's version: 1")
    title: Words | None = key(Label(), "What people call it")
    language: str | None = key(
        Word("zh \\| en", ("zh", "en")), "The language of texts without a language; left out: zh"
    )
    extends: dict[str, Scalar] | None = key(_RANGES, "The packs it changes: name → versions it was written for")


PACK = One("pack", Pack)
OVERLAY = One("overlay", Overlay)


def meaning_of(path: str) -> str:
    """What a property means whether or not anybody says it: ``day_labor.entities.sheet.fields.content.readonly``.
    Empty where nouns have no such key."""
    slot: Slot | None = One("pack", Pack)
    doc = ""
    for word in path.split(".")[1:]:
        doc = ""
        if isinstance(slot, One) and word in (known := keys_of(slot.noun)):
            doc, slot = known[word].doc, known[word].slot
        else:
            slot = slot.entry if isinstance(slot, Named) else None
    return doc
