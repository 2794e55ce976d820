"""The roof: the command line, and the one place that hands rooms to each other."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from engine.cli_bundles import bundle
from engine.cli_licences import licence
from engine.cli_options import Despite, DirectoryUrl, Downgrade, Json, Target
from engine.cli_overlays import overlay
from engine.cli_purge import purge
from engine.cli_tenants import tenant
from engine.problem import Problems

app = typer.Typer(
    name="dougong",
    help="Dougong 斗拱: module packs in YAML, compiled at run time into tables, APIs and pages.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

DatabaseUrl = Annotated[
    str,
    typer.Option(
        "--database",
        envvar="DOUGONG_DATABASE",
        help="sqlite:///path.db or postgresql://user@host/name?schema=tenant; left out: var/<app>.db.",
    ),
]

EXIT_PROBLEMS = 1
EXIT_USAGE = 2


def main() -> None:
    """The console script: problems become lines on stderr and exit code 1, never a traceback."""
    from engine.db import Lost
    from engine.serve.wire.fault import Refusal

    try:
        app()
    except Problems as problems:
        _fail(str(p) for p in problems.problems)
    except Refusal as refusal:
        _fail(f"{f.pointer + ': ' if f.pointer else ''}{f.code}: {f.says.en}" for f in refusal.faults)
    except Lost as lost:
        _fail([f"{lost.says}{f' ({lost.hint})' if lost.hint else ''}"])
    except BrokenPipeError:
        sys.exit(0)


def _fail(lines: object) -> None:
    for line in lines:  # type: ignore[attr-defined]
        print(line, file=sys.stderr)
    sys.exit(EXIT_PROBLEMS)


@app.command()
def check(
    targets: Annotated[list[Path], typer.Argument(help="Apps or packs.")],
    json: Json = False,
    language: Annotated[str, typer.Option(envvar="DOUGONG_LANGUAGE", help="en or zh.")] = "en",
) -> None:
    """Read packs and name every problem: file, line, column, reason, and what was probably meant."""
    from engine.studio.source import checking

    found = checking.check(targets)
    typer.echo(checking.told(found, json, language))
    if found:
        raise typer.Exit(EXIT_PROBLEMS)


@app.command()
def show(
    target: Target,
    entity: Annotated[str, typer.Option(help="Only this entity, as day_labor.sheet.")] = "",
    statements: Annotated[bool, typer.Option(help="Print SQL too.")] = False,
    dialect: Annotated[str, typer.Option(help="sqlite or postgresql.")] = "sqlite",
) -> None:
    """Print what packs compile to: tables, forms, machines, statements. The same text gives the same bytes."""
    from engine.compile.app import compile_app
    from engine.compile.dump import dump
    from engine.studio.source.build import catalog_of
    from engine.studio.source.project import find_project

    if dialect not in ("sqlite", "postgresql"):
        raise typer.BadParameter("sqlite or postgresql", param_hint="--dialect")
    made = compile_app(catalog_of(find_project(target)), dialect)  # type: ignore[arg-type]
    typer.echo(dump(made, entity=entity, statements=statements))


@app.command()
def serve(
    target: Annotated[Path | None, typer.Argument(help="An app; left out with --directory.")] = None,
    database: DatabaseUrl = "",
    host: Annotated[str, typer.Option(envvar="DOUGONG_HOST")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="DOUGONG_PORT")] = 8000,
    demo: Annotated[bool, typer.Option(help="Load the demo data and print its logins.")] = False,
    admin_password: Annotated[
        str, typer.Option(envvar="DOUGONG_ADMIN_PASSWORD", help="Of a new database; left out: one is made and printed.")
    ] = "",
    workers: Annotated[int, typer.Option(envvar="DOUGONG_WORKERS", min=1, max=64, help="Server processes.")] = 1,
    private_webhooks: Annotated[
        bool, typer.Option(envvar="DOUGONG_PRIVATE_WEBHOOKS", help="Webhooks may go to private and local addresses.")
    ] = False,
    https: Annotated[
        bool, typer.Option(envvar="DOUGONG_HTTPS", help="People come over https: a proxy in front speaks it.")
    ] = False,
    trusted_proxies: Annotated[
        str, typer.Option(envvar="DOUGONG_TRUSTED_PROXIES", help="Addresses or networks whose X-Forwarded-For counts.")
    ] = "",
    cors_origins: Annotated[
        str, typer.Option(envvar="DOUGONG_CORS_ORIGINS", help="Other sites whose pages may use the API with a token.")
    ] = "",
    person_limit: Annotated[
        str, typer.Option(envvar="DOUGONG_PERSON_LIMIT", help="Requests of one person or token: 600/minute.")
    ] = "",
    address_limit: Annotated[
        str, typer.Option(envvar="DOUGONG_ADDRESS_LIMIT", help="Requests from one address: 3000/minute.")
    ] = "",
    body_seconds: Annotated[
        float, typer.Option(envvar="DOUGONG_BODY_SECONDS", min=1, max=600, help="How long a body may stand still.")
    ] = 30,
    directory: DirectoryUrl = "",
    open_tenants: Annotated[
        int, typer.Option(envvar="DOUGONG_OPEN_TENANTS", min=1, help="Tenants of a directory open at a time.")
    ] = 200,
    connections: Annotated[
        int, typer.Option(envvar="DOUGONG_CONNECTIONS", min=2, help="To PostgreSQL, of all of them together.")
    ] = 64,
) -> None:
    """Serve an app: tables are made in an empty database, seeds are planted, pages and API open. Or many tenants."""
    from engine.studio.server.run import FrontSettings, Serving
    from engine.studio.server.run import serve as run

    settings = FrontSettings(trusted_proxies, cors_origins, person_limit, address_limit, body_seconds)
    if target is not None and directory == os.environ.get("DOUGONG_DIRECTORY"):
        directory = ""  # set for the commands about tenants
    run(
        Serving(
            target, database, host, port, demo, admin_password, workers, private_webhooks, https, settings,
            directory, open_tenants, connections,
        )
    )  # fmt: skip


@app.command("import")
def import_(
    target: Target,
    mapping: Annotated[str, typer.Argument(help="The import's name, as declared under imports:.")],
    file: Annotated[Path, typer.Argument(help="The file.")],
    database: DatabaseUrl = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and check everything, keep nothing.")] = False,
    new: Annotated[bool, typer.Option("--new", help="Make and install a database that is not there.")] = False,
) -> None:
    """Import a file through a mapping: all rows or none, every broken row named by its line."""
    from engine.studio.tenant.importing import run

    run(target, mapping, file, database, dry_run, new)


@app.command()
def test(
    targets: Annotated[list[Path], typer.Argument(help="Apps or packs.")],
    k: Annotated[str, typer.Option("-k", help="Only scenarios whose path contains this.")] = "",
    database: Annotated[str, typer.Option(help="sqlite, or the URL of a PostgreSQL server.")] = "sqlite",
    json: Json = False,
) -> None:
    """Play the scenarios that packs bring, each on an empty database."""
    from engine.studio.scenarios.testing import run

    if not run(targets, k, database, json):
        raise typer.Exit(EXIT_PROBLEMS)


@app.command()
def repost(
    target: Target,
    database: DatabaseUrl = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what is missing or wrong, change nothing.")] = False,
) -> None:
    """Bring ledgers to what their documents say now; with --dry-run ends with 1 when they differ."""
    from engine.studio.server.run import repost as run

    made = run(target, database, dry_run)
    for ledger, count in sorted(made.items()):
        typer.echo(f"{ledger}: {count}")
    if not made:
        typer.echo("Ledgers are as their documents say.")
    elif dry_run:
        raise typer.Exit(EXIT_PROBLEMS)


@app.command()
def verify(target: Target, database: DatabaseUrl = "") -> None:
    """Recompute kept sums from the records; ends with 1 when one differs."""
    from engine.studio.tenant.keeping import verify as run

    if _differing(run(target, database)):
        raise typer.Exit(EXIT_PROBLEMS)


@app.command()
def repair(target: Target, database: DatabaseUrl = "") -> None:
    """Recompute kept sums, and count those that differ anew; others may go on writing."""
    from engine.studio.tenant.keeping import repair as run

    if _differing(run(target, database)):
        typer.echo("Counted anew.")


def _differing(found: dict[str, int]) -> bool:
    wrong = {name: count for name, count in found.items() if count}
    for name, count in sorted(wrong.items()):
        typer.echo(f"{name}: {count} groups differ from the records")
    if not wrong:
        typer.echo(f"{len(found)} rollups, all as the records say.")
    return bool(wrong)


@app.command()
def plan(
    target: Target,
    database: DatabaseUrl = "",
    downgrade: Downgrade = False,
    json: Json = False,
    language: Annotated[str, typer.Option(envvar="DOUGONG_LANGUAGE", help="en or zh.")] = "en",
) -> None:
    """Show what the packs would change in a database that is in use. Ends with 0: nothing, 2: changes, 3: refused."""
    from engine.studio.change.changing import plan as run

    made = run(target, database, downgrade)
    typer.echo(made.json() if json else made.told(language))
    raise typer.Exit(made.code)


@app.command()
def apply(
    target: Target,
    database: DatabaseUrl = "",
    reviewed: Annotated[
        str, typer.Option("--plan", help="What `dougong plan --json` printed: that plan and no other is applied.")
    ] = "",
    note: Annotated[str, typer.Option(help="Why; kept with the revision.")] = "",
    despite: Despite = False,
    downgrade: Downgrade = False,
    json: Json = False,
    language: Annotated[str, typer.Option(envvar="DOUGONG_LANGUAGE", help="en or zh.")] = "en",
) -> None:
    """Change a database to what the packs say, while it is in use: all of the plan, or nothing of it."""
    from engine.studio.change.changing import apply as run

    made = run(target, database, reviewed, note, despite, downgrade)
    typer.echo(made.json() if json else made.told(language))
    raise typer.Exit(made.code)


@app.command()
def revisions(target: Target, database: DatabaseUrl = "", json: Json = False) -> None:
    """List what a database's metadata has been: when, by whom, why."""
    from engine.studio.change.changing import revisions as run

    typer.echo(run(target, database, json))


@app.command()
def revert(
    target: Target,
    number: Annotated[int, typer.Argument(help="The revision whose metadata shall hold again.")],
    database: DatabaseUrl = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan, change nothing.")] = False,
    despite: Despite = False,
    json: Json = False,
    language: Annotated[str, typer.Option(envvar="DOUGONG_LANGUAGE", help="en or zh.")] = "en",
) -> None:
    """Go back to the metadata of an earlier revision, as a plan like any other; nothing is lost on the way."""
    from engine.studio.change.changing import revert as run

    made = run(target, number, database, dry_run, despite)
    typer.echo(made.json() if json else made.told(language))
    raise typer.Exit(made.code)


@app.command()
def switch(
    target: Target,
    name: Annotated[str, typer.Argument(help="A module (day-labor) or feature (day_labor.overtime).")] = "",
    state: Annotated[str, typer.Argument(help="on or off.")] = "",
    database: DatabaseUrl = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan, change nothing.")] = False,
    json: Json = False,
    language: Annotated[str, typer.Option(envvar="DOUGONG_LANGUAGE", help="en or zh.")] = "en",
) -> None:
    """Switch a module or feature of a running system on or off; without a name, list them."""
    from engine.studio.change import changing

    if not name:
        typer.echo(changing.switches(target, database, json))
        return
    if state not in ("on", "off"):
        raise typer.BadParameter("on or off", param_hint="STATE")
    made = changing.switch(target, name, state == "on", database, dry_run)
    typer.echo(made.json() if json else made.told(language))
    raise typer.Exit(made.code)


user = typer.Typer(help="Who may sign in: logins, passwords, administrators.", no_args_is_help=True)
app.add_typer(user, name="user")
Login = Annotated[str, typer.Argument(help="The login name.")]


@user.command()
def add(
    target: Target,
    name: Login,
    values: Annotated[
        list[str] | None, typer.Option("--set", help="field=value of a person who is not there yet.")
    ] = None,
    database: DatabaseUrl = "",
) -> None:
    """Give a person a login with a temporary password, printed once."""
    from engine.studio.tenant.accounts import add as run

    given = [one.partition("=") for one in values or ()]
    if any(not sign for _, sign, _ in given):
        raise typer.BadParameter("--set is field=value")
    typer.echo(
        f"{name} / {run(target, database, name, {k: v for k, _, v in given})}   (to be changed at the first login)"
    )


@user.command()
def password(
    target: Target,
    name: Login,
    database: DatabaseUrl = "",
    one_time: Annotated[bool, typer.Option("--one-time", help="Make a password, print it, have it changed.")] = False,
    password: Annotated[str, typer.Option(help="Left out: it is asked for.")] = "",
) -> None:
    """Give a person (or the administrator) a new password; whoever is signed in with the old one is signed out."""
    from engine.studio.tenant.accounts import set_password

    if not one_time and not password:
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    made = set_password(target, database, name, "" if one_time else password)
    if made:
        typer.echo(f"{name} / {made}   (to be changed at the first login)")


@user.command()
def disable(target: Target, name: Login, database: DatabaseUrl = "") -> None:
    """Let somebody sign in no more, and end what he is signed in with; never the last administrator."""
    from engine.studio.tenant.accounts import change

    change(target, database, name, "disable")


@user.command()
def enable(target: Target, name: Login, database: DatabaseUrl = "") -> None:
    """Let somebody sign in again."""
    from engine.studio.tenant.accounts import change

    change(target, database, name, "enable")


@user.command()
def admin(
    target: Target,
    name: Login,
    database: DatabaseUrl = "",
    off: Annotated[bool, typer.Option("--off", help="No longer; never the last one.")] = False,
) -> None:
    """Make somebody an administrator, or no longer."""
    from engine.studio.tenant.accounts import change

    change(target, database, name, "no-administrator" if off else "administrator")


@user.command("import")
def import_people(
    target: Target,
    mapping: Annotated[str, typer.Argument(help="The import's name, as declared under imports:.")],
    file: Annotated[Path, typer.Argument(help="The file, a csv.")],
    database: DatabaseUrl = "",
    sheet: Annotated[Path | None, typer.Option(help="Write the passwords to this page instead, for printing.")] = None,
) -> None:
    """Import people, all rows or none, and give those who came temporary passwords, told once."""
    from engine.studio.tenant.accounts import bring
    from engine.studio.tenant.accounts import sheet as print_to

    if sheet is not None and sheet.exists():
        raise typer.BadParameter(f"{sheet} is there already")
    given = bring(target, database, mapping, file)
    if sheet is not None:
        print_to(given, sheet, file.name)
    for one in given if sheet is None else ():
        typer.echo(f"{one.name} / {one.password}   {one.display}")
    typer.echo(f"{len(given)} people with temporary passwords{f' in {sheet}' if sheet else ''}")


@app.command()
def why(
    target: Target,
    path: Annotated[str, typer.Argument(help="A property: day-labor.sheet.reason.required.")],
    json: Json = False,
) -> None:
    """Say who set a property: the pack or the overlay, its line, and what it said before."""
    from engine.studio.source.provenance import why as run

    typer.echo(run(target, path, json))


app.add_typer(overlay, name="overlay")
app.add_typer(bundle, name="bundle")
app.command()(purge)
app.add_typer(tenant, name="tenant")
app.add_typer(licence, name="licence")
audit = typer.Typer(help="The audit of a database: is it whole, and as a file.", no_args_is_help=True)
app.add_typer(audit, name="audit")


@audit.command("verify")
def verify_audit(
    target: Target,
    database: DatabaseUrl = "",
    seal: Annotated[str, typer.Option(help="A seal kept elsewhere, as this command printed it: number:hash.")] = "",
) -> None:
    """Check the chain of the audit; every row that was changed, removed or put in is named."""
    from engine.studio.tenant.auditing import verify as run

    if not run(target, database, seal):
        raise typer.Exit(EXIT_PROBLEMS)


if __name__ == "__main__":
    main()
