"""Every door there is, in tables: what is not here cannot be entered. The fixed doors of ``doors.py`` are FastAPI's."""

from __future__ import annotations

from collections.abc import Sequence

from engine.plan.app import App
from engine.problem import nearest
from engine.serve.pages import (
    account_pages,
    audit_pages,
    bin_pages,
    board_pages,
    bundle_pages,
    change_pages,
    grant_pages,
    import_pages,
    licence_page,
    pages,
    people_page,
    reckoning_page,
    record_pages,
    reference_page,
    rights_pages,
    webhook_pages,
    work_page,
)
from engine.serve.records import bulk, file_doors, import_doors, records
from engine.serve.system import (
    account,
    audit_doors,
    changes,
    grants,
    licence,
    people,
    second_doors,
    standins,
    stream,
    webhooks,
    work,
)
from engine.serve.tenant.door import Door, Router
from engine.serve.wire.fault import Refusal, refuse

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
    *licence.DOORS,
    *file_doors.SYSTEM,
    *import_doors.DOORS,
)
"""The engine's own: ``/api/v1/system/…``. No pack may be called ``system`` (``pack.reserved``)."""

SYSTEM_PAGES: tuple[Door, ...] = (
    *account_pages.DOORS,
    *people_page.DOORS,
    *rights_pages.SYSTEM,
    *webhook_pages.DOORS,
    *audit_pages.DOORS,
    *work_page.DOORS,
    *grant_pages.DOORS,
    *change_pages.DOORS,
    *bundle_pages.DOORS,
    *licence_page.DOORS,
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
