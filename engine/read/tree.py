"""What YAML text becomes: maps, lists and scalars that know where they stand. Every scalar is still text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from engine.problem import Where


@dataclass(slots=True)
class Scalar:
    """``plain``: written without quotes, so that the unquoted word ``null`` can mean nothing."""

    text: str
    where: Where
    plain: bool = True

    @property
    def null(self) -> bool:
        return self.plain and self.text == "null"


@dataclass(slots=True)
class List:
    items: list[Node]
    where: Where


@dataclass(slots=True)
class Map:
    """``keys`` holds where each key stands; ``items`` what it holds, in order."""

    where: Where
    items: dict[str, Node] = field(default_factory=dict)
    keys: dict[str, Where] = field(default_factory=dict)

    def put(self, key: str, where: Where, value: Node) -> None:
        self.items[key] = value
        self.keys[key] = where


Node = Scalar | List | Map


def kind_of(node: Node) -> str:
    """What a node is, in the words of our messages."""
    if isinstance(node, Scalar):
        return "null" if node.null else "text"
    return "a list" if isinstance(node, List) else "a map"


def scalars(node: Node) -> Iterator[Scalar]:
    if isinstance(node, Scalar):
        yield node
    else:
        for item in node.items.values() if isinstance(node, Map) else node.items:
            yield from scalars(item)
