"""Playing the scenarios that packs bring: each on a database of its own, one line each."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from engine.catalog import Scenario
from engine.studio.scenarios.playing import Failure
from engine.studio.scenarios.stages import stages
from engine.studio.source.build import catalog_of, source_of
from engine.studio.source.project import Project, find_project


@dataclass(frozen=True, slots=True)
class Played:
    scenario: Scenario
    failures: tuple[Failure, ...]
    seconds: float


def run(targets: Sequence[Path], k: str, database: str, as_json: bool) -> bool:
    """Plays and prints; whether every scenario held."""
    played = [p for target in targets for p in asyncio.run(play(target, k, database))]
    if as_json:
        print(json.dumps([_plain(p) for p in played], ensure_ascii=False, indent=2))
    else:
        _print(played)
    return all(not p.failures for p in played)


async def play(target: Path, k: str = "", database: str = "sqlite") -> list[Played]:
    """Every scenario with steps whose path contains ``k``, in order."""
    project = find_project(target)
    catalog = catalog_of(project)
    chosen = [s for path, s in catalog.scenarios.items() if s.steps and k in path and _own(project, s)]
    played = []
    server = "" if database == "sqlite" else database
    async with stages(source_of(project), catalog, server, project.places) as made:
        for scenario in chosen:
            begun = time.perf_counter()
            failures = await made.play(scenario)
            played.append(Played(scenario, tuple(failures), time.perf_counter() - begun))
    return played


def _own(project: Project, scenario: Scenario) -> bool:
    """A pack's folder stands for its own scenarios, not for those of the packs it requires."""
    return not (project.folder / "module.yaml").is_file() or scenario.module.replace("_", "-") == project.name


def _print(played: Sequence[Played]) -> None:
    out = Console(highlight=False, soft_wrap=True)
    for one in played:
        mark = "[green]✓[/green]" if not one.failures else "[red]✗[/red]"
        out.print(f"{mark} {one.scenario.path}  {one.scenario.title.to('zh')}  [dim]{one.seconds * 1000:.0f} ms[/dim]")
        for failure in one.failures:
            out.print(f"    {failure.where}: {failure.step}: {failure.says.en}", markup=False)
    failed = sum(bool(p.failures) for p in played)
    out.print(f"{len(played) - failed} passed, {failed} failed")


def _plain(one: Played) -> dict[str, object]:
    return {
        "scenario": one.scenario.path,
        "passed": not one.failures,
        "seconds": round(one.seconds, 3),
        "failures": [{"step": f.step, "says": f.says.en, "where": str(f.where)} for f in one.failures],
    }
