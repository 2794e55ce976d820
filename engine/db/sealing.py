"""What PostgreSQL says of its checks is kept beside them: it words them anew, so they cannot be compared with ours.

With each revision every check is given a digest of its words as a comment. Another text has another digest; a check
that was taken away and made anew has none. Words may differ between major versions of PostgreSQL: the comment of
``_epoch`` says of which they are, and those of another one say nothing until the next revision.
"""

from __future__ import annotations

from engine.db.call import Body, Call
from engine.plan.statement import Dialect

_VERSION = "'checks as PostgreSQL ' || current_setting('server_version_num')::int / 10000 || ' words them'"
_DIGEST = "md5(pg_get_constraintdef(k.oid))"
_OURS = "k.connamespace = current_schema()::regnamespace AND k.contype = 'c'"
_SAID = "obj_description(k.oid, 'pg_constraint')"
_SEAL = f"""
DO $$ DECLARE one record; BEGIN
  FOR one IN SELECT k.conname, k.conrelid::regclass AS at, {_DIGEST} AS digest FROM pg_constraint AS k
              WHERE {_OURS} AND {_SAID} IS DISTINCT FROM {_DIGEST}
  LOOP EXECUTE format('COMMENT ON CONSTRAINT %I ON %s IS %L', one.conname, one.at, one.digest); END LOOP;
  EXECUTE format('COMMENT ON TABLE _epoch IS %L', {_VERSION});
END $$
"""
BROKEN = f"""
SELECT c.relname::text, k.conname::text FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid
 WHERE {_OURS} AND {_SAID} IS DISTINCT FROM {_DIGEST}
   AND obj_description('_epoch'::regclass, 'pg_class') = {_VERSION}
"""
"""A statement: (table, check) of what reads otherwise than when it was left."""


def sealed(dialect: Dialect) -> Body[None]:
    """The last of what a transaction does to tables."""
    if dialect == "postgresql":
        yield Call(_SEAL)
