"""Commands over overlays: a part of the roof."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from engine.cli_options import Json, Target
from engine.problem import Problem

overlay = typer.Typer(help="What overlays change in packs, and what becomes of it in an upgrade.", no_args_is_help=True)
EXIT_TO_DECIDE = 2


@overlay.command()
def diff(target: Target, json: Json = False) -> None:
    """Show everything the overlays change: what the pack says, what they make of it, what is lost by it."""
    from engine.studio.source import overlays
    from engine.studio.source.project import find_project

    found = overlays.review(find_project(target))
    typer.echo(overlays.as_json(found) if json else overlays.told(found))
    _fail(found.problems)


@overlay.command()
def record(target: Target) -> None:
    """Write down what the packs say now at every place the overlays change."""
    from engine.studio.source import overlays
    from engine.studio.source.project import find_project

    for path in overlays.record(find_project(target)):
        typer.echo(path.as_posix())


@overlay.command()
def upgrade(
    target: Target,
    keep: Annotated[list[str] | None, typer.Option(help="At this path the overlay stays as it is.")] = None,
    drop: Annotated[list[str] | None, typer.Option(help="At this path the pack's own word counts again.")] = None,
    drop_redundant: Annotated[
        bool, typer.Option("--drop-redundant", help="Take out what the packs say by themselves now.")
    ] = False,
    json: Json = False,
) -> None:
    """Compare what the packs said with what they say now; what moved is listed until somebody decides."""
    from engine.studio.source import overlays
    from engine.studio.source.project import find_project

    project = find_project(target)
    found = overlays.review(project)
    gone = list(drop or ())
    if drop_redundant:
        gone += [line.path for line in found.lines if line.state == "redundant" and line.path not in gone]
    if gone:
        overlays.drop(project, gone)
    overlays.record(project, overlays.agreed(project, keep or ()))
    left = overlays.review(project)
    typer.echo(overlays.as_json(left) if json else overlays.told(left, every=False))
    _fail(left.problems)
    raise typer.Exit(0 if left.decided else EXIT_TO_DECIDE)


def _fail(problems: tuple[Problem, ...]) -> None:
    for one in problems:
        typer.echo(str(one), err=True)
    if problems:
        sys.exit(1)
