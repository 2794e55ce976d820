"""The tables of docs/expressions.md, from the tables the code works with: ``python -m engine.expr.build.reference``."""

from __future__ import annotations

import re
from pathlib import Path

from engine.expr.build.aggregates import NAMES
from engine.expr.build.codes import CODES
from engine.expr.build.functions import FUNCTIONS
from engine.expr.build.operators import OPERATORS
from engine.expr.build.tokens import RESERVED, suggested_name

PAGE = Path(__file__).resolve().parents[3] / "docs" / "expressions.md"
_NULL = {"strict": "NULL in, NULL out", "own": "see its meaning", "never": "never NULL"}


def tables() -> dict[str, str]:
    return {
        "functions": _table(
            ("function", "", "含义", "example"),
            [
                (f"`{f.name}` {f.signature}{'' if f.sql else ' ¹'}", f.en, f.zh, f"`{f.example}`")
                for f in FUNCTIONS.values()
            ],
        ),
        "operators": _table(
            ("written", "read as", "读作", "NULL"),
            [
                (f"`{o.written}`", _shown(o.en), _shown(o.zh), _NULL[o.null])
                for o in OPERATORS.values()
                if o.written and o.written.partition("(")[0] not in FUNCTIONS
            ],
        ),
        "aggregates": ", ".join(f"`{name}`" for name in NAMES),
        "reserved": ", ".join(f"`{word}`" for word in sorted(RESERVED)),
        "suggested": f"`end` → `{suggested_name('end')}`, `desc` → `{suggested_name('desc')}`",
        "codes": _table(("code", "says", "hint"), [(f"`{c.code}`", c.en, c.hint_en) for c in CODES.values()]),
    }  # fmt: skip


def _shown(template: str) -> str:
    return re.sub(r"\{(\d)\*?\}", lambda m: "abc"[int(m[1])], re.sub(r"\{\*([^}]*)\}", r"a\1b", template))


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines)


def page(text: str) -> str:
    """The page with its tables made anew; each stands between ``<!-- name -->`` and ``<!-- /name -->``."""
    for name, table in tables().items():
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        before, _, rest = text.partition(begin)
        text = before + begin + table + "\n" + end + rest.partition(end)[2]
    return text


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
