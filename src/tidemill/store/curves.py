"""Curves for charts: many series at once, each thinned so that no spike is lost.

A chart has a thousand pixels however many points there are. Each curve is cut into parts of the axis of equal width,
and of each part the mean, the least and the greatest value remain: two runs of a million points travel as a few
thousand numbers, and a spike of one point is still seen.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import compress, islice, repeat
from operator import eq, le
from typing import Any

import msgspec

from tidemill.api.codec import Encoded
from tidemill.errors import InvalidParameter
from tidemill.store import points
from tidemill.store.transaction import Tx, marks
from tidemill.types import metrics as t

_MOST_RUNS = 1_000
_MOST_KEYS = 100
_MOST_BUCKETS = 5_000
_RUNS_AT_ONCE = 50
Series = tuple[list[float], "array[float]"]
"""Places on the axis, in order, and values."""


def curves(tx: Tx, arg: t.GetCurves) -> Encoded[t.Curves]:
    """See the operation `metrics.curves`."""
    _check(arg)
    names = tx.names.find_all(tx, arg.metric_keys)
    keys = {names[key]: key for key in dict.fromkeys(arg.metric_keys) if key in names}
    run_ids = list(dict.fromkeys(arg.run_ids))
    found: list[dict[str, Any]] = []
    for start in range(0, len(run_ids), _RUNS_AT_ONCE) if keys else ():
        part = run_ids[start : start + _RUNS_AT_ONCE]
        rows = tx.rows(f"SELECT run_id, pk, start_time FROM runs WHERE run_id IN ({marks(len(part))})", part)
        runs = {run_id: (pk, began) for run_id, pk, began in rows}
        columns = _read(tx, [pk for pk, _ in runs.values()], list(keys)) if runs else {}
        for run_id in part:
            pk, began = runs.get(run_id, (-1, 0))
            for name, key in keys.items():
                if (pk, name) in columns:
                    series = _along(columns.pop((pk, name)), arg.axis, began)
                    found += _curve(run_id, key, _within(series, arg.start, arg.end), arg.buckets)
    return Encoded(msgspec.json.encode({"curves": found}))


def _check(arg: t.GetCurves) -> None:
    for name, given, most in (("run_ids", arg.run_ids, _MOST_RUNS), ("metric_keys", arg.metric_keys, _MOST_KEYS)):
        if len(given) > most:
            raise InvalidParameter(f"Parameter '{name}' may name at most {most}, not {len(given)}.")
    if not 2 <= arg.buckets <= _MOST_BUCKETS:
        raise InvalidParameter(
            f"Invalid value {arg.buckets} for parameter 'buckets' supplied. It must be 2 to {_MOST_BUCKETS}."
        )


Columns = tuple[list[int], list[int], "array[float]"]
"""Timestamps, steps, values."""


def _read(tx: Tx, pks: Sequence[int], names: Sequence[int]) -> dict[tuple[int, int], Columns]:
    """The points of some series (run, name) of blocks and log, as they come."""
    found: dict[tuple[int, int], Columns] = {}
    within = f"run_pk IN ({marks(len(pks))})"
    blocks = (
        f"SELECT run_pk, name_id, data FROM metric_blocks WHERE {within} AND name_id IN ({marks(len(names))}) "
        "ORDER BY run_pk, name_id, seq"
    )
    for pk, name, data in tx.rows(blocks, [*pks, *names]):
        _extend(found, (pk, name), *points.unpack_columns(data))
    wanted = set(names)
    for pk, data in tx.rows(f"SELECT run_pk, data FROM metric_log WHERE {within} ORDER BY id", pks):
        ids, values, timestamps, steps = points.unpack_log(data)
        for name in wanted.intersection(ids):
            if len(set(ids)) > 1:
                mine = list(map(eq, ids, repeat(name)))
                _extend(
                    found,
                    (pk, name),
                    list(compress(timestamps, mine)),
                    list(compress(steps, mine)),
                    array("d", compress(values, mine)),
                )
            else:
                _extend(found, (pk, name), list(timestamps), list(steps), array("d", values))
    return found


def _extend(
    found: dict[tuple[int, int], Columns],
    place: tuple[int, int],
    timestamps: list[int],
    steps: list[int],
    values: "array[float]",
) -> None:
    have = found.get(place)
    if have is None:
        found[place] = (timestamps, steps, values)
    else:
        have[0].extend(timestamps)
        have[1].extend(steps)
        have[2].extend(values)


def _along(columns: Columns, axis: t.CurveAxis, began: int) -> Series:
    """The series in the order of the axis. Of two points logged at the same place both stay."""
    timestamps, steps, values = columns
    places: list[Any] = steps if axis is t.CurveAxis.STEP else timestamps
    if not all(map(le, places, islice(places, 1, None))):
        order = sorted(range(len(places)), key=places.__getitem__)
        places = [places[one] for one in order]
        values = array("d", map(values.__getitem__, order))
    if axis is t.CurveAxis.RELATIVE:
        places = [place - began for place in places]
    return places, values


def _within(series: Series, start: float | None, end: float | None) -> Series:
    places, values = series
    first = 0 if start is None else bisect_left(places, start)
    last = len(places) if end is None else bisect_right(places, end)
    return (places, values) if last - first == len(places) else (places[first:last], values[first:last])


def _curve(run_id: str, key: str, series: Series, buckets: int) -> list[dict[str, Any]]:
    """The curve as it is sent; none where there is no point."""
    places, values = series
    count = len(places)
    if not count:
        return []
    if count <= 2 * buckets:
        x: list[float] = places
        y: list[Any] = _shown(list(values))
        low: list[Any] = []
        high: list[Any] = []
    else:
        x, y, low, high = _thinned(places, values, buckets)
    return [{"run_id": run_id, "metric_key": key, "points": count, "x": x, "y": y, "low": low, "high": high}]


def _thinned(
    places: list[float], values: "array[float]", buckets: int
) -> tuple[list[float], list[Any], list[Any], list[Any]]:
    """Parts of equal width; one without a point is left out."""
    first, width = places[0], (places[-1] - places[0]) / buckets
    clean = sum(values) == sum(values) and width > 0
    x: list[float] = []
    y: list[Any] = []
    low: list[Any] = []
    high: list[Any] = []
    begin = 0
    for bucket in range(1, buckets + 1):
        end = len(places) if bucket == buckets else bisect_left(places, first + bucket * width, begin)
        if end == begin:
            continue
        part: Sequence[float] = values[begin:end]
        if not clean:
            part = [one for one in part if one == one] or ()
        x.append(places[begin])
        if part:
            least, greatest = min(part), max(part)
            mean = sum(part) / len(part)
            # The sum of the largest doubles is infinite.
            y.append(mean if least <= mean <= greatest else least / 2 + greatest / 2)
            low.append(least)
            high.append(greatest)
        else:
            y.append("NaN")
            low.append("NaN")
            high.append("NaN")
        begin = end
    return x, y, low, high


def _shown(values: list[float]) -> list[Any]:
    if sum(values) == sum(values):
        return values
    return [one if one == one else "NaN" for one in values]
