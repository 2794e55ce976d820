"""A query string → a grouped question with its values: figures by dimensions, compared, shared out, along a tree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.fieldtypes.spec import Spec
from engine.label import Label
from engine.plan.app import App
from engine.plan.entity import Field
from engine.plan.question import FigureQuestion, Filter
from engine.serve.query.parameters import (
    MAX_NAMES,
    SYSTEM_FIELDS,
    candidates,
    filter_value,
    find_field,
    limit_of,
    operator_of,
    require_none,
    split,
    split_top,
    too_many,
    unknown_parameter,
    word_of,
)
from engine.serve.tenant.bind import Me
from engine.serve.wire.fault import Fault, fault

MAX_GROUPS = 5_000
MAX_OFFSET = 1_000_000
MAX_LEVEL = 50
MAX_FILLED = 3
"""Dimensions: each multiplies the groups there are by all its periods."""
_FIGURES = (
    "by", "measures", "where", "having", "sort", "limit", "offset", "top", "totals", "share", "compare", "fill",
    "tree", "level", "depth", "below", "as_of",
)  # fmt: skip
_EARLIER = {"month": 1, "quarter": 3, "year": 12, "none": 0}
"""What figures are compared with: so many months before."""
_OPERATORS: tuple[str, ...] = ("eq", "ne", "lt", "lte", "gt", "gte", "in", "contains", "starts", "null", "under")
_DAY = Field("as_of", Label("as_of", "as_of"), Spec("date"))


@dataclass(frozen=True, slots=True)
class AskingFigures:
    """``texts`` are the values of the filters as they came: their types are known once it is asked."""

    question: FigureQuestion
    inputs: dict[str, Any] = field(default_factory=dict)
    texts: tuple[str, ...] = ()


def figures(app: App, me: Me, name: str, entity: str, pairs: Iterable[tuple[str, str]]) -> AskingFigures:
    """A grouped question over a declared aggregation (``name``) or an entity. Names in ``by`` and ``measures`` may be
    given as ``name:expression``."""
    given, rest = split(pairs, _FIGURES)
    faults: list[Fault] = []
    filters, texts = _filters(app, me, name, entity, rest, faults)
    inputs = _some_groups(given, faults)
    if day := given.get("as_of"):
        inputs["as_of"] = filter_value(_DAY, "eq", day, "as_of", faults) if name else None
        if not name:
            faults.append(unknown_parameter("as_of", _FIGURES[:-1]))
    tree, below = given.get("tree", ""), given.get("below", "")
    told = _tree_faults(given)
    faults += told
    named, measures = _named(given.get("by", "")), _named(given.get("measures", ""))
    share, fill = _words(given.get("share", "")), _words(given.get("fill", ""))
    for what, names, most in (
        ("by", named, MAX_NAMES),
        ("measures", measures, MAX_NAMES),
        ("share", share, MAX_NAMES),
        ("fill", fill, MAX_FILLED),
    ):
        if len(names) > most:
            faults.append(too_many(what, len(names), most))
    if below and tree and not told:
        inputs["below"] = filter_value(SYSTEM_FIELDS["id"], "eq", below, "below", faults)
        filters.append(Filter(tree if name else dict(named).get(tree, tree), "under"))
        texts.append(below)
    question = FigureQuestion(
        name,
        entity,
        by=named,
        measures=measures,
        filters=tuple(filters),
        where=given.get("where", ""),
        having=given.get("having", ""),
        sort=_words(given.get("sort", "")),
        limit="limit" in inputs,
        offset="offset" in inputs,
        others=bool(given.get("top")),
        share=share,
        compare=_EARLIER.get(word_of(given, "compare", tuple(_EARLIER), faults), 0),
        fill=fill,
        totals=word_of(given, "totals", ("true", "false"), faults) == "true",
        tree=tree,
        level=limit_of(given.get("level", ""), 0, MAX_LEVEL, faults, "level"),
        depth=limit_of(given.get("depth", ""), 0, MAX_LEVEL, faults, "depth"),
        below="below" in inputs,
        as_of="as_of" in inputs,
        roles=me.roles,
    )
    require_none(faults)
    return AskingFigures(question, inputs, tuple(texts))


def _filters(
    app: App, me: Me, name: str, entity: str, rest: Iterable[tuple[str, str]], faults: list[Fault]
) -> tuple[list[Filter], list[str]]:
    """By dimensions of an aggregation or fields of an entity; and the texts they compare with."""
    filters, texts = [], []
    for key, text in rest:
        path, operator = operator_of(key)
        if operator not in _OPERATORS:
            faults.append(fault("api.operator", name=path, operator=operator, allowed=", ".join(_OPERATORS)))
        elif name and path not in app.figures[name].dimensions:
            faults.append(unknown_parameter(path, (*_FIGURES, *app.figures[name].dimensions)))
        elif entity and find_field(app, me, app.entities[entity], path) is None:
            faults.append(unknown_parameter(path, (*_FIGURES, *candidates(app, app.entities[entity], path))))
        else:
            filters.append(Filter(path, operator))  # type: ignore[arg-type]
            texts.append(text)
    return filters, texts


def _some_groups(given: Mapping[str, str], faults: list[Fault]) -> dict[str, Any]:
    """``limit`` and ``offset`` of groups; ``top`` is a limit too."""
    inputs: dict[str, Any] = {}
    if given.get("limit") and given.get("top"):
        faults.append(fault("api.parameter", name="top", got=given["top"], expected="either top or limit",
                            expected_zh="top 与 limit 只用其一"))  # fmt: skip
    if size := given.get("top") or given.get("limit"):
        inputs["limit"] = limit_of(size, MAX_GROUPS, MAX_GROUPS, faults)
    if given.get("offset") and not given.get("limit"):
        faults.append(fault("api.parameter", name="offset", got=given["offset"], expected="limit beside it",
                            expected_zh="与 limit 同用"))  # fmt: skip
    elif given.get("offset"):
        inputs["offset"] = limit_of(given["offset"], 0, MAX_OFFSET, faults, "offset", 0)
    return inputs


def _tree_faults(given: Mapping[str, str]) -> list[Fault]:
    """Records that hold each other have no rest, and without a tree there is nothing above or below."""
    wrong: tuple[str, ...] = ("top",)
    told = ("no tree beside it", "不与 tree 同用")
    if not given.get("tree"):
        wrong, told = ("level", "depth", "below"), ("tree beside it", "与 tree 同用")
    said = [(name, given[name]) for name in wrong if given.get(name)]
    return [fault("api.parameter", name=n, got=v[:40], expected=told[0], expected_zh=told[1]) for n, v in said]


def figure_values(asking: AskingFigures, specs: Sequence[Spec]) -> dict[str, Any]:
    """The inputs of a grouped question, its filters typed as it says they are."""
    faults: list[Fault] = []
    inputs = dict(asking.inputs)
    for n, (one, text, spec) in enumerate(zip(asking.question.filters, asking.texts, specs, strict=False)):
        known = Field(one.path, Label(one.path, one.path), spec)
        inputs[f"f{n}"] = filter_value(known, one.operator, text, one.path, faults)
    require_none(faults)
    return inputs


def _named(text: str) -> tuple[tuple[str, str], ...]:
    """``hours:SUM(hours), amount`` → pairs of name and expression; a name stands for itself."""
    out = []
    for part in split_top(text):
        if not part.strip():
            continue
        name, colon, expression = part.partition(":")
        plain = colon and name.strip().isidentifier()
        out.append((name.strip(), expression.strip()) if plain else (part.strip(), part.strip()))
    return tuple(out)


def _words(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in split_top(text) if part.strip())
