"""The outbox: what is emitted has happened, and a reader's cursor never passes an event that is yet to come."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tidemill.api import events, experiments, logged_models, runs, trash
from tidemill.api.table import OPERATIONS
from tidemill.clock import now_ms
from tidemill.errors import InvalidParameter, TidemillError
from tidemill.store import backend as store_backend
from tidemill.store.backend import SqlBackend
from tidemill.store.outbox import emit
from tidemill.store.transaction import Tx
from tidemill.testing.databases import embedded
from tidemill.testing.factories import new_experiment, new_model, new_run, unique
from tidemill.types.events import CleanEvents, Event, ListEvents
from tidemill.types.experiments import DeleteExperiment, RestoreExperiment, UpdateExperiment
from tidemill.types.logged_models import DeleteLoggedModel, FinalizeLoggedModel, LoggedModelStatus
from tidemill.types.runs import CreateRun, DeleteRun, Heartbeat, LogMetric, RestoreRun, RunStatus, UpdateRun
from tidemill.types.trash import EmptyTrash

SILENT = {
    # What arrives in masses: the live feed notices it, the outbox does not.
    "runs.log_metric", "runs.log_param", "runs.set_tag", "runs.delete_tag", "runs.log_batch", "runs.log_model",
    "runs.ingest", "inputs.log", "inputs.log_outputs", "logged_models.set_tags", "logged_models.delete_tag",
    "logged_models.log_params", "experiments.set_tag", "experiments.delete_tag",
    # What is about events themselves.
    "events.clean", "webhooks.redeliver", "triggers.run_again",
    # What is somebody's own way to look at things.
    "views.save", "views.delete",
    # What says that nothing has changed.
    "deployments.heartbeat",
}  # fmt: skip


def since(store: SqlBackend, cursor: int, *kinds: str) -> list[Event]:
    return store.call(events.list_events, ListEvents(cursor, list(kinds))).events


def cursor_of(store: SqlBackend) -> int:
    return store.call(events.list_events, ListEvents(max_results=1, newest=True)).cursor


@pytest.fixture
def fresh(database_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqlBackend]:
    monkeypatch.setattr(store_backend, "_LOOK_S", 0.0)
    with embedded(database_address, tmp_path / "artifacts") as found:
        yield found


def test_each_writing_operation_says_what_it_emits() -> None:
    writing = {op.name: op.emits for op in OPERATIONS.values() if op.writes}
    assert {name for name, emits in writing.items() if not emits} == SILENT
    assert not [op.name for op in OPERATIONS.values() if op.emits and not op.writes]
    page = (Path(__file__).parents[2] / "docs" / "reference" / "events.md").read_text()
    for kind in {kind for emits in writing.values() for kind in emits}:
        noun, _, what = kind.partition(".")
        assert f"`{kind}`" in page or (f"`{noun}." in page and f"`.{what}`" in page), kind


def test_what_runs_tell(store: SqlBackend) -> None:
    run_id = new_run(store)
    cursor = cursor_of(store)
    for status in (RunStatus.FINISHED, RunStatus.FINISHED, RunStatus.RUNNING, RunStatus.FAILED, RunStatus.KILLED):
        store.call(runs.update, UpdateRun(run_id, status=status, end_time=7))
    store.call(runs.delete, DeleteRun(run_id))
    store.call(runs.delete, DeleteRun(run_id))
    store.call(runs.restore, RestoreRun(run_id))
    store.call(runs.log_metric, LogMetric(run_id, key="m", value=1.0, timestamp=1))
    found = since(store, cursor)
    assert [one.kind for one in found] == [
        "run.finished", "run.resumed", "run.failed", "run.killed", "run.deleted", "run.restored",
    ]  # fmt: skip
    assert {one.subject for one in found} == {f"run/{run_id}"}
    assert found[0].data["status"] == "FINISHED"
    assert found[0].data["end_time"] == 7
    assert found[0].data["run_id"] == run_id


def test_what_other_nouns_tell(store: SqlBackend) -> None:
    cursor = cursor_of(store)
    experiment = new_experiment(store)
    store.call(experiments.update, UpdateExperiment(experiment, unique()))
    model = new_model(store, experiment)
    store.call(logged_models.finalize, FinalizeLoggedModel(model, LoggedModelStatus.LOGGED_MODEL_READY))
    store.call(logged_models.delete, DeleteLoggedModel(model))
    store.call(experiments.delete, DeleteExperiment(experiment))
    store.call(experiments.restore, RestoreExperiment(experiment))
    store.call(trash.empty, EmptyTrash(limit=1000))
    assert [one.kind for one in since(store, cursor)] == [
        "experiment.created", "experiment.renamed", "logged_model.created", "logged_model.finalized",
        "logged_model.deleted", "experiment.deleted", "experiment.restored", "trash.emptied",
    ]  # fmt: skip


def test_the_same_creation_sent_twice_is_told_once(store: SqlBackend) -> None:
    arg = CreateRun("0", run_id=unique("run"), start_time=5)
    cursor = cursor_of(store)
    for _ in range(2):
        store.call(runs.create, arg)
    assert [one.kind for one in since(store, cursor)] == ["run.created"]


def test_a_run_that_fell_silent(fresh: SqlBackend) -> None:
    run_id = new_run(fresh, "0")
    fresh.call(runs.heartbeat, Heartbeat([run_id], interval=1))
    cursor = cursor_of(fresh)
    fresh.site.opened_at -= 100_000
    fresh.database.write(fresh.site, lambda tx: tx.run("UPDATE run_beats SET beat_at = beat_at - ?", (100_000,)))
    new_run(fresh)
    fresh._give_up_the_silent()
    fresh.drain(wait=True)
    (failed,) = since(fresh, cursor, "run.failed")
    assert failed.subject == f"run/{run_id}"
    assert "not heard of" in failed.data["reason"]
    fresh.call(runs.heartbeat, Heartbeat([run_id], interval=1))
    assert [one.subject for one in since(fresh, cursor, "run.resumed")] == [f"run/{run_id}"]


def test_what_fails_is_not_told(store: SqlBackend) -> None:
    cursor = cursor_of(store)

    def job(tx: Tx) -> None:
        emit(tx, "test.never", "test/1", {})
        raise InvalidParameter("no")

    with pytest.raises(InvalidParameter):
        store.database.write(store.site, job)
    # In one transaction with another that succeeds, too.
    run_id = new_run(store, "0")
    done: list[object] = []
    store.enqueue(runs.update, UpdateRun("nope", status=RunStatus.FINISHED), lambda answer, error: done.append(error))
    store.enqueue(runs.update, UpdateRun(run_id, status=RunStatus.FINISHED), lambda answer, error: done.append(error))
    store.drain(wait=True)
    assert [one.kind for one in since(store, cursor, "test.*", "run.finished")] == ["run.finished"] * bool(done)


def test_filters_and_pages(store: SqlBackend) -> None:
    cursor = cursor_of(store)
    ids = [new_run(store, "0") for _ in range(5)]
    store.call(runs.update, UpdateRun(ids[2], status=RunStatus.FINISHED))

    def ask(**more: object) -> list[str]:
        arg = ListEvents(after=cursor, **more)  # type: ignore[arg-type]
        return [f"{one.kind} {ids.index(one.data['run_id'])}" for one in store.call(events.list_events, arg).events]

    assert ask(kinds=["run.finished"]) == ["run.finished 2"]
    assert ask(subject=f"run/{ids[2]}") == ["run.created 2", "run.finished 2"]
    assert ask(kinds=["experiment.*", "run.f*"]) == ["run.finished 2"]
    assert len(ask(kinds=["*"])) == 6
    page = store.call(events.list_events, ListEvents(cursor, ["run.*"], max_results=2))
    assert page.more
    rest = store.call(events.list_events, ListEvents(page.cursor, ["run.*"]))
    assert not rest.more
    assert [one.data["run_id"] for one in (*page.events, *rest.events)] == [*ids, ids[2]]
    assert store.call(events.list_events, ListEvents(rest.cursor)).events == []
    newest = store.call(events.list_events, ListEvents(max_results=2, newest=True))
    assert [one.kind for one in newest.events] == ["run.created", "run.finished"]
    with pytest.raises(InvalidParameter):
        store.call(events.list_events, ListEvents(max_results=0))


def test_a_cursor_passes_nothing_that_comes_late(store: SqlBackend) -> None:
    """A slow transaction that began to emit before a quick one is not overlooked by a reader between them."""
    if store.database.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    cursor = cursor_of(store)
    begun, go_on = threading.Event(), threading.Event()

    def slow(tx: Tx) -> None:
        emit(tx, "test.slow", "test/slow", {})
        tx.row("SELECT nextval(pg_get_serial_sequence('names', 'id'))")
        begun.set()
        go_on.wait(20)

    thread = threading.Thread(target=store.database.write, args=(store.site, slow))
    thread.start()
    begun.wait(20)
    store.database.write(store.site, lambda tx: emit(tx, "test.quick", "test/quick", {}))
    first = store.call(events.list_events, ListEvents(cursor))
    go_on.set()
    thread.join()
    second = store.call(events.list_events, ListEvents(first.cursor))
    assert [one.kind for one in (*first.events, *second.events)] == ["test.quick", "test.slow"]


def test_many_writers_one_reader(store: SqlBackend) -> None:
    cursor = cursor_of(store)
    seen: list[Event] = []
    errors: list[TidemillError] = []

    def write(writer: int) -> None:
        try:
            for number in range(40):
                data = {"number": number}
                store.database.write(store.site, lambda tx, data=data: emit(tx, "test.many", f"test/{writer}", data))
        except TidemillError as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 60
    while len(seen) < 240 and time.monotonic() < deadline:
        page = store.call(events.list_events, ListEvents(cursor, ["test.many"]))
        seen += page.events
        cursor = page.cursor
    for thread in threads:
        thread.join()
    assert not errors
    assert len({one.id for one in seen}) == 240
    for writer in range(6):
        assert [one.data["number"] for one in seen if one.subject == f"test/{writer}"] == list(range(40))


def test_old_events_are_forgotten_once_everybody_has_seen_them(store: SqlBackend) -> None:
    for _ in range(3):
        new_run(store, "0")
    newest = cursor_of(store)

    def age(tx: Tx) -> None:
        tx.run("UPDATE events SET at = ?", (now_ms() - 100_000,))
        tx.run("INSERT INTO subscriptions (sink, position, lease_until) VALUES ('test', ?, ?)", (newest - 2, now_ms()))

    store.database.write(store.site, age)
    store.call(events.clean, CleanEvents(older_than_ms=1000))
    assert [one.id for one in since(store, 0)] == [newest - 1, newest]
    store.database.write(store.site, lambda tx: tx.run("DELETE FROM subscriptions"))
    assert store.call(events.clean, CleanEvents(older_than_ms=1_000_000)).events == 0
    assert store.call(events.clean, CleanEvents(older_than_ms=1000)).events == 1
    page = store.call(events.list_events, ListEvents())
    assert (page.oldest, page.cursor) == (newest, newest)
    with pytest.raises(InvalidParameter):
        store.call(events.clean, CleanEvents(limit=0))
