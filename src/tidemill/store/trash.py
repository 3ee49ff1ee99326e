"""Removing for good what was deleted before."""

from tidemill.clock import now_ms
from tidemill.errors import InvalidParameter, PermissionDenied
from tidemill.store.outbox import emit
from tidemill.store.transaction import Tx
from tidemill.types import trash as t

# What a registered version was made from stays, whoever deleted it: its files may be serving.
_RUN_IN_USE = "EXISTS (SELECT 1 FROM model_versions v WHERE v.run_id = r.run_id)"
_MODEL_IN_USE = "EXISTS (SELECT 1 FROM model_versions v WHERE v.model_id = l.model_id)"
# Runs and models first. An experiment goes, and its models with it, once none of its runs will be left.
_GONE = f"""
    WITH old AS (
        SELECT e.id, e.name, e.deleted_at, e.artifact_location FROM experiments e WHERE e.deleted_at <= ? AND NOT EXISTS (
            SELECT 1 FROM runs r WHERE r.experiment_id = e.id AND (r.deleted_at IS NULL OR r.deleted_at > ? OR {_RUN_IN_USE})
        ) AND NOT EXISTS (SELECT 1 FROM logged_models l WHERE l.experiment_id = e.id AND {_MODEL_IN_USE})
    )
    SELECT kind, pk, id, name, deleted_at, uri FROM (
        SELECT 0 AS kind, r.pk AS pk, r.run_id AS id, r.name AS name, r.deleted_at AS deleted_at, r.artifact_uri AS uri
        FROM runs r WHERE r.deleted_at <= ? AND NOT {_RUN_IN_USE}
        UNION ALL
        SELECT 1, l.pk, l.model_id, l.name, COALESCE(l.deleted_at, o.deleted_at), l.artifact_uri
        FROM logged_models l LEFT JOIN old o ON o.id = l.experiment_id
        WHERE (l.deleted_at <= ? OR o.id IS NOT NULL) AND NOT {_MODEL_IN_USE}
        UNION ALL
        SELECT 2, o.id, CAST(o.id AS TEXT), o.name, o.deleted_at, o.artifact_location FROM old o
    ) gone ORDER BY kind, pk
"""
_KINDS = ("run", "logged_model", "experiment")
_DELETE = (
    "DELETE FROM runs WHERE pk = ?",
    "DELETE FROM logged_models WHERE pk = ?",
    "DELETE FROM experiments WHERE id = ?",
)


def empty(tx: Tx, arg: t.EmptyTrash) -> t.EmptiedTrash:
    """See the operation `trash.empty`."""
    if not 1 <= arg.limit <= 1000:
        raise InvalidParameter(f"Invalid value {arg.limit} for parameter 'limit' supplied. It must be 1 to 1000.")
    if arg.older_than_ms < 0:
        raise InvalidParameter(
            f"Invalid value {arg.older_than_ms} for parameter 'older_than_ms' supplied: not negative."
        )
    before = now_ms() - arg.older_than_ms
    row = tx.row(f"SELECT count(*) FROM ({_GONE}) counted", (before,) * 4)
    total = row[0] if row else 0
    rows = tx.rows(f"{_GONE} LIMIT ?", (before, before, before, before, arg.limit))
    items = []
    for kind, pk, one, name, deleted_at, uri in rows:
        items.append(t.TrashItem(kind=_KINDS[kind], id=one, name=name, deleted_time=deleted_at, artifact_uri=uri))
        if not arg.dry_run:
            # Files first: where that fails the row stays and the next call tries again.
            _delete_files(tx, kind, one, uri)
            tx.run(_DELETE[kind], (pk,))
    if items and not arg.dry_run:
        gone = [{"kind": item.kind, "id": item.id, "name": item.name} for item in items]
        emit(tx, "trash.emptied", "trash", {"items": gone})
    return t.EmptiedTrash(items=items, remaining=total if arg.dry_run else total - len(items))


def _delete_files(tx: Tx, kind: int, one: str, uri: str) -> None:
    """Remove the files of one thing: only what was made for it, never a place that its caller had named."""
    folder = uri.removesuffix("/artifacts")
    if kind == 2 and uri != tx.site.files.join(tx.site.artifact_root, one):
        return
    try:
        tx.site.files.delete(folder if folder.endswith(f"/{one}") else uri)
    except PermissionDenied:
        return  # it lies where only its owner may reach
