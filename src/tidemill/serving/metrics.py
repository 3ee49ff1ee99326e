"""Counts and times in Prometheus' text format (exposition format 0.0.4), without a library: a few dozen numbers."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator

LATENCIES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096)


class Histogram:
    """How often a value fell below each bound."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def lines(self, name: str, labels: str) -> Iterator[str]:
        """Its samples."""
        so_far = 0
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self.counts, strict=True):
            so_far += count
            yield f'{name}_bucket{{{labels},le="{bound}"}} {so_far}'
        yield f"{name}_sum{{{labels}}} {self.total:.9g}"
        yield f"{name}_count{{{labels}}} {so_far}"


class ModelMetrics:
    """The numbers of one version of one model. `answers` counts by HTTP status."""

    def __init__(self, name: str, version: str) -> None:
        self.labels = f'model="{escape(name)}",version="{escape(version)}"'
        self.answers: dict[int, int] = {}
        self.latency = Histogram(LATENCIES)
        self.batch_requests = Histogram(SIZES)
        self.batch_rows = Histogram(SIZES)
        self.waits = Histogram(LATENCIES)
        self.calls = Histogram(LATENCIES)
        self.shadow_equal = 0
        self.shadow_different = 0

    def observe_call(self, requests: int, rows: int, waited: float, took: float) -> None:
        """Count one call of the model."""
        self.batch_requests.add(requests)
        self.batch_rows.add(rows)
        self.waits.add(waited)
        self.calls.add(took)

    def observe_answer(self, status: int, seconds: float) -> None:
        """Count one answered request."""
        self.answers[status] = self.answers.get(status, 0) + 1
        self.latency.add(seconds)


def escape(text: str) -> str:
    """A label's value."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


_HISTOGRAMS = (
    ("tidemill_serving_latency_seconds", "latency", "From the request's head to its answer."),
    ("tidemill_serving_batch_requests", "batch_requests", "Requests that shared a call of the model."),
    ("tidemill_serving_batch_rows", "batch_rows", "Rows of a call of the model."),
    ("tidemill_serving_batch_wait_seconds", "waits", "How long the oldest request of a call waited."),
    ("tidemill_serving_call_seconds", "calls", "Time of a call of the model."),
)


def render(models: Iterable[ModelMetrics], gauges: Iterable[tuple[str, str, str, float]]) -> str:
    """The page. `gauges` are (name, help, labels, value)."""
    known = list(models)
    lines = [
        "# HELP tidemill_serving_requests_total Answered requests.",
        "# TYPE tidemill_serving_requests_total counter",
    ]
    for one in known:
        for status, count in sorted(one.answers.items()):
            lines.append(f'tidemill_serving_requests_total{{{one.labels},status="{status}"}} {count}')
    lines.append("# TYPE tidemill_serving_shadow_total counter")
    for one in known:
        for word, count in (("equal", one.shadow_equal), ("different", one.shadow_different)):
            if count:
                lines.append(f'tidemill_serving_shadow_total{{{one.labels},answer="{word}"}} {count}')
    for name, field, text in _HISTOGRAMS:
        lines += [f"# HELP {name} {text}", f"# TYPE {name} histogram"]
        for one in known:
            lines += getattr(one, field).lines(name, one.labels)
    told = set()
    for name, text, labels, value in gauges:
        if name not in told:
            told.add(name)
            lines += [f"# HELP {name} {text}", f"# TYPE {name} gauge"]
        lines.append(f"{name}{{{labels}}} {value:g}" if labels else f"{name} {value:g}")
    return "\n".join(lines) + "\n"
