"""`tidemill registry history`, `lineage`, `compare`, `card`: a model's past and surroundings."""

import click
import msgspec

from tidemill.api import model_records as ops
from tidemill.cli import output
from tidemill.cli.address import Store, with_store
from tidemill.cli.options import as_json, limit
from tidemill.cli.output import Cell, Column
from tidemill.types import model_records as t


@click.command(short_help="Show which versions held which aliases and stages when.")
@click.argument("name")
@click.option("--alias", default="", help="Of this alias only.")
@click.option("--stage", default="", help="Of this stage only.")
@click.option("--version", default="", help="Of this version only.")
@limit(50)
@as_json
@with_store
def history(store: Store, name: str, alias: str, stage: str, version: str, limit: int, json_: bool) -> None:
    """Show which versions held which aliases and stages when, moved by whom and why; the latest first."""
    store.require()
    page = store.call(ops.history, t.GetModelHistory(name, alias, stage, version, max_results=min(limit, 1000)))
    if json_:
        output.print_json(msgspec.to_builtins(page.holds))
        return
    if not page.holds:
        output.note(f"No version of '{name}' has held any of these.")
        return
    columns = [
        Column("HELD", least=8), Column("VERSION", right=True), Column("SINCE"), Column("BY"), Column("WHY", least=8),
        Column("UNTIL"), Column("ENDED BY"), Column("WHY", least=8),
    ]  # fmt: skip
    rows: list[list[Cell | str]] = [
        [
            Cell(f"@{one.alias}" if one.alias else one.stage, "cyan"),
            Cell(one.version, "yellow"),
            output.moment(one.since),
            one.set_by,
            one.set_reason,
            Cell("now", "green") if one.until is None else output.moment(one.until),
            one.ended_by,
            one.ended_reason,
        ]
        for one in page.holds
    ]
    output.print_table(columns, rows)
    if page.next_page_token:
        output.note(f"There are more; --limit {limit * 10} shows some of them.")


@click.command(short_help="Show where a version comes from and where it serves.")
@click.argument("name")
@click.argument("version")
@as_json
@with_store
def lineage(store: Store, name: str, version: str, json_: bool) -> None:
    """Show where a version comes from (logged model, run, data, code, environment) and what came of it."""
    store.require()
    found = store.call(ops.lineage, t.GetLineage(name, version))
    if json_:
        output.print_json(msgspec.to_builtins(found))
        return
    code, environment, run = found.code, found.environment, found.run
    output.print_fields(
        [
            ("Version", Cell(f"{name} {version}", "bold")),
            ("Files", found.artifact_uri),
            ("Logged model", found.logged_model.model_id if found.logged_model else ""),
            ("Run", f"{run.run_id} ({run.run_name})" if run else ""),
            ("Started", output.moment(run.start_time) if run else ""),
            ("Code", code.source if code else ""),
            ("Commit", f"{code.commit}{' with changes' if code.changed else ''} {code.repository}" if code else ""),
            ("Python", environment.python if environment else ""),
            ("Platform", environment.platform if environment else ""),
            ("Requirements", ", ".join(environment.requirements) if environment else ""),
            ("Read by runs", ", ".join(found.readers)),
            ("Also", ", ".join(f"{one.name} {one.version}" for one in found.siblings)),
        ]
    )
    if found.datasets:
        output.heading("Data")
        rows = [
            (one.dataset.name, one.dataset.digest, ", ".join(tag.value for tag in one.tags), one.dataset.source)
            for one in found.datasets
        ]
        columns = [Column("NAME"), Column("DIGEST"), Column("USED FOR"), Column("SOURCE", least=10)]
        output.print_table(columns, rows, indent=2)
    if found.deployments:
        output.heading("Serves")
        served = [(one.name, one.status.lower(), one.url) for one in found.deployments]
        output.print_table([Column("NAME"), Column("STATUS"), Column("WHERE", least=10)], served, indent=2)


@click.command(short_help="Compare two versions.")
@click.argument("name")
@click.argument("left")
@click.argument("right")
@click.option("--other", default="", metavar="NAME", help="The registered model of RIGHT, where it is another.")
@as_json
@with_store
def compare(store: Store, name: str, left: str, right: str, other: str, json_: bool) -> None:
    """Compare version LEFT with version RIGHT: params, metrics, schema, environment, size."""
    store.require()
    found = store.call(ops.compare, t.CompareVersions(name, left, other, right))
    if json_:
        output.print_json(msgspec.to_builtins(found))
        return
    heads = (f"{found.left.name} {found.left.version}", f"{found.right.name} {found.right.version}")
    if found.metrics:
        columns = [Column("METRIC", least=8), *(Column(one, right=True) for one in heads), Column("CHANGE", right=True)]
        output.print_table(columns, [_metric(one) for one in found.metrics])
    for title, items in (("PARAM", found.params), ("SCHEMA", found.schema), ("PACKAGE", found.environment)):
        if items:
            output.emit("")
            columns = [Column(title, least=8), *(Column(one, least=8) for one in heads)]
            output.print_table(columns, [(one.key, one.left or "–", one.right or "–") for one in items])
    output.emit("")
    sizes = " → ".join(output.size(size) or "unknown" for size in (found.size.left, found.size.right))
    fits = {None: "unknown: the left one has no signature", True: "yes", False: f"no: {'; '.join(found.breaks)}"}
    colour = {None: "", True: "green", False: "red"}[found.compatible]
    output.print_fields([("Size", sizes), ("Can replace", Cell(fits[found.compatible], colour))])
    for text in found.notes:
        output.note(text)


def _metric(one: t.MetricDifference) -> list[Cell | str]:
    left, right = output.numbers([one.left, one.right])
    both = one.left is not None and one.right is not None
    change = output.number((one.right or 0.0) - (one.left or 0.0)) if both else "–"
    return [one.key, left, right, Cell(change if change.startswith("-") or not both else f"+{change}", "dim")]


@click.command(short_help="Print the model card of a version.")
@click.argument("name")
@click.argument("version")
@with_store
def card(store: Store, name: str, version: str) -> None:
    """Print what the registry knows of a version as Markdown: description, origin, metrics, params, data, history."""
    from tidemill.tracking.client import Client
    from tidemill.tracking.model_cards import model_card

    store.require()
    output.emit(model_card(Client(store.address), name, version).rstrip())


COMMANDS = (history, lineage, compare, card)
