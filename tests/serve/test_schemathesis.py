"""Whatever the OpenAPI document lets somebody send, the answer is one that it describes.

Cases are drawn by schemathesis from the document of whoever asks, half of them at records that are there. The quick
slice asks every operation a few times; the long test asks 20,000 times.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.serve.live import Live, live

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
QUICK = ("/sheet", "/entry", "/figures", "/system/", "/login", "/me", "/health", "/openapi.json")
"""Other entities have the same doors; the long test asks at all of them."""
LONG = 5_000
"""Cases of the long test for each of two people on each of two databases."""


@pytest.fixture(params=["sqlite", "postgresql"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Live]:
    if request.param == "sqlite":
        url = f"sqlite://{tmp_path}/t.db"
    else:
        url = f"{request.getfixturevalue('postgres_url')}?schema=works"
    with live(url) as made:
        made.stage.tenant.closing = True  # streams of events end with what there is
        yield made


class Asking:
    """One person who asks what his document says he may, and notes what was answered otherwise."""

    def __init__(self, served: Live, name: str) -> None:
        self.served, self.name = served, name
        self.session = requests.Session()
        self.token = served.token(name)
        place = f"{served.url}/api/v1/openapi.json"
        self.schema = schemathesis.openapi.from_dict(self.session.get(place, headers=self.headers(), timeout=30).json())
        self.wrong: dict[str, str] = {}
        self.statuses: Counter[int] = Counter()
        self.pick = random.Random(5)
        self.records = self._records()

    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}", "accept-language": "en"}

    def _records(self) -> dict[str, list[str]]:
        out: dict[str, list[str]] = {}
        for _ in range(3):
            self.session.post(
                f"{self.served.url}/api/v1/works/sheet",
                json=self.served.stage.sheet(),
                headers=self.headers(),
                timeout=30,
            )
        for path in self.served.stage.tenant.app.entities:
            place = f"{self.served.url}/api/v1/{path.replace('.', '/')}"
            answer = self.session.get(place, headers=self.headers(), timeout=30)
            if answer.ok:
                out[path.replace(".", "/")] = [one["id"] for one in answer.json()["items"]]
        return out

    def operations(self) -> list[APIOperation[Any, Any, Any, Any]]:
        return [found.ok() for found in self.schema.get_all_operations()]

    def ask(self, operation: APIOperation[Any, Any, Any, Any], times: int, begin: int) -> None:
        modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        for n, mode in enumerate(modes):
            if mode is GenerationMode.NEGATIVE and not (operation.query or operation.body or operation.path_parameters):
                continue

            @seed(begin * 2 + n)
            @settings(
                max_examples=max(1, times // 2),
                database=None,
                deadline=None,
                phases=(Phase.generate,),
                verbosity=Verbosity.quiet,
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def one(case: Case) -> None:
                self._one(case)

            try:
                one()
            except Unsatisfiable:  # nothing that would be wrong can be sent there
                assert mode is GenerationMode.NEGATIVE, operation.label

    def _one(self, case: Case) -> None:
        self._make_real(case)
        answer = case.call(base_url=self.served.url, session=self.session, headers=self.headers(), timeout=60)
        self.statuses[answer.status_code] += 1
        try:
            case.validate_response(answer, checks=CHECKS)
        except FailureGroup as found:
            for failure in found.exceptions:
                what = f"{case.method} {case.operation.path}: {failure.title}: {answer.status_code}"
                self.wrong.setdefault(what, f"{failure}\n{case.as_curl_command()[:1500]}\n{answer.text[:600]}")
        if answer.status_code == 401:
            self.token = self.served.token(self.name)

    def _make_real(self, case: Case) -> None:
        """Half of the cases go to records that are there, and half of these say the version they saw."""
        ids = self.records.get("/".join(case.operation.path.split("/")[3:5]), [])
        if ids and "id" in (case.path_parameters or {}) and self.pick.random() < 0.5:
            case.path_parameters["id"] = self.pick.choice(ids)
            if self.pick.random() < 0.5:
                case.headers = {**(case.headers or {}), "If-Match": "*"}

    def said(self) -> str:
        return "\n\n".join(f"{what}\n{why}" for what, why in self.wrong.items())


@pytest.mark.parametrize("name", ["boss", "wang"])
def test_schemathesis_finds_nothing_that_the_document_does_not_say(served: Live, name: str) -> None:
    asking = Asking(served, name)
    operations = [one for one in asking.operations() if any(word in one.path for word in QUICK)]
    for n, operation in enumerate(operations):
        asking.ask(operation, 2, n)
    assert len(operations) > 25
    assert asking.statuses.total() > len(operations)
    assert not asking.wrong, asking.said()


@pytest.mark.long
@pytest.mark.parametrize("name", ["boss", "wang"])
def test_schemathesis_asks_for_long(served: Live, name: str) -> None:
    asking = Asking(served, name)
    operations = asking.operations()
    begin = 0
    while asking.statuses.total() < LONG:
        for operation in operations:
            begin += 1
            asking.ask(operation, 20, begin)
    print(name, asking.statuses.total(), "cases", dict(asking.statuses))
    assert not asking.wrong, asking.said()
