"""What kinds of files there are, in an author's words, and how large a file is, in people's."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from engine.label import Label

PICTURES = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"})
"""What browsers show and nothing can run in."""
_OFFICE = "application/vnd.openxmlformats-officedocument."
KINDS: Mapping[str, tuple[Label, frozenset[str], str]] = {
    "picture": (Label("图片", "picture"), PICTURES, ".jpg,.jpeg,.png,.webp,.gif"),
    "pdf": (Label("PDF", "PDF"), frozenset({"application/pdf"}), ".pdf"),
    "document": (
        Label("Word 文档", "Word document"),
        frozenset({"application/msword", _OFFICE + "wordprocessingml.document"}),
        ".doc,.docx,.wps",
    ),
    "sheet": (
        Label("Excel 表格", "Excel workbook"),
        frozenset({"application/vnd.ms-excel", _OFFICE + "spreadsheetml.sheet"}),
        ".xls,.xlsx",
    ),
    "slides": (
        Label("演示文稿", "slides"),
        frozenset({"application/vnd.ms-powerpoint", _OFFICE + "presentationml.presentation"}),
        ".ppt,.pptx",
    ),
    "drawing": (Label("CAD 图纸", "drawing"), frozenset({"image/x-dwg", "image/vnd.dxf"}), ".dwg,.dxf"),
    "text": (Label("文本", "text"), frozenset({"text/plain", "text/csv"}), ".txt,.csv"),
    "archive": (
        Label("压缩包", "archive"),
        frozenset({"application/zip", "application/vnd.rar", "application/x-7z-compressed"}),
        ".zip,.rar,.7z",
    ),
    "video": (Label("视频", "video"), frozenset({"video/mp4", "video/quicktime", "video/webm"}), ".mp4,.mov,.webm"),
}
"""A word of the grammar → what people call it, the media types that are of it, the endings a browser is told."""


def fits(media: str, accept: Sequence[str]) -> bool:
    return not accept or any(media in KINDS[kind][1] for kind in accept)


def called(accept: Sequence[str]) -> Label:
    """`PDF, picture` as a message says it."""
    labels = [KINDS[kind][0] for kind in accept]
    return Label("、".join(one.zh for one in labels), ", ".join(one.en for one in labels))


def endings(accept: Sequence[str]) -> str:
    """For the input of a form: what its window for choosing shows."""
    return ",".join(KINDS[kind][2] for kind in accept)


def size_of(text: str) -> int | None:
    """``500 KB``, ``20 MB``, ``5 GB``: bytes; None when it is no size."""
    found = re.fullmatch(r"([1-9]\d{0,3}) ?(KB|MB|GB)", text)
    return int(found[1]) * 1024 ** (1 + ("KB", "MB", "GB").index(found[2])) if found else None


def said_size(size: int) -> str:
    """As people say it: ``3.4 MB``."""
    for unit, name in ((1024 * 1024 * 1024, "GB"), (1024 * 1024, "MB"), (1024, "KB")):
        if size >= unit:
            number = f"{size / unit:.1f}".removesuffix(".0")
            return f"{number} {name}"
    return f"{size} B"
