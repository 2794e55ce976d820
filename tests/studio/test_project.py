"""What an app.yaml may say, and the sentence for everything it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.paths import examples_dir, modules_dir
from engine.problem import Problems
from engine.studio.source.project import find_project
from tests.studio.shop import Shop


def app(tmp_path: Path, text: str) -> Path:
    (tmp_path / "app.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def said(path: Path) -> list[str]:
    with pytest.raises(Problems) as caught:
        find_project(path)
    return [str(p) for p in caught.value.problems]


def test_the_contractor_names_its_packs_dependencies_first() -> None:
    project = find_project(examples_dir() / "contractor")
    assert [p.name for p in project.packs] == ["base", "cost-center", "day-labor", "hongyuan"]
    assert [o.name for o in project.overlays] == ["hongyuan.yaml"]
    assert project.zone == "Asia/Shanghai"


def test_a_pack_by_itself_brings_what_it_requires_and_can_use() -> None:
    project = find_project(modules_dir() / "day-labor")
    assert [p.name for p in project.packs] == ["base", "cost-center", "day-labor"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("app: x\npacks: [bse]\n", "app.yaml:2:9: app.no-pack: There is no pack called bse (did you mean base?)"),
        (
            "app: x\npack: [base]\n",
            "app.yaml:2:1: app.unknown-key: pack is not a key of app.yaml (did you mean packs?)",
        ),
        ("app: x\npacks: base\n", "app.yaml:2:8: app.kind: packs must be a list of names"),
        (
            "app: x\npacks: [base]\nzone: Beijing\n",
            "app.yaml:3:7: app.zone: Beijing is not a time zone (write Asia/Shanghai)",
        ),
        (
            "app: x\npacks: [base]\nlanguage: fr\n",
            "app.yaml:3:11: app.language: fr is not a language we speak (write zh or en)",
        ),
        (
            "app: x\npacks: [base]\nfeatures: {overtime: maybe}\n",
            "app.yaml:3:11: app.kind: features must be a map of true and false",
        ),
        (
            "app: x\npacks: [base]\nfiles: {max_size: 20}\n",
            "app.yaml:3:8: app.kind: files must be a map of max_size and quota, like 50 MB or 20 GB",
        ),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(tmp_path: Path, text: str, expected: str) -> None:
    assert said(app(tmp_path, text)) == [expected]


def test_how_much_files_may_take(tmp_path: Path) -> None:
    text = "app: x\npacks: [base]\nfiles: {max_size: 5 MB, quota: 2 GB}\n"
    path = tmp_path / "app.yaml"
    path.write_text(text, encoding="utf-8")
    assert find_project(path).files == {"max_size": 5 * 1024**2, "quota": 2 * 1024**3}
    assert find_project(modules_dir() / "base").files == {}


def test_all_problems_at_once(tmp_path: Path) -> None:
    assert len(said(app(tmp_path, "app: x\npack: 1\npacks: [nowhere, nothing]\nzone: Mars\n"))) == 4


def test_a_folder_without_an_app(tmp_path: Path) -> None:
    (line,) = said(tmp_path / "nowhere")
    assert line.startswith("app.missing: There is no ")


async def test_an_entity_that_no_table_holds_is_not_installed(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", f"sqlite://{tmp_path}/shop.db")
    shop.fields().update({f"f{n}": {"type": "text"} for n in range(1500)})
    shop.write()
    with pytest.raises(Problems, match=r"plan\.too-wide: shop\.item would have 15\d\d columns"):
        async with shop.opened():
            pass
