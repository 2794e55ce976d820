"""Expressions, built: text → typed tree → SQL per dialect, and a program for Python and the browser.

``parse_expression(text, scope, expect, where)`` raises ``Problems`` for what is wrong and ``Unavailable`` for what
waits for an absent pack. ``to_sql(expr, context)`` gives SQL whose values ``context.binder`` names, ``to_program``
JSON-able lists for ``engine.expr.run.evaluate`` and ``expr.js``, or None when only the database can tell.
"""

from __future__ import annotations

from engine.expr.build.api import Equality, Expr, make_expr, parse_expression
from engine.expr.build.binder import Binder, Key
from engine.expr.build.codes import CODES
from engine.expr.build.program import to_program
from engine.expr.build.scope import Scope, Unavailable
from engine.expr.build.sql import (
    Context,
    Joins,
    emit,
    fails_only_when_false,
    group,
    holds_only_when_true,
    to_sql,
)
from engine.expr.build.tokens import RESERVED, suggested_name
from engine.expr.build.tree import Fig, Group, Measure
from engine.expr.build.world import Attribute, Figure, Relation, World, system_attributes, type_of

__all__ = [
    "CODES",
    "RESERVED",
    "Attribute",
    "Binder",
    "Context",
    "Equality",
    "Expr",
    "Fig",
    "Figure",
    "Group",
    "Joins",
    "Key",
    "Measure",
    "Relation",
    "Scope",
    "Unavailable",
    "World",
    "emit",
    "fails_only_when_false",
    "group",
    "holds_only_when_true",
    "make_expr",
    "parse_expression",
    "suggested_name",
    "system_attributes",
    "to_program",
    "to_sql",
    "type_of",
]
