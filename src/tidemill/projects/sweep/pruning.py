"""Ending trials early that are worse than half of the others were at the same step."""

from collections.abc import Iterable
from statistics import median

_LEAST_TRIALS = 4


class Median:
    """The median rule: a trial whose best value so far is worse than the median of the others' best values at that step.

    Nothing is judged before four trials have come to their end, nor at a trial's very first step.
    """

    def __init__(self, goal: str) -> None:
        self._best = min if goal == "minimize" else max
        self._sign = 1 if goal == "minimize" else -1
        self._ended: list[list[tuple[int, float]]] = []
        self._running: dict[int, dict[int, float]] = {}

    def ended(self, points: Iterable[tuple[int, float]]) -> None:
        """Learn from the points (step, value) of a trial that came to its end."""
        found = sorted(points)
        if found:
            self._ended.append(found)

    def is_hopeless(self, number: int, step: int, value: float) -> bool:
        """Take the newest point of a running trial, and judge."""
        points = self._running.setdefault(number, {})
        points[step] = value
        if len(self._ended) < _LEAST_TRIALS or len(points) < 2:
            return False
        others = [self._best_until(one, step) for one in self._ended]
        known = [one for one in others if one is not None]
        own = self._best(points.values())
        return len(known) >= _LEAST_TRIALS and self._sign * own > self._sign * median(known)

    def _best_until(self, points: list[tuple[int, float]], step: int) -> float | None:
        found = [value for at, value in points if at <= step]
        return self._best(found) if found else None
