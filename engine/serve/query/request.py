"""A query string or a body → a question with its values. Pure; unknown names are refused with the nearest one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from engine.fieldtypes import REGISTRY, Refused
from engine.fieldtypes.spec import Spec
from engine.label import Label
from engine.plan.app import App
from engine.plan.entity import Entity, Field
from engine.plan.question import Expand, FigureQuestion, Filter, Question
from engine.problem import nearest
from engine.serve.document.rights import hidden
from engine.serve.query import cursor
from engine.serve.tenant.bind import Me
from engine.serve.wire.fault import Fault, Refusal, fault, of_value, refuse
from engine.serve.wire.parsing import MAX_PAIRS

PAGE = 50
MAX_PAGE = 1000
MAX_GROUPS = 5_000
MAX_NAMES = 200
MAX_SORT = 8
MAX_WORDS = 8
MAX_EXPAND = 6
"""How deep an expansion may go."""
_LIST = ("fields", "expand", "sort", "limit", "cursor", "q", "where", "count", "bin", "actions")
_ONE = ("fields", "expand", "actions", "as_of")
_FIGURES = (
    "by", "measures", "where", "having", "sort", "limit", "offset", "top", "totals", "share", "compare", "fill",
    "tree", "level", "depth", "below", "as_of",
)  # fmt: skip
_EARLIER = {"month": 1, "quarter": 3, "year": 12, "none": 0}
"""What figures are compared with: so many months before."""
MAX_OFFSET = 1_000_000
MAX_LEVEL = 50
_OPERATORS: tuple[str, ...] = ("eq", "ne", "lt", "lte", "gt", "gte", "in", "contains", "starts", "null", "under")


def _system(name: str, type_: str, kind: str) -> Field:
    return Field(name, Label(name, name), Spec(type_), "system", name, kind)


SYSTEM_FIELDS: Mapping[str, Field] = {
    f.name: f
    for f in (
        _system("id", "ref", "uuid"),
        _system("rev", "integer", "integer"),
        _system("state", "text", "text"),
        _system("created_at", "datetime", "datetime"),
        _system("created_by", "ref", "uuid"),
        _system("updated_at", "datetime", "datetime"),
        _system("updated_by", "ref", "uuid"),
        _system("deleted_at", "datetime", "datetime"),
        _system("position", "integer", "integer"),
    )
}
_DAY = Field("as_of", Label("as_of", "as_of"), Spec("date"))


@dataclass(frozen=True, slots=True)
class Asking:
    """A question and its values. ``shape`` tells cursors of different questions apart."""

    question: Question
    inputs: dict[str, Any]
    shape: str = ""
    actions: bool = False
    """Each item with what may be done with it next."""


@dataclass(frozen=True, slots=True)
class Listed:
    """The values of ``in``; they become text when it is known which database compares them."""

    kind: str
    scale: int
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class AskingFigures:
    """``texts`` are the values of the filters as they came: their types are known once it is asked."""

    question: FigureQuestion
    inputs: dict[str, Any] = field(default_factory=dict)
    texts: tuple[str, ...] = ()


def one(app: App, me: Me, entity: Entity, record: str, pairs: Iterable[tuple[str, str]]) -> Asking:
    given, rest = _split(pairs, _ONE)
    faults = [_unknown_parameter(name, _ONE) for name, _ in rest]
    fields = _fields(app, me, entity, given.get("fields", ""), faults)
    expand = _expand(app, entity, given.get("expand", ""), faults)
    _raise(faults)
    return Asking(Question(entity.path, one=True, fields=fields, expand=expand, roles=me.roles), {"id": record})


def listing(app: App, me: Me, entity: Entity, pairs: Iterable[tuple[str, str]]) -> Asking:
    """A list's question. A cursor must come from the same question."""
    given, rest = _split(pairs, _LIST)
    faults: list[Fault] = []
    filters, inputs = _filters(app, me, entity, rest, _LIST, faults)
    words = given.get("q", "").lower()[:200].split()[:MAX_WORDS]
    counted = _word(given, "count", ("exact", "estimated", "none"), faults)
    acted = _word(given, "actions", ("true", "false"), faults) == "true"
    question = Question(
        entity.path,
        fields=_fields(app, me, entity, given.get("fields", ""), faults),
        expand=_expand(app, entity, given.get("expand", ""), faults),
        filters=filters,
        where=given.get("where", ""),
        search=len(words),
        sort=_sort(app, me, entity, given.get("sort", ""), faults),
        count=counted != "none",
        bound=counted == "estimated",
        bin=_word(given, "bin", ("true", "false"), faults) == "true",
        roles=me.roles,
    )
    inputs["limit"] = _limit(given.get("limit", ""), PAGE, MAX_PAGE, faults)
    inputs |= {f"q{n}": word for n, word in enumerate(words)}
    shape = cursor.shape_of(question, inputs)
    if given.get("cursor"):
        question = cursor.after(question, given["cursor"], shape, inputs, faults)
    _raise(faults)
    return Asking(question, inputs, shape, acted)


def figures(app: App, me: Me, name: str, entity: str, pairs: Iterable[tuple[str, str]]) -> AskingFigures:
    """A grouped question over a declared aggregation (``name``) or an entity. Names in ``by`` and ``measures`` may be
    given as ``name:expression``."""
    given, rest = _split(pairs, _FIGURES)
    faults: list[Fault] = []
    filters, texts = [], []
    for key, text in rest:
        path, operator = _operator(key)
        if operator not in _OPERATORS:
            faults.append(fault("api.operator", name=path, operator=operator, allowed=", ".join(_OPERATORS)))
        elif name and path not in app.figures[name].dimensions:
            faults.append(_unknown_parameter(path, (*_FIGURES, *app.figures[name].dimensions)))
        elif entity and find_field(app, me, app.entities[entity], path) is None:
            faults.append(_unknown_parameter(path, (*_FIGURES, *_candidates(app, app.entities[entity], path))))
        else:
            filters.append(Filter(path, operator))  # type: ignore[arg-type]
            texts.append(text)
    inputs: dict[str, Any] = {}
    if given.get("limit") and given.get("top"):
        faults.append(fault("api.parameter", name="top", got=given["top"], expected="either top or limit",
                            expected_zh="top 与 limit 只用其一"))  # fmt: skip
    if size := given.get("top") or given.get("limit"):
        inputs["limit"] = _limit(size, MAX_GROUPS, MAX_GROUPS, faults)
    if given.get("offset") and not given.get("limit"):
        faults.append(fault("api.parameter", name="offset", got=given["offset"], expected="limit beside it",
                            expected_zh="与 limit 同用"))  # fmt: skip
    elif given.get("offset"):
        inputs["offset"] = _limit(given["offset"], 0, MAX_OFFSET, faults, "offset", 0)
    if day := given.get("as_of"):
        inputs["as_of"] = _filter_value(_DAY, "eq", day, "as_of", faults) if name else None
        if not name:
            faults.append(_unknown_parameter("as_of", _FIGURES[:-1]))
    tree, below = given.get("tree", ""), given.get("below", "")
    told = _tree_faults(given)
    faults += told
    named = _named(given.get("by", ""))
    if below and tree and not told:
        inputs["below"] = _filter_value(SYSTEM_FIELDS["id"], "eq", below, "below", faults)
        filters.append(Filter(tree if name else dict(named).get(tree, tree), "under"))
        texts.append(below)
    question = FigureQuestion(
        name,
        entity,
        by=named,
        measures=_named(given.get("measures", "")),
        filters=tuple(filters),
        where=given.get("where", ""),
        having=given.get("having", ""),
        sort=_words(given.get("sort", "")),
        limit="limit" in inputs,
        offset="offset" in inputs,
        others=bool(given.get("top")),
        share=_words(given.get("share", "")),
        compare=_EARLIER.get(_word(given, "compare", tuple(_EARLIER), faults), 0),
        fill=_words(given.get("fill", "")),
        totals=_word(given, "totals", ("true", "false"), faults) == "true",
        tree=tree,
        level=_limit(given.get("level", ""), 0, MAX_LEVEL, faults, "level"),
        depth=_limit(given.get("depth", ""), 0, MAX_LEVEL, faults, "depth"),
        below="below" in inputs,
        as_of="as_of" in inputs,
        roles=me.roles,
    )
    _raise(faults)
    return AskingFigures(question, inputs, tuple(texts))


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
        inputs[f"f{n}"] = _filter_value(known, one.operator, text, one.path, faults)
    _raise(faults)
    return inputs


def _split(pairs: Iterable[tuple[str, str]], known: tuple[str, ...]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    given: dict[str, str] = {}
    rest: list[tuple[str, str]] = []
    for name, value in pairs:
        if name not in known:
            if len(rest) >= MAX_PAIRS:
                raise Refusal((_too_many("?", len(rest) + 1, MAX_PAIRS),), 400)
            rest.append((name, value))
        elif name in given:
            raise refuse("api.twice", name=name)
        else:
            given[name] = value
    return given, rest


def _raise(faults: list[Fault]) -> None:
    if faults:
        raise Refusal(faults, 400)


def _unknown_parameter(name: str, names: Iterable[str]) -> Fault:
    return fault("api.unknown-parameter", name=name[:80], nearest=nearest(name, names) or "")


def _operator(key: str) -> tuple[str, str]:
    path, bracket, operator = key.partition("[")
    return (path, operator[:-1]) if bracket and operator.endswith("]") else (key, "eq")


def find_field(app: App, me: Me, entity: Entity, path: str) -> Field | None:
    """The field at the end of a dotted path over references; lines and hidden fields have no path."""
    names = path.split(".")
    for n, name in enumerate(names):
        known = entity.fields.get(name) or SYSTEM_FIELDS.get(name)
        if known is None and entity.owner and name == entity.owner.rpartition(".")[2]:
            known = replace(SYSTEM_FIELDS["id"], name=name, target=entity.owner)
        if known is None or known.origin == "lines" or name in hidden(app, me, entity):
            return None
        if n == len(names) - 1:
            return known
        if not known.target or known.target not in app.entities:
            return None
        entity = app.entities[known.target]
    return None


def operators_of(app: App, known: Field) -> tuple[str, ...]:
    operators: tuple[str, ...] = REGISTRY[known.spec.type].operators
    target = app.entities.get(known.target)
    return (*operators, "under") if target is not None and target.kind == "tree" else operators


def _candidates(app: App, entity: Entity, path: str) -> list[str]:
    """Names that could have been meant at the place where a path stops making sense."""
    *head, _ = path.split(".")
    for name in head:
        known = entity.fields.get(name)
        if known is None or known.target not in app.entities or known.origin == "lines":
            return list(entity.fields)
        entity = app.entities[known.target]
    prefix = "".join(f"{name}." for name in head)
    return [f"{prefix}{name}" for name in (*entity.fields, *SYSTEM_FIELDS)]


def _filters(
    app: App, me: Me, entity: Entity, rest: list[tuple[str, str]], words: tuple[str, ...], faults: list[Fault]
) -> tuple[tuple[Filter, ...], dict[str, Any]]:
    inputs: dict[str, Any] = {}
    out: list[Filter] = []
    for key, text in rest:
        path, operator = _operator(key)
        known = find_field(app, me, entity, path)
        if known is None:
            faults.append(_unknown_parameter(path, (*words, *_candidates(app, entity, path))))
            continue
        allowed = operators_of(app, known)
        if operator not in allowed:
            faults.append(fault("api.operator", name=path, operator=operator, allowed=", ".join(allowed) or "–"))
            continue
        inputs[f"f{len(out)}"] = _filter_value(known, operator, text, key, faults)
        out.append(Filter(path, operator))  # type: ignore[arg-type]
    return tuple(out), inputs


def _filter_value(known: Field, operator: str, text: str, key: str, faults: list[Fault]) -> Any:
    try:
        if operator == "null":
            return REGISTRY["boolean"].parse(text, known.spec)
        kind = REGISTRY["ref" if known.spec.type == "refs" else known.spec.type]  # of a set one is asked for, or some
        if operator in ("contains", "starts") and known.spec.type != "refs":
            return text
        if operator == "in":
            values = tuple(kind.parse(part.strip(), known.spec) for part in text.split(","))
            return Listed(kind.kind, kind.scale_of(known.spec), values)
        return kind.parse(text, known.spec)
    except Refused as refused:
        said = of_value(refused, "")
        words = (f"{key}: {said.says.en}", f"{key}：{said.says.zh}")
        faults.append(replace(said, says=Label(words[1], words[0]), status=400))
        return None


def _fields(app: App, me: Me, entity: Entity, text: str, faults: list[Fault]) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    if len(names) > MAX_NAMES:
        faults.append(_too_many("fields", len(names), MAX_NAMES))
        return ()
    for name in names:
        known = entity.fields.get(name)
        lines = known is not None and known.origin == "lines"
        if name != "display" and not lines and find_field(app, me, entity, name) is None:
            faults.append(_unknown_parameter(name, ("display", *_candidates(app, entity, name))))
    return names


def _sort(app: App, me: Me, entity: Entity, text: str, faults: list[Fault]) -> tuple[str, ...]:
    keys = tuple(part.strip() for part in text.split(",") if part.strip())
    if len(keys) > MAX_SORT:
        faults.append(_too_many("sort", len(keys), MAX_SORT))
        return ()
    for key in keys:
        name = key.removeprefix("-")
        if name != "display" and find_field(app, me, entity, name) is None:
            faults.append(_unknown_parameter(name, _candidates(app, entity, name)))
    return keys


def _too_many(name: str, got: int, most: int) -> Fault:
    return fault(
        "api.parameter", name=name, got=f"{got} names", expected=f"at most {most}", expected_zh=f"最多 {most} 个"
    )


def _expand(app: App, entity: Entity, text: str, faults: list[Fault], depth: int = 1) -> tuple[Expand, ...]:
    """``team,lines(worker)``."""
    out: list[Expand] = []
    if depth > MAX_EXPAND or text.count(",") > MAX_NAMES:
        faults.append(_too_many("expand", depth, MAX_EXPAND))
        return ()
    for part in split_top(text):
        name, bracket, inner = part.strip().partition("(")
        if not name:
            continue
        known = entity.fields.get(name)
        if known is None or known.target not in app.entities:
            names = [f.name for f in entity.fields.values() if f.target]
            faults.append(_unknown_parameter(name, names))
            continue
        if bracket and not inner.endswith(")"):
            faults.append(
                fault("api.parameter", name="expand", got=part.strip()[:40], expected="(…)", expected_zh="(…)")
            )
            continue
        below = inner[:-1] if bracket else ""
        out.append(Expand(name, _expand(app, app.entities[known.target], below, faults, depth + 1)))
    return tuple(out)


def split_top(text: str) -> list[str]:
    """Splits at commas outside brackets and quotes."""
    parts, depth, quoted, start = [], 0, False, 0
    for n, sign in enumerate(text):
        if sign == "'":
            quoted = not quoted
        elif quoted:
            continue
        elif sign == "(":
            depth += 1
        elif sign == ")":
            depth -= 1
        elif sign == "," and depth == 0:
            parts.append(text[start:n])
            start = n + 1
    parts.append(text[start:])
    return parts


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


def _word(given: Mapping[str, str], name: str, words: tuple[str, ...], faults: list[Fault]) -> str:
    value = given.get(name, words[-1])
    if value not in words:
        told = " | ".join(words)
        faults.append(fault("api.parameter", name=name, got=value[:40], expected=told, expected_zh=told))
    return value


def _limit(text: str, default: int, most: int, faults: list[Fault], name: str = "limit", least: int = 1) -> int:
    if not text:
        return default
    if text.isascii() and text.isdigit() and len(text) < 8 and least <= int(text) <= most:
        return int(text)
    told = (f"{least} to {most}", f"{least} 至 {most}")
    faults.append(fault("api.parameter", name=name, got=text[:40], expected=told[0], expected_zh=told[1]))
    return default
