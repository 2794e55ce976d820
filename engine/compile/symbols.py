"""What questions asked at run time need: the expression world, live fields, and how declared figures are made."""

from __future__ import annotations

from collections.abc import Mapping

from engine.ask.symbols import AggregationSymbol, DimensionSymbol, MeasureSymbol, RollupSymbol, SourceSymbol, Symbols
from engine.catalog import Aggregation, Catalog, Dimension
from engine.fieldtypes import REGISTRY


def symbols(catalog: Catalog, kept: Mapping[str, tuple[RollupSymbol, ...]] | None = None) -> Symbols:
    """``kept``: the rollups, where questions are asked; figures inside expressions look at records."""
    live = {
        e.path: {f.name: f.live for f in e.fields.values() if f.live is not None} for e in catalog.entities.values()
    }
    return Symbols(
        catalog.world,
        {path: fields for path, fields in live.items() if fields},
        {path: _aggregation(catalog, a) for path, a in catalog.aggregations.items()},
        kept or {},
    )


def _aggregation(catalog: Catalog, made: Aggregation) -> AggregationSymbol:
    return AggregationSymbol(
        made.path,
        {s.name: SourceSymbol(s.name, s.of, dict(s.by), s.rows) for s in made.sources.values()},
        {d.name: _dimension(catalog, d) for d in made.dimensions.values()},
        {
            m.name: MeasureSymbol(m.name, m.expr, kind(m.type), m.scale, m.uses, m.each, m.running, m.stock, m.along)
            for m in made.measures.values()
        },
        made.wide,
        made.fill,
    )


def _dimension(catalog: Catalog, made: Dimension) -> DimensionSymbol:
    scale = 0
    if made.field:
        entity, _, name = made.field.rpartition(".")
        field = catalog.entities[entity].fields.get(name) if entity in catalog.entities else None
        scale = REGISTRY[field.spec.type].scale_of(field.spec) if field is not None else 0
    return DimensionSymbol(made.name, kind(made.type), scale, made.target, made.type)


def kind(name: str) -> str:
    """The storage kind of a field type; a kind's own name stays."""
    return REGISTRY[name].kind if name in REGISTRY else name
