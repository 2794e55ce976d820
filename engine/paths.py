"""Where shipped packs, schemas, examples and browser assets stand: beside us in a checkout, in us in a wheel."""

from __future__ import annotations

from pathlib import Path

ENGINE = Path(__file__).resolve().parent
BUNDLED = ENGINE / "_bundled"


def shipped_dir() -> Path:
    """A wheel carries what we ship in ``_bundled``; a checkout (and an editable install) has it at its top."""
    return BUNDLED if BUNDLED.is_dir() else ENGINE.parent


def modules_dir() -> Path:
    return shipped_dir() / "modules"


def schemas_dir() -> Path:
    return shipped_dir() / "schemas"


def examples_dir() -> Path:
    return shipped_dir() / "examples"


def assets_dir() -> Path:
    """Built by ``python -m renderer.build``; its ``manifest.json`` says which file a name stands for today."""
    return ENGINE.parent / "renderer" / "assets"
