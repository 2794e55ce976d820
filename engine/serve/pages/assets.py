"""Built assets: their names hold their digests, so browsers keep them for good."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from engine.paths import assets_dir
from engine.serve.wire.answer import Answer, Asked
from engine.serve.wire.fault import refuse

_MEDIA = {
    "js": b"text/javascript; charset=utf-8",
    "css": b"text/css; charset=utf-8",
    "json": b"application/json",
    "txt": b"text/plain; charset=utf-8",
    "svg": b"image/svg+xml",
    "woff2": b"font/woff2",
    "png": b"image/png",
    "map": b"application/json",
}
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,120}")
_FOREVER = (b"cache-control", b"public, max-age=31536000, immutable")


def asset(asked: Asked) -> Answer:
    name = asked.path[-1]
    kind = name.rpartition(".")[2]
    if len(asked.path) != 2 or not _NAME.fullmatch(name) or kind not in _MEDIA:
        raise refuse("api.no-route", path=f"/assets/{name}"[:120], nearest="")
    packed = "gzip" in asked.headers.get("accept-encoding", "")
    path = assets_dir() / name
    if packed and (found := _read(Path(f"{path}.gz"))) is not None:
        headers = (_FOREVER, (b"content-encoding", b"gzip"), (b"vary", b"accept-encoding"))
        return Answer(200, found, headers, _MEDIA[kind])
    found = _read(path)
    if found is None:
        raise refuse("api.no-route", path=f"/assets/{name}"[:120], nearest="")
    return Answer(200, found, (_FOREVER, (b"vary", b"accept-encoding")), _MEDIA[kind])


@lru_cache(maxsize=128)
def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
