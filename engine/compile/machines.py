"""Workflows as they run: states, moves, steps, and the statements that decide and carry them out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from hashlib import sha256

from engine.catalog import Catalog, Entity, Step, Transition, Value, Workflow
from engine.compile import chain, controls, emit, people, texts
from engine.compile.chain import Derived
from engine.compile.draft import Draft, writing
from engine.compile.names import Column, column_of, table_of
from engine.compile.writes import Shape
from engine.expr.build.binder import Key
from engine.expr.build.tree import Par, walk
from engine.fieldtypes.storage import literal, quote
from engine.plan import machine as plan
from engine.plan.statement import Dialect, Statement


def machine(catalog: Catalog, made: Workflow, shape: Shape, dialect: Dialect) -> plan.Machine:
    outcomes = {}
    if made.approved is not None:
        outcomes["approved"] = _apply(made, shape, made.approved.to, made.approved.set, "approve", dialect)
    rejected = made.rejected.to if made.rejected is not None else made.initial
    if made.steps:
        sets = made.rejected.set if made.rejected is not None else {}
        outcomes["rejected"] = _apply(made, shape, rejected, sets, "", dialect)
        outcomes["withdrawn"] = _apply(made, shape, made.initial, {}, "", dialect)
    waiting = next((t.to for t in made.transitions.values() if t.approval), "")
    out = plan.Machine(
        made.path,
        made.of,
        shape.table,
        made.field,
        {s.name: plan.State(s.name, s.title, s.editable, s.effective, s.initial) for s in made.states.values()},
        {t.name: _transition(catalog, made, t, shape, dialect) for t in made.transitions.values()},
        tuple(_step(catalog, shape.entity, s, dialect) for s in made.steps.values()),
        made.approved.to if made.approved is not None else "",
        rejected if made.steps else "",
        "until_first_decision" if made.withdraw else "",
        waiting,
        outcomes=outcomes,
        posts_first=asks_controls(made),
    )
    return replace(out, digest=digest(out))


def digest(made: plan.Machine) -> str:
    """What running cases are pinned to: everything a case depends on, and nothing that is only words."""
    text = json.dumps(asdict(made), sort_keys=True, default=str, ensure_ascii=False)
    return sha256(text.encode()).hexdigest()[:16]


def _transition(
    catalog: Catalog, workflow: Workflow, made: Transition, shape: Shape, dialect: Dialect
) -> plan.Transition:
    stage = "submit" if submits(workflow, made) else "approve" if workflow.states[made.to].effective else ""
    return plan.Transition(
        made.name,
        made.title,
        made.sources,
        made.to,
        people.people(catalog, shape.entity, made.by, dialect),
        truth(catalog, shape.entity, made.when, dialect) if made.when is not None else None,
        made.require,
        made.reason,
        bool(made.approval),
        made.auto,
        not made.by,
        _apply(workflow, shape, made.to, made.set, stage, dialect),
        str(made.where),
    )


def submits(workflow: Workflow, made: Transition) -> bool:
    """Whether this move hands the document in: it starts an approval, or, where there is none, makes it count."""
    if made.approval:
        return True
    approvals = any(t.approval for t in workflow.transitions.values())
    return not approvals and workflow.initial in made.sources and workflow.states[made.to].effective


def asks_controls(workflow: Workflow) -> bool:
    """Whether an approval's way depends on budget control: then what is posted is posted before it is asked."""
    trees = [step.when.tree for step in workflow.steps.values() if step.when is not None]
    return any(isinstance(node, Par) and node.source == "control" for tree in trees for node in walk(tree))


def _step(catalog: Catalog, entity: Entity, made: Step, dialect: Dialect) -> plan.Step:
    return plan.Step(
        made.name,
        made.title,
        people.people(catalog, entity, made.assign, dialect),
        made.share if made.mode == "share" else made.mode,
        truth(catalog, entity, made.when, dialect) if made.when is not None else None,
        made.edit,
        made.require,
        people.people(catalog, entity, made.cc, dialect) if made.cc else None,
        str(made.where),
    )


def truth(catalog: Catalog, entity: Entity, made: emit.Expr, dialect: Dialect) -> Statement:
    """(root, truth): TRUE, FALSE or NULL."""
    draft = Draft(dialect)

    def known(key: Key) -> str | None:
        if key.source != "control":
            return None
        return controls.result(draft, catalog, entity, key.name) or "'ok'"

    draft.binder.known = known
    sql = emit.value(draft, catalog, made, emit.Rows("r"))
    table = quote(table_of(catalog, entity.path))
    return draft.finish(f"SELECT r.id, {sql} FROM {table} AS r WHERE {draft.among('r.id')} ORDER BY r.id")


def _apply(
    workflow: Workflow, shape: Shape, to: str, sets: Mapping[str, Value], stage: str, dialect: Dialect
) -> Statement:
    """The move: state, what it sets and remembers (out of the row as it was), and what the row computes from those."""
    draft = Draft(dialect)
    catalog, entity = shape.catalog, shape.entity
    given = {workflow.field: literal(to)}
    for field in entity.fields.values():
        if field.keep and field.keep_at == stage:
            given[field.name] = f"t.{quote(column_of(catalog, entity.path, field.keep))}"
    for name, value in sets.items():
        given[name] = emit.slot(draft, catalog, value, emit.Rows("t"), entity.fields[name])
    after = _dependents(shape, set(given))
    base = [f"{given.get(c.called, 't.' + quote(c.name))} AS {quote(c.name)}" for c in _others(shape, after)]
    base += [f"t.{quote(d.column)} AS {quote('_i_' + d.column)}" for d in after]
    base += [f"{_stands(draft, d)} AS {quote('_t_' + d.column)}" for d in after]
    source = f"SELECT {', '.join(base)} FROM {quote(shape.table)} AS t WHERE {draft.among('t.id')}"
    chained = chain.links(draft, catalog, entity, f"{source} AND t.deleted_at IS NULL", chain.levels(after))
    now, me = draft.now(), draft.me()
    table = quote(shape.table)
    columns = [*(column_of(catalog, entity.path, name) for name in given), *(d.column for d in after)]
    changes = [f"{quote(c)} = {chained.last}.{quote(c)}" for c in columns]
    changes += [f"rev = {table}.rev + 1", f"updated_at = {now}", f"updated_by = {me}"]
    return writing(
        draft,
        f"{chained.text} UPDATE {table} SET {', '.join(changes)} FROM {chained.last}"
        f" WHERE {table}.id = {chained.last}.id RETURNING {table}.id",
    )


def _others(shape: Shape, after: Sequence[Derived]) -> list[Column]:
    names = {d.name for d in after}
    return [c for c in shape.columns if c.called not in names]


def _dependents(shape: Shape, changed: set[str]) -> tuple[Derived, ...]:
    """What the row computes by itself out of what is changed."""
    out: list[Derived] = []
    while True:
        more = [
            d
            for d in shape.row
            if d.follows and d.name not in changed and d.reads.own & (changed | {o.name for o in out}) and d not in out
        ]
        if not more:
            return tuple(out)
        out += more


def _stands(draft: Draft, made: Derived) -> str:
    if made.how != "default":
        return texts.no(draft.dialect)
    return texts.holds_text(draft.dialect, "t._typed", made.column)
