"""`tidemill runs`: list, search, delete and restore; the larger commands have files of their own."""

from collections.abc import Callable, Iterator
from typing import Any

import click

from tidemill.api import runs as ops
from tidemill.cli import output
from tidemill.cli.address import ELSEWHERE, Store, with_store
from tidemill.cli.candidates import complete_experiment, complete_run
from tidemill.cli.find import find_experiment, find_runs
from tidemill.cli.run_compare import compare
from tidemill.cli.run_export import export
from tidemill.cli.run_search import RunQuery
from tidemill.cli.run_show import show
from tidemill.cli.run_table import RunRow, check_columns, parts, print_runs
from tidemill.types.page import ViewType
from tidemill.types.runs import DeleteRun, RestoreRun

as_json = click.option("--json", "json_", is_flag=True, help="Print one JSON document instead of a table.")


@click.group()
def runs() -> None:
    """List, show, compare, search, export, delete and restore runs.

    A RUN is named by its id, the first characters of its id, or its name.
    """


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        as_json,
        click.option("--columns", metavar="LIST", help="Columns, such as 'name,status,metrics.loss,params'. Default: those that tell most."),
        click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="Show at most so many."),
        click.option("--deleted", "view", flag_value=ViewType.DELETED_ONLY.value, help="Show deleted ones only."),
        click.option("--all", "view", flag_value=ViewType.ALL.value, help="Show deleted ones too."),
        click.option(
            "--order-by", "order_by", multiple=True, metavar="KEY", help="Sort by KEY or 'KEY DESC', such as 'metrics.loss'. Repeatable."
        ),
        click.option(
            "-e", "--experiment", "names", multiple=True, metavar="EXPERIMENT", shell_complete=complete_experiment,
            help="Only runs of this experiment (id or name). Repeatable. Default: all experiments.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


@runs.command("list")
@_options
@with_store
def list_(store: Store, **options: Any) -> None:
    """List runs, the newest first."""
    _show_found(store, "", **options)


@runs.command()
@click.option("--filter", "condition", metavar="TEXT", default="", help="Which runs, such as \"metrics.loss < 0.1 AND params.model = 'ridge'\".")
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
    rows: list[RunRow] = []
    for row in query.rows(limit + 1):
        rows.append(row)
    more = len(rows) > limit
    del rows[limit:]
    if json_:
        output.print_json([row.document() for row in rows])
    elif rows:
        print_runs(rows, chosen, stages=view is not None)
    else:
        output.note(_nothing(store, condition))
    if more:
        output.note(f"There are more than {limit}; --limit shows more of them.")


def _nothing(store: Store, condition: str) -> str:
    if store.is_missing:
        return f"There is no store at {store.shown} yet. {ELSEWHERE}"
    return "No run matches." if condition else f"There are no runs here in {store.shown}."


runs.add_command(show)
runs.add_command(compare)
runs.add_command(export)


@runs.command()
@click.argument("names", metavar="RUN...", nargs=-1, required=True, shell_complete=complete_run)
@with_store
def delete(store: Store, names: tuple[str, ...]) -> None:
    """Mark runs deleted. 'restore' brings them back until 'tidemill gc' has run."""
    found = find_runs(store, names)
    for run in found:
        store.call(ops.delete, DeleteRun(run.info.run_id))
    ids = " ".join(run.info.run_id for run in found)
    output.note(f"Deleted {output.count_of(len(found), 'run')}. To undo: tidemill runs restore {ids}")


@runs.command()
@click.argument("names", metavar="RUN...", nargs=-1, required=True, shell_complete=complete_run)
@with_store
def restore(store: Store, names: tuple[str, ...]) -> None:
    """Bring deleted runs back."""
    found = find_runs(store, names)
    for run in found:
        store.call(ops.restore, RestoreRun(run.info.run_id))
    output.note(f"Restored {output.count_of(len(found), 'run')}.")
