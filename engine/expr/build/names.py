"""Names → what they stand for: values along paths, and rows for aggregates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.expr.build.align import Report
from engine.expr.build.scope import Scope
from engine.expr.build.syntax import Name
from engine.expr.build.tree import Hop, Link, Measure, Node, Par, Path, Rows
from engine.expr.build.world import Attribute, Relation
from engine.label import Label
from engine.problem import did_you_mean, nearest

if TYPE_CHECKING:
    from collections.abc import Callable

    Live = Callable[[Relation, Attribute, "Name", int], Node | None]


_STEPS = 12
"""Of a path: each is a table more in the statement."""


class Names:
    """Resolves the names of one expression; says what is unknown, notes what it waits for."""

    def __init__(self, report: Report, live: Live) -> None:
        self.report = report
        self.live = live

    # values -------------------------------------------------------------------------------------------------------

    def value(self, name: Name, scope: Scope) -> Node | None:
        first = name.parts[0]
        if first == "me":
            return self.person(name, scope)
        if first == "settings":
            return self.setting(name, scope)
        if first == "this":
            if scope.holder is None:
                self.report.say("no-this", name.at)
                return None
            root = "this" if scope.this else "row"
            return self.along(name, 1, scope.holder, root, scope)
        if first in scope.extra:
            return self.word(name, scope)
        if first in scope.measures and len(name.parts) == 1:
            return Measure(scope.measures[first], first)
        if first in scope.words and len(name.parts) == 1:
            return Par(scope.words[first], "word", first)
        own = scope.own if scope.sources is None else None
        if own is not None and first in own.attributes:
            return self.along(name, 0, own, "row", scope)
        self.unknown(name, scope)
        return None

    def along(
        self, name: Name, start: int, relation: Relation, root: str, scope: Scope, par: Par | None = None
    ) -> Node | None:
        """The value at the end of a path that begins in a row of ``relation``."""
        hops: list[Hop] = [] if par is None else [Hop("", "", "", relation.path, relation.table)]
        if start == len(name.parts):
            return self.ends(name, start - 1, relation, relation.attributes["id"], root, tuple(hops), par)
        if len(name.parts) - start > _STEPS:
            self.report.say("too-deep", name.at, max=_STEPS)
            return None
        for at in range(start, len(name.parts)):
            attribute = self.attribute(name, at, relation, scope, root)
            if attribute is None:
                return None
            if at == len(name.parts) - 1:
                return self.ends(name, at, relation, attribute, root, tuple(hops), par)
            if attribute.kind in ("lines", "many"):
                self.report.say("rows", name.at, name=".".join(name.parts[: at + 1]))
                return None
            target = scope.world.entities.get(attribute.type.entity) if attribute.type.kind == "ref" else None
            if target is None:
                if attribute.type.kind == "ref" and self.absent(attribute.type.entity, scope):
                    return None
                self.report.say("not-a-record", name.ats[at], name=".".join(name.parts[: at + 1]), type=attribute.type)
                return None
            if attribute.kind == "live":
                self.report.say("not-a-record", name.ats[at], name=name.parts[at], type=Label("实时值", "a live value"))
                return None
            if name.parts[at + 1 :] == ("id",) and attribute.column:
                return self.ends(name, at, relation, attribute, root, tuple(hops), par)
            assert attribute.column is not None
            hops.append(Hop(relation.path, attribute.name, attribute.column, target.path, target.table))
            relation = target
        raise AssertionError("a path has an end")

    def ends(
        self,
        name: Name,
        at: int,
        relation: Relation,
        attribute: Attribute,
        root: str,
        hops: tuple[Hop, ...],
        par: Par | None,
    ) -> Node | None:
        if attribute.kind in ("lines", "many"):
            self.report.say("rows", name.at, name=".".join(name.parts))
            return None
        if attribute.kind == "live":
            tree = self.live(relation, attribute, name, at)
            if tree is None:
                return None
            return Path(attribute.type, root, hops, relation.path, attribute.name, "", tree, par)
        type = attribute.type if not hops else replace(attribute.type, nullable=True)
        return Path(type, root, hops, relation.path, attribute.name, attribute.column or "", None, par)

    def attribute(self, name: Name, at: int, relation: Relation, scope: Scope, root: str) -> Attribute | None:
        attribute = relation.attributes.get(name.parts[at])
        if attribute is None:
            close = nearest(name.parts[at], relation.attributes)
            hint = did_you_mean(".".join((*name.parts[:at], close)) if close else None)
            known = Label(f"`{relation.name}` 没有这个字段", f"{relation.name} has no such field")
            self.report.say("unknown-name", name.ats[at], hint, name=name.parts[at], scope=known)
            return None
        if attribute.kind == "absent":
            self.report.waits_for = self.report.waits_for or attribute.waits_for
            return None
        return attribute

    def absent(self, path: str, scope: Scope) -> bool:
        """Whether ``path`` begins with a pack that is not there; then the expression waits for it."""
        pack = path.partition(".")[0]
        if pack not in scope.world.absent:
            return False
        self.report.waits_for = self.report.waits_for or pack.replace("_", "-")
        return True

    def person(self, name: Name, scope: Scope) -> Node | None:
        me = scope.world.me.get("")
        if me is None:
            nobody = Label("没有模块包说明谁登录（`people:`）", "no pack says who logs in (`people:`)")
            self.report.say("unknown-name", name.at, name="me", scope=nobody)
            return None
        par = Par(replace(me, nullable=False), "me", "id")
        if len(name.parts) == 1:
            return par
        word = name.parts[1]
        users = scope.world.entities.get(me.entity)
        if word in scope.world.me and word and len(name.parts) == 2:
            wide = word.startswith("any_")
            return Par(scope.world.me[word], "me", f"{scope.role}.{word}" if scope.role and not wide else word)
        if word.removeprefix("any_") in scope.world.me and len(name.parts) == 2:
            return Par(scope.world.me[word.removeprefix("any_")], "me", word)
        if users is not None and word in users.attributes:
            return self.along(name, 1, users, "me", scope, par)
        known = [*(w for w in scope.world.me if w), *(users.attributes if users else ())]
        self.missing(name, 1, known, Label("`me` 是当前用户", "`me` is the caller"))
        return None

    def setting(self, name: Name, scope: Scope) -> Node | None:
        if len(name.parts) != 2 or name.parts[1] not in scope.world.settings:
            none = Label("没有这项设置", "it is not a setting")
            self.missing(name, min(1, len(name.parts) - 1), scope.world.settings, none)
            return None
        return Par(scope.world.settings[name.parts[1]], "setting", name.parts[1])

    def word(self, name: Name, scope: Scope) -> Node | None:
        """``old.x``, ``found.x``: fields of another row; ``board.x``, ``control.x``: bound values."""
        meant = scope.extra[name.parts[0]]
        if isinstance(meant, str):
            relation = scope.world.entities.get(meant)
            if relation is None:
                self.absent(meant, scope)
                return None
            return self.along(name, 1, relation, name.parts[0], scope)
        word = ".".join(name.parts[1:])
        if word not in meant:
            none = Label(f"`{name.parts[0]}` 没有这个值", f"`{name.parts[0]}` has no such value")
            self.missing(name, min(1, len(name.parts) - 1), meant, none)
            return None
        return Par(meant[word], name.parts[0], word)

    def missing(self, name: Name, at: int, known: Iterable[str], scope: Label) -> None:
        close = nearest(name.parts[at], known)
        hint = did_you_mean(".".join((*name.parts[:at], close)) if close else None)
        self.report.say("unknown-name", name.ats[at], hint, name=".".join(name.parts), scope=scope)

    def unknown(self, name: Name, scope: Scope) -> None:
        first = name.parts[0]
        if self.absent(first, scope):
            return
        holder = scope.holder
        known = [*(scope.measures or (scope.own.attributes if scope.own else ())), *scope.extra, *scope.words]
        if scope.this and holder is not None and first in holder.attributes:
            hint = did_you_mean(f"this.{'.'.join(name.parts)}")
        elif close := nearest(first, [*known, "settings", "me", "this"]):
            hint = did_you_mean(".".join((close, *name.parts[1:])))
        elif first in scope.world.settings:
            hint = did_you_mean(f"settings.{first}")
        elif scope.sources is not None and any(
            first in scope.world.entities[e].attributes for e in scope.sources.values() if e in scope.world.entities
        ):
            example = f"SUM({'.'.join(name.parts)})"
            hint = Label(f"行的字段要先汇总：{example}", f"a field of the rows is aggregated: {example}")
        elif f"{scope.module}.{first}" in scope.world.entities:
            hint = Label(
                "实体通过汇总函数查看：COUNT、SUM、EXISTS、FIRST 等",
                "an entity is looked at by an aggregate: COUNT, SUM, EXISTS, FIRST …",
            )
        else:
            hint = None
        self.report.say("unknown-name", name.at, hint, name=first, scope=scope.says())

    # rows ---------------------------------------------------------------------------------------------------------

    def rows(self, name: Name, scope: Scope) -> tuple[Rows, Name | None] | None:
        """What an aggregate looks at, and the path inside it (None: the rows themselves)."""
        own = self.own_rows(name, scope)
        module = self.entity_rows(name, scope)
        if own is not None and module is not None:
            text, of = ".".join(name.parts), module[0].entity
            entity = Label(f"实体 `{of}`", f"the entity {of}")
            fixed = Label(f"this.{text}` 或 `{scope.module}.{text}", f"this.{text}` or `{scope.module}.{text}")
            own_rows = Label("本记录的集合", "a collection of this record")
            self.report.say("ambiguous", name.at, name=text, first=own_rows, second=entity, fixed=fixed)
            return None
        if own is not None or module is not None:
            return own or module
        self.no_rows(name, scope)
        return None

    def own_rows(self, name: Name, scope: Scope) -> tuple[Rows, Name | None] | None:
        start, relation, root = 0, scope.own, "row"
        if name.parts[0] == "this":
            start, relation, root = 1, scope.holder, "this" if scope.this else "row"
        elif name.parts[0] in scope.extra and isinstance(scope.extra[name.parts[0]], str):
            start, root = 1, name.parts[0]
            relation = scope.world.entities.get(str(scope.extra[name.parts[0]]))
        hops: list[Hop] = []
        for at in range(start, len(name.parts)):
            attribute = relation.attributes.get(name.parts[at]) if relation else None
            if relation is None or attribute is None:
                return None
            if attribute.kind in ("lines", "many"):
                identity = relation.attributes["id"]
                owner = Path(identity.type, root, tuple(hops), relation.path, "id", identity.column or "id")
                return self.below(name, at, relation, owner, (), scope)
            target = scope.world.entities.get(attribute.type.entity) if attribute.type.kind == "ref" else None
            if target is None or attribute.column is None:
                return None
            hops.append(Hop(relation.path, attribute.name, attribute.column, target.path, target.table))
            relation = target
        return None

    def held(self, name: Name, scope: Scope) -> bool:
        """Whether a path ends in a field that holds several things itself: files, choices."""
        *steps, last = name.parts
        relation = scope.own
        if steps and steps[0] == "this":
            steps, relation = steps[1:], scope.holder
        for step in steps:
            attribute = relation.attributes.get(step) if relation else None
            single = attribute is not None and attribute.type.kind == "ref"
            relation = scope.world.entities.get(attribute.type.entity) if attribute and single else None
        found = relation.attributes.get(last) if relation else None
        return found is not None and found.type.kind == "json"

    def below(
        self, name: Name, at: int, relation: Relation, owner: Path | None, links: tuple[Link, ...], scope: Scope
    ) -> tuple[Rows, Name | None]:
        """Follows collections downwards from ``relation`` as long as the path names them."""
        names: list[str] = []
        while at < len(name.parts):
            attribute = relation.attributes.get(name.parts[at])
            target = scope.world.entities.get(attribute.type.entity) if attribute else None
            if attribute is None or attribute.kind not in ("lines", "many") or target is None:
                break
            owned, column = attribute.kind == "lines", attribute.column or ""
            links = (*links, Link(target.path, target.table, column, target.living, attribute.link, owned))
            names.append(attribute.name)
            relation = target
            at += 1
        rest = Name(name.ats[at], name.end, name.parts[at:], name.ats[at:]) if at < len(name.parts) else None
        return Rows(owner, links, tuple(names)), rest

    def entity_rows(self, name: Name, scope: Scope) -> tuple[Rows, Name | None] | None:
        for count, path in ((1, f"{scope.module}.{name.parts[0]}"), (2, ".".join(name.parts[:2]))):
            relation = scope.world.entities.get(path)
            if relation is not None and len(name.parts) >= count:
                link = Link(relation.path, relation.table, "", relation.living)
                return self.below(name, count, relation, None, (link,), scope)
        return None

    def no_rows(self, name: Name, scope: Scope) -> None:
        if self.absent(name.parts[0], scope):
            return
        relation = scope.holder if name.parts[0] == "this" else scope.own
        first = name.parts[1] if name.parts[0] == "this" and len(name.parts) > 1 else name.parts[0]
        attribute = relation.attributes.get(first) if relation else None
        if attribute is not None and attribute.kind == "absent":
            self.report.waits_for = self.report.waits_for or attribute.waits_for
            return
        if attribute is not None:
            self.report.say("aggregate", name.at, name=".".join(name.parts))
            return
        known = [a.name for a in relation.attributes.values() if a.kind in ("lines", "many")] if relation else []
        known += [r.name for r in scope.world.entities.values() if r.module == scope.module]
        modules = {r.module for r in scope.world.entities.values()}
        if first in modules and len(name.parts) > 1:
            known = [r.path for r in scope.world.entities.values() if r.module == first]
            first = ".".join(name.parts[:2])
        close = nearest(first, known)
        self.report.say("unknown-entity", name.at, did_you_mean(close), name=first)
