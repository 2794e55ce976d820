"""A bundle: the whole configuration of a tenant as one text, the same bytes for the same configuration.

Each part has its digest, and the digest of the whole is the bundle's *seal*. Texts are kept as lists of their lines, so
that what changed between two bundles can be read where texts are compared.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from engine import __version__
from engine.label import Label
from engine.problem import Problems, problem
from engine.studio.codes import CODES
from engine.studio.source.build import Source

FORMAT = 1
_LAYERS = ("pack", "overlay")
_UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)
"""What a text that is no bundle runs into; JSON as Python reads it has an Infinity, which is no whole number."""
Digests = Mapping[str, str]
"""Part → sha256."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """``settings`` are what was set for the whole tenant: (name, since, value); ``expects`` the parts of the
    configuration that this one shall take the place of, where it says so."""

    source: Source
    settings: tuple[tuple[str, str, Any], ...] = ()
    expects: Digests = field(default_factory=dict)
    engine: str = __version__

    def parts(self) -> Iterator[dict[str, Any]]:
        source = self.source
        title = {"zh": source.title.zh, "en": source.title.en}
        app = {"name": source.name, "title": title, "language": source.language, "zone": source.zone}
        yield {"part": "app", "value": app}
        yield {"part": "features", "value": dict(sorted(source.features.items()))}
        yield {"part": "switches", "value": dict(sorted(source.switches.items()))}
        yield {"part": "settings", "value": [list(one) for one in self.settings]}
        for kind, layers in zip(_LAYERS, (source.packs, source.overlays), strict=True):
            for n, files in enumerate(layers, 1):
                for file, text in files.items():
                    yield {"part": kind, "layer": n, "file": file, "text": text.split("\n")}

    @property
    def digests(self) -> dict[str, str]:
        return {_name(part): _digest(part) for part in self.parts()}

    @property
    def seal(self) -> str:
        return str(self._whole()["sha256"])

    def _whole(self) -> dict[str, Any]:
        expects = {"expects": dict(sorted(self.expects.items()))} if self.expects else {}
        parts = [{**part, "sha256": _digest(part)} for part in self.parts()]
        whole = {"bundle": self.source.name, "format": FORMAT, "engine": self.engine, **expects, "parts": parts}
        return {**whole, "sha256": _digest(whole)}

    def told(self) -> str:
        return json.dumps(self._whole(), ensure_ascii=False, indent=1) + "\n"


def read(text: str, seal: str = "") -> Bundle:
    """Raises Problems where it is none, is not whole, was altered, or was written by an engine that knew more."""
    try:
        whole = json.loads(text)
        known, parts = int(whole["format"]), list(whole["parts"])
    except _UNREADABLE as error:
        raise _broken(error) from None
    if known > FORMAT:
        raise Problems([problem(CODES["bundle.newer"], format=known, known=FORMAT, engine=whole.get("engine", "?"))])
    try:
        altered = [_name(part) for part in parts if part["sha256"] != _digest(_bare(part))]
        if not altered and whole["sha256"] != _digest(_bare(whole)):
            altered = ["bundle"]
        if altered:
            raise Problems([problem(CODES["bundle.altered"], parts=_listed(altered))])
        made = _made(whole, parts)
    except _UNREADABLE as error:
        raise _broken(error) from None
    if seal and seal != whole["sha256"]:
        raise Problems([problem(CODES["bundle.seal"], found=whole["sha256"])])
    return made


def _made(whole: Mapping[str, Any], parts: Iterable[Mapping[str, Any]]) -> Bundle:
    values: dict[str, Any] = {}
    layers: dict[str, dict[int, dict[str, str]]] = {kind: {} for kind in _LAYERS}
    for part in parts:
        if part["part"] in _LAYERS:
            file = str(part["file"])
            if not _inside(file):
                raise ValueError(file)
            layers[part["part"]].setdefault(int(part["layer"]), {})[file] = "\n".join(part["text"])
        else:
            values[part["part"]] = part["value"]
    packs, overlays = (tuple(files for _, files in sorted(layers[kind].items())) for kind in _LAYERS)
    app = values["app"]
    title = Label(app["title"]["zh"], app["title"]["en"])
    features, switches = (
        {str(name): bool(on) for name, on in values[kind].items()} for kind in ("features", "switches")
    )
    source = Source(app["name"], title, app["language"], app["zone"], packs, overlays, features, switches)
    settings = tuple((str(name), str(since), value) for name, since, value in values["settings"])
    return Bundle(source, settings, dict(whole.get("expects", {})), str(whole["engine"]))


def _inside(file: str) -> bool:
    """Scenarios look for their files beside the text that names them: a bundle cannot say that it lies elsewhere."""
    path = PurePosixPath(file)
    return not path.is_absolute() and ".." not in path.parts and "\\" not in file and ":" not in file


def differing(one: Digests, other: Digests) -> list[str]:
    """Parts that are not the same in both."""
    return [name for name in sorted({*one, *other}) if one.get(name) != other.get(name)]


def named(parts: Iterable[str]) -> str:
    """As people call them: without their place among the layers."""
    told = [" ".join((kind, *more[1:])) for kind, *more in (name.split(" ", 2) for name in parts)]
    return _listed(dict.fromkeys(told))


def _listed(names: Iterable[str]) -> str:
    found = list(names)
    return ", ".join(found[:8]) + (f" (+{len(found) - 8})" if len(found) > 8 else "")


def _name(part: Mapping[str, Any]) -> str:
    kind = str(part["part"])
    return f"{kind} {part['layer']} {part['file']}" if kind in _LAYERS else kind


def _bare(whole: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in whole.items() if name != "sha256"}


def _digest(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _broken(reason: object) -> Problems:
    return Problems([problem(CODES["bundle.broken"], reason=reason)])
