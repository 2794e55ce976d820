"""The ends of a page are found whatever its records hold."""

from __future__ import annotations

import json

import pytest

from engine.serve.query.reading import _with_cursor


@pytest.mark.parametrize("word", ["next", '"next":[1]', 'x"next": ["a"],"prev":null', "prev"])
def test_words_in_records_and_in_the_end_itself_are_not_the_end(word: str) -> None:
    page = {"items": [{"id": "1", "next": word, "name": word}], "next": [word, "2"], "prev": [word, "1"]}
    text, cursor = _with_cursor(json.dumps(page, separators=(",", ":")), "next", "shape")
    assert json.loads(text) == {**page, "next": cursor}
    assert cursor


def test_a_last_page_has_no_next() -> None:
    text = '{"items":[{"next":["x"]}],"next" : null,"prev":null}'
    assert _with_cursor(text, "next", "shape") == (text, "")
