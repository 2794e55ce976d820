"""``dougong plan``, ``apply``, ``revisions`` and ``revert``: what people see of a change, and what scripts do."""

from __future__ import annotations

import asyncio
import getpass
import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.db import Database, open_database
from engine.label import Label
from engine.plan.change import Line, Plan
from engine.problem import Problems, problem
from engine.studio import switching
from engine.studio.applying import applied
from engine.studio.build import source_from, source_of
from engine.studio.codes import CODES
from engine.studio.opening import database_url
from engine.studio.planning import Planned, installed, planned
from engine.studio.project import find_project
from engine.tenants import revision

NOTHING, CHANGES, REFUSED = 0, 2, 3
_MARKS = {"safe": "+", "online": "~", "guarded": "!", "destructive": "✗"}
_RISKS = {
    "safe": Label("安全", "safe"),
    "online": Label("在线", "online"),
    "guarded": Label("有条件", "guarded"),
    "destructive": Label("破坏性", "destructive"),
}
_KINDS = {
    "added": Label("新增", "added"),
    "restored": Label("恢复", "restored"),
    "retired": Label("停用", "retired"),
    "renamed": Label("改名", "renamed"),
    "computed": Label("计算", "computed"),
    "widened": Label("放宽", "widened"),
    "narrowed": Label("收窄", "narrowed"),
    "replaced": Label("换类型", "replaced"),
    "required": Label("必填", "required"),
    "unique": Label("唯一", "unique"),
    "checked": Label("检查", "checked"),
    "refers": Label("引用", "refers"),
    "choices": Label("选项", "choices"),
    "states": Label("状态", "states"),
    "steps": Label("步骤", "steps"),
    "changed": Label("修改", "changed"),
    "removed": Label("移除", "removed"),
    "table": Label("表", "table"),
}


@dataclass(frozen=True, slots=True)
class Told:
    """A plan as it is told; ``applied``: the revision it has become, if it has."""

    plan: Plan
    applied: int | None = None

    @property
    def code(self) -> int:
        """Of a plan whether there is something to do; of an applied one whether it was done."""
        if self.plan.refused:
            return REFUSED
        return NOTHING if self.plan.empty or self.applied is not None else CHANGES

    def json(self) -> str:
        whole = {
            "revision": self.plan.revision,
            "digest": self.plan.digest,
            "empty": self.plan.empty,
            "refused": self.plan.refused,
            "drift": list(self.plan.drift),
            "changes": [line.plain() for line in self.plan.lines],
            "applied": self.applied,
        }
        return json.dumps(whole, ensure_ascii=False, indent=2)

    def told(self, language: str) -> str:
        zh = language.startswith("zh")
        if self.plan.empty:
            return "没有变更。" if zh else "Nothing to change."
        out = [_line(line, language) for line in self.plan.lines]
        out += [("表结构不符：" if zh else "drift: ") + one for one in self.plan.drift]
        if self.plan.text and not self.plan.lines:
            out.append("只有文字变化，行为不变。" if zh else "Only the text differs; nothing follows from it.")
        out.append(self._sum(zh))
        return "\n".join(out)

    def _sum(self, zh: bool) -> str:
        if self.plan.refused:
            return "已拒绝：请先处理上面标出的记录。" if zh else "Refused: see to the records named above first."
        if self.applied is not None:
            return f"已应用，现为第 {self.applied} 版。" if zh else f"Applied: this is revision {self.applied}."
        count = len(self.plan.lines)
        return (
            f"{count} 项变更，基于第 {self.plan.revision} 版。"
            if zh
            else (f"{count} changes to revision {self.plan.revision}.")
        )


def _line(line: Line, language: str) -> str:
    zh = language.startswith("zh")
    parts = [f"{_MARKS[line.risk]} {_KINDS[line.kind].to(language):<9} {line.path}"]
    said = line.says.to(language)
    if said:
        parts.append(f" — {said}")
    notes = [_RISKS[line.risk].to(language)]
    if line.rows:
        notes.append(f"{line.rows} 行" if zh else f"{line.rows} rows")
    if line.lock.en:
        notes.append(line.lock.to(language))
    parts.append(f" ({'；' if zh else ''}{('；' if zh else '; ').join(notes)})".replace("(；", "("))
    out = "".join(parts)
    if line.against:
        more = line.against - len(line.offenders)
        named = ", ".join(line.offenders)
        tail = (f" 等 {line.against} 条" if zh else f" and {more} more") if more else ""
        out += f"\n    {'不满足' if zh else 'in the way'}: {named}{tail}"
    if line.where:
        out += f"\n    {line.where}"
    return out


def plan(target: Path, url: str) -> Told:
    return asyncio.run(_run(target, url, False))


def apply(target: Path, url: str, reviewed: str, note: str) -> Told:
    review = json.loads(Path(reviewed).read_text(encoding="utf-8")) if reviewed else None
    return asyncio.run(_run(target, url, True, note, review, reviewed))


async def _run(target: Path, url: str, go: bool, note: str = "", review: Any = None, file: str = "") -> Told:
    project = find_project(target)
    source = source_of(project)
    database = await open_database(database_url(project, url), make=False)
    try:
        return await _told(await planned(source, database), database, go, note, review, file)
    finally:
        await database.close()


async def _told(
    made: Planned, database: Database, go: bool, note: str = "", review: Any = None, file: str = ""
) -> Told:
    if review is not None and review["revision"] != made.plan.revision:
        raise Problems([problem(CODES["plan.overtaken"], now=made.plan.revision, planned=review["revision"])])
    if review is not None and review["digest"] != made.plan.digest:
        raise Problems([problem(CODES["plan.other"], file=file)])
    if not go or made.plan.empty or made.plan.refused:
        return Told(made.plan)
    now = await applied(made, database, _who(), note)
    return Told(made.plan, now.number)


def _who() -> str:
    with suppress(Exception):
        return getpass.getuser()
    return ""


def revisions(target: Path, url: str, as_json: bool) -> str:
    return asyncio.run(_revisions(target, url, as_json))


async def _revisions(target: Path, url: str, as_json: bool) -> str:
    database = await open_database(database_url(find_project(target), url), make=False)
    try:
        await installed(database)
        entries = await revision.listed(database)
    finally:
        await database.close()
    if as_json:
        rows = [
            {
                "revision": e.number,
                "at": _at(e.at),
                "by": e.by,
                "note": e.note,
                "digest": e.digest,
                "changes": json.loads(e.changes),
            }
            for e in entries
        ]
        return json.dumps(rows, ensure_ascii=False, indent=2)
    return "\n".join(
        f"{e.number:>4}  {_at(e.at)}  {e.by:<12} {len(json.loads(e.changes)):>3} changes  {e.note}".rstrip()
        for e in entries
    )


def _at(value: Any) -> str:
    moment = datetime.fromtimestamp(value, UTC) if isinstance(value, int | float) else value
    return str(moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))


def revert(target: Path, number: int, url: str, dry_run: bool) -> Told:
    return asyncio.run(_revert(target, number, url, dry_run))


async def _revert(target: Path, number: int, url: str, dry_run: bool) -> Told:
    database = await open_database(database_url(find_project(target), url), make=False)
    try:
        await installed(database)
        text = await revision.source_of(database, number)
        if text is None:
            raise Problems([problem(CODES["plan.no-revision"], number=number)])
        made = await planned(source_from(text), database, switched=True)
        return await _told(made, database, not dry_run, f"back to revision {number}")
    finally:
        await database.close()


def switches(target: Path, url: str, as_json: bool) -> str:
    """Modules and features, whether they are on, and what needs them."""
    return asyncio.run(_switches(target, url, as_json))


async def _switches(target: Path, url: str, as_json: bool) -> str:
    database = await open_database(database_url(find_project(target), url), make=False)
    try:
        found = switching.listed(source_from((await installed(database)).source))
    finally:
        await database.close()
    if as_json:
        return json.dumps([asdict(one) for one in found], ensure_ascii=False, indent=2)
    return "\n".join(_switch_line(one) for one in found)


def _switch_line(one: switching.Switch) -> str:
    needed = f"  (needed by {', '.join(one.needed_by)})" if one.needed_by else ""
    return f"{'on ' if one.on else 'off'}  {one.name:<32} {one.title}{needed}".rstrip()


def switch(target: Path, name: str, on: bool, url: str, dry_run: bool) -> Told:
    return asyncio.run(_switch(target, name, on, url, dry_run))


async def _switch(target: Path, name: str, on: bool, url: str, dry_run: bool) -> Told:
    """On what the database holds: text that waits to be applied goes on waiting."""
    database = await open_database(database_url(find_project(target), url), make=False)
    try:
        source = switching.switched(source_from((await installed(database)).source), name, on)
        made = await planned(source, database, switched=True)
        return await _told(made, database, not dry_run, f"{name} {'on' if on else 'off'}")
    finally:
        await database.close()
