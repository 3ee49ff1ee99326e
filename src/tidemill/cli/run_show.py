"""`tidemill runs show`: everything about one run."""

from dataclasses import dataclass
from itertools import islice

import click
import msgspec

from tidemill.api import experiments, metrics
from tidemill.cli import output
from tidemill.cli.address import Store, with_store
from tidemill.cli.candidates import complete_run
from tidemill.cli.file_tree import print_tree, walk
from tidemill.cli.find import find_run
from tidemill.cli.options import as_json
from tidemill.cli.output import Cell, Column
from tidemill.cli.run_table import RunRow
from tidemill.cli.sparkline import sparkline
from tidemill.errors import TidemillError
from tidemill.tracking import tags as tag_names
from tidemill.types.experiments import GetExperiment
from tidemill.types.metrics import GetMetricHistoryInterval, Metric
from tidemill.types.runs import Run

_MOST_STEPS = 2500
_MOST_SERIES = 100
_MOST_FILES = 50
_LINE = 30
_OWN_TAGS = ("mlflow.", "tidemill.")


@dataclass(frozen=True, slots=True)
class _Series:
    latest: Metric
    values: list[float]

    @property
    def is_thinned(self) -> bool:
        return len(self.values) >= _MOST_STEPS


@click.command(short_help="Show everything about one run.")
@click.argument("run", shell_complete=complete_run)
@click.option("--all", "everything", is_flag=True, help="Show every metric's history, every file and every tag.")
@as_json
@with_store
def show(store: Store, run: str, everything: bool, json_: bool) -> None:
    """Show a run: params, metrics with their history, tags, inputs, files."""
    found = find_run(store, run)
    row = RunRow.of(found, store.call(experiments.get, GetExperiment(found.info.experiment_id)).experiment.name)
    if json_:
        output.print_json(_document(store, row))
        return
    _print_head(row)
    if row.params:
        output.heading(f"Params ({len(row.params)})")
        output.print_fields(sorted(row.params.items()), indent=2)
    _print_metrics(store, found, everything)
    shown = {key: value for key, value in row.tags.items() if everything or not key.startswith(_OWN_TAGS)}
    if shown:
        output.heading(f"Tags ({len(shown)})")
        output.print_fields(sorted(shown.items()), indent=2)
    _print_inputs(found)
    _print_files(store, found, everything)


def _document(store: Store, row: RunRow) -> dict[str, object]:
    """As in `runs list --json`, and what the run read and made, and its files."""
    inputs, outputs = row.run.inputs, row.run.outputs
    files = [msgspec.to_builtins(one) for one in walk(store, row.run.info.run_id)]
    return {
        **row.document(),
        "inputs": msgspec.to_builtins(inputs) if inputs else {},
        "outputs": msgspec.to_builtins(outputs) if outputs else {},
        "files": files,
    }


def _print_head(row: RunRow) -> None:
    info, tags = row.run.info, row.tags
    commit = tags.get(tag_names.GIT_COMMIT, "")[:12]
    changed = " with changes" if tags.get(tag_names.GIT_DIRTY, "").lower() == "true" else ""
    output.print_fields(
        [
            ("Run", Cell(info.run_name, "bold")),
            ("Id", Cell(info.run_id, "yellow")),
            ("Experiment", f"{row.experiment} ({info.experiment_id})"),
            ("Status", output.status_cell(info.status)),
            ("Stage", output.status_cell("deleted") if info.lifecycle_stage == "deleted" else ""),
            ("Started", f"{output.moment(info.start_time)} ({output.ago(info.start_time)})"),
            ("Took", output.duration(row.duration_ms) if row.duration_ms is not None else ""),
            ("User", info.user_id),
            ("Source", tags.get(tag_names.SOURCE_NAME, "")),
            ("Commit", f"{commit}{changed}" if commit else ""),
            ("Parent", tags.get(tag_names.PARENT, "")),
            ("Artifacts", info.artifact_uri),
            ("Note", tags.get(tag_names.NOTE, "")),
        ]
    )


def _print_metrics(store: Store, run: Run, everything: bool) -> None:
    latest = sorted(run.data.metrics, key=lambda metric: metric.key)
    if not latest:
        return
    output.heading(f"Metrics ({len(latest)})")
    shown = latest if everything else latest[:_MOST_SERIES]
    found = [_Series(metric, _history(store, run.info.run_id, metric)) for metric in shown]
    columns = [
        Column("KEY", least=16),
        *(Column(name, right=True) for name in ("LAST", "MIN", "MAX", "STEP")),
        Column("HISTORY", least=8),
    ]
    output.print_table(columns, [_metric_row(one) for one in found], indent=2)
    if len(shown) < len(latest):
        output.note(f"{len(latest) - len(shown)} more metrics; --all shows them.")


def _history(store: Store, run_id: str, metric: Metric) -> list[float]:
    arg = GetMetricHistoryInterval([run_id], metric.key, max_results=_MOST_STEPS)
    return [point.value for point in store.call(metrics.get_history_interval, arg).metrics]


def _metric_row(one: _Series) -> list[Cell | str]:
    values = one.values or [one.latest.value]
    real = [value for value in values if value == value]
    low, high = (min(real), max(real)) if real else (None, None)
    last, least, most = output.numbers([one.latest.value, low, high])
    about = "~" if one.is_thinned else ""
    several = len(values) > 1
    return [
        one.latest.key,
        Cell(last, "bold"),
        about + least if several else "",
        about + most if several else "",
        str(one.latest.step),
        Cell(sparkline(values, _LINE) if several else "", "cyan"),
    ]


def _print_inputs(run: Run) -> None:
    if run.inputs and run.inputs.dataset_inputs:
        output.heading(f"Inputs ({len(run.inputs.dataset_inputs)})")
        columns = [Column("NAME", least=10), Column("DIGEST", least=8), Column("CONTEXT"), Column("SOURCE", least=10)]
        rows = []
        for one in run.inputs.dataset_inputs:
            context = next((tag.value for tag in one.tags if tag.key == tag_names.DATA_CONTEXT), "")
            rows.append([one.dataset.name, one.dataset.digest, context, _place(one.dataset.source)])
        output.print_table(columns, rows, indent=2)
    made = run.outputs.model_outputs if run.outputs else []
    if made:
        output.heading(f"Models ({len(made)})")
        output.print_fields([(model.model_id, f"step {model.step}") for model in made], indent=2)


def _place(source: str) -> str:
    """The address in a data set's source, which clients write as JSON; else the whole text."""
    try:
        found = msgspec.json.decode(source)
    except msgspec.DecodeError:
        return source
    known = [found[key] for key in ("uri", "url", "path") if key in found] if isinstance(found, dict) else []
    return str(known[0]) if known else source


def _print_files(store: Store, run: Run, everything: bool) -> None:
    try:
        found = list(islice(walk(store, run.info.run_id), None if everything else _MOST_FILES + 1))
    except TidemillError as error:
        output.note(f"The files cannot be listed: {error.message}")
        return
    if not found:
        return
    more = not everything and len(found) > _MOST_FILES
    output.heading("Files")
    print_tree(found[:_MOST_FILES] if more else found, indent=2)
    if more:
        output.note("There are more files; --all shows them.")
