"""What a licence lets commands do: when it is over they read and export, and write nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine.paths import modules_dir
from engine.studio.tenant import licensing
from tests.cli.conftest import Data
from tests.cli.test_user import PEOPLE, make
from tests.typed import dougong


def test_a_trial_that_is_over(data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base, at = modules_dir() / "base", ("--database", data.url)
    make(base, data.url)
    people = tmp_path / "people.csv"
    people.write_text(PEOPLE, encoding="utf-8-sig")
    monkeypatch.setenv("DOUGONG_LICENCE_KEY", licensing.keygen(tmp_path / "vendor.pem"))
    assert dougong("user", "add", base, "first", *at, "--set", "name=甲").returncode == 0
    days = "at - 20 * 86400" if data.url.startswith("sqlite") else "at - interval '20 days'"
    data.asked(f"UPDATE _revision SET at = {days}")
    told = dougong("licence", "show", base, *at)
    assert "it is over: everything can be read and exported" in told.stdout
    for command in (
        ("user", "add", base, "second", *at, "--set", "name=乙"),
        ("user", "import", base, "people", people, *at),
        ("import", base, "people", people, *at),
    ):
        done = dougong(*command)
        assert (done.returncode, "licence.trial-over" in done.stderr) == (1, True), (command, done.stderr)
    assert dougong("bundle", "export", tmp_path / "b.bundle", base, *at).returncode == 0
    assert dougong("plan", base, *at).returncode == 0
    for change in (("switch", base, "base", "on"), ("revert", base, "1")):
        assert dougong(*change, *at).returncode == 0  # there is nothing to change
    pack = tmp_path / "base"
    shutil.copytree(base, pack)
    module = pack / "module.yaml"
    roles = "\nroles:\n  beside: {zh: 旁人, en: Beside}"
    module.write_text(module.read_text("utf-8").replace("\nroles:", roles), "utf-8")
    assert dougong("plan", pack, *at).returncode == 2
    done = dougong("apply", pack, *at)
    assert (done.returncode, "licence.trial-over" in done.stderr) == (1, True), done.stderr
    assert dougong("verify", base, *at).returncode == 0

    vendor, file = ("--key", tmp_path / "vendor.pem"), tmp_path / "licence"
    assert dougong("licence", "make", "other", "--edition", "trial", *vendor, "--to", file).returncode == 0
    assert "licence.other" in dougong("licence", "install", file, base, *at).stderr
    file.unlink()
    name = "base"
    assert (
        dougong("licence", "make", name, "--edition", "professional", "--users", 1, *vendor, "--to", file).returncode
        == 0
    )
    whole = file.read_text()
    file.write_text(whole.replace('"users": 1', '"users": 100'))
    assert "licence.forged" in dougong("licence", "install", file, base, *at).stderr
    file.write_text(whole)
    assert dougong("licence", "install", file, base, *at).returncode == 0
    refused = dougong("user", "add", base, "second", *at, "--set", "name=乙")
    assert (refused.returncode, "licence.seats" in refused.stderr) == (1, True), refused.stderr
