"""What the Python API costs a training: importing it, starting a run, logging; embedded and on a server.

    python benchmarks/python_api.py [--uri http://127.0.0.1:5000]

Each figure stands beside what there is no way around: starting Python, and a commit of one row to an SQLite file.
"""

import argparse
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import tidemill


def median_us(work: Callable[[int], object], times: int) -> float:
    """The median of five rounds of `times` calls each, in µs a call."""
    rounds = []
    for _ in range(5):
        began = time.perf_counter()
        for number in range(times):
            work(number)
        rounds.append((time.perf_counter() - began) / times * 1e6)
    return statistics.median(rounds)


def process_ms(program: str) -> float:
    """The median time of a whole Python process."""
    taken = []
    for _ in range(9):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", program], check=True)
        taken.append((time.perf_counter() - began) * 1e3)
    return statistics.median(taken)


def commit_us(folder: str) -> float:
    database = sqlite3.connect(os.path.join(folder, "floor.db"), isolation_level=None)
    database.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; CREATE TABLE t (a, b)")
    return median_us(lambda number: database.execute("INSERT INTO t VALUES (?, ?)", (number, 0.5)), 1000)


def logging(name: str, floor_us: float) -> None:
    began = time.perf_counter()
    with tidemill.start_run(run_name="benchmark"):
        print(f"{name}: first run started after {(time.perf_counter() - began) * 1e3:.1f} ms")
        one = median_us(lambda step: tidemill.log_metric("loss", 0.5, step=step), 500)
        print(f"{name}: log_metric {one:.0f} µs, {one / floor_us:.1f} commits of one row")
        many = median_us(lambda step: tidemill.log_metrics({f"m{k}": 0.5 for k in range(100)}, step=step), 20)
        print(f"{name}: log_metrics of 100 {many:.0f} µs, {many / 100:.1f} µs a point")
        text = median_us(lambda step: tidemill.log_text("x" * 1000, f"{step}.txt"), 20)
        print(f"{name}: log_text of 1 kB {text:.0f} µs")
        nested = median_us(lambda _: tidemill.start_run(nested=True).__exit__(None, None, None), 20)
        print(f"{name}: a nested run, started and ended {nested:.0f} µs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uri", help="a server to measure as well")
    uri = parser.parse_args().uri
    bare = process_ms("pass")
    print(f"python starts in {bare:.0f} ms; import tidemill adds {process_ms('import tidemill') - bare:.0f} ms,")
    print(f"import and first use of the API {process_ms('import tidemill; tidemill.start_run') - bare:.0f} ms")
    with tempfile.TemporaryDirectory() as folder:
        floor = commit_us(folder)
        print(f"a commit of one row to SQLite: {floor:.0f} µs")
        tidemill.set_tracking_uri(os.path.join(folder, "store"))
        logging("embedded", floor)
        if uri:
            tidemill.set_tracking_uri(uri)
            logging("server", floor)


if __name__ == "__main__":
    main()
