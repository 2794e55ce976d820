"""Packs in one text: `# file: name` begins a file (folders are packs), `# expect:` the sentences that must come."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_FILE = re.compile(r"^# file: (\S+)\n", re.MULTILINE)
_EXPECT = "# expect:\n"


@dataclass(slots=True)
class Case:
    packs: list[dict[str, str]] = field(default_factory=list)
    overlays: list[dict[str, str]] = field(default_factory=list)
    toggles: dict[str, bool] = field(default_factory=dict)
    expect: str = ""


def case_of(text: str) -> Case:
    """One file of the corpus, taken apart. Without `# file:` the whole is `pack.yaml`."""
    body, _, expect = text.partition(_EXPECT)
    out = Case(expect="".join(line.removeprefix("#").removeprefix(" ") for line in expect.splitlines(keepends=True)))
    for name, state in re.findall(r"^# toggle: (\S+) (on|off)$", body, re.MULTILINE):
        out.toggles[name] = state == "on"
    pieces = _FILE.split(body)
    files = dict(zip(pieces[1::2], pieces[2::2], strict=True)) if len(pieces) > 1 else {"pack.yaml": body}
    folders: dict[str, dict[str, str]] = {}
    for name, content in files.items():
        folders.setdefault(name.rpartition("/")[0] or name, {})[name] = content
    for found in folders.values():
        overlay = any(re.search(r"^overlay:", content, re.MULTILINE) for content in found.values())
        (out.overlays if overlay else out.packs).append(found)
    return out


def with_expect(text: str, sentences: str) -> str:
    """The file with another `# expect:` block."""
    body = text.partition(_EXPECT)[0]
    lines = "".join(f"# {line}\n" for line in sentences.splitlines())
    return f"{body.rstrip()}\n\n{_EXPECT}{lines}"
