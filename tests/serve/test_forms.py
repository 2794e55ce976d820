"""Forms of pages → bodies."""

from __future__ import annotations

from urllib.parse import urlencode

from engine.serve.document import decode
from engine.serve.document.decode import Rules
from engine.serve.pages import forms
from tests.serve import small

APP = small.app()
SHEET = APP.entities["m.sheet"]
ID = "00000000-0000-7000-8000-00000000000a"


def read(pairs: list[tuple[str, str]], new: bool = True) -> forms.Form:
    return forms.read(APP, SHEET, urlencode(pairs).encode(), new, "Asia/Shanghai")


def test_paths_become_a_document() -> None:
    form = read(
        [
            ("day", "2026-03-05"),
            ("late", "false"),
            ("late", "true"),
            ("tags", ""),
            ("tags", "own"),
            ("at", "2026-03-05T07:30"),
            ("rate", "9%"),
            ("team", ""),
            ("lines.1.hours", "8"),
            ("lines.0.hours", ""),
            ("lines.0.note", ""),
            ("_csrf", "c"),
            ("_action", "submit"),
            ("_reasons.late", "because"),
        ]
    )
    assert form.body == {
        "day": "2026-03-05",
        "late": "true",
        "tags": ["own"],
        "at": "2026-03-05T07:30:00+08:00",
        "rate": "9%",
        "lines": [{"hours": "8"}],
    }
    assert (form.csrf, form.action, form.reasons, form.rev) == ("c", "submit", {"late": "because"}, None)
    made = decode.document(APP, SHEET, form.body, True, Rules(text=True))
    assert str(made.values["rate"]) == "0.090000"
    assert made.values["late"] is True


def test_of_a_stored_record_empty_means_null() -> None:
    pairs = [("team", ""), ("_rev", "3"), ("lines.0.id", ID), ("lines.0.note", ""), ("lines.1.$delete", "1"),
             ("lines.1.id", ID)]  # fmt: skip
    form = read(pairs, new=False)
    assert form.body == {"team": "", "lines": [{"id": ID, "note": ""}, {"$delete": "1", "id": ID}]}
    assert form.rev == 3


def test_odd_names_stay_names_and_are_refused_later() -> None:
    form = read([("lines.999999999.hours", "1"), ("lines.x.hours", "1"), ("day.x", "1")])
    assert set(form.body) == {"lines.999999999.hours", "lines.x.hours", "day.x"}
