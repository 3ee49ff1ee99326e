"""The forms in which data comes to a model, and how the data of several requests becomes one call.

A `Payload` is the data of one request: `rows` rows of a `form`. Payloads of the same form (the same object) and the same
params may be joined: `form.join` makes of several values what `predict` takes. Rows stay as the lists the JSON decoder
made until then, because one array from a thousand rows costs hardly more than one from ten.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from tidemill.serving.schema import Schema

if TYPE_CHECKING:
    import numpy as np


class Form(Protocol):
    """See the module's text. `join` and `cut` must not fail for values that the decoders let through.

    `joins`: several payloads may be joined, and one may be cut. That is so where a schema fixes the types: without one, the
    whole numbers of one request would become fractions because another's are.
    """

    joins: bool

    def join(self, values: list[Any]) -> Any:
        """The values of several payloads as the one argument of `predict`."""
        ...

    def cut(self, value: Any, start: int, stop: int) -> Any:
        """Rows `start` to `stop` of a value, as a value."""
        ...

    def plain(self, value: Any) -> Any:
        """The value in JSON's types: a list of records where columns have names, else a list of rows."""
        ...


@dataclass(slots=True)
class Payload:
    """What one request asks a model. `params_key` is equal for equal `params`."""

    form: Form
    rows: int
    value: Any
    params: dict[str, Any] | None = None
    params_key: bytes = b""

    def cut(self, start: int, stop: int) -> "Payload":
        """Some of its rows."""
        return Payload(self.form, stop - start, self.form.cut(self.value, start, stop), self.params, self.params_key)


class FrameRows:
    """Rows in the order of the schema's columns: lists or tuples. `arrays`: the model takes the bare matrix as well."""

    joins = True

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.names = schema.names
        self.arrays = False
        self._dtype = schema.uniform
        self._index: Any = None

    def join(self, values: list[Any]) -> Any:
        """A data frame, in one block where all columns have one type; the block itself where the model takes it."""
        import numpy as np

        rows = values[0] if len(values) == 1 else [row for value in values for row in value]
        if self._dtype:
            matrix = np.array(rows, dtype=self._dtype).reshape(len(rows), len(self.names))
            return matrix if self.arrays else frame_of_matrix(matrix, self._names())
        return frame_of_columns(_columns(rows, self.schema), self._names())

    def _names(self) -> Any:
        if self._index is None:
            import pandas as pd

            self._index = pd.Index(list(self.names))
        return self._index

    def cut(self, value: Any, start: int, stop: int) -> Any:
        """Some rows."""
        return value[start:stop]

    def plain(self, value: Any) -> Any:
        """Records."""
        return [dict(zip(self.names, row, strict=True)) for row in value]


class FrameColumns:
    """A dict of arrays, one for each column: from CSV, Arrow, Parquet and tensors by name."""

    def __init__(self, names: tuple[str, ...], rows: FrameRows | None = None) -> None:
        self.names = names
        self.joins = rows is not None
        self._rows = rows

    def join(self, values: list[Any]) -> Any:
        """A data frame; the bare matrix where the model takes it."""
        import numpy as np

        columns = {
            name: values[0][name] if len(values) == 1 else np.concatenate([one[name] for one in values])
            for name in self.names
        }
        if self._rows is not None and self._rows.arrays:
            return np.column_stack(list(columns.values())).astype(self._rows.schema.uniform, copy=False)
        import pandas as pd

        return frame_of_columns(columns, pd.Index(list(self.names)))

    def cut(self, value: Any, start: int, stop: int) -> Any:
        """Some rows."""
        return {name: array[start:stop] for name, array in value.items()}

    def plain(self, value: Any) -> Any:
        """Records."""
        columns = [plain_array(value[name]) for name in self.names]
        return [dict(zip(self.names, row, strict=True)) for row in zip(*columns, strict=True)]


class LooseFrame:
    """Rows with names, of a model that says nothing about its columns: pandas finds the types."""

    joins = False

    def __init__(self, names: tuple[Any, ...] | None) -> None:
        self.names = names

    def join(self, values: list[Any]) -> Any:
        """A data frame."""
        import pandas as pd

        rows = values[0] if len(values) == 1 else [row for value in values for row in value]
        return pd.DataFrame(rows, columns=None if self.names is None else list(self.names))

    def cut(self, value: Any, start: int, stop: int) -> Any:
        """Some rows."""
        return value[start:stop]

    def plain(self, value: Any) -> Any:
        """Records, or rows where the columns have no names."""
        if self.names is None:
            return value
        return [dict(zip(map(str, self.names), row, strict=False)) for row in value]


class Arrays:
    """One array whose first axis is the rows. `joins`: all have the same type, and the same shape but for the rows."""

    def __init__(self, joins: bool) -> None:
        self.joins = joins

    def join(self, values: list[Any]) -> Any:
        """One array."""
        import numpy as np

        return values[0] if len(values) == 1 else np.concatenate(values)

    def cut(self, value: Any, start: int, stop: int) -> Any:
        """Some rows."""
        return value[start:stop]

    def plain(self, value: Any) -> Any:
        """Nested lists."""
        return plain_array(value)


class NamedArrays:
    """A dict of arrays with the same first axis. `joins` as in Arrays."""

    def __init__(self, joins: bool) -> None:
        self.joins = joins

    def join(self, values: list[Any]) -> Any:
        """A dict of arrays."""
        import numpy as np

        if len(values) == 1:
            return values[0]
        return {name: np.concatenate([one[name] for one in values]) for name in values[0]}

    def cut(self, value: Any, start: int, stop: int) -> Any:
        """Some rows."""
        return {name: array[start:stop] for name, array in value.items()}

    def plain(self, value: Any) -> Any:
        """A dict of nested lists."""
        return {name: plain_array(array) for name, array in value.items()}


class Objects:
    """A JSON value as it is, for models that take Python objects."""

    joins = False

    def join(self, values: list[Any]) -> Any:
        """The value."""
        return values[0]

    def cut(self, value: Any, start: int, stop: int) -> Any:
        """The whole: an object has no rows."""
        return value

    def plain(self, value: Any) -> Any:
        """The value."""
        return value


def frame_of_matrix(matrix: "np.ndarray[Any, Any]", names: Any) -> Any:
    """A data frame over a matrix, which is not copied."""
    import pandas as pd

    return pd.DataFrame(matrix, columns=names, copy=False)


def frame_of_columns(columns: dict[str, Any], names: Any) -> Any:
    """A data frame of arrays by column."""
    import pandas as pd

    frame = pd.DataFrame(dict(enumerate(columns.values())), copy=False)
    frame.columns = names
    return frame


def _columns(rows: list[Any], schema: Schema) -> dict[str, Any]:
    import numpy as np

    found = {}
    for column, cells in zip(schema.columns, zip(*rows, strict=True), strict=True):
        if column.dtype == "object":
            array = np.empty(len(cells), dtype=object)
            array[:] = cells
        else:
            array = np.array(cells, dtype=column.dtype)
        found[column.name] = array
    return found


def plain_array(array: "np.ndarray[Any, Any]") -> Any:
    """An array in JSON's types: times as ISO texts."""
    if array.dtype.kind in "mM":
        array = array.astype(str)
    return array.tolist()
