"""Questions asked at run time — a list, a record, grouped figures — made into one SQL statement each."""

from engine.ask.ask import Ask
from engine.ask.codes import CODES
from engine.ask.figure import figure_sql
from engine.ask.symbols import AggregationSymbol, DimensionSymbol, MeasureSymbol, SourceSymbol, Symbols

__all__ = [
    "CODES",
    "AggregationSymbol",
    "Ask",
    "DimensionSymbol",
    "MeasureSymbol",
    "SourceSymbol",
    "Symbols",
    "figure_sql",
]
