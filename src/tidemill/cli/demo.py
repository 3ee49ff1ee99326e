"""`tidemill demo`: something real to look at, in half a minute."""

import os
from collections.abc import Sequence
from importlib.util import find_spec

import click

from tidemill.cli import output
from tidemill.cli.address import Store, with_store
from tidemill.cli.best import best_places, lower_is_better
from tidemill.cli.demo_page import open_page
from tidemill.cli.demo_release import RELEASED, Released, release
from tidemill.cli.demo_training import ABOUT, RECIPES, Trained, train_all
from tidemill.cli.find import SHORT, find_experiment
from tidemill.cli.options import as_json
from tidemill.cli.output import Cell, Column
from tidemill.cli.progress import counting
from tidemill.cli.run_compare import BEST
from tidemill.cli.sparkline import sparkline
from tidemill.errors import MissingDependency
from tidemill.tracking import resolve
from tidemill.tracking.embedded import EmbeddedBackend

_CURVE = 10
_CLASSES = ("val_loss", "test_loss", "test_accuracy")
_NUMBERS = ("val_rmse", "test_rmse", "test_r2")


@click.command(short_help="Train models on real data and log everything.")
@click.option("--only", multiple=True, type=click.Choice(list(RECIPES)), help="Only this data set. Repeatable.")
@click.option("--open", "open_", is_flag=True, help="Serve what was trained afterwards, and show it in the browser.")
@as_json
@with_store
def demo(store: Store, only: tuple[str, ...], open_: bool, json_: bool) -> None:
    """Train models on real data and log everything, to look around with.

    Two dozen small models learn the data sets that scikit-learn ships, in about half a minute and without a download.
    Their params, curves, data sets, pictures and files are logged as your own training would log them.
    """
    for package, module in (("scikit-learn", "sklearn"), ("matplotlib", "matplotlib")):
        if find_spec(module) is None:
            raise MissingDependency(package, "demo", "The demonstration")
    resolve.choose(store.address)
    names = tuple(dict.fromkeys(only)) or tuple(RECIPES)
    found: dict[str, list[Trained]] = {name: [] for name in names}
    released = None
    with counting("Training", sum(len(RECIPES[name]) for name in names) + (RELEASED in names)) as advance:
        for name in names:
            for one in train_all(name):
                found[name].append(one)
                advance(1)
        if RELEASED in names:
            released = release()
            advance(1)
    if json_:
        output.print_json({name: [_document(one) for one in trained] for name, trained in found.items()})
        return
    for name, trained in found.items():
        output.heading(f"{name}  {ABOUT[name]}")
        print_comparison(trained)
    if released is not None:
        print_release(released)
    print_next_steps(store, found)
    if open_:
        open_page(store, list(found)[-1])


def _document(one: Trained) -> dict[str, object]:
    return {
        "run_id": one.run_id,
        "run_name": one.recipe.name,
        "params": dict(one.recipe.params),
        "metrics": one.metrics,
        "seconds": one.seconds,
    }


def print_comparison(trained: Sequence[Trained]) -> None:
    """The runs of one data set: the best value of each metric marked, and how the loss went on the validation rows."""
    keys = _CLASSES if "test_accuracy" in trained[0].metrics else _NUMBERS
    columns = [Column("RUN"), Column("MODEL", least=10), *(Column(key, right=True) for key in keys)]
    columns.append(Column("VAL LOSS"))
    marked = [_marked(key, [one.metrics[key] for one in trained]) for key in keys]
    rows: list[list[Cell | str]] = [
        [
            Cell(one.run_id[:SHORT], "yellow"),
            one.recipe.name,
            *(cells[place] for cells in marked),
            Cell(sparkline(one.curve, _CURVE), "cyan"),
        ]
        for place, one in enumerate(trained)
    ]
    output.print_table(columns, rows, indent=2)


def _marked(key: str, values: Sequence[float]) -> list[Cell]:
    best = best_places(values, lower_is_better(key))
    texts = output.numbers(values)
    return [Cell(f"{BEST} {text}", "bold green") if place in best else Cell(text) for place, text in enumerate(texts)]


def print_release(released: Released) -> None:
    """How the versions of the model came and went."""
    output.heading(f"{released.name}  two versions, judged, approved where their checks are green, and moved")
    rows: list[list[Cell | str]] = [
        [Cell(f"version {version}", "yellow"), f"accuracy {accuracy:.3f}", Cell("@champion", "bold green")]
        if version == released.holder
        else [Cell(f"version {version}", "yellow"), f"accuracy {accuracy:.3f}", ""]
        for version, accuracy in released.versions.items()
    ]
    output.print_table([Column(""), Column(""), Column("")], rows, indent=2)
    for line in released.story:
        output.emit(f"  · {line}")


def print_next_steps(store: Store, found: dict[str, list[Trained]]) -> None:
    """Where everything is, and what to type next."""
    last = list(found)[-1]
    ranked = sorted(found[last], key=lambda one: one.metrics["val_loss"])
    best, second = (one.run_id[:SHORT] for one in ranked[:2])
    runs = sum(len(trained) for trained in found.values())
    output.heading(f"{output.count_of(runs, 'run')} in {store.shown}. Look around:")
    tidemill = f"tidemill --uri {store.shown}" if store.is_named else "tidemill"
    commands = [
        (f"{tidemill} runs list", "the newest runs"),
        (f"{tidemill} runs show {best}", "the best one: curves, files"),
        (f"{tidemill} runs compare {best} {second}", "the two best"),
        (f"{tidemill} events tail", "what happened"),
        _address(store),
    ]
    rows = [(Cell(command, "bold"), Cell(f"# {what}", "dim")) for command, what in commands]
    output.print_table([Column(""), Column("", least=10)], rows, indent=2)
    output.heading("From Python:")
    for line in python_lines(store, last):
        output.emit(f"  {line}")


def _address(store: Store) -> tuple[str, str]:
    """How to see everything in a browser."""
    backend = store.backend
    if not isinstance(backend, EmbeddedBackend):
        return store.shown, "everything, in a browser"
    browse = "and open http://127.0.0.1:5000"
    if store.address == resolve.address_of(resolve.FOLDER):
        return "tidemill server", browse
    database = os.path.relpath(backend.file) if backend.file else backend.database
    return f"tidemill server --store {database} --artifacts {os.path.relpath(backend.artifacts)}", browse


def python_lines(store: Store, name: str) -> list[str]:
    """A program that reads the best run of a data set."""
    where = f'"{store.shown}"' if store.is_named else ""
    experiment = find_experiment(store, f"demo-{name}").experiment_id
    return [
        "import tidemill",
        f'runs = tidemill.Client({where}).search_runs("{experiment}", order_by=["metrics.val_loss"])',
        "print(runs[0].info.run_name, runs[0].data.metrics)",
    ]
