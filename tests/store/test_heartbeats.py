"""A run whose process is gone is not running for ever."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tidemill.api import runs
from tidemill.errors import InvalidParameter
from tidemill.store import backend as store_backend
from tidemill.store.backend import SqlBackend
from tidemill.testing.databases import embedded
from tidemill.types.runs import CreateRun, GetRun, Heartbeat, Run, RunStatus, UpdateRun


@pytest.fixture
def store(database_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqlBackend]:
    monkeypatch.setattr(store_backend, "_LOOK_S", 0.0)
    with embedded(database_address, tmp_path / "artifacts") as found:
        yield found


def new_run(store: SqlBackend) -> str:
    return store.call(runs.create, CreateRun("0", start_time=1)).run.info.run_id


def seen(store: SqlBackend, run_id: str) -> Run:
    return store.call(runs.get, GetRun(run_id)).run


def silence(store: SqlBackend, seconds: float) -> None:
    """As if so much time had passed since the heartbeats and since the store was opened."""
    past = round(seconds * 1000)
    store.site.opened_at -= past
    store.database.write(store.site, lambda tx: tx.run("UPDATE run_beats SET beat_at = beat_at - ?", (past,)))


def test_a_silent_run_has_failed_and_says_why(store: SqlBackend) -> None:
    silent, steady, never = new_run(store), new_run(store), new_run(store)
    store.call(runs.heartbeat, Heartbeat([silent, steady, "unknown"], 30))
    silence(store, 119)
    assert seen(store, silent).info.status == RunStatus.RUNNING
    store.call(runs.heartbeat, Heartbeat([steady], 30))
    silence(store, 2)
    failed = seen(store, silent)
    assert failed.info.status == RunStatus.FAILED
    assert failed.info.end_time == pytest.approx(time.time() * 1000 - 121_000, abs=30_000)
    assert "not heard of" in {tag.key: tag.value for tag in failed.data.tags}["tidemill.status.reason"]
    assert seen(store, steady).info.status == RunStatus.RUNNING
    assert seen(store, never).info.status == RunStatus.RUNNING


def test_a_run_that_speaks_again_is_taken_back(store: SqlBackend) -> None:
    run_id = new_run(store)
    store.call(runs.heartbeat, Heartbeat([run_id], 1))
    silence(store, 10)
    assert seen(store, run_id).info.status == RunStatus.FAILED
    store.call(runs.heartbeat, Heartbeat([run_id], 30))
    run = seen(store, run_id)
    assert (run.info.status, run.info.end_time) == (RunStatus.RUNNING, None)
    assert "tidemill.status.reason" not in {tag.key for tag in run.data.tags}


def test_an_ended_run_stays_as_it_ended(store: SqlBackend) -> None:
    run_id = new_run(store)
    store.call(runs.heartbeat, Heartbeat([run_id], 1))
    store.call(runs.update, UpdateRun(run_id, status=RunStatus.FAILED, end_time=5))
    silence(store, 10)
    store.call(runs.heartbeat, Heartbeat([run_id], 30))
    assert (seen(store, run_id).info.status, seen(store, run_id).info.end_time) == (RunStatus.FAILED, 5)


def test_silence_after_a_goodbye_means_nothing(store: SqlBackend) -> None:
    run_id = new_run(store)
    store.call(runs.heartbeat, Heartbeat([run_id], 1))
    store.call(runs.heartbeat, Heartbeat([run_id], 0))
    silence(store, 1000)
    assert seen(store, run_id).info.status == RunStatus.RUNNING


def test_what_a_server_that_was_away_did_not_hear_is_no_silence(store: SqlBackend) -> None:
    run_id = new_run(store)
    store.call(runs.heartbeat, Heartbeat([run_id], 1))
    silence(store, 1000)
    store.site.opened_at = round(time.time() * 1000)
    assert seen(store, run_id).info.status == RunStatus.RUNNING


def test_a_heartbeat_has_a_limit(store: SqlBackend) -> None:
    with pytest.raises(InvalidParameter, match="at most 1000"):
        store.call(runs.heartbeat, Heartbeat(["x"] * 1001))
