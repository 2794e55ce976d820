"""Taking a file in: limits before and while it comes, its type by its content, a row that says whose it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

from engine.db import Body
from engine.fieldtypes import REGISTRY
from engine.fieldtypes.filekinds import said_size
from engine.fieldtypes.links import Files
from engine.fieldtypes.spec import Spec
from engine.plan.app import App
from engine.serve.files import files
from engine.serve.files.sniff import detect
from engine.serve.tenant import rows
from engine.serve.tenant.bind import Me
from engine.serve.tenant.filestore import FileStore, Put
from engine.serve.tenant.ids import uuid7
from engine.serve.tenant.tenancy import Tenant
from engine.serve.wire.fault import Refusal, refuse

MOST_WAITING = 200
MOST_WAITING_BYTES = 1024 * 1024 * 1024
TOLD = ("id", "name", "size", "type")


def store_of(tenant: Tenant) -> FileStore:
    if tenant.files is None:
        raise refuse("file.no-store")
    return tenant.files


def spec_of(app: App, path: str) -> Spec:
    """The field that ``day_labor.sheet.lines.photos`` names, if it holds files."""
    module, name, *steps = path.split(".") if path.count(".") >= 2 else ["", "", ""]
    entity = app.entities.get(f"{module}.{name}")
    for at, step in enumerate(steps):
        field = entity.fields.get(step) if entity is not None else None
        if field is None:
            break
        if at == len(steps) - 1 and isinstance(REGISTRY.get(field.spec.type), Files):
            return field.spec
        entity = app.entities.get(field.target) if field.origin == "lines" else None
    raise refuse("file.field", name=path[:80])


async def take(
    tenant: Tenant,
    me: Me,
    pieces: AsyncIterator[bytes],
    name: str,
    spec: Spec | None,
    write: Callable[[Put, dict[str, Any]], Callable[[], Body[Any]]] | None = None,
) -> Any:
    """Keeps a content and says what it is, or refuses and leaves nothing that the next sweep would not take.

    ``write`` makes the transaction that keeps its row; left out, the row is written and given back.
    """
    store = store_of(tenant)
    name = files.safe_name(name)
    count, size = await files.waiting_of(tenant, me.user)
    if count >= MOST_WAITING or size >= MOST_WAITING_BYTES:
        raise refuse("file.many-waiting", count=count)
    quota = tenant.file_quota
    if quota is not None and await files.used(tenant) >= quota:
        raise refuse("file.quota", quota=quota)
    most = min(tenant.file_size, spec.max_size or tenant.file_size) if spec else tenant.file_size
    put = await store.put(_within(pieces, most, name))
    if not put.size:
        raise refuse("file.empty")
    media = detect(put.head, name)
    if spec is not None and (wrong := files.misfit(spec, name, media, put.size)):
        raise Refusal((wrong,))
    row: dict[str, Any] = {
        "id": uuid7(),
        "digest": put.digest,
        "size": put.size,
        "type": media,
        "name": name,
        "user": me.user,
        "at": tenant.clock(),
    }

    def body() -> Body[dict[str, Any]]:
        yield rows.insert("_file", [row], tenant.database.dialect)
        return row

    return await tenant.database.write(write(put, row) if write is not None else body)


async def _within(pieces: AsyncIterator[bytes], most: int, name: str) -> AsyncIterator[bytes]:
    size = 0
    async for piece in pieces:
        size += len(piece)
        if size > most:
            raise Refusal(refuse("file.too-large", name=name, limit=said_size(most)).faults, 413)
        yield piece
