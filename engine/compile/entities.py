"""Catalog → entities as people and clients meet them: fields, checks, rights, words."""

from __future__ import annotations

from typing import Literal

from engine.catalog import Catalog, Entity, Field
from engine.compile import access, checks, emit, texts
from engine.compile.names import column_of, has_column, kind_of, owner_column, owner_of, scale_of, table_of
from engine.compile.paths import STATE, SYSTEM_TITLES
from engine.compile.reads import reads_of
from engine.compile.words import template
from engine.fieldtypes.spec import Option, Spec
from engine.plan import entity as plan


def entity(catalog: Catalog, made: Entity, write: plan.Write | None) -> plan.Entity:
    return plan.Entity(
        made.path,
        made.module,
        made.name,
        made.title,
        table_of(catalog, made.path),
        fields(catalog, made),
        template(made.display),
        texts.key_of(made),
        made.kind,
        made.owned_by,
        made.owned_as,
        made.scope,
        made.workflow,
        checks.named(catalog, made),
        access.rules(catalog, made),
        {role: str(given.where) for role, given in made.access.items()},
        write,
        str(made.where),
    )


def fields(catalog: Catalog, made: Entity) -> dict[str, plan.Field]:
    """The declared fields, then what the engine keeps about every record."""
    out = {f.name: _field(catalog, made, f) for f in made.fields.values()}
    for path in made.workflows:
        workflow = catalog.workflows[path]
        options = tuple(Option(s.name, s.title) for s in workflow.states.values())
        title = out[workflow.field].title if workflow.field in out else STATE
        column = column_of(catalog, made.path, workflow.field)
        out[workflow.field] = plan.Field(
            workflow.field, title, Spec("choice", options=options), "system", column, public=True
        )
    if made.owned_by:
        name, title = owner_of(made), catalog.entities[made.owned_by].title
        spec, column = Spec("ref", target=made.owned_by), owner_column(catalog, made)
        out.setdefault(name, plan.Field(name, title, spec, "system", column, kind="uuid", target=made.owned_by))
        out.setdefault("position", _system("position", "integer", "integer"))
    people = catalog.people.users
    for name in ("created_at", "updated_at"):
        out.setdefault(name, _system(name, "datetime", "datetime"))
    for name in ("created_by", "updated_by"):
        out.setdefault(name, _system(name, "user", "uuid", people))
    return out


def _system(name: str, type_: str, kind: str, target: str = "") -> plan.Field:
    return plan.Field(
        name, SYSTEM_TITLES[name], Spec(type_, target=target), "system", name, kind=kind, target=target, readonly=True
    )


def _field(catalog: Catalog, entity: Entity, made: Field) -> plan.Field:
    target = made.target or (entity.path if made.spec.type == "tree" else "")
    if made.spec.type == "user":
        target = target or catalog.people.users
    return plan.Field(
        made.name,
        made.title,
        made.spec,
        _origin(made),
        column_of(catalog, entity.path, made.name) if has_column(made) else None,
        kind_of(made),
        scale_of(made),
        target,
        required=_required(made),
        required_when=emit.program(made.required) if not isinstance(made.required, bool | str) else None,
        visible=emit.program(made.visible),
        readonly=made.readonly or not made.input,
        default=_default(made),
        default_follows=_follows(catalog, entity, made),
        compute=emit.program(made.compute or made.live),
        picker_where=made.ref_where.text if made.ref_where is not None else "",
        hint=made.help,
        public=made.public,
        searchable=made.name in entity.search,
        hidden_from=tuple(role for role, a in entity.access.items() if made.name in a.hide),
        masked_for=tuple(role for role, a in entity.access.items() if made.name in a.mask),
        mask=made.mask,
        readonly_for=tuple(role for role, a in entity.access.items() if made.name in a.readonly),
        lines_min=checks.fewest(made),
        has_default=made.default is not None,
        default_key=_default_key(made),
    )


def _origin(made: Field) -> plan.Origin:
    if kind_of(made) == "lines":
        return "lines"
    if made.number is not None:
        return "number"
    for name in ("compute", "live", "find", "keep"):
        if getattr(made, name):
            return name
    return "input"


def _required(made: Field) -> Literal["no", "always", "submit"]:
    if made.required is True:
        return "always"
    return "submit" if made.required == "submit" else "no"


def _follows(catalog: Catalog, entity: Entity, made: Field) -> bool:
    """Whether the default moves with what it reads; one that reads nothing of the record is taken once."""
    if made.default is None or made.default.expr is None:
        return False
    return reads_of(catalog, entity, made.default.expr).record


def _default_key(made: Field) -> str:
    if kind_of(made) != "uuid" or made.default is None or made.default.literal is None:
        return ""
    return str(made.default.literal)


def _default(made: Field) -> plan.Program:
    if made.default is None:
        return None
    if made.default.expr is not None:
        return emit.program(made.default.expr)
    return emit.constant_program(made, made.default.literal)
