"""Runs that show signs of life, and those that no longer do: `runs.heartbeat`, in the database.

Only a run that ever sent a heartbeat is judged by its silence, and only by the silence since this process looks: a
server that was away has heard nobody. A run that was given up and speaks again is taken back.
"""

from collections.abc import Sequence

from tidemill.clock import now_ms
from tidemill.errors import InvalidParameter
from tidemill.store.filters import STATUSES
from tidemill.store.run_events import announce_by_pk
from tidemill.store.transaction import Row, Tx, marks
from tidemill.types.page import NOTHING, Nothing
from tidemill.types.runs import Heartbeat, RunStatus

REASON_TAG = "tidemill.status.reason"
SILENCES = 4
"""So many intervals without a heartbeat, and a run is given up."""
_REASON = "The process that wrote this run was not heard of any more; it was killed or cut off."
_MOST_RUNS = 1000
_MOST_INTERVAL_S = 86_400
_RUNNING = STATUSES.index(RunStatus.RUNNING) + 1
_FAILED = STATUSES.index(RunStatus.FAILED) + 1


def heartbeat(tx: Tx, arg: Heartbeat) -> Nothing:
    """See the operation `runs.heartbeat`. Unknown runs, and those that have ended, are passed over."""
    if len(arg.run_ids) > _MOST_RUNS:
        raise InvalidParameter(f"A heartbeat can name at most {_MOST_RUNS} runs. Got {len(arg.run_ids)}; send several.")
    rows = tx.rows(
        f"SELECT pk, status FROM runs WHERE run_id IN ({marks(len(arg.run_ids))}) AND deleted_at IS NULL",
        arg.run_ids,
    )
    reason = tx.names.find(tx, REASON_TAG)
    for pk, status in rows:
        if arg.interval <= 0:
            tx.run("DELETE FROM run_beats WHERE run_pk = ?", (pk,))
        elif status == _RUNNING or (status == _FAILED and _take_back(tx, pk, reason)):
            tx.run(
                "INSERT INTO run_beats (run_pk, beat_at, interval_s) VALUES (?, ?, ?) "
                "ON CONFLICT (run_pk) DO UPDATE SET beat_at = excluded.beat_at, interval_s = excluded.interval_s",
                (pk, now_ms(), min(arg.interval, _MOST_INTERVAL_S)),
            )
    return NOTHING


def _take_back(tx: Tx, pk: int, reason: int) -> bool:
    """Whether the run was given up for its silence; it is running again then."""
    if not tx.run("DELETE FROM tags WHERE run_pk = ? AND name_id = ?", (pk, reason)):
        return False
    tx.run("UPDATE runs SET status = ?, end_time = NULL WHERE pk = ?", (_RUNNING, pk))
    tx.touched.add(pk)
    announce_by_pk(tx, "resumed", pk)
    return True


def overdue(tx: Tx) -> Sequence[Row]:
    """The runs to give up: pk, experiment, time of the last heartbeat (ms)."""
    now = now_ms()
    return tx.rows(
        "SELECT r.pk, r.experiment_id, b.beat_at FROM run_beats b JOIN runs r ON r.pk = b.run_pk "
        "WHERE r.status = ? AND b.beat_at + ? * b.interval_s < ? AND ? + ? * b.interval_s < ?",
        (_RUNNING, SILENCES * 1000, now, tx.site.opened_at, SILENCES * 1000, now),
    )


def give_up(tx: Tx) -> None:
    """Mark the runs that are overdue as failed, and say why. They ended when they were last heard of."""
    name = tx.names.find_or_make(tx, [REASON_TAG])[REASON_TAG]
    for pk, experiment, beat_at in overdue(tx):
        ends = "UPDATE runs SET status = ?, end_time = ? WHERE pk = ? AND status = ?"
        if not tx.run(ends, (_FAILED, beat_at, pk, _RUNNING)):
            continue  # another process was quicker
        tx.run("DELETE FROM run_beats WHERE run_pk = ?", (pk,))
        tx.run(
            "INSERT INTO tags (run_pk, name_id, experiment_id, value) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (run_pk, name_id) DO UPDATE SET value = excluded.value",
            (pk, name, experiment, _REASON),
        )
        tx.touched.add(pk)
        announce_by_pk(tx, "failed", pk, reason=_REASON)
