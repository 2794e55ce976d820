"""Figures in words: a dimension's value by name, a measure with its unit, how good or bad it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from engine.fieldtypes import REGISTRY, Spec
from engine.plan.app import App
from engine.plan.entity import Entity
from engine.plan.page import Dimension, Figures, Light, Measure, Tile
from engine.plan.viewer import Viewer
from renderer.environment import texts
from renderer.values import Cell, machine_of, state_cell

_SHARES = Light(Decimal("0.9"), Decimal(1))
"""Of a limit that says nothing of its own."""


def dimension_cell(app: App, figures: Figures, dimension: Dimension, value: Any, viewer: Viewer) -> Cell:
    """A dimension's value by name: a record's display, a choice's title, a month."""
    t = texts(viewer.language)
    if value is None or value == "":
        return Cell(t("Not split") if len(figures.sources) > 1 else t("Not stated"), "none")
    if dimension.bands:
        return Cell(band_name(dimension, int(str(value)), viewer), "band")
    if isinstance(value, Mapping):
        return Cell(str(value.get("display") or ""), "ref")
    if dimension.kind == "month":
        return Cell(str(value)[:7], "month")
    if isinstance(value, bool):
        return Cell(REGISTRY["boolean"].format(value, Spec("boolean"), viewer.language, viewer.zone), "boolean")
    return named_choice(app, figures, dimension, value, viewer)


def band_name(dimension: Dimension, first: int, viewer: Viewer) -> str:
    """A band of age in words."""
    t = texts(viewer.language)
    if first < 0:
        return t("Not yet due")
    low, high = dimension.band(first)
    if high is None:
        return t("Over {days} days", days=low - 1)
    return t("{low}–{high} days", low=low, high=high)


def roots_of(app: App, figures: Figures) -> list[Entity]:
    """The entities a figure is about and those that own them: where its dimensions' words are."""
    sources = [app.entities[s] for s in figures.sources if s in app.entities]
    return sources + [app.entities[e.owner] for e in sources if e.owner in app.entities]


def named_choice(app: App, figures: Figures, dimension: Dimension, value: Any, viewer: Viewer) -> Cell:
    for root in roots_of(app, figures):
        machine = machine_of(app, root)
        if machine is not None and machine.field == dimension.name and str(value) in machine.states:
            return state_cell(machine, value, viewer.language)
        field = root.fields.get(dimension.name)
        if field is not None and field.spec.options:
            text = REGISTRY[field.spec.type].format(value, field.spec, viewer.language, viewer.zone)
            return Cell(text, field.spec.type)
    return Cell(str(value), dimension.kind)


def is_money(measure: Measure) -> bool:
    return measure.unit in ("元", "CNY")


def measure_cell(measure: Measure, value: Any, viewer: Viewer) -> Cell:
    """A figure; of money the exact amount goes along for the 元/万元 switch."""
    if value is None:
        return Cell("–", "none")
    if measure.percent:
        return Cell(f"{Decimal(str(value)) * 100:,.1f} %".replace("-", "−"), "percent")
    if measure.kind == "integer":
        return Cell(REGISTRY["integer"].format(value, Spec("integer"), viewer.language), "integer")
    if measure.kind == "decimal":
        digits = min(measure.scale, 2)
        text = f"{Decimal(str(value)):,.{digits}f}".replace("-", "−")
        return Cell(text, "decimal", money=str(value) if is_money(measure) else "")
    kind = REGISTRY.get(measure.kind)
    return Cell(
        kind.format(value, Spec(measure.kind), viewer.language, viewer.zone) if kind else str(value), measure.kind
    )


def unit_of(measure: Measure, viewer: Viewer, own: str = "") -> str:
    """The unit after a number; the percent sign stands in the number itself."""
    return own or ("" if measure.percent else texts(viewer.language)("yuan") if is_money(measure) else measure.unit)


def unit_mark(measure: Measure) -> str:
    return "" if not measure.unit or is_money(measure) else f" ({measure.unit})"


def number(value: Any) -> Decimal | None:
    """An answer's value to reckon with; what is no number is none."""
    if value is None or isinstance(value, (bool, Mapping)):
        return None
    try:
        return Decimal(str(value))
    except ArithmeticError:
        return None


def change_of(now: Any, before: Any) -> tuple[str, str]:
    """The change against the period before in percent, and whether it went up or down."""
    new, old = number(now), number(before)
    if new is None or not old:
        return "", ""
    ratio = (new - old) / abs(old) * 100
    direction = "up" if ratio > 0 else "down" if ratio < 0 else "same"
    return f"{ratio:+,.1f} %".replace("-", "−"), direction


def rows_of(answer: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    return [r for r in (answer or {}).get("rows") or () if isinstance(r, Mapping)]


def raw(value: Any) -> str:
    if isinstance(value, Mapping):
        return str(value.get("id") or "")
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def tone(light: Light | None, value: Decimal | None) -> str:
    """``good``, ``warn`` or ``alarm``; nothing where nobody set a light. It warns from ``warn`` on, alarms past
    ``alarm``; which way is bad is the way from the one to the other."""
    if light is None or value is None:
        return ""
    if light.alarm >= light.warn:
        return "alarm" if value > light.alarm else "warn" if value >= light.warn else "good"
    return "alarm" if value < light.alarm else "warn" if value <= light.warn else "good"


def share(value: Decimal | None, bound: Decimal | None) -> Decimal | None:
    return None if value is None or not bound else value / bound


@dataclass(frozen=True, slots=True)
class Held:
    """A value held against its bound, or by itself."""

    tone: str = ""
    share: Decimal | None = None


def held(tile: Tile, measure: str, value: Decimal | None, bound: Decimal | None) -> Held:
    light = tile.lights.get(measure)
    if not tile.bound:
        return Held(tone(light, value))
    part = share(value, bound)
    if part is None:
        return Held("alarm" if tile.bad == "above" and value and bound is not None and value > 0 else "")
    return Held(tone(light or (_SHARES if tile.bad == "above" else None), part), part)


def light_word(held_as: str, viewer: Viewer) -> str:
    t = texts(viewer.language)
    return {"good": t("In order"), "warn": t("Close to the limit"), "alarm": t("Past the limit")}.get(held_as, "")
