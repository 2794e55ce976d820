"""Dougong: module packs in YAML, compiled into tables, an API and pages while the building stands."""

__version__ = "0.1.0"
