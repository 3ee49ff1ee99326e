"""What is found out about a model before its first request: that it answers, and how it may be called.

Two things are tried on the input example, or on rows made up from the schema. Does a call with several rows answer as
the rows do one by one? Then requests may share calls. Does the bare matrix give what the data frame gives? Then no frame
is made (scikit-learn spends three quarters of a small prediction on checking a frame's names and columns).
"""

import logging
import warnings
from dataclasses import dataclass
from typing import Any

from tidemill.serving.forms import FrameRows, Payload
from tidemill.serving.invocations import Invocations
from tidemill.serving.results import Result, result_of
from tidemill.serving.schema import Schema
from tidemill.serving.servable import Servable

_ROWS = 3
_log = logging.getLogger("tidemill.serving")
_MADE_UP: dict[str, Any] = {"boolean": True, "string": "a", "binary": b"a", "datetime": "2026-01-01T00:00:00"}


@dataclass(slots=True)
class Found:
    """What a warm-up showed. `error` is what a made-up row raised; an example that fails is raised instead."""

    together: bool
    arrays: bool
    error: str = ""


def warm(servable: Servable, reader: Invocations) -> Found:
    """Call the model as requests will. Raises what it raises for its own input example."""
    payload = _example(servable, reader)
    if payload is None or payload.rows == 0:
        return Found(bool(servable.batches), False)
    try:
        first = _call(servable, payload)
    except Exception as error:
        if servable.example is not None:
            raise
        _log.info("model %s %s refuses made-up data: %s", servable.name, servable.version, error)
        return Found(bool(servable.batches), False, str(error))
    together = servable.batches
    if together is None:
        together = _rows_are_independent(servable, payload, first)
    return Found(together, _takes_arrays(servable, payload))


def _example(servable: Servable, reader: Invocations) -> Payload | None:
    if servable.example is not None:
        return reader.read(servable.example)
    if reader.frames is not None and reader.schema is not None:
        row = _made_up(reader.schema)
        return None if row is None else Payload(reader.frames, 1, [row])
    if reader.schema is not None and reader.schema.tensors:
        return _made_up_tensors(reader)
    return None


def _made_up(schema: Schema) -> list[Any] | None:
    if any(one.kind == "any" for one in schema.columns):
        return None
    row = []
    for number, one in enumerate(schema.columns):
        value = _MADE_UP.get(one.kind, number % 3)
        if one.kind == "datetime":
            import numpy as np

            value = np.datetime64(value, "ns")
        row.append(value)
    return row


def _made_up_tensors(reader: Invocations) -> Payload | None:
    import numpy as np

    assert reader.schema is not None
    try:
        arrays = {one.name: np.zeros([max(1, size) for size in one.shape], one.dtype) for one in reader.schema.tensors}
    except TypeError:
        return None
    if len(arrays) == 1:
        return Payload(reader.arrays, 1, next(iter(arrays.values())))
    return Payload(reader.named, 1, arrays)


def _call(servable: Servable, payload: Payload) -> Result:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return result_of(servable.predict(payload.form.join([payload.value]), payload.params))


def _rows_are_independent(servable: Servable, payload: Payload, first: Result) -> bool:
    """Whether several rows in one call get what each gets alone. Rows are varied: a model that compares the rows of a
    call with one another would not show it on equal ones.
    """
    try:
        if first.rows != payload.rows:
            return False
        rows = _varied(payload)
        alone = [_call(servable, rows.cut(number, number + 1)) for number in range(rows.rows)]
        all_together = _call(servable, rows)
        if all_together.rows != rows.rows or any(one.rows != 1 for one in alone):
            return False
        return all(_same(all_together.cut(number, number + 1).plain, one.plain) for number, one in enumerate(alone))
    except Exception as error:
        _log.info("model %s %s takes one request at a time: %s", servable.name, servable.version, error)
        return False


def _varied(payload: Payload) -> Payload:
    """A few rows, different where they hold fractions."""
    value = payload.value
    if isinstance(payload.form, FrameRows):
        rows = [list(value[number % len(value)]) for number in range(_ROWS)]
        places = [place for place, one in enumerate(payload.form.schema.columns) if one.kind in ("double", "float")]
        for number, row in enumerate(rows):
            for place in places:
                if row[place] is not None:
                    row[place] = float(row[place]) * (1 + number / 4) + number / 8
        return Payload(payload.form, _ROWS, rows, payload.params, payload.params_key)
    joined = payload.form.join([payload.form.cut(value, 0, 1)] * _ROWS) if payload.rows else value
    if hasattr(joined, "dtype") and joined.dtype.kind == "f":
        import numpy as np

        shift = np.arange(_ROWS, dtype=joined.dtype).reshape((-1,) + (1,) * (joined.ndim - 1))
        joined = joined + shift / 8
    elif not hasattr(joined, "dtype") and not isinstance(joined, dict):
        joined = [row for _ in range(_ROWS) for row in payload.form.cut(value, 0, 1)]
    return Payload(payload.form, _ROWS, joined, payload.params, payload.params_key)


def _takes_arrays(servable: Servable, payload: Payload) -> bool:
    """Whether the bare matrix does as well as the frame over it; tried only where the model offers it."""
    form = payload.form
    if not servable.arrays or not isinstance(form, FrameRows) or not form.schema.uniform:
        return False
    try:
        rows = _varied(payload)
        framed = _call(servable, rows)
        form.arrays = True
        bare = _call(servable, rows)
        return _same(framed.plain, bare.plain)
    except Exception:
        return False
    finally:
        form.arrays = False


def _same(one: Any, other: Any) -> bool:
    """Equal but for rounding: a sum may run in another order for more rows."""
    if isinstance(one, float) and isinstance(other, float | int):
        return one == other or (one != one and other != other) or abs(one - other) <= 1e-5 * max(abs(one), abs(other))
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(_same(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    return bool(one == other)
