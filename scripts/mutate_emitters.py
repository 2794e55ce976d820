"""Shows that a mistake in an emitter is caught: python scripts/mutate_emitters.py [expressions]

Each mistake is made on one target; the table says how many of the random and directed expressions then differ.
Ends with 1 when a mistake goes unnoticed.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.expr.build import parse_expression
from tests.expr.four import run_python
from tests.expr.generate import make_rows
from tests.expr.mutations import MUTATIONS, caught
from tests.expr.test_meaning import MEANINGS, SCOPE
from tests.expr.test_targets import SEED, accepted
from tests.pg import fresh_database, url_of_server


def main(count: int = 1500) -> int:
    random = Random(SEED)
    exprs = [parse_expression(text, SCOPE) for text, _ in MEANINGS] + accepted(random, count)
    rows = make_rows(random, 25)
    wanted = [run_python(expr, rows) for expr in exprs]
    missed = 0
    print(f"{len(exprs)} expressions x {len(rows.records)} rows\n")
    print(f"{'target':<12}{'mistake':<36}{'differ':>7}")
    with tempfile.TemporaryDirectory() as folder:
        server = url_of_server(Path(folder))
        for mutation in MUTATIONS:
            with fresh_database(server) as url:
                found = caught(mutation, exprs, wanted, rows, url, Path(folder))
            missed += found == 0
            print(f"{mutation.target:<12}{mutation.what:<36}{found:>7}{'' if found else '   NOT CAUGHT'}", flush=True)
    print(f"\n{len(MUTATIONS) - missed} of {len(MUTATIONS)} mistakes were caught")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:2])))
