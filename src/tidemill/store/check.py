"""Is a database whole? Integrity, migrations, indexes, orphans, readable metric data."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tidemill.store import points
from tidemill.store.database import Database
from tidemill.store.migrations import LATEST
from tidemill.store.schema import MIGRATIONS
from tidemill.store.transaction import Site, Tx

_PARENTS = {
    "params": ("run_pk", "runs", "pk"),
    "tags": ("run_pk", "runs", "pk"),
    "metric_latest": ("run_pk", "runs", "pk"),
    "metric_log": ("run_pk", "runs", "pk"),
    "metric_blocks": ("run_pk", "runs", "pk"),
    "run_datasets": ("run_pk", "runs", "pk"),
    "run_models": ("run_pk", "runs", "pk"),
    "deliveries": ("sink", "subscriptions", "sink"),
    "metric_rules": ("sink", "subscriptions", "sink"),
    "runs": ("experiment_id", "experiments", "id"),
    "datasets": ("experiment_id", "experiments", "id"),
    "experiment_tags": ("experiment_id", "experiments", "id"),
    "logged_models": ("experiment_id", "experiments", "id"),
    "logged_model_params": ("model_pk", "logged_models", "pk"),
    "logged_model_tags": ("model_pk", "logged_models", "pk"),
    "logged_model_metrics": ("model_pk", "logged_models", "pk"),
    "registered_model_tags": ("model_pk", "registered_models", "pk"),
    "model_versions": ("model_pk", "registered_models", "pk"),
    "model_version_tags": ("version_pk", "model_versions", "pk"),
    "model_aliases": ("model_pk", "registered_models", "pk"),
    "approval_policies": ("model_pk", "registered_models", "pk"),
    "approvals": ("model_pk", "registered_models", "pk"),
    "model_holds": ("model_pk", "registered_models", "pk"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `good` or not, and in `text` what was found and, if bad, what to do."""

    what: str
    good: bool
    text: str


def check(database: Database, site: Site) -> Iterator[Finding]:
    """Look at everything, yielding one finding a subject."""
    with database.read(site) as tx:
        for subject, look in SUBJECTS.items():
            bad = list(look(tx))
            yield Finding(subject, not bad, "; ".join(bad) or "ok")


def _integrity(tx: Tx) -> Iterator[str]:
    if tx.dialect.name == "sqlite":
        for (text,) in tx.rows("PRAGMA integrity_check(20)"):
            if text != "ok":
                yield f"{text}. Restore a copy, or dump what is readable with: sqlite3 FILE .recover"


def _schema(tx: Tx) -> Iterator[str]:
    row = tx.row("SELECT max(version) FROM tidemill_migrations")
    have = row[0] if row else 0
    if have != LATEST:
        yield f"schema version {have}, this Tidemill has {LATEST}. Run: tidemill db upgrade"


def mend_indexes(database: Database, site: Site) -> list[str]:
    """Make the indexes anew that are missing; their names."""

    def mend(tx: Tx) -> list[str]:
        missing = _missing_indexes(tx)
        for statement in missing.values():
            tx.run(tx.dialect.ddl(statement))
        return list(missing)

    return database.write(site, mend)


def _indexes(tx: Tx) -> Iterator[str]:
    for name in _missing_indexes(tx):
        yield f"index {name} is missing, searches will be slow. Run: tidemill db upgrade"


def _missing_indexes(tx: Tx) -> dict[str, str]:
    """The statements that make the missing indexes, by the index's name."""
    wanted = {}
    for statement in (statement for migration in MIGRATIONS for statement in migration):
        found = re.match(r"\s*CREATE (?:UNIQUE )?INDEX (\w+)", statement)
        if found:
            wanted[found[1]] = statement
    if tx.dialect.name == "sqlite":
        have = {row[0] for row in tx.rows("SELECT name FROM sqlite_master WHERE type = 'index'")}
    else:
        have = {
            row[0]
            for row in tx.rows("SELECT indexname FROM pg_indexes WHERE schemaname = ANY (current_schemas(false))")
        }
    return {name: wanted[name] for name in sorted(set(wanted) - have)}


def _orphans(tx: Tx) -> Iterator[str]:
    for table, (column, parent, key) in _PARENTS.items():
        row = tx.row(
            f"SELECT count(*) FROM {table} c WHERE NOT EXISTS (SELECT 1 FROM {parent} p WHERE p.{key} = c.{column})"
        )
        if row and row[0]:
            yield f"{row[0]} rows of {table} belong to nothing in {parent}"


def _blocks(tx: Tx) -> Iterator[str]:
    """Every log row and block can be read and has as many points as it says."""
    for table, unpack in (("metric_log", _log_points), ("metric_blocks", _block_points)):
        key = "id" if table == "metric_log" else "run_pk, name_id, seq"
        broken = 0
        for data, count in _each(tx, f"SELECT data, points FROM {table} ORDER BY {key}"):
            try:
                broken += unpack(bytes(data)) != count
            except Exception:
                broken += 1
        if broken:
            yield f"{broken} rows of {table} cannot be read"


def _log_points(data: bytes) -> int:
    return len(points.unpack_log(data)[0])


def _block_points(data: bytes) -> int:
    return len(points.unpack_block(data))


def _each(tx: Tx, sql: str) -> Iterator[tuple[bytes, int]]:
    start, size = 0, 1000
    while True:
        rows = tx.rows(f"{sql} LIMIT {size} OFFSET {start}")
        yield from ((row[0], row[1]) for row in rows)
        if len(rows) < size:
            return
        start += size


def _latest(tx: Tx) -> Iterator[str]:
    row = tx.row(
        "SELECT count(*) FROM (SELECT DISTINCT run_pk, name_id FROM metric_blocks) b WHERE NOT EXISTS "
        "(SELECT 1 FROM metric_latest m WHERE m.run_pk = b.run_pk AND m.name_id = b.name_id)"
    )
    if row and row[0]:
        yield f"{row[0]} series have points but no latest value"


SUBJECTS: dict[str, Callable[[Tx], Iterator[str]]] = {
    "integrity": _integrity,
    "schema": _schema,
    "indexes": _indexes,
    "orphans": _orphans,
    "metric blocks": _blocks,
    "latest metrics": _latest,
}
"""What `check` looks at, in this order; each yields what is bad."""
