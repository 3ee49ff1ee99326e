"""How cost grows: search latency at 1k, 10k and 100k runs side by side, and bytes a point for several shapes of metrics.

    python benchmarks/scale.py [--runs 1000 10000 100000] [--store postgresql://…]

Embedded, in this process, so that the figures are the store's own. Each run has 20 metrics, 20 params and 5 tags.
"""

import argparse
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tidemill.api import experiments, metrics, runs
from tidemill.artifacts.roots import Roots
from tidemill.store.backend import SqlBackend
from tidemill.store.database import open_database
from tidemill.types.experiments import CreateExperiment
from tidemill.types.metrics import GetMetricHistory, MetricPoint
from tidemill.types.page import Tag
from tidemill.types.runs import CreateRun, LogBatch, Param, RunStatus, SearchRuns, UpdateRun

SEARCHES = {
    "newest 100": {},
    "param =, metric >, by metric": {
        "filter": "metrics.m3 > 0.5 AND params.p5 = '10'",
        "order_by": ["metrics.m1 DESC"],
    },
    "100 best by metric": {"order_by": ["metrics.m1 ASC"]},
    "param as number": {"filter": "params.p5 < 3"},
    "tag regex or metric": {"filter": "tags.t1 RLIKE '^[12]$' OR metrics.m2 > 0.99"},
    "info only": {"select": ["info"]},
}


def backend(store: str, folder: Path) -> SqlBackend:
    return SqlBackend(open_database(store), artifact_root="mlflow-artifacts:/", files=Roots(str(folder / "artifacts")))


def fill(b: SqlBackend, experiment: str, count: int) -> None:
    rng = random.Random(7)
    for number in range(count):
        run = b.call(runs.create, CreateRun(experiment, start_time=number)).run.info.run_id
        b.call(
            runs.log_batch,
            LogBatch(
                run,
                [MetricPoint(f"m{k}", rng.random(), number, 0) for k in range(20)],
                [Param(f"p{k}", str((number * (k + 3)) % 97)) for k in range(20)],
                [Tag(f"t{k}", str(number % 10)) for k in range(5)],
            ),
        )


def median_ms(work: Callable[[], object], times: int = 7) -> float:
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append((time.perf_counter() - start) * 1e3)
    return statistics.median(taken)


def searches(counts: list[int], store: str | None, folder: Path) -> None:
    rows: dict[str, list[float]] = {name: [] for name in SEARCHES}
    sizes = []
    for count in counts:
        b = backend(store or str(folder / f"{count}.db"), folder)
        experiment = b.call(experiments.create, CreateExperiment(f"scale {count} {time.time()}")).experiment_id
        start = time.perf_counter()
        fill(b, experiment, count)
        print(f"filled {count} runs at {count / (time.perf_counter() - start):,.0f} runs/s", flush=True)
        for name, search in SEARCHES.items():
            request = SearchRuns([experiment], max_results=100, **search)
            rows[name].append(median_ms(lambda b=b, request=request: b.answer(runs.search, request)))
        b.close()
        sizes.append(os.path.getsize(folder / f"{count}.db") / count if store is None else float("nan"))
    print("\n| search of 100 (ms, median of 7) | " + " | ".join(f"{count:,} runs" for count in counts) + " |")
    print("|---|" + "---:|" * len(counts))
    for name, figures in rows.items():
        print(f"| {name} | " + " | ".join(f"{figure:.2f}" for figure in figures) + " |")
    print("| bytes a run (20 metrics, 20 params, 5 tags) | " + " | ".join(f"{size:,.0f}" for size in sizes) + " |")


def bytes_per_point(folder: Path) -> None:
    """Shapes: one long series, many short ones (the reference shape's 1,500 metrics × 20 steps), one call a point."""
    print("\n| metrics | points | bytes a point on disk | whole history (ms) |\n|---|---:|---:|---:|")
    rng = random.Random(7)
    for name, keys, steps, batch in (
        ("1 series × 100,000 steps, random values", 1, 100_000, 1000),
        ("1,500 series × 20 steps, random values", 1500, 20, 1000),
        ("20 series × 1,000 steps, one call a step", 20, 1000, 20),
        ("1 series × 20,000 steps, one call a point", 1, 20_000, 1),
    ):
        path = folder / "points.db"
        path.unlink(missing_ok=True)
        b = backend(str(path), folder)
        run = b.call(runs.create, CreateRun("0", start_time=0)).run.info.run_id
        b.close()
        empty = os.path.getsize(path)
        b = backend(str(path), folder)
        stream = [
            MetricPoint(f"metric/{k}", rng.random(), 1_790_000_000_000 + step * 137 + rng.randrange(20), step)
            for step in range(steps)
            for k in range(keys)
        ]
        for start in range(0, len(stream), batch):
            b.call(runs.log_batch, LogBatch(run, stream[start : start + batch]))
        b.call(runs.update, UpdateRun(run, status=RunStatus.FINISHED, end_time=1))
        took = median_ms(
            lambda b=b, run=run: b.answer(metrics.get_history, GetMetricHistory(run, metric_key="metric/0")), 3
        )
        b.database.write(b.site, lambda tx: None)
        b.close()
        size = os.path.getsize(path) - empty
        print(f"| {name} | {len(stream):,} | {size / len(stream):.1f} | {took:.1f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, nargs="*", default=[1000, 10_000, 100_000])
    parser.add_argument("--store", help="a database address instead of SQLite files")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        searches(args.runs, args.store, Path(folder))
        if args.store is None:
            bytes_per_point(Path(folder))


if __name__ == "__main__":
    main()
