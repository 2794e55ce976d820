"""Catalog → App: tables, statements, machines, pages. The same catalogue gives the same bytes."""

from engine.compile.app import compile_app

__all__ = ["compile_app"]
