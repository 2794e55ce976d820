"""The desk where linking works: what there is, what is gone, and what is wrong so far.

Nothing here raises. A part that names something gone falls asleep, a part with a mistake is broken; both are noticed
by ``part`` around the function that builds it, so that one walk finds every mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

from engine.label import Label
from engine.problem import NO_HINT, Problem, Where, did_you_mean, nearest, problem
from engine.read.codes import CODES
from engine.read.shape.entity import Entity as EntityShape
from engine.read.switched import Gone, Written
from engine.read.tree import Scalar

T = TypeVar("T")
P = ParamSpec("P")
SECTIONS = (
    "entities", "workflows", "postings", "controls", "aggregations", "functions", "forms", "lists", "menus",
    "dashboards", "imports", "tests",
)  # fmt: skip
KINDS = {
    "entities": "entity", "aggregations": "aggregation", "dashboards": "dashboard", "lists": "list", "forms": "form",
    "imports": "import", "tests": "scenario", "workflows": "workflow",
}  # fmt: skip
ENGINE_ROLES = ("admin", "everyone")  # may everything; whoever is logged in
WORKFLOW_FIELD = "state"
SYSTEM_FIELDS = ("id", "rev", "created_at", "created_by", "updated_at", "updated_by", "deleted_at")


@dataclass(slots=True)
class Desk:
    written: Mapping[str, Written]
    gone: Gone
    absent: tuple[str, ...]  # keys of packs that are known of but not there
    overlay_files: frozenset[str]
    problems: list[Problem] = field(default_factory=list)
    things: dict[str, dict[str, tuple[Written, Any]]] = field(default_factory=dict)  # section → path → noun
    reach: dict[str, frozenset[str]] = field(default_factory=dict)  # pack key → pack keys it may name
    asleep: Gone = field(default_factory=Gone)  # found in this walk
    wrong: set[str] = field(default_factory=set)  # paths of broken parts
    broken: bool = False
    sleeps: str = ""

    def __post_init__(self) -> None:
        for section in SECTIONS:
            found = self.things[section] = {}
            for one in self.written.values():
                for name, noun in (getattr(one.pack, section) or {}).items():
                    if f"{one.key}.{section}.{name}" not in self.gone.parts:
                        found[f"{one.key}.{name}"] = (one, noun)
        for one in self.written.values():
            self.reach[one.key] = frozenset(self._reach(one, {one.key}))

    def _reach(self, one: Written, seen: set[str]) -> set[str]:
        for key in ("requires", "uses"):
            for name, _, _ in one.source.needs(key):
                other = name.replace("-", "_")
                if other not in seen:
                    seen.add(other)
                    if other in self.written:
                        self._reach(self.written[other], seen)
        return seen

    # what is wrong ----------------------------------------------------------------------------------------------

    def say(self, code: str, where: Where, hint: Label | None = None, **params: object) -> None:
        self.problems.append(problem(CODES[code], where, hint, **params))
        self.broken = True

    def unknown(self, kind: str, name: Scalar, known: Iterable[str], place: str = "") -> None:
        names = list(known)
        found = nearest(name.text, names)
        few = ", ".join(names) if len(names) <= 12 else ""
        hint = did_you_mean(found) or (Label(f"此处有：{few}", f"known here: {few}") if few else NO_HINT)
        if place:
            self.say("link.unknown-in", name.where, hint, kind=kind, name=name.text, place=place)
        else:
            self.say("link.unknown", name.where, hint, kind=kind, name=name.text)

    def sleep(self, why: str) -> None:
        self.sleeps = self.sleeps or why
        if not why:
            self.broken = True

    # parts ------------------------------------------------------------------------------------------------------

    def part(self, path: str, where: Where, make: Callable[P, T], *args: P.args, **named: P.kwargs) -> T | None:
        """What ``make`` builds, or None when it sleeps or is broken; then it is gone under ``path``."""
        before = self.broken, self.sleeps
        said = len(self.problems)
        self.broken, self.sleeps = False, ""
        made = make(*args, **named)
        broken, sleeps = self.broken, self.sleeps
        self.broken, self.sleeps = before
        if sleeps:
            self.asleep.add(path, sleeps, where)
            del self.problems[said:]  # what is asleep is not judged
            return None
        if broken:
            self.wrong.add(path)
        return None if broken else made

    # names ------------------------------------------------------------------------------------------------------

    def find(self, section: str, name: Scalar | None, module: str) -> str:
        """The path of what ``name`` names in ``section``, or empty (then it is said, or sleeps)."""
        if name is None:
            self.broken = True
            return ""
        found = self.things[section]
        own = f"{module}.{name.text}"
        if own in found:
            return own
        pack, dot, _ = name.text.partition(".")
        if dot and name.text in found:
            if pack not in self.reach[module] and name.where.file not in self.overlay_files:
                self.say("link.not-required", name.where, name=name.text, pack=self.written[pack].source.name)
            return name.text
        for path in (name.text, own):
            place, _, last = path.partition(".")
            if (why := self.gone.parts.get(f"{place}.{section}.{last}")) is not None:
                self.sleep(why[0])
                return ""
        if dot and (pack in self.absent or (pack in self.reach[module] and pack not in self.written)):
            self.sleep(pack.replace("_", "-"))
            return ""
        known = [p.removeprefix(f"{module}.") for p in found if p.partition(".")[0] in self.reach[module]]
        self.unknown(KINDS[section], name, known)
        return ""

    def missing(self, path: str) -> bool:
        """Whether ``path`` (`m.entities.e.fields.f`) is gone; then the part at hand sleeps with it."""
        why = self.gone.parts.get(path)
        if why is None:
            return False
        self.sleep(why[0])
        return True

    def is_gone(self, path: str) -> bool:
        return path in self.gone.parts

    def roles(self) -> Iterator[str]:
        yield from ENGINE_ROLES
        for one in self.written.values():
            yield from one.pack.roles or {}

    def role(self, name: Scalar) -> str:
        if name.text in self.roles():
            return name.text
        for one in self.written.values():
            if self.missing(f"{one.key}.roles.{name.text}"):
                return ""
        self.unknown("role", name, self.roles())
        return ""

    def role_names(self, names: Sequence[Scalar] | None) -> tuple[str, ...]:
        return tuple(found for name in names or () if (found := self.role(name)))

    def entity(self, path: str) -> EntityShape:
        found: EntityShape = self.things["entities"][path][1]
        return found
