"""Expressions: one text, four targets that agree to the last digit."""
