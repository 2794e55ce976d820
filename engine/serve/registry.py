"""Every door there is, in tables: what is not here cannot be entered. The fixed doors of ``doors.py`` are FastAPI's."""

from __future__ import annotations

from collections.abc import Sequence

from engine.plan.app import App
from engine.problem import nearest
from engine.serve import (
    account,
    account_pages,
    audit_doors,
    audit_pages,
    bin_pages,
    board_pages,
    bulk,
    bundle_pages,
    change_pages,
    changes,
    file_doors,
    grant_pages,
    grants,
    import_doors,
    import_pages,
    licence_pages,
    pages,
    people,
    reckoning_page,
    record_pages,
    records,
    reference_page,
    rights_pages,
    second_doors,
    standins,
    stream,
    webhook_pages,
    webhooks,
    work,
)
from engine.serve.door import Door, Router
from engine.serve.fault import Refusal, refuse

SYSTEM: tuple[Door, ...] = (
    *account.DOORS,
    *second_doors.DOORS,
    *standins.DOORS,
    *people.DOORS,
    *stream.DOORS,
    *webhooks.DOORS,
    *audit_doors.DOORS,
    *work.DOORS,
    *grants.DOORS,
    *changes.DOORS,
    *licence_pages.DOORS,
    *file_doors.SYSTEM,
    *import_doors.DOORS,
)
"""The engine's own: ``/api/v1/system/…``. No pack may be called ``system`` (``pack.reserved``)."""

SYSTEM_PAGES: tuple[Door, ...] = (
    *account_pages.DOORS,
    *people.PAGES,
    *rights_pages.SYSTEM,
    *webhook_pages.DOORS,
    *audit_pages.DOORS,
    *work.PAGES,
    *grant_pages.DOORS,
    *change_pages.DOORS,
    *bundle_pages.DOORS,
    *licence_pages.PAGES,
)
"""And their pages: ``/system/…``."""

API = Router((*SYSTEM, *bulk.DOORS, *records.DOORS, *file_doors.DOORS))
PAGES = Router(
    (
        *SYSTEM_PAGES,
        reference_page.door(SYSTEM),
        *pages.DOORS,
        *board_pages.DOORS,
        *reckoning_page.DOORS,
        *rights_pages.DOORS,
        *bin_pages.DOORS,
        *import_pages.DOORS,
        *record_pages.DOORS,
    )
)


def nothing(app: App, path: Sequence[str]) -> Refusal:
    """There is no such door in the API; names the entity that was probably meant."""
    names = [known.replace(".", "/") for known in app.entities]
    meant = nearest("/".join(path[:2]), names)
    told = "/api/v1/" + "/".join(path)
    return refuse("api.no-route", path=told[:120], nearest=f"/api/v1/{meant}" if meant else "")
