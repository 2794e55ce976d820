"""YAML → Catalog. ``read`` is the pipeline; it raises ``Problems`` with everything that is wrong, at once."""

from engine.read.cache import key_of, read_cached, texts_cached
from engine.read.overlay import Change
from engine.read.packs import texts_of
from engine.read.pipeline import (
    Called,
    called_in,
    changes_of,
    origins_of,
    read,
    read_texts,
    texts_in,
    versions_of,
    whole,
)
from engine.read.report import for_editors, for_people, ordered
from engine.read.shape.pack import meaning_of

__all__ = [
    "Called",
    "Change",
    "called_in",
    "changes_of",
    "for_editors",
    "for_people",
    "key_of",
    "meaning_of",
    "ordered",
    "origins_of",
    "read",
    "read_cached",
    "read_texts",
    "texts_cached",
    "texts_in",
    "texts_of",
    "versions_of",
    "whole",
]
