"""The scenarios that packs bring, played against what a plan leads to, before anybody meets it.

They are played in a process of their own (``python -m engine.studio.scenarios.rehearsing``), on SQLite databases that
are thrown away: a server that is asked for a plan goes on serving. What was found is kept by content, so that
``apply`` after ``plan`` does not wait twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine import cache
from engine.catalog import Catalog
from engine.label import LANGUAGES, Label
from engine.paths import ENGINE
from engine.plan.change import Line
from engine.plan.metadata import plain
from engine.problem import Problems, problem
from engine.studio.codes import CODES
from engine.studio.scenarios.at_hand import named
from engine.studio.scenarios.stages import stages
from engine.studio.source.build import Source, source_from


async def broken(source: Source, catalog: Catalog, beside: Sequence[Path] = ()) -> list[Line]:
    """A line for each scenario that would not hold, and for each that could not be played."""
    if not any(scenario.steps for scenario in catalog.scenarios.values()):
        return []
    kept = cache.folder() / f"scenarios-{_key(source, catalog, beside)}.pickle"
    found = cache.load(kept, list)
    if found is None:
        found = await _played(source, beside)
        cache.keep(kept, found)
    return list(_lines(found))


def _lines(found: Sequence[dict[str, Any]]) -> Iterator[Line]:
    for one in found:
        title = Label(one["title"]["zh"], one["title"]["en"])
        if one["missing"]:
            says = Label(
                f"{title.zh}：未运行，模块包旁没有文件 {'、'.join(one['missing'])}",
                f"{title.en}: not played, there is no file {', '.join(one['missing'])} beside the pack",
            )
            yield Line("scenario", one["scenario"], "safe", says, where=one["where"], section="tests")
            continue
        failures = one["failures"]
        says = Label(f"场景不成立：{title.zh}", f"the scenario does not hold: {title.en}")
        told = tuple(Label(*(f"{f['step']}: {f['says'][of]}" for of in LANGUAGES)) for f in failures)
        yield Line(
            "scenario", one["scenario"], "guarded", says, against=len(told), offenders=tuple(one.en for one in told),
            told=told, section="tests", where=failures[0]["where"],
        )  # fmt: skip


async def _played(source: Source, beside: Sequence[Path]) -> list[dict[str, Any]]:
    asked = json.dumps({"source": source.told(), "beside": [str(folder.resolve()) for folder in beside]}).encode()
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, cwd=ENGINE.parent,
    )  # fmt: skip
    try:
        out, err = await child.communicate(asked)
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        raise
    if child.returncode:
        said = err.decode(errors="replace").strip().splitlines()
        raise Problems([problem(CODES["plan.not-played"], what=said[-1] if said else f"exit {child.returncode}")])
    found: list[dict[str, Any]] = json.loads(out)
    return found


def _key(source: Source, catalog: Catalog, beside: Sequence[Path]) -> str:
    """What the outcome depends on: the text, the engine, the day, and files that lie beside the packs."""
    digest = hashlib.sha256(source.told().encode())
    digest.update(datetime.now(UTC).date().isoformat().encode())
    digest.update(cache.digest_of(".").encode())
    for file in named(catalog, beside):
        state = file.stat()
        digest.update(f"{file}:{state.st_size}:{state.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:32]


async def _play(source: Source, beside: Sequence[Path]) -> list[dict[str, Any]]:
    catalog = source.catalog()
    out = []
    async with stages(source, catalog, beside=beside) as made:
        for scenario in catalog.scenarios.values():
            failures = await made.play(scenario) if scenario.steps else []
            if failures:
                told = [{"step": f.step, "says": plain(f.says), "where": str(f.where)} for f in failures]
                missing = [f.missing for f in failures if f.missing]
                title = {"zh": scenario.title.to("zh"), "en": scenario.title.to("en")}
                out.append(
                    {"scenario": scenario.path, "title": title, "where": str(scenario.where), "failures": told}
                    | {"missing": missing}
                )
    return out


def main() -> None:
    asked = json.load(sys.stdin)
    found = asyncio.run(_play(source_from(asked["source"]), [Path(folder) for folder in asked["beside"]]))
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
