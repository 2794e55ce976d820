"""Drawings of dashboards, made on the server: SVG that needs no script, whose every part leads to what is behind it."""
