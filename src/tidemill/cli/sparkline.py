"""A metric's history as one line of blocks."""

import math
from collections.abc import Sequence
from itertools import pairwise

_BARS = "▁▂▃▄▅▆▇█"
_HOLE = "·"


def sparkline(values: Sequence[float], width: int) -> str:
    """`values` in at most `width` characters, the lowest as the lowest block; NaN and infinities as a dot.

    Longer histories are cut into equal pieces and each piece is drawn as its mean.
    """
    pieces = _pieces(values, width)
    real = [value for value in pieces if math.isfinite(value)]
    if not real:
        return _HOLE * len(pieces)
    low, high = min(real), max(real)
    return "".join(_bar(value, low, high) for value in pieces)


def _bar(value: float, low: float, high: float) -> str:
    if not math.isfinite(value):
        return _HOLE
    if high == low:
        return _BARS[len(_BARS) // 2]
    # Halves first: the difference of two large floats may be infinite.
    share = (value / 2 - low / 2) / (high / 2 - low / 2)
    return _BARS[min(len(_BARS) - 1, int(share * len(_BARS)))]


def _pieces(values: Sequence[float], width: int) -> list[float]:
    if len(values) <= width:
        return list(values)
    bounds = [round(place * len(values) / width) for place in range(width + 1)]
    return [_mean(values[start:end]) for start, end in pairwise(bounds)]


def _mean(values: Sequence[float]) -> float:
    real = [value for value in values if math.isfinite(value)]
    return sum(value / len(real) for value in real) if real else math.nan
