"""How long reading takes is shown by `python -m benchmarks reading`; here only that its packs are what it says."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from benchmarks.reading import packs
from engine.read import read


def test_two_hundred_kilobytes_are_read(tmp_path: Path, record_property: pytest.RecordProperty) -> None:
    paths, size, expressions = packs(tmp_path)
    begin = time.process_time()
    catalog = read(paths)
    record_property("cpu_seconds", round(time.process_time() - begin, 3))  # shown, not judged: machines differ
    assert size >= 200 * 1024
    assert expressions >= 1500
    assert len(catalog.entities) == 2 * len(catalog.workflows) + 4
