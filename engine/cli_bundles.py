"""``dougong bundle …``: a tenant's configuration as one file, from test to production."""

from __future__ import annotations

import asyncio
import json as json_
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli_options import Despite, DirectoryUrl, Downgrade, Json
from engine.problem import Problems, problem

if TYPE_CHECKING:
    from engine.studio.change.bundles import Bundle

bundle = typer.Typer(help="A tenant's configuration as one file, from test to production.", no_args_is_help=True)
File = Annotated[Path, typer.Argument(help="The bundle.")]
Target = Annotated[Path | None, typer.Argument(help="The app; left out with --database or --tenant.")]
Url = Annotated[str, typer.Option("--database", envvar="DOUGONG_DATABASE", help="As with the other commands.")]
Tenant = Annotated[str, typer.Option("--tenant", help="Instead of a database: a tenant of the directory.")]
Seal = Annotated[str, typer.Option("--seal", help="The seal that was printed when it was exported: no other bundle.")]


def _read(file: Path, seal: str = "") -> Bundle:
    from engine.studio.change import bundles
    from engine.studio.codes import CODES

    try:
        text = file.read_bytes().decode("utf-8")
    except (OSError, ValueError) as error:
        raise Problems([problem(CODES["bundle.file"], file=file.name, reason=error)]) from None
    return bundles.read(text, seal)


@bundle.command()
def export(
    file: File,
    target: Target = None,
    database: Url = "",
    tenant: Tenant = "",
    directory: DirectoryUrl = "",
    expects: Annotated[
        Path | None, typer.Option(help="A bundle of the system this one is for: it is refused where that has changed.")
    ] = None,
) -> None:
    """Write down what a system is made of: packs, overlays, switches, values of settings. Prints the seal."""
    from engine.studio.change import bundling
    from engine.studio.tenant.where import Where

    wanted = None if expects is None else _read(expects)
    made = asyncio.run(bundling.export(Where(target, database, tenant, directory), wanted))
    file.write_bytes(made.told().encode())
    typer.echo(f"{made.seal}  {file.name}")


@bundle.command("import")
def import_(
    file: File,
    target: Target = None,
    database: Url = "",
    tenant: Tenant = "",
    directory: DirectoryUrl = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan, change nothing.")] = False,
    reviewed: Annotated[
        str, typer.Option("--plan", help="What --dry-run --json printed: that plan and no other.")
    ] = "",
    note: Annotated[str, typer.Option(help="Why; kept with the revision.")] = "",
    seal: Seal = "",
    over: Annotated[
        bool, typer.Option("--over-changes", help="Also when the system was changed since: those changes go.")
    ] = False,
    downgrade: Downgrade = False,
    despite: Despite = False,
    new: Annotated[bool, typer.Option("--new", help="Make and install a database that is not there.")] = False,
    json: Json = False,
    language: Annotated[str, typer.Option(envvar="DOUGONG_LANGUAGE", help="en or zh.")] = "en",
) -> None:
    """Make a system what a bundle says, by a plan like any other: 0 nothing or done, 2 changes, 3 refused."""
    from engine.studio.change import bundling
    from engine.studio.change.changing import Asked, review_of
    from engine.studio.tenant.where import Where

    asked = Asked(not dry_run, note, despite, review_of(reviewed), reviewed)
    arrival = bundling.Arrival(over, downgrade, new)
    where = Where(target, database, tenant, directory)
    made = asyncio.run(bundling.bring(where, _read(file, seal), arrival, asked))
    if made is None:
        typer.echo("It can be installed." if dry_run else "Installed: this is revision 1.")
        return
    typer.echo(made.json() if json else made.told(language))
    raise typer.Exit(made.code)


@bundle.command()
def show(file: File, seal: Seal = "", json: Json = False) -> None:
    """Check that a bundle is whole and unaltered, and say what is in it."""
    from engine.studio.change.bundling import shown

    found = shown(_read(file, seal))
    if json:
        typer.echo(json_.dumps(found, ensure_ascii=False, indent=2))
        return
    typer.echo(f"{found['name']}, by engine {found['engine']}")
    for pack, version in found["packs"].items():
        typer.echo(f"pack      {pack} {version}")
    for name in found["overlays"]:
        typer.echo(f"overlay   {name}")
    for name, on in found["switches"].items():
        typer.echo(f"switch    {name} {'on' if on else 'off'}")
    for name, since, value in found["settings"]:
        typer.echo(f"setting   {name} = {json_.dumps(value, ensure_ascii=False)}{f' from {since} on' if since else ''}")
    typer.echo(f"seal      {found['seal']}")
