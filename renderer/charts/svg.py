"""Elements of SVG as escaped text. Places along the width are percentages, so that a drawing fits any width while its
words keep their size; there is no style attribute, which the pages' policy forbids: looks are classes."""

from __future__ import annotations

from markupsafe import Markup, escape

from renderer.charts.scale import plain

Value = str | float | int | None
NOTHING = Markup("")


def tag(name: str, *children: str | Markup, **attributes: Value) -> Markup:
    """``class_`` and ``text_anchor`` are written ``class`` and ``text-anchor``; None leaves an attribute out."""
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = "".join([child if isinstance(child, Markup) else escape(child) for child in children])
    return Markup(f"<{name}{said}>{inner}</{name}>")


def _value(value: str | float) -> str:
    return escape(value) if isinstance(value, str) else plain(value) if isinstance(value, float) else str(value)


def at(share: float) -> str:
    """A place along the width, 0 to 1."""
    return f"{plain(share * 100)}%"


def title(text: str) -> Markup:
    return tag("title", text)


def link(href: str, *children: str | Markup, label: str = "") -> Markup:
    """A part that leads on. The table behind holds the same way, so the keyboard does not stop at every part."""
    inner = (title(label), *children) if label else children
    return tag("a", *inner, href=href, tabindex="-1", class_="way") if href else tag("g", *inner)
