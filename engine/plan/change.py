"""A change of a running system as a plan: line by line what, how risky, what it touches, and who is in its way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.label import Label

Risk = Literal["safe", "online", "guarded", "destructive"]
MARKS: Mapping[str, str] = {"safe": "+", "online": "~", "guarded": "!", "destructive": "✗"}
RISKS: Mapping[str, Label] = {
    "safe": Label("安全", "safe"),
    "online": Label("在线", "online"),
    "guarded": Label("有条件", "guarded"),
    "destructive": Label("破坏性", "destructive"),
}
KINDS: Mapping[str, Label] = {
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
    "recoded": Label("换值", "recoded"),
    "states": Label("状态", "states"),
    "steps": Label("步骤", "steps"),
    "changed": Label("修改", "changed"),
    "removed": Label("移除", "removed"),
    "table": Label("表", "table"),
    "rights": Label("权限", "rights"),
    "purged": Label("清除", "purged"),
    "unpurged": Label("取回", "put back"),
    "posted": Label("过账", "posted"),
    "refreshed": Label("更新", "refreshed"),
    "subscribed": Label("订阅", "subscribed"),
    "scenario": Label("场景", "scenario"),
    "setting": Label("设置", "setting"),
}


_MAY: Mapping[str, Label] = {
    "create": Label("新建", "create"),
    "read": Label("查看", "read"),
    "update": Label("修改", "update"),
    "delete": Label("删除", "delete"),
    "export": Label("导出", "export"),
    "act": Label("操作", "act"),
    "see": Label("可见", "see"),
    "change": Label("可改", "change"),
    "approve": Label("审批", "approve"),
    "told": Label("抄送", "be told of"),
    "late": Label("超时接手", "take over"),
    "move": Label("流转", "make the move"),
}
ALL = "all"
_HOW: Mapping[str, Label] = {"": Label("无", "none"), ALL: Label("全部", "all"), "masked": Label("脱敏", "masked")}


@dataclass(frozen=True, slots=True)
class Touched:
    """A line of an overlay that speaks of what changes; ``layer`` is ``overlay acme``."""

    layer: str
    where: str


@dataclass(frozen=True, slots=True)
class Right:
    """What one role may do with an entity (``may``: read, update, …), one of its fields (``may``: see, change), a step
    (approve, told, late) or a move of a workflow before and after: empty is not at all, ``all`` is without a condition,
    else the condition, or the place where the role is held."""

    role: str
    path: str
    may: str
    before: str
    after: str

    def plain(self) -> dict[str, str]:
        return {
            "role": self.role, "path": self.path, "may": self.may, "before": self.before, "after": self.after,
        }  # fmt: skip

    def to(self, language: str, path: str) -> str:
        """In words, below a line of that path: ``see price: all → none``."""
        at = f" {self.path.rpartition('.')[2]}" if self.path != path else ""
        was, now = (_HOW[one].to(language) if one in _HOW else one for one in (self.before, self.after))
        return f"{_MAY[self.may].to(language)}{at}: {was} → {now}"


@dataclass(frozen=True, slots=True)
class Line:
    """``kind`` is one of ``KINDS``. ``rows`` are those it touches; ``offenders`` those in its way (at most a few of
    ``against``): while there are any the plan is refused. With nobody against it they are some of
    ``rows``, named. A scenario that does not hold is in its own line's way.
    ``people``: those who hold the role whose rights change."""

    kind: str
    path: str
    risk: Risk
    says: Label
    rows: int = 0
    lock: Label = field(default_factory=Label)
    reversible: bool = True
    against: int = 0
    offenders: tuple[str, ...] = ()
    where: str = ""
    """file:line:column of what asks for it."""
    records: tuple[str, ...] = ()
    """Where the offenders are: ``shop/item/<id>``, beside ``offenders``; empty where they are no records."""
    told: tuple[Label, ...] = ()
    """The offenders in words, where they are sentences."""
    overlays: tuple[Touched, ...] = ()
    rights: tuple[Right, ...] = ()
    people: int | None = None
    section: str = "entities"
    """Of the packs' text, in which the path is found."""
    identity: str = ""
    """Of a field whose choices are called otherwise: what it was called at birth."""
    names: Mapping[str, str] = field(default_factory=dict)
    """What its choices are called → what they will be."""
    newest: int = 0
    """``rows`` are those among so many of the newest, since no more were looked at; 0: they are all."""

    def amount(self, language: str) -> str:
        """Its rows in words."""
        zh = language.startswith("zh")
        if not self.newest:
            one = "row" if self.rows == 1 else "rows"
            return "" if not self.rows else f"{self.rows} 行" if zh else f"{self.rows} {one}"
        if not self.rows:
            return f"最新 {self.newest:,} 行中没有" if zh else f"none of the newest {self.newest:,} rows"
        least = f"至少 {self.rows:,} 行" if zh else f"at least {self.rows:,} rows"
        if self.rows == self.newest:
            return least
        return least + (f"（只看了最新 {self.newest:,} 行）" if zh else f", of the newest {self.newest:,}")

    def named(self, language: str) -> tuple[str, ...]:
        """The offenders."""
        return tuple(one.to(language) for one in self.told) or self.offenders

    def plain(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "path": self.path,
            "risk": self.risk,
            "says": {"zh": self.says.zh, "en": self.says.en},
            "rows": self.rows,
            "newest": self.newest,
            "lock": {"zh": self.lock.zh, "en": self.lock.en},
            "reversible": self.reversible,
            "against": self.against,
            "offenders": list(self.offenders),
            "records": list(self.records),
            "where": self.where,
            "overlays": [{"layer": one.layer, "where": one.where} for one in self.overlays],
            "rights": [one.plain() for one in self.rights],
            "people": self.people,
            **({"identity": self.identity, "names": dict(self.names)} if self.names else {}),
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """From ``revision`` to the metadata of ``digest``. ``drift``: what other hands did to the tables; a plan over
    such a database is refused too."""

    revision: int
    digest: str
    lines: tuple[Line, ...]
    drift: Sequence[str] = ()
    text: bool = False
    """The text is another one than the revision's, be it that nothing follows from it."""

    @property
    def empty(self) -> bool:
        return not (self.lines or self.drift or self.text)

    @property
    def refused(self) -> bool:
        return bool(self.drift) or any(line.against for line in self.lines)

    def plain(self, despite: bool = False) -> dict[str, Any]:
        """As programs read it; ``despite`` scenarios that would not hold."""
        return {
            "revision": self.revision,
            "digest": self.digest,
            "empty": self.empty,
            "refused": self.barred or (bool(self.broken) and not despite),
            "drift": list(self.drift),
            "changes": [line.plain() for line in self.lines],
        }

    @property
    def careful(self) -> bool:
        """More than safe: somebody should have looked at it."""
        return self.refused or any(line.risk != "safe" for line in self.lines)

    @property
    def broken(self) -> tuple[Line, ...]:
        """Scenarios that would not hold."""
        return tuple(line for line in self.lines if line.kind == "scenario" and line.against)

    @property
    def barred(self) -> bool:
        """Refused for more than its scenarios: nobody can decide to do it all the same."""
        return bool(self.drift) or any(line.against for line in self.lines if line.kind != "scenario")
