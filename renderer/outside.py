"""Pages of a server where no tenant answers: without scripts, styles or anything else that would have to be fetched."""

from __future__ import annotations

from html import escape

from engine.plan.viewer import Said


def closed_page(language: str, status: int, said: tuple[Said, ...]) -> str:
    lines = "".join(f"<p>{escape(one.hint)}</p>" for one in said if one.hint)
    title = escape(said[0].message if said else str(status))
    tongue = "zh-CN" if language == "zh" else "en"
    return (
        f'<!doctype html><html lang="{tongue}"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><main><p>{status}</p><h1>{title}</h1>{lines}</main></html>"
    )
