"""What is said of tenants is said in the reader's language, reasons and hints included."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.db import open_database
from engine.problem import Problems
from engine.studio.directory import archiving, tenanting
from engine.tenants.directory import STATES, Directory, Entry, State
from engine.wording import in_language

_WORDS = re.compile(r"dougong|tenant|--[a-z-]+|sqlite:\S+|/\S+|move|resume|restor(ing|e)|suspend|backup|delete")


def chinese(found: Problems) -> str:
    told = " ".join(part for one in found.problems for part in in_language(one, "zh"))
    assert not re.search(r"[a-z]{2}", _WORDS.sub("", told)), told
    return told


@pytest.mark.parametrize("state", STATES)
async def test_what_does_not_fit_a_tenant_is_told_in_chinese(tmp_path: Path, state: State) -> None:
    directory = await Directory.over(await open_database(f"sqlite://{tmp_path}/tenants.db"))
    refused: list[Problems] = []
    try:
        await directory.add(Entry("a", f"sqlite://{tmp_path}/a.db", f"{tmp_path}/a", "making"), "x")
        await directory.change("a", "made", "x", state=state)
        for ask in (
            lambda: tenanting.suspend(directory, "a", ""),
            lambda: tenanting.resume(directory, "a"),
            lambda: archiving.move(directory, "a", f"sqlite://{tmp_path}/a.db"),
            lambda: archiving.backup(directory, "a", tmp_path),
        ):
            try:
                await ask()
            except Problems as found:
                refused.append(found)
            except Exception:  # there is no database: whoever may go on finds that out
                continue
    finally:
        await directory.close()
    assert [chinese(one) for one in refused]
