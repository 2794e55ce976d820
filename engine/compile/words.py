"""Templates of the catalogue as templates of the plan: text and the names of what stands in it."""

from __future__ import annotations

from engine.catalog import Message, Template
from engine.plan import entity as plan


def template(made: Template) -> plan.Template:
    return plan.Template(tuple(p if isinstance(p, str) else (p.name, p.format) for p in made.parts))


def message(made: Message) -> plan.Message:
    return plan.Message(template(made.to("zh")), template(made.to("en")))
