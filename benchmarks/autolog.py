"""What autologging costs: a small `fit` without it, with it, and with its pictures.

    python benchmarks/autolog.py [--repeat 15] [--uri ./store]

Prints the median seconds of each and the difference. The store is an embedded one in a temporary folder unless given.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import tidemill


def median_ms(fit: Callable[[], Any], repeat: int) -> float:
    times = []
    for _ in range(repeat):
        began = time.perf_counter()
        fit()
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def cases() -> dict[str, Callable[[], Any]]:
    from sklearn.datasets import load_diabetes, load_iris
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    iris, diabetes = load_iris(return_X_y=True), load_diabetes(return_X_y=True)
    return {
        "Ridge, 442 rows": lambda: Ridge().fit(*diabetes),
        "LogisticRegression, 150 rows": lambda: LogisticRegression(max_iter=500).fit(*iris),
        "Pipeline of two, 150 rows": lambda: make_pipeline(StandardScaler(), LogisticRegression()).fit(*iris),
    }


def nested_us(repeat: int = 20_000) -> float:
    """Microseconds that a call which is not logged (here: a preprocessor's) takes longer."""
    from tidemill.tracking.autolog.core import _watched

    def nothing() -> None:
        pass

    watched = _watched(nothing, ["no.such"])
    times = []
    for function in (nothing, watched):
        began = time.perf_counter()
        for _ in range(repeat):
            function()
        times.append((time.perf_counter() - began) / repeat * 1e6)
    return times[1] - times[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=15)
    parser.add_argument("--uri")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tidemill.set_tracking_uri(asked.uri or f"{folder}/store")
        print(f"{'median ms of a fit':<32}{'plain':>8}{'logged':>9}{'+':>8}{'pictures':>10}{'+':>8}")
        for name, fit in cases().items():
            fit()
            plain = median_ms(fit, asked.repeat)
            tidemill.autolog(log_pictures=False)
            fit()
            logged = median_ms(fit, asked.repeat)
            tidemill.autolog()
            fit()
            drawn = median_ms(fit, asked.repeat)
            tidemill.autolog(disable=True)
            print(f"{name:<32}{plain:>8.1f}{logged:>9.1f}{logged - plain:>8.1f}{drawn:>10.1f}{drawn - logged:>8.1f}")
        print(f"a watched call that is not logged: {nested_us():.2f} µs more")


if __name__ == "__main__":
    main()
