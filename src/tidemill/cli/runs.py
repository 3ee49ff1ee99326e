"""`tidemill runs`: list, search, delete and restore; the larger commands have files of their own."""

from typing import Any

import click

from tidemill.api import runs as ops
from tidemill.cli import output
from tidemill.cli.address import ELSEWHERE, Store, with_store
from tidemill.cli.candidates import complete_run
from tidemill.cli.find import find_runs
from tidemill.cli.options import (
    as_json,
    deleted_only,
    deleted_too,
    in_experiments,
    limit,
    order_by,
    run_filter,
    together,
)
from tidemill.cli.run_compare import compare
from tidemill.cli.run_export import export
from tidemill.cli.run_logs import cancel, logs
from tidemill.cli.run_reproduce import reproduce
from tidemill.cli.run_search import RunQuery
from tidemill.cli.run_show import show
from tidemill.cli.run_table import check_columns, parts, print_runs
from tidemill.types.runs import DeleteRun, RestoreRun


@click.group()
def runs() -> None:
    """List, show, compare, search, export, delete and restore runs.

    A RUN is named by its id, the first characters of its id, or its name.
    """


_options = together(
    in_experiments,
    order_by,
    deleted_too,
    deleted_only,
    limit(20),
    click.option(
        "--columns",
        metavar="LIST",
        help="Columns, such as 'name,status,metrics.loss,params'. Default: those that tell most.",
    ),
    as_json,
)


@runs.command("list", short_help="List runs, the newest first.")
@_options
@with_store
def list_(store: Store, **options: Any) -> None:
    """List runs, the newest first."""
    _show_found(store, "", **options)


@runs.command(short_help="Find runs by metrics, params and tags.")
@run_filter
@_options
@with_store
def search(store: Store, condition: str, **options: Any) -> None:
    """Find runs by metrics, params, tags and attributes. docs/reference/search.md has the language."""
    _show_found(store, condition, **options)


def _show_found(
    store: Store,
    condition: str,
    names: tuple[str, ...],
    order_by: tuple[str, ...],
    view: str | None,
    limit: int,
    columns: str | None,
    json_: bool,
) -> None:
    chosen = [name.strip() for name in (columns or "").split(",") if name.strip()]
    check_columns(chosen)
    query = RunQuery.of(store, names, condition, order_by, view)
    query.select = [] if json_ and not chosen else parts(chosen)
    rows = list(query.rows(limit + 1))
    more = len(rows) > limit
    del rows[limit:]
    if json_:
        output.print_json([row.document() for row in rows])
    elif rows:
        print_runs(rows, chosen, stages=view is not None)
    else:
        output.note(_nothing(store, names, condition))
    if more:
        output.note(f"There are more than {limit}; --limit shows more of them.")


def _nothing(store: Store, names: tuple[str, ...], condition: str) -> str:
    if store.is_missing:
        return f"There is no store at {store.shown} yet. {ELSEWHERE}"
    if condition:
        return "No run matches."
    return f"There are no such runs in {', '.join(names) or store.shown}."


runs.add_command(show)
runs.add_command(compare)
runs.add_command(export)
runs.add_command(logs)
runs.add_command(cancel)
runs.add_command(reproduce)


@runs.command(short_help="Mark runs deleted.")
@click.argument("names", metavar="RUN...", nargs=-1, required=True, shell_complete=complete_run)
@with_store
def delete(store: Store, names: tuple[str, ...]) -> None:
    """Mark runs deleted. 'restore' brings them back until 'tidemill gc' has run."""
    found = find_runs(store, names)
    for run in found:
        store.call(ops.delete, DeleteRun(run.info.run_id))
    ids = " ".join(run.info.run_id for run in found)
    output.note(f"Deleted {output.count_of(len(found), 'run')}. To undo: tidemill runs restore {ids}")


@runs.command(short_help="Bring deleted runs back.")
@click.argument("names", metavar="RUN...", nargs=-1, required=True, shell_complete=complete_run)
@with_store
def restore(store: Store, names: tuple[str, ...]) -> None:
    """Bring deleted runs back."""
    found = find_runs(store, names)
    for run in found:
        store.call(ops.restore, RestoreRun(run.info.run_id))
    output.note(f"Restored {output.count_of(len(found), 'run')}.")
