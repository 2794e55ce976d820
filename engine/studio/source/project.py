"""Which packs make a customer's system: an ``app.yaml``, or a pack's folder with all that it requires."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import available_timezones

from engine.fieldtypes.filekinds import size_of
from engine.label import LANGUAGES, Label
from engine.paths import modules_dir, shipped_dir
from engine.problem import Problem, Problems, Where, nearest, problem
from engine.read.load import load
from engine.read.tree import List, Map, Node, Scalar
from engine.studio.codes import CODES

_KEYS = ("app", "title", "packs", "overlays", "language", "zone", "features", "files")


@dataclass(frozen=True, slots=True)
class Project:
    """A customer's choice of packs, not yet read. ``folder`` is where its own files stand."""

    name: str
    title: Label
    folder: Path
    packs: tuple[Path, ...]
    overlays: tuple[Path, ...] = ()
    language: str = "zh"
    zone: str = "Asia/Shanghai"
    features: Mapping[str, bool] = field(default_factory=dict)
    files: Mapping[str, int] = field(default_factory=dict)
    """Bytes that one file may have (``max_size``), and all of them together (``quota``)."""

    @property
    def places(self) -> list[Path]:
        """The folders of its packs and overlays; not its own, where its data may lie too."""
        overlays = dict.fromkeys(one if one.is_dir() else one.parent for one in self.overlays)
        return [*self.packs, *(one for one in overlays if one.resolve() != self.folder.resolve())]


def find_project(path: Path) -> Project:
    """The project at an ``app.yaml``, a folder that holds one, or a pack's folder (``module.yaml``).

    A relative path that is not here may be one that we ship: ``examples/contractor`` works from anywhere.
    """
    if not path.exists() and (shipped_dir() / path).exists():
        path = shipped_dir() / path
    if path.is_dir() and (path / "app.yaml").is_file():
        path = path / "app.yaml"
    if path.is_dir() and (path / "module.yaml").is_file():
        return _of_pack(path)
    if not path.is_file():
        raise Problems([problem(CODES["app.missing"], file=str(path))])
    if path.name == "module.yaml":
        return _of_pack(path.parent)
    return _of_app(path)


def _of_pack(folder: Path) -> Project:
    """A pack by itself: with what it requires, and what it can use when that is there."""
    header = _header(folder)
    name = _text(header, "module") or folder.name
    return Project(name, Label(name, name), folder, _closure([folder], folder))


def _of_app(path: Path) -> Project:
    tree, problems = load(path.name, path.read_text(encoding="utf-8"))
    if tree is None or problems:
        raise Problems(problems)
    folder = path.parent
    reading = _Reading(tree)
    title = tree.items.get("title")
    packs = [_pack_folder(name, folder, reading.problems) for name in reading.names("packs")]
    project = Project(
        name=_text(tree, "app") or folder.name,
        title=_label(title),
        folder=folder,
        packs=_closure([p for p in packs if p], folder),
        overlays=tuple(folder / s.text for s in reading.names("overlays"))
        or tuple(sorted(folder.glob("overlays/*.yaml"))),
        language=reading.one_of("language", LANGUAGES, "app.language", "zh"),
        zone=reading.one_of("zone", available_timezones(), "app.zone", "Asia/Shanghai"),
        features=reading.switches("features"),
        files=reading.sizes("files", ("max_size", "quota")),
    )
    if reading.problems:
        raise Problems(reading.problems)
    return project


class _Reading:
    """Takes an app.yaml apart and keeps what was wrong with it."""

    def __init__(self, tree: Map) -> None:
        self.tree = tree
        self.problems: list[Problem] = [
            problem(CODES["app.unknown-key"], tree.keys[key], key=key, nearest=nearest(key, _KEYS) or ", ".join(_KEYS))
            for key in tree.items
            if key not in _KEYS
        ]

    def names(self, key: str) -> list[Scalar]:
        node = self.tree.items.get(key)
        if node is None:
            return []
        if not isinstance(node, List) or not all(isinstance(i, Scalar) for i in node.items):
            self.problems.append(
                problem(CODES["app.kind"], node.where, key=key, want="a list of names", want_zh="名称列表")
            )
            return []
        return [i for i in node.items if isinstance(i, Scalar)]

    def one_of(self, key: str, known: Iterable[str], code: str, default: str) -> str:
        node = self.tree.items.get(key)
        if node is None:
            return default
        text = node.text if isinstance(node, Scalar) else ""
        if text not in known:
            self.problems.append(problem(CODES[code], node.where, **{key: text}))
        return text

    def switches(self, key: str) -> dict[str, bool]:
        node = self.tree.items.get(key)
        if node is None:
            return {}
        values = node.items if isinstance(node, Map) else {"": node}
        if not all(isinstance(v, Scalar) and v.text in ("true", "false") for v in values.values()):
            self.problems.append(
                problem(
                    CODES["app.kind"], node.where, key=key, want="a map of true and false", want_zh="true/false 的映射"
                )
            )
            return {}
        return {name: v.text == "true" for name, v in values.items() if isinstance(v, Scalar)}

    def sizes(self, key: str, names: tuple[str, ...]) -> dict[str, int]:
        node = self.tree.items.get(key)
        if node is None:
            return {}
        values = node.items if isinstance(node, Map) else {"": node}
        found = {name: size_of(v.text) for name, v in values.items() if isinstance(v, Scalar) and name in names}
        out = {name: size for name, size in found.items() if size is not None}
        if len(out) != len(values):
            want, want_zh = (
                f"a map of {' and '.join(names)}, like 50 MB or 20 GB",
                "max_size、quota 的映射，例如 50 MB、20 GB",
            )
            self.problems.append(problem(CODES["app.kind"], node.where, key=key, want=want, want_zh=want_zh))
        return out


def _label(node: Node | None) -> Label:
    if isinstance(node, Scalar):
        return Label(node.text, node.text)
    if isinstance(node, Map):
        return Label(_text(node, "zh"), _text(node, "en"))
    return Label()


def _text(tree: Map, key: str) -> str:
    node = tree.items.get(key)
    return node.text if isinstance(node, Scalar) else ""


def _header(folder: Path) -> Map:
    """A pack's header as far as it can be read; what is wrong with it is said when the pack itself is read."""
    file = folder / "module.yaml"
    tree = load(str(file), file.read_text(encoding="utf-8"))[0] if file.is_file() else None
    return tree or Map(Where(str(file), 1, 1))


def _shelves(folder: Path) -> tuple[Path, ...]:
    return (folder, folder / "packs", folder.parent, modules_dir())


def _find_pack(name: str, folder: Path) -> Path | None:
    if name == folder.name and (folder / "module.yaml").is_file():
        return folder
    return next((s / name for s in _shelves(folder) if (s / name / "module.yaml").is_file()), None)


def _pack_folder(name: Scalar, folder: Path, problems: list[Problem]) -> Path | None:
    found = _find_pack(name.text, folder)
    if found is None:
        known = {p.parent.name for s in _shelves(folder) for p in s.glob("*/module.yaml")}
        meant = nearest(name.text, known) or ", ".join(sorted(known))
        problems.append(problem(CODES["app.no-pack"], name.where, pack=name.text, nearest=meant))
    return found


def _closure(folders: list[Path], beside: Path) -> tuple[Path, ...]:
    """The packs with all they require, dependencies first. What is missing is said when the packs are read."""
    ordered: dict[str, Path] = {}

    def take(folder: Path) -> None:
        if folder.name in ordered or folder in waiting:
            return
        waiting.append(folder)
        header = _header(folder)
        for key in ("requires", "uses") if folder == beside else ("requires",):
            needed = header.items.get(key)
            for name in needed.items if isinstance(needed, Map) else ():
                found = _find_pack(name, beside)
                if found is not None:
                    take(found)
        waiting.pop()
        ordered[folder.name] = folder

    waiting: list[Path] = []
    for folder in folders:
        take(folder)
    return tuple(ordered.values())
