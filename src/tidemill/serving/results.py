"""What a model answered, cut into what each request gets, and written as JSON.

The JSON is MLflow's: arrays and series as nested lists, data frames as records. NaN and infinities become null, since
JSON has neither.
"""

import base64
from typing import Any

import msgspec


class Result:
    """A prediction. `rows` is None where it cannot be cut by rows.

    `value` is an array, a dict of arrays (a data frame) or any JSON value; `plain` its JSON form, made once for a whole
    batch. `framed`: `value` are the columns of a data frame.
    """

    __slots__ = ("framed", "plain", "rows", "value")

    def __init__(self, value: Any, plain: Any, rows: int | None, framed: bool = False) -> None:
        self.value, self.plain, self.rows, self.framed = value, plain, rows, framed

    def cut(self, start: int, stop: int) -> "Result":
        """Rows `start` to `stop`."""
        plain = self.plain[start:stop] if isinstance(self.plain, list) else self.plain
        if isinstance(self.plain, dict) and not self.framed:
            plain = {name: one[start:stop] for name, one in self.plain.items()}
        if isinstance(self.value, dict):
            value: Any = {name: one[start:stop] for name, one in self.value.items()}
        else:
            value = self.value[start:stop]
        return Result(value, plain, stop - start, self.framed)

    def json(self) -> bytes:
        """`{"predictions": …}`."""
        return b'{"predictions":%b}' % _encode(self.plain)


_encode = msgspec.json.Encoder(enc_hook=lambda value: _odd(value)).encode


def result_of(prediction: Any) -> Result:
    """A prediction of any type that models answer."""
    if type(prediction) is list:
        return Result(prediction, prediction, len(prediction))
    kind = type(prediction).__module__.partition(".")[0]
    if kind == "numpy":
        return _array(prediction)
    if kind in ("pandas", "polars"):
        return _table(prediction)
    if isinstance(prediction, dict) and prediction and all(hasattr(one, "dtype") for one in prediction.values()):
        sizes = {one.shape[0] if one.ndim else -1 for one in prediction.values()}
        rows = sizes.pop() if len(sizes) == 1 else -1
        return Result(prediction, {name: _plain(one) for name, one in prediction.items()}, None if rows < 0 else rows)
    if hasattr(prediction, "toarray"):
        return _array(prediction.toarray())
    if hasattr(prediction, "__array__"):
        import numpy as np

        return _array(np.asarray(prediction))
    if isinstance(prediction, tuple):
        return result_of(list(prediction))
    return Result(prediction, prediction, None)


def _array(array: Any) -> Result:
    if array.ndim == 0:
        return Result(array, _plain(array), None)
    return Result(array, _plain(array), len(array))


def _table(table: Any) -> Result:
    if not hasattr(table, "columns"):
        return _array(table.to_numpy())
    columns = {str(name): table[name].to_numpy() for name in table.columns}
    names = list(columns)
    cells = [_plain(one) for one in columns.values()]
    plain = [dict(zip(names, row, strict=True)) for row in zip(*cells, strict=True)]
    return Result(columns, plain, len(table), framed=True)


def _plain(array: Any) -> Any:
    if array.dtype.kind in "mM":
        array = array.astype(str)
    return array.tolist()


def joined(parts: list[Result]) -> Result:
    """The results of the parts of one request, as one."""
    import numpy as np

    first = parts[0]
    if len(parts) == 1:
        return first
    if isinstance(first.value, dict):
        value: Any = {name: np.concatenate([one.value[name] for one in parts]) for name in first.value}
    elif isinstance(first.value, list):
        value = [cell for one in parts for cell in one.value]
    else:
        value = np.concatenate([one.value for one in parts])
    if isinstance(first.plain, dict):
        plain: Any = {name: [cell for one in parts for cell in one.plain[name]] for name in first.plain}
    else:
        plain = [row for one in parts for row in one.plain]
    return Result(value, plain, sum(one.rows or 0 for one in parts), first.framed)


def _odd(value: Any) -> Any:
    """What JSON has no type for."""
    if hasattr(value, "tolist"):
        return _plain(value) if hasattr(value, "dtype") else value.tolist()
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "model_dump"):
        return value.model_dump()
    if value is None or str(type(value)) in ("<class 'pandas.NAType'>", "NaT"):
        return None
    return str(value)
