"""Functions that expressions need and SQLite lacks."""

from __future__ import annotations

import sqlite3


def register(connection: sqlite3.Connection) -> None:
    """Adds them to a connection."""
