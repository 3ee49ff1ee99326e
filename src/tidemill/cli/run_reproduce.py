"""`tidemill runs reproduce`: make a run of a project again, and say what differs."""

import dataclasses
import threading

import click

from tidemill.cli import output
from tidemill.cli.address import Store, with_store
from tidemill.cli.candidates import complete_run
from tidemill.cli.find import find_run
from tidemill.cli.options import as_json
from tidemill.projects import reproduce as again
from tidemill.projects.environments.choose import WAYS
from tidemill.projects.launch import launch, prepare, store_client
from tidemill.projects.submit import pass_on
from tidemill.types.runs import RunStatus


@click.command(short_help="Make a run of a project again.")
@click.argument("name", metavar="RUN", shell_complete=complete_run)
@click.option("--env", "way", type=click.Choice(WAYS), help="Another way to make the environment.")
@click.option(
    "--secret", "secrets", multiple=True, metavar="NAME", help="A variable that the command gets. Repeatable."
)
@click.option("--offline", is_flag=True, help="Fetch no packages.")
@click.option(
    "--tolerance",
    type=float,
    default=again.TOLERANCE,
    show_default=True,
    help="Largest relative difference of metrics that count as the same.",
)
@as_json
@with_store
def reproduce(
    store: Store, name: str, way: str | None, secrets: tuple[str, ...], offline: bool, tolerance: float, json_: bool
) -> int:
    """Make a run of a project again: same code, environment, parameters. Exit code 1 where something differs."""
    client = store_client(store.address)
    before = find_run(store, name).info.run_id
    request, _ = again.request_again(client, before, secrets)
    request = dataclasses.replace(request, way=way or request.way, offline=offline)
    with prepare(request, output.note) as prepared:
        show = (lambda data, _: pass_on(data, True)) if json_ else pass_on
        after, done = launch(prepared, client, show, threading.Event(), lambda run_id: output.note(f"Run {run_id}"))
    if done.status is RunStatus.KILLED:
        raise KeyboardInterrupt
    found = again.compare(client, before, after, tolerance)
    if json_:
        output.print_json({"before": before, "after": after, "differences": found})
    elif found:
        columns = [
            output.Column("DIFFERS", least=12),
            output.Column("BEFORE", least=8),
            output.Column("AGAIN", least=8),
        ]
        output.print_table(columns, [(one.what, one.before or "–", one.after or "–") for one in found])
    else:
        output.note("Nothing differs.")
    return 1 if found else 0
