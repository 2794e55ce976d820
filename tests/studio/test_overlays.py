"""The upgrade of a real pack beneath a customer's overlay that renamed, added, removed and re-ordered."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.cli import app
from engine.paths import modules_dir
from engine.problem import Problems
from engine.read import read_texts
from engine.studio.source import overlays
from engine.studio.source.build import catalog_of
from engine.studio.source.cutting import cut
from engine.studio.source.project import Project, find_project

OVERLAY = """# What Acme has otherwise.
overlay: acme
grammar: 1
extends: {day-labor: ^1.0}

settings:
  office_limit: {default: 8000}   # AC-1
  long_day: {default: 10}

entities:
  day_labor.sheet:
    title: {zh: 零工单}  # renamed
    search: [number, part]
    fields:
      weather: null
      # AC-2: which crane.
      crane: {title: {zh: 吊车, en: Crane}, type: text, after: part}
      shift: {after: sheet_date}
      content: {min_length: 5}
    checks:
      not_stopped:
        level: error
        title: {zh: 停工, en: Stopped}

workflows:
  day_labor.sheet_approval:
    steps:
      office: {when: amount >= settings.office_limit}
"""
# Version 1.1 of the pack: a limit that moved, a length that is now what Acme said, a field it took up as its own.
NEWER = (
    ("module.yaml", "version: 1.0.0", "version: 1.1.0"),
    ("module.yaml", "    default: 12\n", "    default: 11\n"),
    ("entities/sheet.yaml", "en: Work done}, type: long_text, required: submit, min_length: 10",
     "en: Work done}, type: long_text, required: submit, min_length: 5"),
    ("entities/sheet.yaml", "      weather: {title: {zh: 天气, en: Weather}, type: text, max_length: 20}\n",
     "      weather: {title: {zh: 天气, en: Weather}, type: text, max_length: 40}\n"
     "      crane: {title: {zh: 起重设备, en: Lifting gear}, type: text, max_length: 30}\n"),
)  # fmt: skip


@pytest.fixture
def customer(tmp_path: Path) -> Path:
    folder = tmp_path / "acme"
    (folder / "overlays").mkdir(parents=True)
    shutil.copytree(modules_dir() / "day-labor", folder / "packs" / "day-labor")
    (folder / "app.yaml").write_text("app: acme\ntitle: Acme\npacks: [day-labor]\n", encoding="utf-8")
    (folder / "overlays" / "acme.yaml").write_text(OVERLAY, encoding="utf-8")
    return folder


def states(project: Project) -> dict[str, str]:
    return {line.path.removeprefix("day_labor."): line.state for line in overlays.review(project).lines}


def newer(folder: Path) -> None:
    for file, old, new in NEWER:
        path = folder / "packs" / "day-labor" / file
        text = path.read_text(encoding="utf-8")
        assert old in text, (file, old)
        path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_what_an_overlay_changes_is_shown_with_what_is_lost(customer: Path) -> None:
    found = {line.path: line for line in overlays.review(find_project(customer)).lines}
    when = found["day_labor.workflows.sheet_approval.steps.office.when"]
    assert (when.change.before, when.change.after) == (
        "amount >= settings.office_limit OR late",
        "amount >= settings.office_limit",
    )
    search = found["day_labor.entities.sheet.search"]
    assert (search.state, search.lost) == ("unrecorded", ("content",))
    assert found["day_labor.entities.sheet.fields.crane"].state == "new"
    assert found["day_labor.entities.sheet.fields.weather"].change.after == ""
    title = found["day_labor.entities.sheet.title"]
    assert title.change.after == "{zh: 零工单, en: Day-labour sheet}"
    assert title.change.base.file.endswith("entities/sheet.yaml")


def test_terms_of_a_condition() -> None:
    assert overlays.terms("a = 1 AND (b = 2 AND c) AND d = ' AND '") == ("a = 1", "(b = 2 AND c)", "d = ' AND '")
    assert overlays.terms("LAND = 1") == ("LAND = 1",)


def test_nothing_moved_is_all_clean(customer: Path) -> None:
    project = find_project(customer)
    overlays.record(project)
    assert set(states(project).values()) == {"clean", "new"}
    before = overlays.record_path(project.overlays[0]).read_bytes()
    overlays.record(project)
    assert overlays.record_path(project.overlays[0]).read_bytes() == before
    kept = json.loads(before)
    assert kept["packs"]["day-labor"] == "1.0.0"
    assert kept["values"]["day_labor.settings.office_limit.default"] == "10000"


def test_an_upgrade_tells_redundant_clean_and_moved_apart_and_is_decided_line_by_line(customer: Path) -> None:
    project = find_project(customer)
    overlays.record(project)
    newer(customer)
    found = states(project)
    assert {k: v for k, v in found.items() if v not in ("clean", "new")} == {
        "settings.long_day.default": "moved",
        "entities.sheet.fields.weather": "moved",
        "entities.sheet.fields.content.min_length": "redundant",
        "entities.sheet.fields.crane.title": "moved",
        "entities.sheet.fields.crane.type": "redundant",
    }
    assert found["settings.office_limit.default"] == "clean"

    def run(*words: str) -> tuple[int, str]:
        made = CliRunner().invoke(app, ["overlay", *words, str(customer)])
        return made.exit_code, made.stdout

    code, told = run("upgrade")
    assert code == 2
    assert "moved" in told
    assert "then     12" in told
    assert "pack     11" in told
    assert "acme     10" in told
    (moved,) = [part for part in told.split("moved") if part.strip().startswith("day_labor.settings.long_day.default")]
    base = overlays.record_path(project.overlays[0])
    noted = next(n for n, text in enumerate(base.read_text().splitlines(), 1) if "long_day.default" in text)
    places = [f"{base.as_posix()}:{noted})", "packs/day-labor/module.yaml:", "overlays/acme.yaml:8:14)"]
    assert all(place in text for place, text in zip(places, moved.splitlines()[1:4], strict=True)), moved
    code, told = run("upgrade", "--drop-redundant")
    text = project.overlays[0].read_text(encoding="utf-8")
    assert "min_length" not in text
    assert "# AC-2: which crane." in text
    assert code == 2
    code, _ = run("upgrade", "--drop", "day_labor.settings.long_day.default", "--keep",
                  "day_labor.entities.sheet.fields.weather")  # fmt: skip
    assert code == 2
    assert "long_day" not in project.overlays[0].read_text(encoding="utf-8")
    moved = [f"day_labor.{path}" for path, state in states(project).items() if state == "moved"]
    assert all(".crane." in path for path in moved)
    code, told = run("upgrade", *(word for path in moved for word in ("--keep", path)))
    assert code == 0, told
    assert overlays.review(project).decided
    catalog = catalog_of(find_project(customer))
    sheet = catalog.entities["day_labor.sheet"]
    assert sheet.title.zh == "零工单"
    assert sheet.fields["crane"].title.zh == "吊车"
    assert "weather" not in sheet.fields
    names = list(sheet.fields)
    assert names.index("shift") == names.index("sheet_date") + 1


def test_an_overlay_follows_a_name_that_the_pack_changed() -> None:
    pack = """module: shop
grammar: 1
version: 1.1.0
entities:
  slip:
    was: [sheet]
    fields:
      remark: {type: text, was: [note]}
"""
    overlay = """overlay: acme
grammar: 1
extends: {shop: ^1.0}
entities:
  sheet: {fields: {note: {title: {zh: 说明, en: Words}}}}
"""
    made = read_texts([{"shop.yaml": pack}], [{"acme.yaml": overlay}])
    assert made.entities["shop.slip"].fields["remark"].title.en == "Words"


def test_what_is_final_no_overlay_changes() -> None:
    pack = """module: shop
grammar: 1
version: 1.0.0
entities:
  sheet:
    fields:
      amount: {type: money, final: true}
      note: {type: text}
"""
    head = "overlay: acme\ngrammar: 1\nextends: {shop: ^1.0}\nentities:\n"
    overlay = f"{head}  sheet: {{fields: {{note: null, amount: {{title: x}}}}}}\n"
    with pytest.raises(Problems) as wrong:
        read_texts([{"shop.yaml": pack}], [{"acme.yaml": overlay}])
    assert [str(p) for p in wrong.value.problems] == [
        "acme.yaml:5:32: overlay.final: `shop.entities.sheet.fields.amount` is final: no overlay changes it;"
        " it says so at shop.yaml:7:29"
    ]


@pytest.mark.parametrize(
    ("text", "place", "left"),
    [
        ("a: {b: 1, c: 2, d: 3}\n", (1, 5), "a: {c: 2, d: 3}\n"),
        ("a: {b: 1, c: 2, d: 3}\n", (1, 11), "a: {b: 1, d: 3}\n"),
        ("a: {b: 1, c: [x, y], d: 3}\n", (1, 22), "a: {b: 1, c: [x, y]}\n"),
        ("a: {b: {c: 1}}\nz: 1\n", (1, 9), "z: 1\n"),
        ("a: {b: {c: 1}, d: 2}\n", (1, 9), "a: {d: 2}\n"),
        ("a:\n  # why\n  b: 1\n  # of c\n  c: 2\n", (3, 3), "a:\n  # why\n  # of c\n  c: 2\n"),
        ("a:\n  b:\n    c: 1\nz: 1\n", (3, 5), "z: 1\n"),
        ('a: {b: "x, }", c: 2}\n', (1, 5), "a: {c: 2}\n"),
    ],
)
def test_one_property_is_cut_out_and_nothing_else(text: str, place: tuple[int, int], left: str) -> None:
    assert cut(text, *place) == left


def test_bad_input_is_told_and_nothing_is_written(customer: Path) -> None:
    project = find_project(customer)
    before = project.overlays[0].read_bytes()
    with pytest.raises(Problems, match=r"overlay\.no-line.*office_limit\.default"):
        overlays.drop(project, ["day_labor.settings.office_limits.default"])
    with pytest.raises(Problems, match=r"overlay\.no-line"):
        overlays.agreed(project, ["x"])
    overlays.record_path(project.overlays[0]).write_text("[1]", encoding="utf-8")
    with pytest.raises(Problems, match=r"overlay\.record"):
        overlays.review(project)
    assert project.overlays[0].read_bytes() == before


def test_who_set_it(customer: Path) -> None:
    def run(path: str) -> tuple[int, str]:
        made = CliRunner().invoke(app, ["why", str(customer), path])
        return made.exit_code, made.stdout + str(made.exception or "")

    code, told = run("day-labor.sheet.content.min_length")
    assert code == 0
    assert "overlay acme" in told
    assert "acme.yaml:19:17; before: 10" in told
    assert "day-labor 1.0.0" in run("day-labor.sheet.content.max_length")[1]
    assert "base 1.0.0" in run("base.entities.user.fields.name.type")[1]
    code, told = run("day-labor.sheet.content.readonly")
    assert (code, told.splitlines()[0]) == (0, "day_labor.entities.sheet.fields.content.readonly")
    assert "nobody says it" in told
    assert "nobody says it" in run("day-labor.sheet.ledger")[1]
    assert run("day-labor.sheet.content.readony")[0] == 1
    assert "overlay acme" in run("day-labor.sheet.weather")[1]
    code, told = run("day-labor.sheet.contnt.min_length")
    assert code == 1
    assert "day_labor.sheet.content.min_length" in told


def test_the_commands_of_the_guide_run() -> None:
    guide = (Path(__file__).resolve().parents[2] / "docs" / "overlays.md").read_text(encoding="utf-8")
    commands = [line.split()[1:] for line in guide.splitlines() if line.startswith("dougong ")]
    assert len(commands) == 4
    for words in commands:
        if words[1] != "record":  # the example's own record is as it should be, and stays so
            made = CliRunner().invoke(app, words)
            assert made.exit_code == 0, (words, made.output)
