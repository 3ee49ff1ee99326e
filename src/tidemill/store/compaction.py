"""Folding the metric log into blocks: from one row a call to one row per 2048 points of a series."""

import logging

from tidemill.store import points
from tidemill.store.database import Database
from tidemill.store.transaction import Site, Tx

_log = logging.getLogger(__name__)
DUE_POINTS = 16_384
DUE_ROWS = 256
WORTH_ROWS = 16


def note_logged(site: Site, run_pk: int, count: int) -> None:
    """Remember that a run's log has grown, by one row of `count` points."""
    rows, so_far = site.pending.get(run_pk, (0, 0))
    rows, so_far = rows + 1, so_far + count
    if rows >= DUE_ROWS or so_far >= DUE_POINTS:
        site.pending.pop(run_pk, None)
        site.due.add(run_pk)
    else:
        site.pending[run_pk] = (rows, so_far)


def note_finished(site: Site, run_pk: int) -> None:
    """A run has ended: fold its log unless that is so short that blocks would be larger."""
    rows, _ = site.pending.pop(run_pk, (0, 0))
    if rows >= WORTH_ROWS:
        site.due.add(run_pk)


def compact_if_due(database: Database, site: Site) -> None:
    """Fold the logs of the runs that are due, each in a transaction of its own.

    A failure is logged and otherwise passed over: whoever happened to log the last point has nothing to do with it.
    """
    while site.due:
        try:
            run_pk = site.due.pop()
        except KeyError:
            return
        try:
            database.write(site, lambda tx, pk=run_pk: compact(tx, pk))  # type: ignore[misc]
        except Exception as error:
            _log.warning("The metric log of run %s stays as it is: %s", run_pk, error)


def compact(tx: Tx, run_pk: int) -> None:
    """Fold the whole log of one run into its blocks."""
    if tx.dialect.name == "postgresql":
        tx.row("SELECT pk FROM runs WHERE pk = ? FOR UPDATE", (run_pk,))
    rows = tx.rows("SELECT id, data FROM metric_log WHERE run_pk = ? ORDER BY id", (run_pk,))
    if not rows:
        return
    series: dict[int, list[points.Point]] = {}
    for _, data in rows:
        for name_id, value, timestamp, step in zip(*points.unpack_log(data), strict=True):
            series.setdefault(name_id, []).append((timestamp, step, value))
    tails = {
        row[0]: (row[1], row[2], row[3])
        for row in tx.rows(
            "SELECT b.name_id, b.seq, b.points, b.data FROM metric_blocks b JOIN (SELECT name_id, max(seq) AS seq "
            "FROM metric_blocks WHERE run_pk = ? GROUP BY name_id) last ON b.name_id = last.name_id AND b.seq = last.seq "
            "WHERE b.run_pk = ? AND b.points < ?",
            (run_pk, run_pk, points.BLOCK_POINTS),
        )
    }
    full: dict[int, int] = dict(
        tx.rows("SELECT name_id, max(seq) FROM metric_blocks WHERE run_pk = ? GROUP BY name_id", (run_pk,))
    )
    blocks = []
    for name_id, fresh in series.items():
        seq = full.get(name_id, -1) + 1
        if name_id in tails:
            seq, _, data = tails[name_id]
            fresh = points.unpack_block(data) + fresh
        ordered = points.in_order(fresh)
        for start in range(0, len(ordered), points.BLOCK_POINTS):
            part = ordered[start : start + points.BLOCK_POINTS]
            blocks.append((run_pk, name_id, seq, len(part), points.pack_block(part)))
            seq += 1
    tx.many(
        "INSERT INTO metric_blocks (run_pk, name_id, seq, points, data) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (run_pk, name_id, seq) DO UPDATE SET points = excluded.points, data = excluded.data",
        blocks,
    )
    # Exactly the rows read: another process may have logged meanwhile.
    tx.many("DELETE FROM metric_log WHERE id = ?", [(row[0],) for row in rows])
