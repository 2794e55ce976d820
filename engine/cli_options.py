"""Arguments and options that several commands take, said once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Target = Annotated[Path, typer.Argument(help="An app.yaml, a folder that holds one, or a pack's folder.")]
Json = Annotated[bool, typer.Option("--json", help="Print for programs: one JSON document.")]
DirectoryUrl = Annotated[
    str, typer.Option("--directory", envvar="DOUGONG_DIRECTORY", help="The directory of tenants: a URL, or a file.")
]
Despite = Annotated[
    bool,
    typer.Option("--despite-scenarios", help="Also when scenarios would not hold: the revision and the audit say so."),
]
Downgrade = Annotated[bool, typer.Option("--downgrade", help="Also when a pack is older than the one there.")]
