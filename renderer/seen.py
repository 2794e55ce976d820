"""A tile as one person sees it now: its figures, the choice it is for, and where each part of it leads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from engine.plan.app import App
from engine.plan.page import Dashboard, Dimension, Figures, Measure, Tile
from engine.plan.viewer import DashboardView, Viewer
from renderer.drill import drill_href, figure_href, parted, tile_href
from renderer.environment import Texts, texts
from renderer.figures import dimension_cell, measure_cell, raw, rows_of, unit_of
from renderer.values import Cell

Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    app: App
    viewer: Viewer
    board: Dashboard
    tile: Tile
    figures: Figures
    view: DashboardView

    @property
    def t(self) -> Texts:
        return texts(self.viewer.language)

    @property
    def dimensions(self) -> list[Dimension]:
        return [self.figures.dimensions[d] for d in self.tile.split if d in self.figures.dimensions]

    @property
    def tree(self) -> str:
        """The dimension whose records stand for all below them."""
        return self.app.tree_of(self.dimensions) if self.tile.level else ""

    @property
    def measures(self) -> list[Measure]:
        return [self.figures.measures[m] for m in self.tile.measures if m in self.figures.measures]

    @property
    def first(self) -> Measure:
        return self.measures[0]

    @property
    def bound(self) -> Measure | None:
        return self.figures.measures.get(self.tile.bound)

    @property
    def answer(self) -> Mapping[str, Any] | None:
        return self.view.answers.get(self.tile.name)

    @property
    def items(self) -> list[Item]:
        """The groups that are shown."""
        found = rows_of(self.answer)
        most = self.view.most_cells if self.tile.rows else self.view.most
        return found[:most] if most and not self.tile.top else found

    @property
    def more(self) -> bool:
        """Whether there are more groups than are shown."""
        return len(rows_of(self.answer)) > len(self.items)

    @property
    def totals(self) -> Mapping[str, Any]:
        found = (self.answer or {}).get("totals")
        return found if isinstance(found, Mapping) else {}

    @property
    def chosen(self) -> dict[str, str]:
        """The filters that this tile's figures know."""
        return {k: v for k, v in self.view.filters.items() if parted(k)[0] in self.figures.dimensions}

    @property
    def unheard(self) -> list[str]:
        """Chosen filters that its figures do not know."""
        return list(dict.fromkeys(n for k in self.view.filters if (n := parted(k)[0]) not in self.figures.dimensions))

    def place(self, item: Item | None, dimensions: Sequence[Dimension]) -> dict[str, str]:
        """The choice narrowed to one group."""
        out = dict(self.chosen)
        for dimension in dimensions:
            found = (item or {}).get(dimension.name)
            value = raw(found)
            for key in [k for k in out if parted(k)[0] == dimension.name]:
                del out[key]
            if value and dimension.name == self.tree and not (isinstance(found, Mapping) and found.get("leaf")):
                out[f"{dimension.name}[under]"] = value
                continue
            out |= {dimension.name: value} if value else {f"{dimension.name}[null]": "true"}
        return out

    def way(self, place: Mapping[str, str], measure: Measure) -> str:
        """To the next split, else to the records, else to how the figure is reckoned."""
        taken = {parted(key)[0] for key in place if key == parted(key)[0] or key.endswith("[null]")}
        then = next((d for d in self.tile.then if d not in taken and (d not in self.tile.split or d == self.tree)), "")
        if then:
            return tile_href(self.board.name, self.tile.name, place, then)
        listed = drill_href(self.app, self.viewer, self.tile, self.figures, place, measure.name)
        return listed or figure_href(self.figures.name, measure.name, place)

    def called(self, dimension: Dimension, value: Any) -> Cell:
        cell = dimension_cell(self.app, self.figures, dimension, value, self.viewer)
        deep = value.get("level") if self.tile.level < 0 and isinstance(value, Mapping) else None
        return replace(cell, text="\u2003" * (int(deep) - 1) + cell.text) if deep else cell

    def cell(self, measure: Measure, value: Any) -> Cell:
        return measure_cell(measure, value, self.viewer)

    def told(self, measure: Measure, value: Decimal | None, name: str = "") -> str:
        """One value in full words: for what is shown while pointing at it."""
        text = self.cell(measure, value).text
        unit = unit_of(measure, self.viewer, self.tile.unit)
        said = f"{text} {unit}".strip()
        return f"{name or measure.title.to(self.viewer.language)}: {said}"
