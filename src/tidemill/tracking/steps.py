"""Steps that nobody gave: 0, as in MLflow, and in a resumed run the next one of a metric that has counted already."""

from collections.abc import Iterable

from tidemill.types.metrics import Metric

resumed: dict[str, dict[str, int]] = {}
"""For each run that this process has resumed and not ended: the last step of each metric."""


def resume(run_id: str, latest: Iterable[Metric]) -> None:
    """Note how far the metrics of a run have come."""
    resumed[run_id] = {metric.key: metric.step for metric in latest}


def forget(run_id: str) -> None:
    """The run has ended here."""
    resumed.pop(run_id, None)


def following(run_id: str, keys: Iterable[str], step: int | None) -> int | None:
    """The step of a call for `keys` that was given `step`.

    Without one, in a resumed run: one more than the last of these keys, unless none of them ever had another than 0.
    """
    last = resumed.get(run_id)
    if last is None:
        return step
    keys = list(keys)
    if step is None:
        most = max((last.get(key, 0) for key in keys), default=0)
        if most <= 0:
            return None
        step = most + 1
    if type(step) is int:
        for key in keys:
            last[key] = max(step, last.get(key, step))
    return step
