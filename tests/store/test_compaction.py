"""Folding the metric log into blocks changes how points are kept, and nothing that anybody can see."""

import math
import random
import threading
from itertools import pairwise

import pytest

from tidemill.api import metrics, runs
from tidemill.store.backend import SqlBackend
from tidemill.store.compaction import DUE_POINTS, DUE_ROWS, WORTH_ROWS, compact
from tidemill.store.points import BLOCK_POINTS
from tidemill.testing.factories import get_run, history_of, latest_of, new_run, pages, points
from tidemill.types.metrics import GetMetricHistory, MetricPoint
from tidemill.types.runs import LogBatch, LogMetric, RunStatus, UpdateRun

LEAST, MOST = -(2**63), 2**63 - 1


def pk_of(store: SqlBackend, run: str) -> int:
    with store.database.read(store.site) as tx:
        row = tx.row("SELECT pk FROM runs WHERE run_id = ?", (run,))
    assert row is not None
    return int(row[0])


def fold(store: SqlBackend, run: str) -> None:
    pk = pk_of(store, run)
    store.database.write(store.site, lambda tx: compact(tx, pk))


def stored(store: SqlBackend, run: str) -> tuple[int, list[int]]:
    """How many rows of log a run has, and the lengths of its blocks."""
    pk = pk_of(store, run)
    with store.database.read(store.site) as tx:
        log = tx.rows("SELECT id FROM metric_log WHERE run_pk = ?", (pk,))
        blocks = tx.rows("SELECT points FROM metric_blocks WHERE run_pk = ? ORDER BY name_id, seq", (pk,))
    return len(log), [row[0] for row in blocks]


def shown(store: SqlBackend, run: str, keys: str) -> list[str]:
    """Everything to be seen of some metrics, as text, so that NaN equals itself and -0.0 is told from 0.0."""
    latest = sorted(latest_of(get_run(store, run)).items())
    return [repr(latest), *(repr(history_of(store, run, key)) for key in keys)]


def log_one_by_one(store: SqlBackend, run: str, steps: range, key: str = "m") -> None:
    for step in steps:
        store.call(runs.log_metric, LogMetric(run, key=key, value=step / 3, timestamp=step, step=step))


@pytest.mark.parametrize("seed", range(4))
def test_nothing_can_be_seen_of_it(store: SqlBackend, seed: int) -> None:
    dice = random.Random(seed)
    run = new_run(store)
    times = [0, 1, 2, 3, 1_700_000_000_000, MOST]
    values = [math.nan, 0.0, -0.0, 1.0, -1.0, math.inf, -math.inf, 5e-324]
    for round_ in range(4):
        for _ in range(6):
            batch = [
                MetricPoint(
                    dice.choice("abc"),
                    dice.choice([*values, dice.random()]),
                    dice.choice([*times, dice.randrange(50)]),
                    dice.choice([0, 1, -1, LEAST, MOST, dice.randrange(100)]),
                )
                for _ in range(dice.choice([1, 1, 5, 200]))
            ]
            store.call(runs.log_batch, LogBatch(run, batch))
        before = shown(store, run, "abc")
        if round_ != 2:  # once two rounds of log on top of blocks
            fold(store, run)
            assert stored(store, run)[0] == 0
            assert shown(store, run, "abc") == before
        fold(store, run)  # again, with nothing to do
        assert shown(store, run, "abc") == before


def test_blocks_are_filled_up(store: SqlBackend) -> None:
    run = new_run(store)
    wanted = []
    for start in range(0, 5000, 500):
        part = [(number / 7, number, number) for number in range(start, start + 500)]
        wanted += part
        store.call(runs.log_batch, LogBatch(run, points("m", *part)))
        fold(store, run)
    assert stored(store, run) == (0, [BLOCK_POINTS, BLOCK_POINTS, 5000 - 2 * BLOCK_POINTS])
    assert history_of(store, run, "m") == wanted


def test_points_that_repeat_are_dropped(store: SqlBackend) -> None:
    run = new_run(store)
    part = [(1.0, number, number) for number in range(300)]
    for _ in range(3):
        store.call(runs.log_batch, LogBatch(run, points("m", *part)))
        fold(store, run)
    assert stored(store, run) == (0, [300])
    assert history_of(store, run, "m") == part


def test_points_that_come_late(store: SqlBackend) -> None:
    run = new_run(store)
    for start in (9000, 3000, 6000, 0):
        for first in range(start, start + 3000, 1000):
            batch = points("m", *((0.5, number, number) for number in range(first, first + 1000)))
            store.call(runs.log_batch, LogBatch(run, batch))
        fold(store, run)
    assert history_of(store, run, "m") == [(0.5, number, number) for number in range(12_000)]


def test_pages_go_on_across_it(store: SqlBackend) -> None:
    run = new_run(store)
    log_one_by_one(store, run, range(40))
    arg = GetMetricHistory(run, metric_key="m", max_results=7)
    found = []
    for page in pages(store, metrics.get_history, arg, "metrics"):
        found += [metric.step for metric in page]
        fold(store, run)
    assert found == list(range(40))


def test_happens_after_many_calls(store: SqlBackend) -> None:
    run = new_run(store)
    log_one_by_one(store, run, range(DUE_ROWS - 1))
    assert stored(store, run) == (DUE_ROWS - 1, [])
    log_one_by_one(store, run, range(DUE_ROWS - 1, DUE_ROWS))
    assert stored(store, run) == (0, [DUE_ROWS])
    assert [step for _, _, step in history_of(store, run, "m")] == list(range(DUE_ROWS))


def test_happens_after_many_points(store: SqlBackend) -> None:
    run = new_run(store)
    for start in range(0, DUE_POINTS + 1000, 1000):
        batch = points("m", *((0.5, number, number) for number in range(start, start + 1000)))
        store.call(runs.log_batch, LogBatch(run, batch))
    log, blocks = stored(store, run)
    assert log < DUE_POINTS // 1000
    assert sum(blocks) >= DUE_POINTS
    assert [step for _, _, step in history_of(store, run, "m")] == list(range(DUE_POINTS // 1000 * 1000 + 2000))


@pytest.mark.parametrize("calls", [WORTH_ROWS - 1, WORTH_ROWS])
def test_happens_at_the_end_of_a_run(store: SqlBackend, calls: int) -> None:
    run = new_run(store)
    log_one_by_one(store, run, range(calls))
    store.call(runs.update, UpdateRun(run, status=RunStatus.RUNNING))
    assert stored(store, run) == (calls, [])
    store.call(runs.update, UpdateRun(run, status=RunStatus.FINISHED))
    assert stored(store, run) == ((0, [calls]) if calls == WORTH_ROWS else (calls, []))
    assert [step for _, _, step in history_of(store, run, "m")] == list(range(calls))


def test_a_failure_leaves_all_as_it_was(store: SqlBackend) -> None:
    run = new_run(store)
    log_one_by_one(store, run, range(30))
    pk = pk_of(store, run)

    def stumble(tx: object) -> None:
        compact(tx, pk)  # type: ignore[arg-type]
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        store.database.write(store.site, stumble)
    assert stored(store, run) == (30, [])
    assert [step for _, _, step in history_of(store, run, "m")] == list(range(30))


def test_while_others_log_and_read(store: SqlBackend) -> None:
    run = new_run(store)
    ended = threading.Event()
    errors: list[BaseException] = []
    seen: list[int] = []

    def guarded(work: object, *args: object) -> threading.Thread:
        def body() -> None:
            try:
                work(*args)  # type: ignore[operator]
            except BaseException as error:
                errors.append(error)

        return threading.Thread(target=body)

    def log(writer: int) -> None:
        for number in range(60):
            step = writer * 1000 + number
            if number % 3:
                store.call(runs.log_metric, LogMetric(run, key="m", value=0.5, timestamp=step, step=step))
            else:
                batch = [MetricPoint("m", 0.5, step, step), MetricPoint(f"n{writer}", 0.5, step, step)]
                store.call(runs.log_batch, LogBatch(run, batch))

    def keep_folding() -> None:
        while not ended.is_set():
            fold(store, run)

    def keep_reading() -> None:
        while not ended.is_set():
            seen.append(len(history_of(store, run, "m")))

    writers = [guarded(log, writer) for writer in range(4)]
    others = [guarded(keep_folding), guarded(keep_folding), guarded(keep_reading)]
    for thread in writers + others:
        thread.start()
    for thread in writers:
        thread.join()
    ended.set()
    for thread in others:
        thread.join()
    assert errors == []
    assert all(earlier <= later for earlier, later in pairwise(seen))
    for _ in range(2):
        assert [step for _, _, step in history_of(store, run, "m")] == [
            w * 1000 + n for w in range(4) for n in range(60)
        ]
        for writer in range(4):
            steps = [step for _, _, step in history_of(store, run, f"n{writer}")]
            assert steps == [writer * 1000 + n for n in range(0, 60, 3)]
        fold(store, run)
    assert sum(stored(store, run)[1]) == 240 + 80
