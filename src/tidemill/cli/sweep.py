"""`tidemill sweep`: run a project with many parameters."""

import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from tidemill.cli import output
from tidemill.cli.address import Store, with_store
from tidemill.cli.find import SHORT
from tidemill.cli.options import as_json
from tidemill.cli.run import how_to_run, pairs, request_of
from tidemill.errors import InvalidParameter
from tidemill.projects.launch import store_client
from tidemill.projects.sweep import loop
from tidemill.projects.sweep import plan as plans
from tidemill.projects.sweep.loop import Sweep
from tidemill.projects.sweep.plan import GOALS, PRUNERS, Plan
from tidemill.projects.sweep.search import KINDS
from tidemill.projects.sweep.space import Axis, axis
from tidemill.projects.sweep.trials import Trial

_SHOWN = 10


@click.command()
@click.argument("address", metavar="[PROJECT]", required=False)
@how_to_run
@click.option(
    "-S",
    "--space",
    "spaces",
    multiple=True,
    metavar="NAME=VALUES",
    help="Values of a parameter: 0.1,0.2 or uniform(0,1), loguniform(1e-4,1), int(1,9), logint(1,999). Repeatable.",
)
@click.option("--file", "file", metavar="FILE", help="A TOML file with the table [sweep].")
@click.option("--search", type=click.Choice(KINDS), help="How to search. Default: grid without --trials, else random.")
@click.option("-n", "--trials", type=click.IntRange(1), help="How many trials. Default: all of a grid.")
@click.option("-j", "--parallel", type=click.IntRange(1), help="How many at a time. Default: 1.")
@click.option("--metric", metavar="NAME", help="The metric to compare trials by.")
@click.option("--goal", type=click.Choice(GOALS), help="Whether less or more of it is better. Default: minimize.")
@click.option("--seed", type=int, help="For searches by chance. Default: 0.")
@click.option("--prune", type=click.Choice(PRUNERS), help="End hopeless trials early. Default: none.")
@click.option("--resume", metavar="RUN", help="Go on with the sweep of this run, after it was cut off.")
@as_json
@with_store
def sweep(store: Store, address: str | None, resume: str | None, json_: bool, **options: Any) -> int:
    """Run a project with many parameters: each trial is a run inside the sweep's run.

    A sweep that was interrupted or killed goes on with --resume; no trial that has ended is run again.
    """
    client = store_client(store.address)
    with _table() as changed:
        if resume is not None:
            if address is not None:
                raise InvalidParameter("--resume goes on with a sweep as it was planned; name no project.")
            from tidemill.cli.find import find_run

            found = loop.again(client, find_run(store, resume).info.run_id, changed)
        else:
            if address is None:
                raise InvalidParameter("Name a project to sweep over, or the run of a sweep with --resume.")
            found = loop.start(_plan(address, options), client, request_of(address, options), changed)
        output.note(f"Sweep {found.run_id}; if it is cut off: tidemill sweep --resume {found.run_id}")
        with _interruptible(found.stop):
            loop.carry_out(found, output.note)
    _show(found, json_)
    if found.stop.is_set():
        raise KeyboardInterrupt
    return int(bool(found.trials) and not any(one.status == "FINISHED" for one in found.trials.values()))


def _plan(address: str, options: dict[str, Any]) -> Plan:
    from_file: dict[str, Any] = {}
    axes: list[Axis] = []
    if options["file"]:
        from_file, axes = plans.read_toml(options["file"])
    given = {name: options[name] for name in ("search", "trials", "parallel", "metric", "goal", "seed", "prune")}
    chosen = {**from_file, **{name: value for name, value in given.items() if value is not None}}
    chosen.setdefault("search", "random" if "trials" in chosen else "grid")
    axes += [axis(name, text) for name, text in pairs(options["spaces"], "-S").items()]
    request = request_of(address, options)
    try:
        plan = Plan(
            address=address,
            project_version=request.version,
            entry_point=request.entry_point,
            values={name: str(value) for name, value in request.values.items()},
            space=tuple(axes),
            way=request.way,
            offline=request.offline,
            executor=request.executor,
            settings=dict(request.settings),
            resources=request.resources,
            secrets=request.secrets,
            **chosen,
        )
        return plan.checked()
    except TypeError as error:
        raise InvalidParameter(f"The sweep cannot be understood: {error}.") from None


@contextmanager
def _interruptible(stop: threading.Event) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the trials in hand and then the sweep."""

    def handle(number: int, frame: object) -> None:
        stop.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _table() -> Iterator[loop.Changed]:
    """What shows progress: a live table on a terminal, one line for each trial that ends elsewhere."""
    lock = threading.Lock()
    if not sys.stderr.isatty():
        said: set[tuple[int, str]] = set()

        def line(trials: Sequence[Trial]) -> None:
            with lock:
                for one in trials:
                    if one.status not in ("", "RUNNING") and (one.number, one.run_id) not in said:
                        said.add((one.number, one.run_id))
                        output.note(_line(one))

        yield line
        return
    from rich.live import Live

    begun = time.monotonic()
    with Live(console=output.console(err=True), refresh_per_second=4, transient=True) as live:

        def draw(trials: Sequence[Trial]) -> None:
            with lock:
                live.update(_drawn(trials, time.monotonic() - begun))

        yield draw


def _line(trial: Trial) -> str:
    values = " ".join(f"{name}={output.plain(value)}" for name, value in trial.values.items())
    score = "" if trial.score is None else f" {output.number(trial.score)}"
    status = "PRUNED" if trial.pruned else trial.status
    return f"trial {trial.number} {status}{score} {values}"


def _drawn(trials: Sequence[Trial], seconds: float) -> Any:
    from rich.table import Table
    from rich.text import Text

    count = sum(one.is_done for one in trials)
    table = Table(title=f"{count} trials done, {output.duration(seconds * 1000)}", box=None, title_justify="left")
    names = list(trials[0].values) if trials else []
    for heading in ("TRIAL", "STATUS", "SCORE", *names):
        table.add_column(heading)
    for one in sorted(trials, key=lambda one: (one.is_done, -one.number))[:_SHOWN]:
        cell = output.status_cell(one.status or "SCHEDULED")
        score = "" if one.score is None else output.number(one.score)
        shown = [output.plain(one.values.get(name, "")) for name in names]
        table.add_row(str(one.number), Text("PRUNED" if one.pruned else cell.text, cell.style), score, *shown)
    return table


def _show(found: Sweep, json_: bool) -> None:
    trials = [found.trials[number] for number in sorted(found.trials)]
    best = found.best()
    if json_:
        output.print_json({"run_id": found.run_id, "best": best, "trials": trials})
        return
    sign = 1 if found.plan.goal == "minimize" else -1
    ranked = sorted(trials, key=lambda one: (one.status != "FINISHED", one.score is None, sign * (one.score or 0.0)))
    names = [one.name for one in found.plan.space]
    columns = [output.Column("TRIAL", right=True), output.Column("RUN"), output.Column("STATUS")]
    columns += [
        output.Column(found.plan.metric or "SCORE", right=True),
        *(output.Column(name, least=6) for name in names),
    ]
    output.print_table(
        columns,
        [
            (
                str(one.number),
                one.run_id[:SHORT],
                output.status_cell("KILLED" if one.pruned else one.status),
                "–" if one.score is None else output.number(one.score),
                *(one.values.get(name, "") for name in names),
            )
            for one in ranked[:_SHOWN]
        ],
    )
    counts = {status: sum(one.status == status for one in trials) for status in ("FINISHED", "FAILED", "KILLED")}
    output.note(", ".join(f"{count} {status.lower()}" for status, count in counts.items() if count) or "No trials.")
