"""Where shipped packs, schemas, examples and browser assets stand: beside us in a checkout, in us in a wheel."""

from __future__ import annotations

from pathlib import Path

ENGINE = Path(__file__).resolve().parent
BUNDLED = ENGINE / "_bundled"


def _shipped(name: str) -> Path:
    """A wheel carries the folder in ``_bundled``; a checkout (and an editable install) has it at its top."""
    bundled = BUNDLED / name
    return bundled if bundled.is_dir() else ENGINE.parent / name


def modules_dir() -> Path:
    return _shipped("modules")


def schemas_dir() -> Path:
    return _shipped("schemas")


def examples_dir() -> Path:
    return _shipped("examples")


def assets_dir() -> Path:
    """Built by ``python -m renderer.build``; its ``manifest.json`` says which file a name stands for today."""
    return ENGINE.parent / "renderer" / "assets"
