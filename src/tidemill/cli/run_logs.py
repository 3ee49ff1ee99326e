"""`tidemill runs logs` and `tidemill runs cancel`: runs of projects that work in the background or elsewhere."""

import sys

import click

from tidemill.cli import output
from tidemill.cli.address import Store, with_store
from tidemill.cli.candidates import complete_run
from tidemill.cli.find import find_run, find_runs
from tidemill.projects import follow as following
from tidemill.projects.launch import store_client


@click.command(short_help="Show what a run prints.")
@click.argument("name", metavar="RUN", shell_complete=complete_run)
@click.option("-f", "--follow", is_flag=True, help="Go on until the run ends.")
@with_store
def logs(store: Store, name: str, follow: bool) -> None:
    """Show what a run of a project has printed; with -f, until it ends."""
    run_id = find_run(store, name).info.run_id
    following.logs(store_client(store.address), run_id, _write, follow)


@click.command(short_help="Stop runs of projects.")
@click.argument("names", metavar="RUN...", nargs=-1, required=True, shell_complete=complete_run)
@with_store
def cancel(store: Store, names: tuple[str, ...]) -> None:
    """Stop runs of projects, with everything that they started, wherever they work."""
    for run in find_runs(store, names):
        following.cancel(store_client(store.address), run.info.run_id)
        output.note(f"Stopped {run.info.run_id}.")


def _write(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.flush()
