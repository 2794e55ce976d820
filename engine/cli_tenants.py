"""``dougong tenant …``: the tenants of a directory."""

from __future__ import annotations

import asyncio
import json as json_
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from engine.cli_options import DirectoryUrl, Json

if TYPE_CHECKING:
    from engine.tenants.directory import Directory

tenant = typer.Typer(help="Many tenants: where each one's data lies, and what is done to it.", no_args_is_help=True)
T = TypeVar("T")
Name = Annotated[str, typer.Argument(help="The tenant's name.")]
Hosts = Annotated[list[str] | None, typer.Option("--host", help="A host name that is this tenant's; may be repeated.")]


def _in(at: str, do: Callable[[Directory], Awaitable[T]], make: bool = False) -> T:
    from engine.studio.tenant.directories import directory_at

    async def run() -> T:
        async with directory_at(at, make) as directory:
            return await do(directory)

    return asyncio.run(run())


@tenant.command()
def create(
    name: Name,
    target: Annotated[Path, typer.Argument(help="The app: an app.yaml, its folder, or a pack's folder.")],
    directory: DirectoryUrl = "",
    database: Annotated[
        str, typer.Option(help="Where its data shall lie; left out: beside the directory, as <name>.")
    ] = "",
    files: Annotated[str, typer.Option(help="The folder of its files; left out: beside its data.")] = "",
    host: Hosts = None,
    admin_password: Annotated[
        str, typer.Option(envvar="DOUGONG_ADMIN_PASSWORD", help="Left out: one is made and printed.")
    ] = "",
    adopt: Annotated[bool, typer.Option("--adopt", help="Take over a database that holds a system already.")] = False,
) -> None:
    """Make a tenant of an app, and print its administrator's one-time password."""
    from engine.db import url_of
    from engine.studio.directory import tenanting

    wanted = tenanting.Wanted(name, target, database, files, tuple(host or ()), admin_password, adopt)
    made, said = _in(directory, lambda d: tenanting.create(d, url_of(directory), wanted), make=True)
    typer.echo(f"{made.name} is there, {', '.join(made.hosts) or f'at /t/{made.name}/'}")
    for line in said:
        typer.echo(f"  {line}")


@tenant.command("list")
def list_(directory: DirectoryUrl = "", json: Json = False) -> None:
    """List the tenants: name, state, hosts, and where the data lies."""
    from engine.tenants.naming import shown

    found = _in(directory, lambda d: d.all())
    if json:
        told = [
            {"name": e.name, "state": e.state, "hosts": list(e.hosts), "database": shown(e.url), "files": e.files,
             "note": e.note, "born": _at(e.born)}
            for e in found
        ]  # fmt: skip
        typer.echo(json_.dumps(told, ensure_ascii=False, indent=1))
        return
    for e in found:
        note = f"   ({e.note})" if e.note else ""
        typer.echo(f"{e.name}  {e.state}  {','.join(e.hosts) or '-'}  {shown(e.url)}{note}")


@tenant.command()
def history(name: Name, directory: DirectoryUrl = "", json: Json = False) -> None:
    """List what was done to a tenant, newest first: when, what, by whom."""

    async def asked(d: Directory) -> list[Any]:
        found = await d.events(name)
        return found or [await d.get(name)][:0]

    found = _in(directory, asked)
    if json:
        told = [{"at": _at(e.at), "act": e.act, "account": e.account, **e.detail} for e in found]
        typer.echo(json_.dumps(told, ensure_ascii=False, indent=1))
        return
    for e in found:
        detail = " ".join(f"{key}={value}" for key, value in e.detail.items() if value not in ("", [], None))
        typer.echo(f"{_at(e.at)}  {e.act}  {e.account}  {detail}".rstrip())


@tenant.command()
def url(name: Name, directory: DirectoryUrl = "") -> None:
    """Print the URL of a tenant's database, password included, for --database of other commands."""
    typer.echo(_in(directory, lambda d: d.get(name)).url)


@tenant.command()
def hosts(
    name: Name,
    host: Annotated[list[str] | None, typer.Argument(help="All of them.")] = None,
    directory: DirectoryUrl = "",
) -> None:
    """Say which host names are a tenant's; those that are not named are his no longer."""
    from engine.studio.directory import tenanting

    made = _in(directory, lambda d: tenanting.settle_hosts(d, name, host or ()))
    typer.echo(f"{made.name}: {', '.join(made.hosts) or f'no host; the API is at /t/{made.name}/'}")


@tenant.command()
def suspend(
    name: Name, directory: DirectoryUrl = "", reason: Annotated[str, typer.Option(help="Why; kept with it.")] = ""
) -> None:
    """Let nobody in and rest its background work; its data is not touched."""
    from engine.studio.directory import tenanting

    _in(directory, lambda d: tenanting.suspend(d, name, reason))
    typer.echo(f"{name} is suspended")


@tenant.command()
def resume(name: Name, directory: DirectoryUrl = "") -> None:
    """Let people in again; also after a move that was broken off."""
    from engine.studio.directory import tenanting

    _in(directory, lambda d: tenanting.resume(d, name))
    typer.echo(f"{name} is active")


@tenant.command()
def backup(
    name: Name,
    directory: DirectoryUrl = "",
    to: Annotated[Path | None, typer.Option(help="The archive, or a folder for it; left out: here.")] = None,
) -> None:
    """Write one archive of a tenant, of one moment, while it is in use."""
    from engine.studio.directory import archiving

    kept = _in(directory, lambda d: archiving.backup(d, name, to))
    typer.echo(f"{kept.file}")
    typer.echo(f"  {kept.rows} rows, {kept.files} files; seal {kept.seal}")
    for digest in kept.missing:
        typer.echo(f"  missing: the file {digest}", err=True)


@tenant.command()
def restore(
    name: Name,
    archive: Annotated[Path, typer.Argument(help="What dougong tenant backup wrote.")],
    directory: DirectoryUrl = "",
    database: Annotated[str, typer.Option(help="Where its data shall lie; left out: beside the directory.")] = "",
    files: Annotated[str, typer.Option(help="The folder of its files; left out: beside its data.")] = "",
    host: Hosts = None,
    seal: Annotated[str, typer.Option(help="The seal that was printed with the backup: no other is restored.")] = "",
    over: Annotated[bool, typer.Option("--over", help="Over a tenant that is there, and suspended.")] = False,
) -> None:
    """Make a tenant of an archive, or take a suspended one back to it."""
    from engine.db import url_of
    from engine.studio.directory import archiving

    asked = archiving.Restoring(name, archive, database, files, tuple(host or ()), seal, over)
    made, former = _in(directory, lambda d: archiving.restore(d, url_of(directory), asked), make=True)
    typer.echo(f"{made.name} is {made.state}, as it was when the archive was made")
    if former:
        typer.echo(f"  its data of before is kept at {former}")


@tenant.command()
def move(
    name: Name, database: Annotated[str, typer.Argument(help="Where its data shall lie.")], directory: DirectoryUrl = ""
) -> None:
    """Move a tenant's data to another database; requests wait meanwhile, and no write is lost."""
    from engine.studio.directory import archiving

    made, rows = _in(directory, lambda d: archiving.move(d, name, database))
    typer.echo(f"{made.name} is moved: {rows} rows, compared one by one; the former place takes no more writes")


@tenant.command()
def delete(
    name: Name,
    directory: DirectoryUrl = "",
    confirm: Annotated[str, typer.Option(help="The name once more; left out: it is asked for.")] = "",
    without_backup: Annotated[
        bool, typer.Option("--without-backup", help="Although no backup was made since it was suspended.")
    ] = False,
) -> None:
    """Remove a suspended tenant: its data, its files, its hosts. What was done to it stays in the history."""
    from engine.studio.directory import tenanting

    typed = confirm or typer.prompt(f"All data of {name} is removed. Type its name")
    _in(directory, lambda d: tenanting.delete(d, name, typed, without_backup))
    typer.echo(f"{name} is deleted")


def _at(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
