"""``dougong purge``: what is retired, deleted for good, and put back from its backup."""

from __future__ import annotations

import json as json_
from pathlib import Path
from typing import Annotated

import typer


def purge(
    target: Annotated[Path, typer.Argument(help="An app.yaml, a folder that holds one, or a pack's folder.")],
    names: Annotated[list[str] | None, typer.Argument(help="Retired entities and fields; left out: list them.")] = None,
    database: Annotated[
        str, typer.Option("--database", envvar="DOUGONG_DATABASE", help="As with the other commands.")
    ] = "",
    delete: Annotated[bool, typer.Option("--delete", help="Delete them for good; without, it is only told.")] = False,
    backup: Annotated[Path, typer.Option(help="The folder that the backup is written to first.")] = Path("purged"),
    restore: Annotated[Path | None, typer.Option(help="Put back what this backup holds, retired as it was.")] = None,
    note: Annotated[str, typer.Option(help="Why; kept with the revision.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Print for programs: one JSON document.")] = False,
    language: Annotated[str, typer.Option(envvar="DOUGONG_LANGUAGE", help="en or zh.")] = "en",
) -> None:
    """List what is retired and still there; with names and --delete delete it for good, after a backup."""
    from engine.studio.change import purging
    from engine.studio.change.retired import chosen

    if restore is not None:
        done = purging.restore(target, database, restore)
        typer.echo(f"Put back {done.values} rows: this is revision {done.revision}.")
        return
    if not (names and delete):
        found = purging.purgeable(target, database)
        found = chosen(found, names) if names else found
        typer.echo(
            json_.dumps(list(purging.plain(found)), ensure_ascii=False) if json else purging.told(found, language)
        )
        return
    done = purging.purge(target, database, names, backup, note)
    typer.echo(f"Deleted {', '.join(done.paths)} ({done.values} rows held values): this is revision {done.revision}.")
    typer.echo(f"Backup: {done.backup}")
