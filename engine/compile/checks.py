"""Why a document is refused, as SQL: per moment one statement that gives every violated check with its words' values.

Checks fail only when FALSE; what is required fails when its condition is TRUE and the field is empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from engine.catalog import Catalog, Check, Entity, Field, Hole, Value
from engine.catalog.entity import Moment
from engine.compile import controls, emit, late, texts
from engine.compile.draft import Draft
from engine.compile.names import column_of, has_column, kind_of, owner_column, scale_of, table_of
from engine.compile.words import message
from engine.fieldtypes.storage import json_value, link_table, literal, quote
from engine.label import Label
from engine.plan import entity as plan
from engine.plan.statement import Dialect, Statement

STAGES: tuple[Moment, ...] = ("save", "submit", "approve")


@dataclass(frozen=True, slots=True)
class Rule:
    """A check that every field may bring along: ``required``, ``min``, ``max``, ``lines``."""

    name: str
    kind: str
    field: Field
    at: Moment
    bound: Value | None = None


def field_rules(catalog: Catalog, entity: Entity) -> tuple[Rule, ...]:
    workflow = bool(catalog.root_of(entity).workflows)
    out = []
    for f in entity.fields.values():
        if kind_of(f) == "lines":
            if fewest(f):
                out.append(Rule(f"lines:{f.name}", "lines", f, "submit" if workflow else "save"))
            continue
        if f.required is not False:
            unfinished = f.required is not True and (f.required == "submit" or workflow)
            out.append(Rule(f"required:{f.name}", "required", f, "submit" if unfinished else "save"))
        for kind, bound in _bounds(f):
            out.append(Rule(f"{kind}:{f.name}", kind, f, "always", bound))
        if f.ref_where is not None and has_column(f):
            out.append(Rule(f"outside:{f.name}", "outside", f, "save"))
        if f.acyclic or f.spec.type == "tree":
            out.append(Rule(f"ring:{f.name}", "ring", f, "always"))
    return tuple(out)


def fewest(field: Field) -> int:
    """How many lines there must be."""
    if kind_of(field) != "lines":
        return 0
    literal_ = field.min.literal if field.min is not None else None
    return int(field.spec.min or (literal_ if isinstance(literal_, int) else 0))


def _bounds(field: Field) -> Iterable[tuple[str, Value]]:
    """Bounds the database checks: of values that no body brings, and bounds that are expressions. A plain value was
    held against its plain bounds when the body was read."""
    if not has_column(field) or kind_of(field) not in ("decimal", "integer", "duration", "date", "month", "datetime"):
        return
    plain = field.input and (field.default is None or field.default.expr is None)
    for kind, bound, fixed in (("min", field.min, field.spec.min), ("max", field.max, field.spec.max)):
        if plain and fixed is not None and (bound is None or bound.expr is None):
            continue
        if bound is not None:
            yield kind, bound
        elif fixed is not None:
            yield kind, Value(fixed)


_SAYS: Mapping[str, Label] = {
    "required": Label("必须填写{0}", "{0} is required"),
    "min": Label("{0}不能小于{bound}", "{0} must be at least {bound}"),
    "max": Label("{0}不能大于{bound}", "{0} must be at most {bound}"),
    "lines": Label("{0}至少要有{1}行", "{0} needs at least {1}"),
    "outside": Label("{0}不在可选范围内", "{0} is not one of those that may be chosen"),
    "ring": Label("{0}形成了循环", "{0} leads back to the record itself"),
}
_REFERRED = Label("仍有记录引用它，不能删除", "Other records refer to it: it cannot be deleted")


def named(catalog: Catalog, entity: Entity) -> dict[str, plan.Check]:
    """Every rule over the record with its words, keyed by name."""
    out = {c.name: _check(entity, c) for c in entity.checks.values()}
    for rule in field_rules(catalog, entity):
        out[rule.name] = plan.Check(
            rule.name,
            entity.path,
            "error",
            rule.at,
            _says(rule),
            pointer=f"/{rule.field.name}",
            where=str(rule.field.where),
        )
    document = () if entity.owned_by else controls.of_document(catalog, entity)
    out |= {c.path: controls.named(catalog, c) for c in (*controls.over(catalog, entity), *document)}
    if not entity.owned_by:
        said = plan.Message(plan.Template((_REFERRED.zh,)), plan.Template((_REFERRED.en,)))
        out["referred"] = plan.Check("referred", entity.path, "error", "save", said)
    return out


def _check(entity: Entity, made: Check) -> plan.Check:
    return plan.Check(
        made.name,
        entity.path,
        "warning" if made.level.literal == "warning" else "error",
        made.at,
        message(made.message),
        made.reason,
        ",".join(made.override),
        emit.check_program(made),
        f"/{made.fields[0]}" if len(made.fields) == 1 else "",
        str(made.where),
    )


def _says(rule: Rule) -> plan.Message:
    def of(language: str) -> plan.Template:
        text = _SAYS[rule.kind].to(language)
        text = text.replace("{0}", rule.field.title.to(language)).replace("{1}", str(fewest(rule.field)))
        before, hole, after = text.partition("{bound}")
        return plan.Template((before, ("bound", ""), after) if hole else (before,))

    return plan.Message(of("zh"), of("en"))


@dataclass(frozen=True, slots=True)
class Asked:
    """One statement in the making."""

    draft: Draft
    catalog: Catalog
    root: Entity
    gathered: late.Gathered

    def head(self, entity: Entity, name: str) -> str:
        line = "r.id" if entity.path != self.root.path else texts.null(self.draft.dialect, "uuid", 0)
        root = texts.root_id(self.catalog, entity, "r")
        return f"SELECT {literal(name)} AS broken, {root} AS root, {line} AS line"

    def source(self, entity: Entity) -> str:
        return f" FROM {self.gathered.rows(entity)} AS r WHERE {texts.yes(self.draft.dialect)}"

    def whole(self, head: str, said: str, source: str) -> str:
        """Rows whose ``said`` is found; OFFSET keeps both databases from looking for it twice."""
        fence = "OFFSET 0" if self.draft.dialect == "postgresql" else "LIMIT -1 OFFSET 0"
        return f"SELECT * FROM ({head}, {said} AS said{source} {fence}) AS q WHERE said IS NOT NULL"


def statements(catalog: Catalog, root: Entity, dialect: Dialect) -> dict[str, Statement]:
    """By moment: rows (check, root, line or NULL, values JSON). A moment nothing is asked at is left out."""
    out: dict[str, Statement] = {}
    for stage in (*STAGES, "delete"):
        draft = Draft(dialect)
        asked = Asked(draft, catalog, root, late.Gathered(draft, catalog, root, living=stage != "delete"))
        parts = list(_referring(asked) if stage == "delete" else _parts(asked, stage))
        if parts:
            out[stage] = draft.finish(asked.gathered.before(" UNION ALL ".join(parts)))
    return out


def _parts(asked: Asked, stage: str) -> Iterable[str]:
    for entity in late.document(asked.catalog, asked.root):
        for check in entity.checks.values():
            if check.at in (stage, "always"):
                yield _check_sql(asked, entity, check)
        for rule in field_rules(asked.catalog, entity):
            if rule.at in (stage, "always"):
                yield _rule_sql(asked, entity, rule)
    for control in controls.of_document(asked.catalog, asked.root):
        if stage in control.stages:
            yield controls.part(asked.draft, asked.catalog, control)


def _check_sql(asked: Asked, entity: Entity, check: Check) -> str:
    draft, catalog = asked.draft, asked.catalog
    rows = emit.Rows("r")
    source = asked.source(entity)
    if check.when is not None:
        source += f" AND {emit.truth(draft, catalog, check.when, rows)}"
    head = asked.head(entity, check.name)
    if check.none:
        assert check.rows is not None
        target = catalog.entities[check.none]
        inside = emit.Rows("f", this="r", found="f")
        values = _values(draft, catalog, check, emit.Rows("r", this="r", found="f"), found="f.id")
        culprit = (
            f"(SELECT {values} FROM {quote(table_of(catalog, target.path))} AS f"
            f" WHERE f.deleted_at IS NULL AND {emit.truth(draft, catalog, check.rows, inside)} ORDER BY f.id LIMIT 1)"
        )
        return asked.whole(head, culprit, source)
    assert check.that is not None
    values = _values(draft, catalog, check, rows)
    return f"{head}, {values} AS said{source} AND {emit.fails(draft, catalog, check.that, rows)}"


def _values(draft: Draft, catalog: Catalog, check: Check, rows: emit.Rows, found: str = "") -> str:
    """What the message shows, as JSON text keyed by the paths as they are written."""
    holes: dict[str, Hole] = {h.name: h for h in (*check.message.zh.holes, *check.message.en.holes)}
    said = ((name, hole.expr) for name, hole in holes.items() if hole.expr is not None)
    pairs = [(name, emit.shown(draft, catalog, made, rows)) for name, made in said if emit.speakable(draft, made)]
    if check.level.expr is not None:
        pairs.append(("$level", emit.value(draft, catalog, check.level.expr, rows)))
    if found:
        pairs.append(("$found", found))
    return texts.object_text(draft.dialect, pairs)


def breaks(draft: Draft, catalog: Catalog, check: Check, rows: emit.Rows) -> str:
    """That the row does not hold to the check."""
    when = f" AND {emit.truth(draft, catalog, check.when, rows)}" if check.when is not None else ""
    if check.that is not None:
        return f"({emit.fails(draft, catalog, check.that, rows)}{when})"
    assert check.rows is not None
    table = rows.relation(check.none, table_of(catalog, check.none))
    found = emit.truth(draft, catalog, check.rows, replace(rows, own="f", this=rows.own, found="f"))
    return f"(EXISTS (SELECT 1 FROM {table} AS f WHERE f.deleted_at IS NULL AND {found}){when})"


def sound(draft: Draft, catalog: Catalog, entity: Entity, row: str) -> str | None:
    """That nothing a save asks is broken by the row at alias ``row``; None where that is not told by the row alone."""
    rows = emit.Rows(row)
    broken = []
    for check in entity.checks.values():
        if check.at in ("save", "always"):
            if check.that is None:
                return None
            broken.append(breaks(draft, catalog, check, rows))
    for rule in field_rules(catalog, entity):
        if rule.at in ("save", "always"):
            test, _ = _rule(draft, catalog, entity, rule, row)
            broken.append(f"({test})")
    return f"NOT COALESCE({' OR '.join(broken)}, FALSE)" if broken else texts.yes(draft.dialect)


def _rule_sql(asked: Asked, entity: Entity, rule: Rule) -> str:
    test, pairs = _rule(asked.draft, asked.catalog, entity, rule, "r")
    said = texts.object_text(asked.draft.dialect, pairs)
    return f"{asked.head(entity, rule.name)}, {said} AS said{asked.source(entity)} AND {test}"


def _rule(draft: Draft, catalog: Catalog, entity: Entity, rule: Rule, row: str) -> tuple[str, list[tuple[str, str]]]:
    """What is true where the row at alias ``row`` breaks it, and what its words need."""
    field, rows = rule.field, emit.Rows(row)
    value = f"{row}.{quote(column_of(catalog, entity.path, field.name))}"
    pairs: list[tuple[str, str]] = []
    if rule.kind == "lines":
        child = catalog.entities[field.target]
        count = (
            f"(SELECT COUNT(*) FROM {quote(table_of(catalog, child.path))} AS l"
            f" WHERE l.{quote(owner_column(catalog, child))} = {row}.id AND l.deleted_at IS NULL)"
        )
        test = f"{count} < {fewest(field)}"
    elif rule.kind == "required":
        test = f"{value} IS NULL"
        if kind_of(field) == "text":
            test = f"COALESCE({value}, '') = ''"
        if not isinstance(field.required, bool | str):
            test += f" AND {emit.truth(draft, catalog, field.required, rows)}"
    elif rule.kind == "outside":
        test = _outside(draft, catalog, entity, field, row)
    elif rule.kind == "ring":
        test = _ring(catalog, entity, field, row)
    else:
        assert rule.bound is not None
        bound = emit.slot(draft, catalog, rule.bound, rows, field)
        test = f"{value} {'<' if rule.kind == 'min' else '>'} {bound}"
        pairs.append(("bound", json_value(kind_of(field), scale_of(field), draft.dialect, f"({bound})")))
    seen = f"{emit.truth(draft, catalog, field.visible, rows)} AND " if field.visible is not None else ""
    return f"{seen}{test}", pairs


def _outside(draft: Draft, catalog: Catalog, entity: Entity, field: Field, row: str) -> str:
    """What a picker would not offer is not taken either."""
    assert field.ref_where is not None
    target = catalog.entities[field.target or entity.path]
    name = column_of(catalog, entity.path, field.name)
    table, alias = quote(table_of(catalog, target.path)), draft.binder.alias()
    offered = emit.truth(draft, catalog, field.ref_where, emit.Rows(alias, this=row))
    if field.spec.type == "refs":
        links = quote(link_table(table_of(catalog, entity.path), name))
        return (
            f"EXISTS (SELECT 1 FROM {links} AS k JOIN {table} AS {alias}"
            f" ON {alias}.id = k.target WHERE k.owner = {row}.id AND {offered} IS NOT TRUE)"
        )
    column = f"{row}.{quote(name)}"
    return (
        f"{column} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {table} AS {alias}"
        f" WHERE {alias}.id = {column} AND {offered})"
    )


def _ring(catalog: Catalog, entity: Entity, field: Field, row: str) -> str:
    """Following the reference leads back; UNION ends the walk also where another ring is met."""
    table, column = (quote(n) for n in (table_of(catalog, entity.path), column_of(catalog, entity.path, field.name)))
    return (
        f"EXISTS (WITH RECURSIVE up(id) AS (SELECT {row}.{column} UNION SELECT p.{column} FROM up"
        f" JOIN {table} AS p ON p.id = up.id) SELECT 1 FROM up WHERE up.id = {row}.id)"
    )


def _referring(asked: Asked) -> Iterable[str]:
    """Living records that refuse to lose what they refer to; those that go along do not count."""
    draft, catalog, root = asked.draft, asked.catalog, asked.root
    going = {e.path for e in late.document(catalog, root)}
    for other in catalog.entities.values():
        for field in other.fields.values():
            if field.target != root.path or not has_column(field):
                continue
            if field.on_delete != "refuse" or (other.path in going and other.path != root.path):
                continue
            pairs = [("$found", "f.id"), ("entity", literal(other.path)), ("field", literal(field.name))]
            column = column_of(catalog, other.path, field.name)
            refers = f"f.{quote(column)} = r.id"
            if field.spec.type == "refs":
                links = quote(link_table(table_of(catalog, other.path), column))
                refers = f"f.id IN (SELECT k.owner FROM {links} AS k WHERE k.target = r.id)"
            found = (
                f"(SELECT {texts.object_text(draft.dialect, pairs)} FROM {quote(table_of(catalog, other.path))} AS f"
                f" WHERE {refers} AND f.deleted_at IS NULL AND NOT {draft.among('f.id')}"
                " ORDER BY f.id LIMIT 1)"
            )
            yield asked.whole(asked.head(root, "referred"), found, asked.source(root))
