"""What can be switched in packs, as their text says it: packs and features, what each needs and what it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from engine import cache
from engine.label import Label
from engine.plan.metadata import Held
from engine.read import key_of
from engine.read.packs import PackTree, Texts, arrange, gather
from engine.read.tree import List, Map, Node, Scalar


@dataclass(frozen=True, slots=True)
class Part:
    """A feature is of a ``pack``; a pack of none. ``requires``: of the same kind. ``default``: what the pack says."""

    name: str
    title: Label
    default: bool = True
    requires: tuple[str, ...] = ()
    holds: tuple[Held, ...] = ()
    pack: str = ""


def parts_of(packs: Sequence[Texts]) -> tuple[Part, ...]:
    """Packs first, in the order of their dependencies. Kept by content: a switch reads no packs."""
    return _kept(tuple(tuple(texts.items()) for texts in packs))


@lru_cache(maxsize=8)
def _kept(packs: tuple[tuple[tuple[str, str], ...], ...]) -> tuple[Part, ...]:
    texts = [dict(files) for files in packs]
    kept = cache.folder() / f"parts-{key_of(texts, (), {}, {})}-{cache.digest_of('studio')[:16]}.pickle"
    found = cache.load(kept, tuple)
    if found is None:
        found = tuple(_read(texts))
        cache.keep(kept, found)
    return found


def _read(packs: Sequence[Texts]) -> Iterator[Part]:
    gathered = [gather(texts)[0] for texts in packs]
    trees = arrange([tree for tree in gathered if tree is not None], [])
    for tree in trees:
        requires = tuple(_under(tree.tree, "requires"))
        yield Part(tree.name, _title(tree.tree), requires=requires, holds=tuple(_entities(tree)))
    for tree in trees:
        for name, noun in _under(tree.tree, "features").items():
            wanted = tuple(one if "." in one else f"{tree.key}.{one}" for one in _names(noun, "requires"))
            off = isinstance(noun, Map) and _text(noun.items.get("default")) == "false"
            holds = tuple(_featured(tree, name))
            yield Part(f"{tree.key}.{name}", _title(noun), not off, wanted, holds, tree.name)


def _names(noun: object, key: str) -> list[str]:
    found = noun.items.get(key) if isinstance(noun, Map) else None
    return [one.text for one in found.items if isinstance(one, Scalar)] if isinstance(found, List) else []


def _title(noun: object) -> Label:
    found = noun.items.get("title") if isinstance(noun, Map) else None
    if isinstance(found, Map):
        return Label(*(_text(found.items.get(language)) for language in ("zh", "en")))
    return Label(_text(found), _text(found))


def _text(node: object) -> str:
    return node.text if isinstance(node, Scalar) else ""


def _entities(tree: PackTree) -> Iterator[Held]:
    for name, noun in _under(tree.tree, "entities").items():
        yield Held(f"{tree.key}.{name}", _title(noun))


def _featured(tree: PackTree, feature: str) -> Iterator[Held]:
    """Entities and fields of a feature."""
    for name, noun in _under(tree.tree, "entities").items():
        if _of(noun, feature):
            yield Held(f"{tree.key}.{name}", _title(noun))
            continue
        for field, inner in _under(noun, "fields").items():
            if _of(inner, feature):
                title, own = _title(noun), _title(inner)
                both = Label(f"{title.zh} · {own.zh or field}", f"{title.en} · {own.en or field}")
                yield Held(f"{tree.key}.{name}.{field}", both)


def _of(noun: object, feature: str) -> bool:
    return isinstance(noun, Map) and _text(noun.items.get("feature")) == feature


def _under(noun: object, key: str) -> Mapping[str, Node]:
    found = noun.items.get(key) if isinstance(noun, Map) else None
    return found.items if isinstance(found, Map) else {}
