"""`tidemill runs export`: runs, or every point of their metrics, as a file for other programs."""

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click

from tidemill.api import metrics
from tidemill.cli import output
from tidemill.cli.address import Store, with_store
from tidemill.cli.export_formats import FORMATS, POINTS, RUNS, Record, write_records
from tidemill.cli.options import deleted_too, in_experiments, order_by, run_filter
from tidemill.cli.progress import Advance, counting
from tidemill.cli.run_search import RunQuery
from tidemill.cli.run_table import RunRow
from tidemill.errors import InvalidParameter
from tidemill.types.metrics import GetMetricHistory

_HISTORY_PAGE = 25_000


@click.command(short_help="Write runs or metric histories to a file.")
@in_experiments
@run_filter
@order_by
@deleted_too
@click.option("--limit", type=click.IntRange(1), help="Export at most so many runs. Default: all.")
@click.option("--format", "format_", type=click.Choice(FORMATS), help="Default: by the file's ending, else csv.")
@click.option(
    "-o",
    "--output",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file. Default: standard output.",
)
@click.option(
    "--metrics-history", is_flag=True, help="Export every point of every metric, a row each, instead of the runs."
)
@with_store
def export(
    store: Store,
    names: tuple[str, ...],
    condition: str,
    order_by: tuple[str, ...],
    view: str | None,
    limit: int | None,
    format_: str | None,
    file: Path | None,
    metrics_history: bool,
) -> None:
    """Export runs, or their metrics' histories, as CSV, JSON, JSON lines or Parquet.

    Runs are read page by page, so any number of them can be exported. A file appears when it is complete.
    """
    chosen = format_ or _format_of(file)
    if chosen == "parquet" and file is None and sys.stdout.isatty():
        raise click.UsageError("Parquet is not for terminals; name a file with --output.")
    query = RunQuery.of(store, names, condition, order_by, view)
    label = "Exporting points" if metrics_history else "Exporting runs"
    with counting(label) as advance, _target(file) as target:
        if metrics_history:
            written = write_records(chosen, POINTS, _points(store, query, limit, advance), target)
        else:
            written = write_records(chosen, RUNS, _runs(query, limit, advance), target)
    if file is not None:
        output.note(f"Wrote {output.count_of(written, 'point' if metrics_history else 'run')} to {file}.")


def _format_of(file: Path | None) -> str:
    ending = file.suffix.lower().removeprefix(".") if file is not None else ""
    if not ending:
        return "csv"
    ending = {"ndjson": "jsonl", "pq": "parquet"}.get(ending, ending)
    if ending not in FORMATS:
        raise click.UsageError(
            f"'.{ending}' stands for no format here; choose one with --format ({', '.join(FORMATS)})."
        )
    return ending


@contextmanager
def _target(file: Path | None) -> Iterator[IO[bytes]]:
    """The file to write to, which gets its name when all is written; else standard output."""
    if file is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if not file.parent.is_dir():
        raise InvalidParameter(f"There is no folder '{file.parent}' to write to.")
    handle, unfinished = tempfile.mkstemp(prefix=f".{file.name}-", dir=file.parent)
    try:
        with os.fdopen(handle, "wb") as target:
            yield target
        mask = os.umask(0o077)
        os.umask(mask)
        os.chmod(unfinished, 0o666 & ~mask)
        os.replace(unfinished, file)
    except BaseException:
        os.unlink(unfinished)
        raise


def _runs(query: RunQuery, limit: int | None, advance: Advance) -> Iterator[Record]:
    for row in query.rows(limit):
        yield row.document()
        advance(1)


def _points(store: Store, query: RunQuery, limit: int | None, advance: Advance) -> Iterator[Record]:
    query.select = ["info", "metrics"]
    for row in query.rows(limit):
        for key in sorted(row.metrics):
            for found in _history(store, row, key):
                advance(len(found))
                yield from found


def _history(store: Store, row: RunRow, key: str) -> Iterable[list[Record]]:
    token: str | None = ""
    info = row.run.info
    while token is not None:
        arg = GetMetricHistory(info.run_id, metric_key=key, max_results=_HISTORY_PAGE, page_token=token)
        page = store.call(metrics.get_history, arg)
        yield [
            {
                "run_id": info.run_id,
                "run_name": info.run_name,
                "experiment_id": info.experiment_id,
                "experiment_name": row.experiment,
                "key": key,
                "step": point.step,
                "timestamp": point.timestamp,
                "value": point.value,
            }
            for point in page.metrics
        ]
        token = page.next_page_token or None
