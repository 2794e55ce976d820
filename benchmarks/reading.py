"""How long packs take to be read, checked and linked: 200 KB of YAML with at least 1,500 expressions."""

from __future__ import annotations

import gc
import re
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.report import say, table
from engine.catalog import Catalog
from engine.read import read, read_cached

LIMIT = 1.0
"""Seconds the whole may take."""
_SLOTS = re.compile(r"\b(?:compute|live|that|where|when|required|visible|read|update|export|create): (?!true)")
_VALUES = re.compile(r": \"?=|: (?:SUM|COUNT|AVG|MIN|MAX)\(|TO_MONTH\(sheet\.")

BASE = """module: base
grammar: 1
version: 1.0.0
roles: {clerk: 店员, boss: 店长, keeper: 会计}
people:
  users: user
  assignments: {member: {of: member, user: user, role: role, at: project, gives: projects}}
settings:
  limit: {type: money, default: 10000}
  days: {type: integer, default: 3}
entities:
  user: {fields: {name: {type: text}}}
  project:
    fields:
      code: {type: text}
      name: {type: text}
      rate: {type: percent, default: 9%}
      hours: {type: decimal, scale: 2, default: 8}
      members: {type: lines, of: member}
    unique: {code: code}
  member: {owned_by: project, fields: {user: {type: user}, role: {type: text}}}
  worker: {fields: {name: {type: text}, grade: {type: integer}}}
"""

HEAD = """module: trade
grammar: 1
version: 1.0.0
requires: {base: ^1.0}
"""

ENTITY = """entities:
  sheet_N:
    title: {zh: 单据N, en: Sheet N}
    display: "{number} {project.name}"
    scope: project
    fields:
      number: {type: number, pattern: "SN-{project.code}-{day:yyyyMM}-{0000}", per: [project, month]}
      project: {type: ref, to: base.project, required: true}
      day: {type: date, default: =today(), required: true}
      kind: {type: choice, options: {own: 自有, owner: 业主, charge: 代工}, default: own}
      partner: {type: ref, to: base.worker, required: kind = 'charge' AND amount > N, visible: kind <> 'own'}
      lines: {type: lines, of: line_N}
      persons: {type: integer, compute: COUNT(DISTINCT lines.worker WHERE hours > N)}
      amount: {type: money, compute: SUM(lines.amount)}
      tax: {type: money, compute: "ROUND(amount * project.rate / (1 + project.rate), 2)"}
      net: {type: money, compute: amount - tax - N}
      size: {type: text, compute: "CASE WHEN amount > N THEN 'large' WHEN amount > 9 THEN 'middle' ELSE 'small' END"}
      late: {type: boolean, live: today() - day > settings.days + N}
      share: {type: percent, compute: "net / NULLIF(amount, 0)"}
      sum_day: {type: money, live: SUM(sheet_N.amount WHERE day = this.day AND project = this.project)}
    checks:
      positive: {that: amount >= 0 AND tax <= amount + N, message: {zh: 金额不能为负, en: Not below zero}}
      early: {that: day <= today() + N, level: warning, message: {zh: "日期晚于今天{settings.days}天", en: Too late}}
      once:
        none: sheet_N
        where: id <> this.id AND project = this.project AND day = this.day AND kind = this.kind
        message: {zh: "与{found.number}重复", en: "The same as {found.number}"}
    access:
      clerk: {create: true, read: created_by = me AND amount > N, update: created_by = me AND state = 'draft'}
      boss: {read: project IN me.projects}
      keeper: {read: true, export: amount < settings.limit}
  line_N:
    owned_by: sheet_N
    fields:
      worker: {type: ref, to: base.worker, where: grade > this.sheet_N.persons - N, required: true}
      starts: {type: datetime}
      ends: {type: datetime}
      rest: {type: decimal, scale: 2, default: 0}
      hours: {type: decimal, scale: 2, default: "=HOURS(starts, ends) - rest"}
      price: {type: price, default: =worker.grade * N}
      days: {type: decimal, scale: 2, compute: "ROUND(hours / sheet_N.project.hours, 2)"}
      amount: {type: money, compute: "ROUND(days * price, 2)"}
    checks:
      day_24:
        that: >-
          SUM(line_N.hours WHERE worker = this.worker AND sheet_N.day = this.sheet_N.day
          AND sheet_N.state <> 'void') <= 24
        message: {zh: 超过24小时, en: More than 24 hours}
      overlap:
        none: line_N
        where: id <> this.id AND worker = this.worker AND starts < this.ends AND ends > this.starts
        message: {zh: "与{found.sheet_N.number}重叠", en: "Overlaps {found.sheet_N.number}"}
workflows:
  flow_N:
    of: sheet_N
    states: {draft: 草稿, asked: 审批中, done: 已生效, void: 作废}
    transitions:
      submit: {from: draft, to: asked, by: clerk(project), when: amount > N, approval: main}
      drop: {from: done, to: void, by: boss(project), reason: true}
    steps:
      first: {assign: boss(project)}
      second: {assign: keeper, when: amount >= settings.limit + N}
    approved: {to: done}
    rejected: {to: draft}
aggregations:
  work_N:
    of: line_N
    where: sheet_N.state = 'done'
    by: {project: sheet_N.project, kind: sheet_N.kind, worker: worker, month: TO_MONTH(sheet_N.day)}
    measures:
      hours: SUM(hours)
      amount: SUM(amount WHERE hours > N)
      workers: COUNT(DISTINCT worker)
      average: "amount / NULLIF(hours, 0)"
      most: GREATEST(amount - hours, N)
"""


def packs(folder: Path, kilobytes: int = 200) -> tuple[list[Path], int, int]:
    """Writes the packs; gives their paths, bytes and number of expressions."""
    (folder / "base.yaml").write_text(BASE, encoding="utf-8")
    trade = folder / "trade"
    trade.mkdir()
    (trade / "module.yaml").write_text(HEAD, encoding="utf-8")
    texts = [BASE, HEAD]
    while sum(len(t.encode()) for t in texts) < kilobytes * 1024:
        number = len(texts) - 1
        text = re.sub(r"(?<=_)N\b|\bN\b|(?<=单据)N|(?<=S)N(?=-)", str(number), ENTITY)
        (trade / f"part_{number:03}.yaml").write_text(text, encoding="utf-8")
        texts.append(text)
    whole = "\n".join(texts)
    return [folder / "base.yaml", trade], len(whole.encode()), len(_SLOTS.findall(whole)) + len(_VALUES.findall(whole))


def seconds(work: Callable[[], Catalog], rounds: int) -> list[float]:
    out = []
    for _ in range(rounds):
        gc.collect()
        begin = time.perf_counter()
        work()
        out.append(time.perf_counter() - begin)
    return out


def run(quick: bool = False, only: set[str] | None = None) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths, size, expressions = packs(folder)
        read(paths)  # the first time imports and compiles patterns
        cold = seconds(lambda: read(paths), 3 if quick else 9)
        cache = folder / "cache"
        read_cached(paths, cache=cache)
        warm = seconds(lambda: read_cached(paths, cache=cache), 3 if quick else 9)
    say(f"{size / 1024:.0f} KB of YAML, {expressions} expressions")
    table(
        ["what", "median s", "least", "most"],
        [
            [what, *(f"{v:.3f}" for v in (statistics.median(times), min(times), max(times)))]
            for what, times in (("read, checked, linked", cold), ("from the cache", warm))
        ],
    )
    median = statistics.median(cold)
    marks = {"read_seconds": LIMIT}
    return {
        "ratios": {"read_seconds": round(median, 3), "cached_seconds": round(statistics.median(warm), 3)},
        "marks": marks,
        "met": median < LIMIT and expressions >= 1500,
    }
