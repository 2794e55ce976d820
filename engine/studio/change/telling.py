"""A plan as people read it, and as programs do."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from engine.plan.change import KINDS, MARKS, RISKS, Line, Plan

NOTHING, CHANGES, REFUSED = 0, 2, 3
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Told:
    """A plan as it is told; ``applied``: the revision it has become, if it has."""

    plan: Plan
    applied: int | None = None
    despite: bool = False
    """Scenarios that would not hold are no reason to refuse."""

    @property
    def code(self) -> int:
        """Of a plan whether there is something to do; of an applied one whether it was done."""
        if self.refused:
            return REFUSED
        return NOTHING if self.plan.empty or self.applied is not None else CHANGES

    @property
    def refused(self) -> bool:
        return self.plan.barred or (bool(self.plan.broken) and not self.despite)

    def json(self) -> str:
        whole = {**self.plan.plain(self.despite), "applied": self.applied}
        return json.dumps(whole, ensure_ascii=False, indent=2)

    def told(self, language: str) -> str:
        zh = language.startswith("zh")
        if self.plan.empty:
            return "没有变更。" if zh else "Nothing to change."
        out = [line_of(line, language) for line in self.plan.lines]
        out += [("表结构不符：" if zh else "drift: ") + one for one in self.plan.drift]
        if self.plan.text and not self.plan.lines:
            out.append("只有文字变化，行为不变。" if zh else "Only the text differs; nothing follows from it.")
        out.append(self._sum(zh))
        return "\n".join(out)

    def _sum(self, zh: bool) -> str:
        if self.plan.barred:
            return "已拒绝：请先处理上面标出的记录。" if zh else "Refused: see to the records named above first."
        if self.refused:
            return "已拒绝：有场景将不再成立。" if zh else "Refused: scenarios would not hold any more."
        if self.applied is not None:
            return f"已应用，现为第 {self.applied} 版。" if zh else f"Applied: this is revision {self.applied}."
        count = len(self.plan.lines)
        return (
            f"{count} 项变更，基于第 {self.plan.revision} 版。"
            if zh
            else (f"{count} changes to revision {self.plan.revision}.")
        )


def line_of(line: Line, language: str) -> str:
    zh = language.startswith("zh")
    parts = [f"{MARKS[line.risk]} {KINDS[line.kind].to(language):<9} {line.path}"]
    said = line.says.to(language)
    if said:
        parts.append(f" — {said}")
    notes = [RISKS[line.risk].to(language)]
    if amount := line.amount(language):
        notes.append(amount)
    if line.people is not None:
        one = "person" if line.people == 1 else "people"
        notes.append(f"{line.people} 人" if zh else f"{line.people} {one}")
    if line.lock.en:
        notes.append(line.lock.to(language))
    if not line.reversible:
        notes.append("不可撤回" if zh else "cannot be taken back")
    parts.append(f" ({'；' if zh else ''}{('；' if zh else '; ').join(notes)})".replace("(；", "("))
    out = "".join(parts)
    if line.offenders or line.against:
        count = line.against or line.rows
        more = count - len(line.offenders)
        named = ", ".join(line.named(language))
        tail = (f" 等 {count} 条" if zh else f" and {more} more") if more else ""
        what = ("不满足" if zh else "in the way") if line.against else ("涉及" if zh else "these")
        out += f"\n    {what}: {named}{tail}"
    return "\n    ".join([out, *_details(line, zh)])


def _details(line: Line, zh: bool) -> Iterator[str]:
    for right in line.rights:
        yield right.to("zh" if zh else "en", line.path)
    if line.where:
        yield line.where
    if line.overlays:
        more = len(line.overlays) - _SHOWN
        named = ", ".join(f"{one.layer.removeprefix('overlay ')} {one.where}" for one in line.overlays[:_SHOWN])
        tail = (f" 等 {len(line.overlays)} 处" if zh else f" and {more} more") if more > 0 else ""
        yield f"{'涉及覆盖层' if zh else 'overlays'}: {named}{tail}"


@dataclass(slots=True)
class Shown:
    """How far the long part of a change is, on stderr, once a second."""

    last: float = 0.0
    step: str = ""

    def __call__(self, step: str, what: str, done: int, total: int) -> None:
        if step == "switch" and not self.step:
            return  # there was no long part
        if step == self.step and time.monotonic() - self.last < 1:
            return
        self.last, self.step = time.monotonic(), step
        far = f" {done:,} of {total:,}" if total else ""
        print(f"{step}{f' {what}' if what else ''}{far}", file=sys.stderr, flush=True)
