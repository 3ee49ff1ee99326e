"""Scoring files of any size in constant memory: rows are read, predicted and written batch by batch.

Parquet, CSV and JSON Lines are streamed; a `.json` file (a list of objects, or MLflow's `dataframe_split`) is read whole.
The result appears under its name only when it is complete.
"""

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tidemill.errors import InvalidParameter, MissingDependency, NotFound
from tidemill.models.infer import is_array
from tidemill.models.pyfunc import PyFuncModel
from tidemill.models.schema import ColSpec, DataType

ROWS = 10_000
"""Rows in one batch."""

FORMATS = (".parquet", ".csv", ".jsonl", ".json")
"""Endings of the files that can be read; the same but `.json` can be written."""


def score_file(
    model: PyFuncModel,
    source: "str | os.PathLike[str]",
    target: "str | os.PathLike[str]",
    *,
    params: Mapping[str, Any] | None = None,
    rows: int = ROWS,
    with_input: bool = False,
    advance: Callable[[int], None] = lambda count: None,
) -> int:
    """Predict every row of the file `source` and write the predictions to `target`; how many rows there were.

    `with_input` keeps the columns of the input before those of the predictions. `advance` is called with the number of
    rows of each batch that is done. Raises NotFound, InvalidParameter (also for another number of predictions than rows),
    and what the model raises; `target` is left as it was then.
    """
    path, goal = Path(source), Path(target)
    if not path.is_file():
        raise NotFound(f"There is no file '{path}' to read.")
    part = goal.with_name(f".{goal.name}.part")
    done = 0
    try:
        with _writer(goal.suffix, part) as writer:
            for frame in _batches(path, model, rows):
                answer = as_frame(model.predict(frame, params), frame)
                writer.write(beside(frame, answer) if with_input else answer)
                done += len(frame)
                advance(len(frame))
        part.replace(goal)
    finally:
        part.unlink(missing_ok=True)
    return done


def count_rows(source: "str | os.PathLike[str]") -> int | None:
    """How many rows a Parquet file has; None for others, where one would have to count."""
    if Path(source).suffix != ".parquet":
        return None
    return int(_arrow("parquet").ParquetFile(source).metadata.num_rows)


def _arrow(part: str) -> Any:
    from importlib import import_module

    try:
        return import_module(f"pyarrow.{part}")
    except ImportError:
        raise MissingDependency("pyarrow", "parquet", "Reading and writing Parquet") from None


def _batches(path: Path, model: PyFuncModel, rows: int) -> Iterator[Any]:
    import pandas

    if path.suffix == ".parquet":
        with _arrow("parquet").ParquetFile(path) as file:
            for group in range(file.num_row_groups):  # one reader for all of them would keep what it has read
                for batch in file.iter_batches(batch_size=rows, row_groups=[group]):
                    yield batch.to_pandas()
    elif path.suffix == ".csv":
        texts, dates = _named(model, DataType.string), _named(model, DataType.datetime)
        there = pandas.read_csv(path, nrows=0).columns
        kinds: dict[Any, Any] = {name: "object" for name in texts if name in there}
        with pandas.read_csv(
            path, chunksize=rows, dtype=kinds, parse_dates=[one for one in dates if one in there]
        ) as chunks:
            yield from chunks
    elif path.suffix == ".jsonl":
        yield from _lines(path, rows)
    elif path.suffix == ".json":
        content = json.loads(path.read_bytes())
        content = (
            content.get("dataframe_split", content.get("dataframe_records", content))
            if isinstance(content, dict)
            else content
        )
        frame = (
            pandas.DataFrame(**content)
            if isinstance(content, dict) and "data" in content
            else pandas.DataFrame(content)
        )
        for at in range(0, len(frame), rows):
            yield frame.iloc[at : at + rows]
    else:
        raise InvalidParameter(f"'{path.name}' cannot be read: its name must end in one of {', '.join(FORMATS)}.")


def _named(model: PyFuncModel, kind: DataType) -> list[Any]:
    inputs = model.signature.inputs if model.signature is not None else None
    return [spec.name for spec in inputs or () if isinstance(spec, ColSpec) and spec.type is kind]


def _lines(path: Path, rows: int) -> Iterator[Any]:
    import pandas

    gathered: list[Any] = []
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                gathered.append(json.loads(line))
            except ValueError as error:
                raise InvalidParameter(f"Line {number} of '{path.name}' is not JSON: {error}.") from None
            if len(gathered) == rows:
                yield pandas.DataFrame(gathered)
                gathered = []
    if gathered:
        yield pandas.DataFrame(gathered)


def as_frame(answer: Any, frame: Any) -> Any:
    """Predictions as columns: those of a frame or dict, else `prediction`, or `prediction_0` … for several values a row."""
    import pandas

    if isinstance(answer, pandas.DataFrame):
        found = answer.rename(columns=str)
    elif isinstance(answer, pandas.Series):
        found = answer.to_frame(str(answer.name) if answer.name is not None else "prediction")
    elif is_array(answer) and answer.ndim == 2:
        names = [f"prediction_{at}" for at in range(answer.shape[1])] if answer.shape[1] > 1 else ["prediction"]
        found = pandas.DataFrame(answer, columns=names)
    elif isinstance(answer, Mapping):
        found = pandas.DataFrame({name: list(one) for name, one in answer.items()})
    elif type(answer).__module__.startswith("polars"):
        found = answer.to_pandas()
    elif isinstance(answer, list) and answer and all(isinstance(one, dict) for one in answer):
        found = pandas.DataFrame(answer)
    else:
        found = pandas.DataFrame({"prediction": list(answer)})
    if len(found) != len(frame):
        raise InvalidParameter(f"The model gave {len(found)} predictions for {len(frame)} rows; each row needs one.")
    return found


def beside(frame: Any, answer: Any) -> Any:
    """The input's columns and after them those of the predictions; a name that both have gets `predicted_` before it."""
    import pandas

    clash = [name for name in answer.columns if name in set(frame.columns)]
    answer = answer.rename(columns={name: f"predicted_{name}" for name in clash})
    return pandas.concat([frame.reset_index(drop=True), answer.reset_index(drop=True)], axis=1)


def _writer(ending: str, path: Path) -> "_Writer":
    kinds: dict[str, type[_Writer]] = {".parquet": _ParquetWriter, ".csv": _CsvWriter, ".jsonl": _LineWriter}
    if ending not in kinds:
        raise InvalidParameter(f"A result's name must end in one of {', '.join(kinds)}, not in '{ending}'.")
    return kinds[ending](path)


class _Writer(ABC):
    """Writes frames one after another; closed at the end of its block."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @abstractmethod
    def write(self, frame: Any) -> None:
        """Add the rows of a frame."""

    def close(self) -> None:
        return None

    def __enter__(self) -> "_Writer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _ParquetWriter(_Writer):
    _writer: Any = None
    _schema: Any = None

    def write(self, frame: Any) -> None:
        arrow, parquet = _arrow("lib"), _arrow("parquet")
        if self._writer is None:
            table = arrow.Table.from_pandas(frame, preserve_index=False)
            self._schema = table.schema.remove_metadata()
            self._writer = parquet.ParquetWriter(self.path, self._schema)
        try:
            table = arrow.Table.from_pandas(frame, schema=self._schema, preserve_index=False)
        except (arrow.ArrowInvalid, arrow.ArrowTypeError, KeyError) as error:
            raise InvalidParameter(f"The model's predictions changed their type between batches: {error}.") from None
        self._writer.write_table(table.replace_schema_metadata(None))

    def close(self) -> None:
        if self._writer is None:  # no rows at all
            self._writer = _arrow("parquet").ParquetWriter(self.path, _arrow("lib").schema([]))
        self._writer.close()


class _CsvWriter(_Writer):
    _started = False

    def write(self, frame: Any) -> None:
        frame.to_csv(self.path, mode="a" if self._started else "w", header=not self._started, index=False)
        self._started = True

    def close(self) -> None:
        self.path.touch()


class _LineWriter(_Writer):
    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._file = path.open("w", encoding="utf-8")

    def write(self, frame: Any) -> None:
        frame.to_json(self._file, orient="records", lines=True, date_format="iso")

    def close(self) -> None:
        self._file.close()
