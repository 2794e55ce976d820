"""What overlays change, and what becomes of it when the packs beneath them move.

Beside each overlay stands its **base record** (``acme.base.json``): for each thing the overlay sets, what the pack said
when that was written. With it an upgrade is a true three-way merge:

* *redundant*: the pack now says what the overlay says; its line can go.
* *clean*: the pack still says what it said.
* *moved*: the pack says something else now, and so does the overlay: somebody decides.
* *new*: the overlay added it; the pack had nothing there and has nothing.
* *unrecorded*: nobody wrote down what the pack said.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from engine.problem import Problem, Problems, nearest, problem
from engine.read import Change, changes_of, texts_in, versions_of
from engine.studio.codes import CODES
from engine.studio.source.cutting import cut
from engine.studio.source.project import Project

State = Literal["redundant", "clean", "moved", "new", "unrecorded"]
TO_DECIDE = ("redundant", "moved", "unrecorded")


@dataclass(frozen=True, slots=True)
class Line:
    """One thing an overlay says. ``then``: what the pack said when it was written, and ``noted`` where that is
    recorded."""

    path: str
    overlay: str
    state: State
    change: Change
    then: str | None = None
    noted: str = ""

    @property
    def lost(self) -> tuple[str, ...]:
        """What goes without being named: entries of a replaced list, terms of a replaced condition."""
        if self.change.kind == "list":
            ours = _entries(self.change.after)
            return tuple(one for one in _entries(self.change.before) if one not in ours)
        theirs, ours = terms(self.change.before), terms(self.change.after)
        return tuple(one for one in theirs if one not in ours) if len(theirs) > 1 and self.change.after else ()


@dataclass(frozen=True, slots=True)
class Review:
    lines: tuple[Line, ...]
    versions: Mapping[str, str]
    recorded: Mapping[str, Mapping[str, str]]
    """By overlay the versions of the packs it was last looked over with."""
    problems: tuple[Problem, ...] = ()

    @property
    def decided(self) -> bool:
        return not any(line.state in TO_DECIDE for line in self.lines)


def review(project: Project) -> Review:
    """Compares; changes nothing."""
    problems: list[Problem] = []
    packs = texts_in(project.packs, problems)
    lines: list[Line] = []
    recorded: dict[str, Mapping[str, str]] = {}
    for path in project.overlays:
        changes, found = changes_of(packs, texts_in([path], problems))
        problems += found
        kept = _record_of(path)
        recorded[path.stem] = kept.get("packs", {})
        values: Mapping[str, str] | None = kept.get("values")
        places = _places(record_path(path))
        found_here = (_line(name, path.stem, change, values) for name, change in changes.items())
        lines += [replace(line, noted=_noted(line, places)) for line in found_here]
    return Review(tuple(lines), versions_of(packs), recorded, tuple(problems))


def _line(path: str, overlay: str, change: Change, values: Mapping[str, str] | None) -> Line:
    then = None if values is None else _then(values, path)
    state: State
    if change.before and change.before == change.after:
        state = "redundant"
    elif then is None:
        state = "unrecorded" if change.before else "new"
    elif then == change.before:
        state = "clean" if change.before else "new"
    else:
        state = "moved"
    return Line(path, overlay, state, change, then)


def _speaks_of(name: str, mine: Mapping[str, Line]) -> bool:
    """Whether the overlay still says something there, or of a part of what it once added whole."""
    return name in mine or any(path.startswith(f"{name}.") for path in mine)


def _then(values: Mapping[str, str], path: str) -> str | None:
    """What was recorded there; of a part of something that the overlay had added whole: nothing was there."""
    if path in values:
        return values[path]
    above = path
    while "." in above:
        above = above.rpartition(".")[0]
        if above in values:
            return "" if values[above] == "" else None
    return None


def record(project: Project, only: Iterable[str] | None = None) -> list[Path]:
    """Writes down what the packs say now, of everything the overlays change, or of ``only`` these paths."""
    wanted = None if only is None else set(only)
    found = review(project)
    written = []
    for path in project.overlays:
        kept = dict(_record_of(path).get("values", {})) if wanted is not None else {}
        mine = {line.path: line for line in found.lines if line.overlay == path.stem}
        kept = {name: text for name, text in kept.items() if _speaks_of(name, mine)}
        kept |= {name: line.change.before for name, line in mine.items() if wanted is None or name in wanted}
        versions = found.versions if wanted is None else {**found.recorded.get(path.stem, {}), **found.versions}
        text = json.dumps(
            {"overlay": path.stem, "packs": dict(sorted(versions.items())), "values": dict(sorted(kept.items()))},
            ensure_ascii=False,
            indent=2,
        )
        record_path(path).write_text(f"{text}\n", encoding="utf-8")
        written.append(record_path(path))
    return written


def agreed(project: Project, keep: Sequence[str]) -> list[str]:
    """Paths of which what the pack says now may be written down: nothing moved there, or somebody keeps ours."""
    found = {line.path: line for line in review(project).lines}
    for path in keep:
        if path not in found:
            raise Problems([problem(CODES["overlay.no-line"], path=path, nearest=nearest(path, found) or "–")])
    return [path for path, line in found.items() if path in keep or line.state in ("clean", "new")]


def drop(project: Project, paths: Sequence[str]) -> list[str]:
    """Takes what the overlay says at these paths out of its text, so that the pack's own word counts; gives what is
    gone. Nothing is written unless everything else means what it meant."""
    found = {line.path: line for line in review(project).lines}
    for path in paths:
        if path not in found:
            raise Problems([problem(CODES["overlay.no-line"], path=path, nearest=nearest(path, found) or "–")])
    texts: dict[str, str] = {}
    # From the end, so that places further up stay what they are.
    for line in sorted((found[p] for p in paths), key=lambda one: _place(one.change), reverse=True):
        where = line.change.where
        text = texts.get(where.file) or Path(where.file).read_text(encoding="utf-8")
        try:
            texts[where.file] = cut(text, where.line, where.column)
        except ValueError:
            raise Problems([problem(CODES["overlay.by-hand"], where, path=line.path)]) from None
    _judge(project, texts, found, set(paths))
    for file, text in texts.items():
        Path(file).write_text(text, encoding="utf-8")
    return list(paths)


def _place(change: Change) -> tuple[str, int, int]:
    return (change.where.file, change.where.line, change.where.column)


def _judge(project: Project, texts: Mapping[str, str], before: Mapping[str, Line], gone: set[str]) -> None:
    """Whether the cut overlays say what they said, but for what was to go."""
    problems: list[Problem] = []
    packs = texts_in(project.packs, problems)
    after: dict[str, str] = {}
    for path in project.overlays:
        changed = [{file: texts.get(file, text) for file, text in one.items()} for one in texts_in([path], problems)]
        after |= {name: change.after for name, change in changes_of(packs, changed)[0].items()}
    wanted = {name: line.change.after for name, line in before.items() if name not in gone}
    if after != wanted:
        differs = min(set(wanted.items()) ^ set(after.items()))[0]
        where = before[differs].change.where if differs in before else None
        raise Problems([problem(CODES["overlay.by-hand"], where, path=differs)])


def record_path(overlay: Path) -> Path:
    return overlay.with_name(f"{overlay.stem}.base.json")


_VALUE = re.compile(r'\s+"([^"]+)": ')


def _places(record: Path) -> dict[str, str]:
    """Path → where it stands in the base record."""
    told = record.read_text(encoding="utf-8").splitlines() if record.is_file() else []
    found = ((n, _VALUE.match(text)) for n, text in enumerate(told, 1))
    return {one[1]: f"{record.as_posix()}:{n}" for n, one in found if one}


def _noted(line: Line, places: Mapping[str, str]) -> str:
    """Of a part of something that was recorded whole: where that stands."""
    path = line.path
    while line.then is not None and path not in places and "." in path:
        path = path.rpartition(".")[0]
    return places.get(path, "") if line.then is not None else ""


def _record_of(overlay: Path) -> Mapping[str, Any]:
    path = record_path(overlay)
    if not path.is_file():
        return {}
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        sound = isinstance(kept, dict) and all(isinstance(kept.get(key, {}), dict) for key in ("packs", "values"))
    except (ValueError, OSError):
        sound = False
    if not sound:
        raise Problems([problem(CODES["overlay.record"], file=path.as_posix())])
    return dict(kept)


def terms(text: str) -> tuple[str, ...]:
    """What stands between the ANDs of a condition, on its top level."""
    parts, depth, quoted, start = [], 0, False, 0
    for at, sign in enumerate(text):
        if sign == "'":
            quoted = not quoted
        elif not quoted and sign in "()":
            depth += 1 if sign == "(" else -1
        elif not quoted and not depth and re.match(r"\bAND\b", text[at:]) and text[at - 1 : at] == " ":
            parts.append(text[start:at].strip())
            start = at + 3
    parts.append(text[start:].strip())
    return tuple(parts)


def _entries(text: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in text.strip("[]").split(",") if one.strip())


def told(found: Review, every: bool = True) -> str:
    """The review as people read it at a terminal."""
    out = []
    for line in found.lines:
        if not every and line.state not in TO_DECIDE:
            continue
        change = line.change
        ours = change.after or "retired"
        out.append(f"{line.state:<10} {line.path}")
        if line.then is not None and line.then != change.before:
            out.append(f"    then     {line.then or '–'}{f'  ({line.noted})' if line.noted else ''}")
        out.append(f"    pack     {change.before or '–'}{f'  ({change.base})' if change.base.line else ''}")
        out.append(f"    {line.overlay:<8} {ours}  ({change.where})")
        if line.lost:
            out.append(f"    lost     {'; '.join(line.lost)}")
    counts = {state: sum(line.state == state for line in found.lines) for state in (*TO_DECIDE, "clean", "new")}
    out.append(", ".join(f"{n} {state}" for state, n in counts.items() if n) or "the overlays change nothing")
    return "\n".join(out)


def as_json(found: Review) -> str:
    return json.dumps(
        {
            "packs": dict(found.versions),
            "recorded": {name: dict(versions) for name, versions in found.recorded.items()},
            "decided": found.decided,
            "lines": [
                {
                    "path": line.path,
                    "overlay": line.overlay,
                    "state": line.state,
                    "then": line.then,
                    "then_at": line.noted,
                    "pack": line.change.before,
                    "ours": line.change.after,
                    "pack_at": str(line.change.base),
                    "ours_at": str(line.change.where),
                    "lost": list(line.lost),
                }
                for line in found.lines
            ],
            "problems": [str(one) for one in found.problems],
        },
        ensure_ascii=False,
        indent=2,
    )
