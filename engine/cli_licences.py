"""``dougong licence …``: what a tenant was sold."""

from __future__ import annotations

import asyncio
import json as json_
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli_options import DirectoryUrl, Json

licence = typer.Typer(help="Editions: a signed licence says how long, for how many, which modules.")
Target = Annotated[Path | None, typer.Argument(help="The app; left out with --tenant.")]
Url = Annotated[str, typer.Option("--database", envvar="DOUGONG_DATABASE", help="The app's database.")]
Tenant = Annotated[str, typer.Option("--tenant", help="Instead of an app: a tenant of the directory.")]


@licence.command()
def show(
    target: Target = None, database: Url = "", tenant: Tenant = "", directory: DirectoryUrl = "", json: Json = False
) -> None:
    """Say what holds: edition, days left, seats, modules; checked here, without a network."""
    from engine.studio.tenant import licensing
    from engine.studio.tenant.where import Where

    _tell(asyncio.run(licensing.show(Where(target, database, tenant, directory))), json)


@licence.command()
def install(
    file: Annotated[Path, typer.Argument(help="The licence, as it came from the vendor.")],
    target: Target = None,
    database: Url = "",
    tenant: Tenant = "",
    directory: DirectoryUrl = "",
    json: Json = False,
) -> None:
    """Put a licence in; processes that serve go by it within a minute."""
    from engine.studio.tenant import licensing
    from engine.studio.tenant.where import Where

    _tell(asyncio.run(licensing.install(Where(target, database, tenant, directory), file)), json)


@licence.command()
def make(
    tenant: Annotated[str, typer.Argument(help="Whom it is for: the tenant's name.")],
    edition: Annotated[str, typer.Option(help="trial, professional or enterprise.")],
    key: Annotated[Path, typer.Option(envvar="DOUGONG_VENDOR_KEY", help="The vendor's private key.")],
    holder: Annotated[str, typer.Option(help="What people call them.")] = "",
    users: Annotated[int | None, typer.Option(min=1, help="How many may sign in.")] = None,
    module: Annotated[list[str] | None, typer.Option(help="A module that may be used; may be repeated.")] = None,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The last day.")] = None,
    number: Annotated[str, typer.Option(help="The licence's number; left out: one is made.")] = "",
    to: Annotated[Path | None, typer.Option(help="The file; left out: it is printed.")] = None,
) -> None:
    """Make a licence: for the vendor, who has the private key."""
    from engine.studio.tenant import licensing

    if edition not in ("trial", "professional", "enterprise"):
        raise typer.BadParameter("trial, professional or enterprise", param_hint="--edition")
    if to is not None and to.exists():
        raise typer.BadParameter(f"{to} is there already", param_hint="--to")
    day = until.date() if until else None
    asked = licensing.Making(tenant, edition, holder, users, tuple(module or ()), day, number)  # type: ignore[arg-type]
    text = licensing.make(key, asked)
    if to is None:
        typer.echo(text, nl=False)
    else:
        to.write_text(text, encoding="utf-8")
        typer.echo(f"{to}")


@licence.command()
def keygen(
    file: Annotated[Path, typer.Argument(help="Where the private key shall lie; only you may read it.")],
) -> None:
    """Make the vendor's pair of keys; the public one is printed, for DOUGONG_LICENCE_KEY."""
    from engine.studio.tenant import licensing

    typer.echo(f"DOUGONG_LICENCE_KEY={licensing.keygen(file)}")


def _tell(told: dict[str, Any], json: bool) -> None:
    if json:
        typer.echo(json_.dumps(told, ensure_ascii=False, indent=1))
        return
    if not told["licensed"]:
        typer.echo(f"{told['tenant']}: nothing is licensed, DOUGONG_LICENCE_KEY is not set")
        return
    end = f"until {told['until']}, {told['days_left']} days left" if told["until"] else "for good"
    typer.echo(f"{told['tenant']}: {told['edition']} {told['number']}, made out to {told['holder']}, {end}")
    if told["read_only"]:
        typer.echo("  it is over: everything can be read and exported, nothing changed")
    typer.echo(f"  {told['seats']} of {told['users'] or 'any number of'} may sign in")
    if told["users"] and told["seats"] > told["users"]:
        typer.echo("  more than licensed: all of them keep their access, nobody is added")
    if shut := [name for name, open_ in told["modules"].items() if not open_]:
        typer.echo(f"  read only, not licensed: {', '.join(shut)}")
    if told["wrong"]:
        typer.echo(f"  the installed file does not hold: {told['wrong']}")
    if told["clock_moved_back"]:
        typer.echo("  the clock was set back; days are counted from the latest time that was seen")
