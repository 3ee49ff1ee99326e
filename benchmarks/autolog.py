"""What autologging costs: a small `fit` without it, with it, and with its pictures.

    python benchmarks/autolog.py [--repeat 15] [--uri ./store]

Prints, for each, the best wall time of all repeats and the CPU time of the training's thread in that repeat, which other
programs on the machine disturb less. The store is an embedded one in a temporary folder unless given.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from typing import Any

import tidemill


def best_ms(fit: Callable[[], Any], repeat: int) -> tuple[float, float]:
    times = []
    for _ in range(repeat):
        began, began_cpu = time.perf_counter(), time.thread_time()
        fit()
        times.append(((time.perf_counter() - began) * 1000, (time.thread_time() - began_cpu) * 1000))
    return min(times)


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
        print(f"{'best ms (CPU ms) of a fit':<32}{'plain':>16}{'logged':>16}{'with pictures':>16}")
        for name, fit in cases().items():
            fit()
            plain = best_ms(fit, asked.repeat)
            tidemill.autolog(log_pictures=False)
            fit()
            logged = best_ms(fit, asked.repeat)
            tidemill.autolog()
            fit()
            drawn = best_ms(fit, asked.repeat)
            tidemill.autolog(disable=True)
            shown = "".join(f"{f'{wall:.1f} ({cpu:.1f})':>16}" for wall, cpu in (plain, logged, drawn))
            print(f"{name:<32}{shown}")
        print(f"a watched call that is not logged: {nested_us():.2f} µs more")


if __name__ == "__main__":
    main()
