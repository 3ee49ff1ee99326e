"""What is told of runs: when one is made, and when its status moves."""

from tidemill.store.outbox import emit
from tidemill.store.run_documents import INFO, info_of
from tidemill.store.transaction import Tx
from tidemill.types.runs import RunInfo, RunStatus

OF_STATUS = {
    RunStatus.RUNNING: "resumed",
    RunStatus.SCHEDULED: "scheduled",
    RunStatus.FINISHED: "finished",
    RunStatus.FAILED: "failed",
    RunStatus.KILLED: "killed",
}
"""What has happened to a run that has this status now and had another."""


def announce(tx: Tx, what: str, info: RunInfo, **more: str) -> None:
    """Emit `run.<what>`."""
    data = {
        "run_id": info.run_id,
        "experiment_id": info.experiment_id,
        "run_name": info.run_name,
        "user_id": info.user_id,
        "status": info.status,
        "start_time": info.start_time,
        "end_time": info.end_time,
    }
    emit(tx, f"run.{what}", f"run/{info.run_id}", {**data, **more})


def announce_by_pk(tx: Tx, what: str, pk: int, **more: str) -> None:
    """Emit `run.<what>` of the run `pk` as it stands now."""
    row = tx.row(f"SELECT {INFO} FROM runs r WHERE r.pk = ?", (pk,))
    assert row is not None
    announce(tx, what, info_of(row), **more)
