"""`tidemill experiments`: the groups that runs belong to."""

import click

from tidemill.api import experiments as ops
from tidemill.cli import output
from tidemill.cli.address import ELSEWHERE, Store, with_store
from tidemill.cli.candidates import complete_experiment
from tidemill.cli.find import find_experiment
from tidemill.cli.options import as_json, deleted_only, deleted_too, limit, order_by, together
from tidemill.cli.output import Cell, Column
from tidemill.errors import InvalidState
from tidemill.types import experiments as t
from tidemill.types.page import Tag, ViewType


@click.group()
def experiments() -> None:
    """List, create, rename, delete and restore experiments.

    An EXPERIMENT is named by its id or its name.
    """


_paging = together(order_by, deleted_too, deleted_only, limit(100), as_json)


@experiments.command("list", short_help="List experiments, the newest first.")
@_paging
@with_store
def list_(store: Store, order_by: tuple[str, ...], view: str | None, limit: int, json_: bool) -> None:
    """List experiments, the newest first."""
    _show_found(store, "", order_by, view, limit, json_)


@experiments.command(short_help="Find experiments by name, times or tags.")
@click.option("--filter", "condition", metavar="TEXT", default="", help="Which ones, such as \"name LIKE 'demo%'\".")
@_paging
@with_store
def search(store: Store, condition: str, order_by: tuple[str, ...], view: str | None, limit: int, json_: bool) -> None:
    """Find experiments by name, times or tags."""
    _show_found(store, condition, order_by, view, limit, json_)


def _show_found(
    store: Store, condition: str, order_by: tuple[str, ...], view: str | None, limit: int, json_: bool
) -> None:
    found: list[t.Experiment] = []
    token: str | None = ""
    while token is not None and len(found) < limit:
        arg = t.SearchExperiments(
            max_results=min(limit - len(found), 1000),
            view_type=ViewType(view or ViewType.ACTIVE_ONLY),
            filter=condition,
            order_by=list(order_by),
            page_token=token,
        )
        page = store.call(ops.search, arg)
        found += page.experiments
        token = page.next_page_token or None
    if json_:
        output.print_json([document(one) for one in found])
        return
    if store.is_missing:
        output.note(f"There is no store at {store.shown} yet. {ELSEWHERE}")
        return
    if not found:
        output.note("No experiment matches.")
        return
    columns = [Column("ID", right=True), Column("NAME", least=12), Column("CREATED"), Column("CHANGED")]
    if view is not None:
        columns.append(Column("STAGE"))
    columns.append(Column("ARTIFACTS", least=10))
    rows: list[list[Cell | str]] = [
        [
            Cell(one.experiment_id, "yellow"),
            one.name,
            output.ago(one.creation_time),
            output.ago(one.last_update_time),
            *([output.status_cell(one.lifecycle_stage)] if view is not None else []),
            Cell(one.artifact_location, "dim"),
        ]
        for one in found
    ]
    output.print_table(columns, rows)
    if token:
        output.note(f"There are more; --limit {limit * 10} shows some of them.")


def document(one: t.Experiment) -> dict[str, object]:
    """What `--json` shows of an experiment. Times are ms since the epoch."""
    return {
        "experiment_id": one.experiment_id,
        "name": one.name,
        "lifecycle_stage": one.lifecycle_stage,
        "artifact_location": one.artifact_location,
        "creation_time": one.creation_time,
        "last_update_time": one.last_update_time,
        "tags": {tag.key: tag.value for tag in one.tags},
    }


@experiments.command(short_help="Show one experiment with its tags.")
@click.argument("experiment", shell_complete=complete_experiment)
@as_json
@with_store
def show(store: Store, experiment: str, json_: bool) -> None:
    """Show one experiment with its tags."""
    one = find_experiment(store, experiment)
    if json_:
        output.print_json(document(one))
        return
    output.print_fields(
        [
            ("Name", Cell(one.name, "bold")),
            ("Id", Cell(one.experiment_id, "yellow")),
            ("Stage", output.status_cell(one.lifecycle_stage)),
            ("Created", f"{output.moment(one.creation_time)} ({output.ago(one.creation_time)})"),
            ("Changed", f"{output.moment(one.last_update_time)} ({output.ago(one.last_update_time)})"),
            ("Artifacts", one.artifact_location),
        ]
    )
    if one.tags:
        output.heading("Tags")
        output.print_fields([(tag.key, tag.value) for tag in one.tags], indent=2)


def _tags(_: click.Context, __: click.Parameter, pairs: tuple[str, ...]) -> list[Tag]:
    tags = []
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not separator or not key:
            raise click.BadParameter(f"'{pair}' is not of the form KEY=VALUE.")
        tags.append(Tag(key, value))
    return tags


@experiments.command(short_help="Create an experiment and print its id.")
@click.argument("name")
@click.option(
    "--artifact-location",
    default="",
    metavar="ADDRESS",
    help="Where its runs' files go. Default: the store's own place.",
)
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", callback=_tags, help="A tag. Repeatable.")
@as_json
@with_store
def create(store: Store, name: str, artifact_location: str, tags: list[Tag], json_: bool) -> None:
    """Create an experiment and print its id."""
    created = store.call(ops.create, t.CreateExperiment(name, artifact_location, tags)).experiment_id
    if json_:
        output.print_json({"experiment_id": created})
    else:
        output.emit(created)


@experiments.command(short_help="Give an experiment another name.")
@click.argument("experiment", shell_complete=complete_experiment)
@click.argument("new_name")
@with_store
def rename(store: Store, experiment: str, new_name: str) -> None:
    """Give an experiment another name."""
    one = find_experiment(store, experiment)
    if one.lifecycle_stage == "deleted":
        raise InvalidState(f"The experiment '{one.name}' is deleted; restore it first.")
    store.call(ops.update, t.UpdateExperiment(one.experiment_id, new_name))
    output.note(f"Experiment {one.experiment_id} is '{new_name}' now.")


@experiments.command(short_help="Mark an experiment and its runs deleted.")
@click.argument("experiment", shell_complete=complete_experiment)
@with_store
def delete(store: Store, experiment: str) -> None:
    """Mark an experiment and its runs deleted. 'restore' brings them back until 'tidemill gc' has run."""
    one = find_experiment(store, experiment)
    if one.lifecycle_stage == "deleted":
        raise InvalidState(f"The experiment '{one.name}' is deleted already.")
    store.call(ops.delete, t.DeleteExperiment(one.experiment_id))
    output.note(f"Deleted '{one.name}'. To have it back: tidemill experiments restore {one.experiment_id}")


@experiments.command(short_help="Bring a deleted experiment back.")
@click.argument("experiment", shell_complete=complete_experiment)
@with_store
def restore(store: Store, experiment: str) -> None:
    """Bring a deleted experiment and its runs back."""
    one = find_experiment(store, experiment)
    store.call(ops.restore, t.RestoreExperiment(one.experiment_id))
    output.note(f"Restored '{one.name}'.")
