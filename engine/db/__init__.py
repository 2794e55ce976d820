"""Databases: opening them, running statements on them, and creating tables."""

from __future__ import annotations

from engine.db.bell import Bell
from engine.db.call import Body, Call, Database, Held, Lost, Stale, TooLarge, Unsettled, Violation, say
from engine.db.install import install
from engine.db.open import file_of, open_database, raze, url_of
from engine.db.pool import Budget

__all__ = [
    "Bell",
    "Body",
    "Budget",
    "Call",
    "Database",
    "Held",
    "Lost",
    "Stale",
    "TooLarge",
    "Unsettled",
    "Violation",
    "file_of",
    "install",
    "open_database",
    "raze",
    "say",
    "url_of",
]
