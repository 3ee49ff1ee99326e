"""The formats of `tidemill runs export`. Records are written as they come, in constant memory.

json     one array of objects, as `--json` prints them; times are ms since the epoch
jsonl    one such object a line
csv      UTF-8, comma, a heading line; nested data as columns `params.<key>`, `metrics.<key>`, `tags.<key>`;
         times as ISO 8601 in UTC; empty where a run has no value
parquet  the same columns, typed: doubles, texts, timestamps in ms; needs pyarrow
"""

import csv
import datetime
import io
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

import msgspec

from tidemill.api.codec import encode
from tidemill.errors import MissingDependency

Record = dict[str, Any]
"""One row: values by name and, nested, dicts of texts or numbers by key."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What records hold: plain values, and dicts whose keys differ from record to record."""

    plain: tuple[str, ...]
    nested: tuple[str, ...] = ()


RUNS = Shape(
    (
        *("run_id", "run_name", "experiment_id", "experiment_name", "status", "start_time", "end_time", "user_id"),
        *("lifecycle_stage", "artifact_uri"),
    ),
    ("params", "metrics", "tags"),
)
POINTS = Shape(("run_id", "run_name", "experiment_id", "experiment_name", "key", "step", "timestamp", "value"))

FORMATS = ("csv", "json", "jsonl", "parquet")
_TIMES = ("start_time", "end_time", "timestamp")
_GROUP = 1000
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)

Rows = Iterator[list[Any]]


def write_records(format_: str, shape: Shape, records: Iterable[Record], target: IO[bytes]) -> int:
    """Write all records; how many there were. Raises MissingDependency for Parquet without pyarrow."""
    if format_ == "json":
        return _write_json(records, target)
    if format_ == "jsonl":
        return _write_lines(records, target)
    write = _write_csv if format_ == "csv" else _write_parquet
    if format_ == "parquet":
        _pyarrow()  # before the records are read
    with _flat(shape, records) as (names, rows):
        return write(names, rows, target)


@contextmanager
def _flat(shape: Shape, records: Iterable[Record]) -> Iterator[tuple[list[str], Rows]]:
    """All columns, and each record as a list in their order; None where it has no value.

    The keys of nested values are known only when all records were seen, so those wait in a file.
    """
    if not shape.nested:
        yield list(shape.plain), ([record[name] for name in shape.plain] for record in records)
        return
    keys: dict[str, set[str]] = {kind: set() for kind in shape.nested}
    with tempfile.TemporaryFile(prefix="tidemill-") as spool:
        for record in records:
            for kind, seen in keys.items():
                seen.update(record[kind])
            spool.write(encode(record) + b"\n")
        spool.seek(0)
        columns = [(kind, key) for kind, seen in keys.items() for key in sorted(seen)]
        names = [*shape.plain, *(f"{kind}.{key}" for kind, key in columns)]
        yield names, (_values(msgspec.json.decode(line), shape, columns) for line in spool)


def _values(record: Record, shape: Shape, columns: list[tuple[str, str]]) -> list[Any]:
    found = [record.get(name) for name in shape.plain]
    for kind, key in columns:
        value = record[kind].get(key)
        # NaN and infinities were spelled out.
        found.append(float(value) if kind == "metrics" and value is not None else value)
    return found


def _write_json(records: Iterable[Record], target: IO[bytes]) -> int:
    count = 0
    target.write(b"[")
    for record in records:
        target.write(b",\n " if count else b"\n ")
        target.write(encode(record))
        count += 1
    target.write(b"\n]\n")
    return count


def _write_lines(records: Iterable[Record], target: IO[bytes]) -> int:
    count = 0
    for record in records:
        target.write(encode(record) + b"\n")
        count += 1
    return count


def _write_csv(names: list[str], rows: Rows, target: IO[bytes]) -> int:
    text = io.TextIOWrapper(target, encoding="utf-8", errors="replace", newline="", write_through=True)
    try:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(names)
        count = 0
        times = [name in _TIMES for name in names]
        for row in rows:
            writer.writerow([_iso(value) if time else value for value, time in zip(row, times, strict=True)])
            count += 1
        return count
    finally:
        text.detach()


def _iso(ms: int | None) -> str:
    if ms is None:
        return ""
    try:
        time = _EPOCH + datetime.timedelta(milliseconds=ms)
    except OverflowError:
        return str(ms)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _pyarrow() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise MissingDependency("pyarrow", "parquet", "Writing Parquet") from None
    return pyarrow


def _write_parquet(names: list[str], rows: Rows, target: IO[bytes]) -> int:
    arrow = _pyarrow()

    def kind(name: str) -> Any:
        if name in _TIMES:
            return arrow.timestamp("ms", tz="UTC")
        if name == "step":
            return arrow.int64()
        return arrow.float64() if name == "value" or name.startswith("metrics.") else arrow.string()

    schema = arrow.schema([(name, kind(name)) for name in names])
    count = 0
    with arrow.parquet.ParquetWriter(target, schema) as writer:
        for group in _groups(rows):
            columns = zip(*group, strict=True)
            arrays = [arrow.array(list(values), one.type) for values, one in zip(columns, schema, strict=True)]
            writer.write_table(arrow.Table.from_arrays(arrays, schema=schema))
            count += len(group)
    return count


def _groups(rows: Rows) -> Iterator[list[list[Any]]]:
    group: list[list[Any]] = []
    for row in rows:
        group.append(row)
        if len(group) == _GROUP:
            yield group
            group = []
    if group:
        yield group
