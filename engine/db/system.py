"""The engine's own tables, declared in the same types as everybody's."""

from __future__ import annotations

from collections.abc import Mapping

from engine.fieldtypes.storage import Columns
from engine.plan.table import Column, Index, Table


def _table(name: str, columns: str, key: str = "id", *indexes: Index) -> Table:
    """``columns`` is one word per column, ``name:kind``; a ``!`` after the kind forbids NULL."""
    made = []
    for word in columns.split():
        column, _, kind = word.partition(":")
        made.append(Column(column, kind.rstrip("!"), nullable=not kind.endswith("!")))
    return Table(name, tuple(made), tuple(key.split()), indexes=indexes)


TABLES: tuple[Table, ...] = (
    _table(
        "_revision",
        "n:integer! digest:text! at:datetime! by:text source:text! shape:text! changes:text! note:text",
        "n",
    ),
    _table("_identity", "identity:text! path:text! physical:text! born:integer! retired:integer", "identity"),
    _table("_epoch", "one:integer! epoch:integer!", "one"),
    _table("_setting", "id:uuid! name:text! scope:text! place:uuid since:date value:json by:uuid at:datetime"),
    _table(
        "_history",
        "id:uuid! entity:text! record:uuid! root:uuid! rev:integer! at:datetime! by:uuid action:text! change:json",
        "id",
        Index("_history_record", ("record", "id")),
        Index("_history_root", ("root", "id")),
    ),
    _table(
        "_outbox",
        "id:uuid! at:datetime! entity:text! record:uuid! rev:integer! kind:text! body:json position:integer",
        "id",
        Index("_outbox_new", ("id",), where="position IS NULL"),
        Index("_outbox_position", ("position",), unique=True),
    ),
    _table("_rollup", "name:text! log:text! entity:text! removal:json! filled:datetime", "name"),
    _table("_lease", "name:text! holder:text! until:integer! n:integer!", "name"),
    _table(
        "_webhook",
        "id:uuid! name:text! url:text! secret:text! old_secret:text old_until:integer entities:json kinds:json"
        " condition:text"
        " state:text! by:uuid born:datetime!",
    ),
    _table(
        "_delivery",
        "webhook:uuid! event:uuid! position:integer! entity:text! record:uuid! rev:integer! kind:text! born:text!"
        " state:text! attempts:integer! due:integer! status:integer said:text sent:integer took:integer",
        "webhook event",
        Index("_delivery_waiting", ("webhook", "record", "position"), where="state = 'waiting'"),
        Index("_delivery_next", ("webhook", "position"), where="state = 'waiting'"),
        Index("_delivery_log", ("webhook", "position")),
    ),
    _table(
        "_audit",
        "id:uuid! at:integer! by:uuid act:text! entity:text record:uuid detail:text address:text n:integer hash:text",
        "id",
        Index("_audit_new", ("id",), where="n IS NULL"),
        Index("_audit_n", ("n",), unique=True),
        Index("_audit_record", ("record", "n")),
    ),
    _table(
        "_file",
        "id:uuid! digest:text! size:integer! type:text! name:text! user:uuid at:datetime! entity:text record:uuid"
        " field:text",
        "id",
        Index("_file_user", ("user", "record")),
        Index("_file_digest", ("digest",)),
    ),
    _table(
        "_import",
        "id:uuid! name:text! file:uuid! title:text! by:uuid at:datetime! existing:text! rows:integer! created:integer!"
        " updated:integer! skipped:integer! refused:integer! undone:datetime undone_by:uuid",
        "id",
        Index("_import_by", ("by", "at")),
    ),
    _table("_import_row", "run:uuid! record:uuid! row:integer! rev:integer! made:boolean!", "run record"),
    _table("_guard", "key:text! n:integer!", "key"),
    _table("_sequence", "key:text! next:integer!", "key"),
    _table(
        "_login",
        "user:uuid! name:text! hash:text! language:text admin:boolean! must_change:boolean! changed_at:datetime"
        " disabled:boolean",
        "user",
        Index("_login_name", ("name",), unique=True),
    ),
    _table(
        "_grant",
        "id:uuid! user:uuid! name:text! what:text! write:boolean! reason:text! born:datetime! ends:datetime! by:uuid"
        " ended:datetime ended_by:uuid",
        "id",
        Index("_grant_user", ("user",)),
    ),
    _table("_attempt", "key:text! failed:integer! at:datetime! ends:datetime", "key"),
    _table(
        "_session",
        "token:text! id:uuid! user:uuid! kind:text! csrf:text! born:datetime! ends:datetime! seen:datetime!"
        " name:text scopes:json address:text agent:text",
        "token",
        Index("_session_user", ("user",)),
    ),
    _table(
        "_case",
        "id:uuid! entity:text! root:uuid! machine:text! round:integer! step:text state:text!"
        " initiator:uuid started_at:datetime! ended_at:datetime",
        "id",
        Index("_case_root", ("root", "round")),
        Index("_case_open", ("root",), unique=True, where="state = 'open'"),
    ),
    _table(
        "_task",
        "id:uuid! case_id:uuid! entity:text! root:uuid! step:text! round:integer! position:integer!"
        " user:uuid state:text! born:datetime! done_at:datetime",
        "id",
        Index("_task_user", ("user", "state")),
        Index("_task_case", ("case_id", "step")),
        Index("_task_root", ("root",)),
    ),
    _table(
        "_decision",
        "id:uuid! case_id:uuid! task_id:uuid root:uuid! step:text! round:integer! user:uuid decision:text!"
        " opinion:text behalf:uuid at:datetime!",
        "id",
        Index("_decision_root", ("root", "id")),
    ),
    _table(
        "_second",
        "user:uuid! kind:text! secret:text! counter:integer! confirmed:boolean! recovery:json born:datetime!",
        "user",
    ),
    _table(
        "_standin",
        "id:uuid! giver:uuid! taker:uuid! roles:json starts:date! ends:date! born:datetime! ended:datetime",
        "id",
        Index("_standin_taker", ("taker",), where="ended IS NULL"),
        Index("_standin_giver", ("giver",), where="ended IS NULL"),
    ),
    _table(
        "_idempotency",
        "user:uuid! key:text! digest:text! status:integer! body:text location:text etag:text at:datetime!",
        "user key",
        Index("_idempotency_at", ("at",)),
    ),
)
COLUMNS: Mapping[str, Columns] = {
    table.name: tuple((c.name, c.kind, c.scale) for c in table.columns) for table in TABLES
}
"""By table, as rows of several are bound."""
