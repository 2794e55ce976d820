"""A page's form with files (``multipart/form-data``): its texts as any form's, its files taken in as they come.

Who asks is known before anything is kept, and that one of our own pages asks before the first file: the form's token
stands before its files. What is wrong with a file is told at its field, with everything else that was typed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from engine.serve.files.receiving import spec_of, take
from engine.serve.tenant.bind import Me
from engine.serve.tenant.tenancy import Tenant
from engine.serve.wire.answer import Asked
from engine.serve.wire.fault import Fault, Refusal, refuse

MOST = 512 * 1024 * 1024
"""Bytes of a whole form, files and all."""
MOST_TEXT = 4 * 1024 * 1024
MOST_FILES = 100
_MOST_PARTS = 40_000
_MOST_HEADER = 8 * 1024
Event = tuple[str, Any]


def is_multipart(headers: Any) -> bool:
    return str(headers.get("content-type", "")).lower().startswith("multipart/form-data")


async def received(tenant: Tenant, me: Me, asked: Asked, entity: str, admit: Callable[[str], None]) -> Asked:
    """The request as a form without files would have sent it, ids in place of files, and what was wrong with those.

    ``entity``: whose fields the files are of; none for a page that asks for a file of its own. ``admit`` is given the
    form's token before the first file, and refuses whom it does not convince.
    """
    from python_multipart.multipart import parse_options_header  # noqa: PLC0415  (loaded by the first form with files)

    boundary = parse_options_header(asked.headers.get("content-type", ""))[1].get(b"boundary", b"")
    if not boundary or asked.chunks is None:
        raise refuse("api.syntax", reason="multipart")
    reading = _Reading(tenant, me, entity, admit)
    try:
        await reading.all(_events(asked.chunks, boundary))
    except ValueError:  # the parser's own are ValueErrors too
        raise refuse("api.syntax", reason="multipart") from None
    return replace(asked, body=urlencode(reading.pairs).encode(), chunks=None, refused=tuple(reading.faults))


async def _events(chunks: AsyncIterator[bytes], boundary: bytes) -> AsyncIterator[Event]:
    """``head`` with name and file name (None of a text), ``data``, ``end``: of one part after the other."""
    from python_multipart.multipart import MultipartParser, parse_options_header  # noqa: PLC0415  (as above)

    found: list[Event] = []
    field, value = bytearray(), bytearray()
    said: dict[bytes, bytes] = {}

    def on_field(data: bytes, start: int, end: int) -> None:
        _grow(field, data[start:end])

    def on_value(data: bytes, start: int, end: int) -> None:
        _grow(value, data[start:end])

    def on_header() -> None:
        said[bytes(field).lower()] = bytes(value)
        field.clear()
        value.clear()

    def on_headers() -> None:
        options = parse_options_header(said.get(b"content-disposition", b""))[1]
        name, file = options.get(b"name", b""), options.get(b"filename")
        found.append(("head", (name.decode(), None if file is None else file.decode())))
        said.clear()

    parser = MultipartParser(
        boundary,
        {
            "on_header_field": on_field,
            "on_header_value": on_value,
            "on_header_end": on_header,
            "on_headers_finished": on_headers,
            "on_part_data": lambda data, start, end: found.append(("data", bytes(data[start:end]))),
            "on_part_end": lambda: found.append(("end", None)),
        },
    )
    async for chunk in chunks:
        parser.write(chunk)
        for event in found:
            yield event
        found.clear()
    parser.finalize()
    for event in found:
        yield event


def _grow(into: bytearray, more: bytes) -> None:
    if len(into) + len(more) > _MOST_HEADER:
        raise ValueError("a header without an end")
    into += more


class _Reading:
    """One form on its way in."""

    def __init__(self, tenant: Tenant, me: Me, entity: str, admit: Callable[[str], None]) -> None:
        self.tenant, self.app, self.me, self.entity, self.admit = tenant, tenant.app, me, entity, admit
        self.pairs: list[tuple[str, str]] = []
        self.faults: list[Fault] = []
        self.text = 0
        self.files = 0

    async def all(self, events: AsyncIterator[Event]) -> None:
        async for kind, told in events:
            if kind != "head":
                continue
            name, file = told
            if len(self.pairs) >= _MOST_PARTS:
                raise ValueError("parts without an end")
            if file is None:
                self.pairs.append((name, await self._text(events)))
            else:
                await self._file(name, file, events)

    async def _text(self, events: AsyncIterator[Event]) -> str:
        whole = bytearray()
        async for piece in _content(events):
            self.text += len(piece)
            if self.text > MOST_TEXT:
                raise Refusal(refuse("api.too-large", limit=MOST_TEXT).faults, 413, {"connection": "close"})
            whole += piece
        return whole.decode()

    async def _file(self, name: str, file: str, events: AsyncIterator[Event]) -> None:
        """An input in which nothing was chosen sends an empty file without a name: that is none."""
        pieces = _content(events)
        first = await anext(pieces, b"")
        if not first and not file:
            return
        self.admit(next((value for known, value in self.pairs if known == "_csrf"), ""))
        self.files += 1
        try:
            if self.files > MOST_FILES:
                raise refuse("file.many", most=MOST_FILES)
            steps = [step for step in name.split(".") if not step.isdigit()]
            spec = spec_of(self.app, ".".join((self.entity, *steps))) if self.entity else None
            row = await take(self.tenant, self.me, _after(first, pieces), file, spec)
        except Refusal as refusal:
            pointer = "/" + name.replace(".", "/")
            self.faults += [replace(one, pointer=pointer, status=refusal.status) for one in refusal.faults]
        else:
            self.pairs.append((name, row["id"]))
        async for _ in pieces:  # what is left of a file that was refused
            pass


async def _content(events: AsyncIterator[Event]) -> AsyncIterator[bytes]:
    async for kind, piece in events:
        if kind == "end":
            return
        yield piece


async def _after(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece
