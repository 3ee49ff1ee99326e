"""Tables: what `log_table` writes and `load_table` reads, and search results as a data frame."""

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import Any

from tidemill.errors import InvalidParameter, MissingDependency
from tidemill.tracking.entities import LoggedModel, Run

INFO = ("run_id", "experiment_id", "status", "artifact_uri", "start_time", "end_time")
"""The columns of a search result that every run has."""


class Table:
    """Named columns of equal length. JSON files of it have pandas' `split` layout: `{"columns": […], "data": [[…], …]}`."""

    def __init__(self, columns: Mapping[str, Sequence[Any]]) -> None:
        self.columns = {str(name): list(values) for name, values in columns.items()}

    @classmethod
    def of(cls, data: Any) -> "Table":
        """From a dict (of columns, or of single values: one row) or a pandas or polars data frame."""
        if hasattr(data, "to_dict") and hasattr(data, "columns"):
            as_lists = data.to_dict("list") if hasattr(data, "iloc") else data.to_dict(as_series=False)
            return cls(as_lists)
        if not isinstance(data, Mapping):
            raise InvalidParameter(f"A table must be a dict of columns or a data frame, not a {type(data).__name__}.")
        columns = {name: _column(values) for name, values in data.items()}
        if len({len(values) for values in columns.values()}) > 1:
            sizes = ", ".join(f"{name}: {len(values)}" for name, values in columns.items())
            raise InvalidParameter(f"All columns of a table must have the same length ({sizes}).")
        return cls(columns)

    @property
    def size(self) -> int:
        """How many rows there are."""
        return len(next(iter(self.columns.values()), []))

    def append(self, other: "Table") -> "Table":
        """The rows of both; a column that one of them lacks is None there."""
        names = list(dict.fromkeys([*self.columns, *other.columns]))
        return Table(
            {
                name: self.columns.get(name, [None] * self.size) + other.columns.get(name, [None] * other.size)
                for name in names
            }
        )

    def encode(self, name: str) -> bytes:
        """The bytes of the file `name`, which ends in .json or .parquet."""
        if name.endswith(".parquet"):
            target = io.BytesIO()
            _for_parquet().DataFrame(self.columns).to_parquet(target, index=False)
            return target.getvalue()
        rows = [[_or_none(value) for value in row] for row in zip(*self.columns.values(), strict=True)]
        return json.dumps({"columns": list(self.columns), "data": rows}, default=plain).encode()

    @classmethod
    def decode(cls, name: str, data: bytes) -> "Table":
        """The table in such a file."""
        if name.endswith(".parquet"):
            return cls.of(_for_parquet().read_parquet(io.BytesIO(data)))
        try:
            found = json.loads(data)
            return cls(dict(zip(found["columns"], _turned(found["data"], len(found["columns"])), strict=True)))
        except (ValueError, LookupError, TypeError):
            raise InvalidParameter(f"'{name}' is not a table that log_table wrote.") from None

    def frame(self) -> Any:
        """A pandas data frame, else a polars one, else a list of one dict a row: whichever is installed."""
        if find_spec("pandas"):
            return _pandas("A table").DataFrame(self.columns)
        if find_spec("polars"):
            import polars

            return polars.DataFrame(self.columns)
        return [dict(zip(self.columns, row, strict=True)) for row in zip(*self.columns.values(), strict=True)]


def check_table_name(name: str) -> str:
    """`name`, if a table can be kept in a file of that name."""
    if not name.endswith((".json", ".parquet")):
        raise InvalidParameter(f"A table's file must end in .json or .parquet, unlike '{name}'.")
    return name


def plain(value: Any) -> Any:
    """What JSON has no word for, as something that it has: NumPy's scalars and arrays as numbers and lists, else text."""
    for method in ("tolist", "isoformat"):
        if hasattr(value, method):
            return getattr(value, method)()
    return str(value)


def search_result(runs: Iterable[Run], output_format: str | None) -> Any:
    """Runs as `pandas` or `polars` data frame, as `records` (a list of dicts), or as a `list` of Run.

    None: the first of pandas, polars and records that can be had. Columns: those of `INFO` (times as UTC datetimes),
    then `metrics.<key>` (floats), `params.<key>` and `tags.<key>` (texts), missing where a run has none.
    """
    chosen = _format(output_format)
    if chosen == "list":
        return list(runs)
    if chosen == "records":
        return [_record(run) for run in runs]
    return _to_pandas(_columns(runs)) if chosen == "pandas" else _to_polars(_columns(runs))


def logged_models_result(models: Iterable[LoggedModel], output_format: str | None) -> Any:
    """Logged models in the formats of `search_result`; columns are the fields of LoggedModel."""
    chosen = _format(output_format)
    if chosen == "list":
        return list(models)
    records = [{**vars(model), "status": str(model.status)} for model in models]
    if chosen == "records":
        return records
    names = list(LoggedModel.__dataclass_fields__)
    columns = {name: [record[name] for record in records] for name in names}
    return _pandas("output_format='pandas'").DataFrame(columns) if chosen == "pandas" else _polars().DataFrame(columns)


def _format(asked: str | None) -> str:
    if asked is None:
        return next((name for name in ("pandas", "polars") if find_spec(name)), "records")
    if asked not in ("pandas", "polars", "records", "list"):
        raise InvalidParameter(f"Unknown output_format {asked!r}; use 'pandas', 'polars', 'records' or 'list'.")
    return asked


def _record(run: Run) -> dict[str, Any]:
    info, data = run.info, run.data
    record: dict[str, Any] = {name: getattr(info, name) for name in INFO}
    record["status"] = str(info.status)
    for name in ("start_time", "end_time"):
        at = record[name]
        record[name] = None if at is None else datetime.fromtimestamp(at / 1000, UTC)
    for prefix, values in (("metrics", data.metrics), ("params", data.params), ("tags", data.tags)):
        record |= {f"{prefix}.{key}": value for key, value in values.items()}
    return record


def _columns(runs: Iterable[Run]) -> dict[str, list[Any]]:
    """One list a column; times in ms, None where a run has no value."""
    found = list(runs)
    columns: dict[str, list[Any]] = {name: [getattr(run.info, name) for run in found] for name in INFO}
    columns["status"] = [str(status) for status in columns["status"]]
    for prefix in ("metrics", "params", "tags"):
        inside: dict[str, list[Any]] = {}
        for row, run in enumerate(found):
            for key, value in getattr(run.data, prefix).items():
                inside.setdefault(key, [None] * len(found))[row] = value
        columns |= {f"{prefix}.{key}": inside[key] for key in sorted(inside)}
    return columns


def _to_pandas(columns: dict[str, list[Any]]) -> Any:
    pandas = _pandas("output_format='pandas'")
    for name in ("start_time", "end_time"):
        columns[name] = pandas.to_datetime(columns[name], unit="ms", utc=True)
    return pandas.DataFrame(columns)


def _to_polars(columns: dict[str, list[Any]]) -> Any:
    polars = _polars()
    kinds = {name: polars.Float64 if name.startswith("metrics.") else polars.String for name in columns}
    kinds |= dict.fromkeys(("start_time", "end_time"), polars.Int64)
    times = [polars.from_epoch(name, "ms").dt.replace_time_zone("UTC") for name in ("start_time", "end_time")]
    return polars.DataFrame(columns, schema=kinds).with_columns(times)


def _pandas(purpose: str) -> Any:
    try:
        import pandas
    except ImportError:
        raise MissingDependency("pandas", "pandas", purpose) from None
    return pandas


def _for_parquet() -> Any:
    if not find_spec("pyarrow"):
        raise MissingDependency("pyarrow", "parquet", "A .parquet table")
    return _pandas("A .parquet table")


def _polars() -> Any:
    try:
        import polars
    except ImportError:
        raise MissingDependency("polars", "polars", "output_format='polars'") from None
    return polars


def _column(values: Any) -> list[Any]:
    if isinstance(values, str | bytes | Mapping) or not hasattr(values, "__iter__"):
        return [values]
    return list(values)


def _or_none(value: Any) -> Any:
    # NaN and NaT are no JSON; they alone differ from themselves.
    return None if getattr(value, "shape", ()) == () and value != value else value


def _turned(rows: list[list[Any]], width: int) -> list[list[Any]]:
    return [[row[number] for row in rows] for number in range(width)]
