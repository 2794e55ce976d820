"""Text → tree: the subset of YAML the language is written in, and the traps of YAML, each with the repaired line."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import yaml

from engine.problem import Problem, Where, problem
from engine.read.codes import CODES
from engine.read.repair import beginning, quoted, syntax_problem
from engine.read.tree import List, Map, Node, Scalar

_LOADER: Any = getattr(yaml, "CLoader", yaml.Loader)
_WIDE_BLANKS = {
    "\t": ("a tab", "制表符"),
    "\u3000": ("a full-width blank", "全角空格"),
    "\u00a0": ("a fixed blank", "不换行空格"),
}
DEPTH = 40
"""How deep maps and lists may stand in each other; a pack has about ten."""
MOST_PROBLEMS = 200
"""More are not told of one file: nobody mends them in one go, and each keeps a piece of its text."""
_BAD_INDENT = re.compile(r"^[ ]*([\t\u3000\u00a0])", re.MULTILINE)


class _Enough(Exception):
    """What follows in the file is not worth its reading, or would take too long."""


def load(file: str, text: str) -> tuple[Map | None, list[Problem]]:
    """The tree of one file, and all that is wrong with its text. ``file`` is the name that problems show."""
    problems = [_indentation(file, text, found) for found in islice(_BAD_INDENT.finditer(text), MOST_PROBLEMS + 1)]
    if len(problems) > MOST_PROBLEMS:
        problems[-1] = _more(problems[-1].where)
    if problems:
        return None, problems
    reader = _Reader(file, text, text.split("\n"))
    try:
        tree = reader.read()
    except _Enough:
        return None, reader.problems
    except yaml.YAMLError as error:
        return None, [*reader.problems, syntax_problem(file, reader.lines, error)]
    if tree is None and not reader.problems:
        reader.problems.append(problem(CODES["load.empty-file"], Where(file, 1, 1)))
    if tree is not None and not isinstance(tree, Map):
        reader.problems.append(problem(CODES["pack.header"], tree.where))
        tree = None
    return tree, reader.problems


def _more(where: Where) -> Problem:
    return problem(CODES["load.more"], where, most=MOST_PROBLEMS)


def _indentation(file: str, text: str, found: re.Match[str]) -> Problem:
    line = text.count("\n", 0, found.start(1)) + 1
    column = found.start(1) - found.start() + 1
    what, what_zh = _WIDE_BLANKS[found[1]]
    return problem(CODES["load.indentation"], Where(file, line, column), what=what, what_zh=what_zh)


@dataclass(slots=True)
class _Reader:
    file: str
    text: str
    lines: list[str]
    problems: list[Problem] = field(default_factory=list)
    parser: Any = None
    depth: int = 0

    def read(self) -> Node | None:
        self.parser = _LOADER(self.text)
        tree: Node | None = None
        try:
            while True:
                event = self.parser.get_event()
                if event is None or isinstance(event, yaml.StreamEndEvent):
                    return tree
                if isinstance(event, yaml.DocumentStartEvent):
                    if tree is not None:
                        self.say("load.document", self.where(event.start_mark))
                        return tree
                elif not isinstance(event, (yaml.StreamStartEvent, yaml.DocumentEndEvent)):
                    tree = self.node(event)
        finally:
            self.parser.dispose()

    def say(self, code: str, where: Where, **params: object) -> None:
        if len(self.problems) == MOST_PROBLEMS:
            self.problems.append(_more(where))
            raise _Enough
        self.problems.append(problem(CODES[code], where, None, **params))

    def where(self, mark: Any) -> Where:
        return Where(self.file, mark.line + 1, mark.column + 1)

    def node(self, event: Any) -> Node:
        if type(event) is yaml.ScalarEvent:
            return self.scalar(event)
        where = self.where(event.start_mark)
        if type(event) is yaml.AliasEvent:
            self.say("load.alias", where, name=event.anchor, repaired=quoted(f"*{event.anchor}"))
            return Scalar(f"*{event.anchor}", where, False)
        self.refuse_sugar(event, where)
        if self.depth == DEPTH:
            self.say("load.depth", where, depth=DEPTH)
            raise _Enough  # the parser takes ever longer the deeper it is
        self.depth += 1
        node = self.mapping(event, where) if type(event) is yaml.MappingStartEvent else self.sequence(where)
        self.depth -= 1
        return node

    def refuse_sugar(self, event: Any, where: Where) -> None:
        rest = beginning(self.lines[where.line - 1], where.column - 1).strip()
        if event.anchor is not None:
            self.say("load.anchor", where, name=event.anchor, repaired=quoted(rest))
        if event.tag is not None:
            self.say("load.tag", where, name=event.tag, repaired=quoted(rest))

    def scalar(self, event: Any) -> Scalar:
        mark = event.start_mark
        where = Where(self.file, mark.line + 1, mark.column + 1)
        plain = event.style is None or event.style == ""
        if event.anchor is not None or event.tag is not None:
            self.refuse_sugar(event, where)
        elif plain:
            self.tail(event, where)
        elif event.style in ("'", '"'):
            where = Where(self.file, mark.line + 1, mark.column + 2)
        else:  # | and >: the text begins on the next line, at its indentation
            line = self.lines[mark.line + 1] if mark.line + 1 < len(self.lines) else ""
            where = Where(self.file, mark.line + 2, len(line) - len(line.lstrip()) + 1)
            return Scalar(event.value.rstrip("\n"), where, False)
        return Scalar(event.value, where, plain)

    def tail(self, event: Any, where: Where) -> None:
        """`编号 # No.` keeps only 编号: one blank before `#` is not enough for a comment."""
        end = event.end_mark
        if self.text.startswith(" #", end.index) and event.value:
            rest = self.lines[end.line][end.column :]
            self.say("load.comment", self.where(end), tail=rest.strip(), repaired=quoted(event.value + rest.rstrip()))

    def sequence(self, where: Where) -> List:
        items: list[Node] = []
        while type(event := self.parser.get_event()) is not yaml.SequenceEndEvent:
            items.append(self.node(event))
        return List(items, where)

    def mapping(self, start: Any, where: Where) -> Node:
        flow = bool(start.flow_style)
        out = Map(where)
        cut: list[Any] = []  # in a flow map: keys without a value, side by side
        before: Any = None  # the last pair that has a value: (key, its value's event)
        while type(event := self.parser.get_event()) is not yaml.MappingEndEvent:
            key = self.key(event)
            value = self.parser.get_event()
            empty = type(value) is yaml.ScalarEvent and value.value == "" and not value.style and value.tag is None
            if empty and value.anchor is None:
                if flow:
                    cut.append(event)
                else:
                    self.say("load.empty", self.where(event.start_mark), key=key)
                    self.put(out, key, event, Scalar("null", self.where(event.start_mark)))
                continue
            if cut:
                if before is not None:
                    self.cut(out, before, cut)
                else:
                    self.template(start, cut)
                cut = []
            at = value.start_mark
            node = self.node(value)
            before = (event, at, node)
            self.put(out, key, event, node)
        if cut and before is None:
            return self.template(start, cut)
        if cut:
            self.cut(out, before, cut)
        return out

    def template(self, start: Any, keys: list[Any]) -> Scalar:
        """A flow map in which nothing has a value was meant as a text: `{number}`."""
        at, last = start.start_mark, keys[-1].end_mark
        end = self.text.find("}", last.index)
        whole = " ".join(self.text[at.index : (end if end >= 0 else last.index) + 1].split())
        self.say("load.template", self.where(at), text=whole, repaired=quoted(whole))
        return Scalar(whole, self.where(at), False)

    def key(self, event: Any) -> str:
        if type(event) is not yaml.ScalarEvent:
            self.say("load.key", self.where(event.start_mark))
            self.node(event)
            return ""
        if event.value == "<<" and not event.style:
            self.say("load.merge-key", self.where(event.start_mark))
        if event.anchor is not None or event.tag is not None:
            self.refuse_sugar(event, self.where(event.start_mark))
        return str(event.value)

    def put(self, out: Map, key: str, event: Any, node: Node) -> None:
        where = self.where(event.start_mark)
        if key in out.items:
            first = out.keys[key]
            self.say("load.duplicate-key", where, key=key, first=f"line {first.line}, column {first.column}")
            return
        if key and key != "<<":
            out.put(key, where, node)

    def cut(self, out: Map, before: Any, keys: list[Any]) -> None:
        """A comma cut a text: shows the pair as it was meant."""
        last = keys[-1].end_mark
        key, value_at, node = before
        meant = " ".join(self.text[value_at.index : last.index].split())
        self.say("load.comma", self.where(value_at), text=meant, repaired=f"{key.value}: {quoted(meant)}")
        if isinstance(node, Scalar):  # go on with what was meant, so that it is not complained about again
            out.items[key.value] = Scalar(meant, node.where, False)
