"""`tidemill runs compare`: runs side by side."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import click

from tidemill.cli import output
from tidemill.cli.address import Store, with_store
from tidemill.cli.best import best_places, lower_is_better
from tidemill.cli.candidates import complete_run
from tidemill.cli.find import SHORT, find_runs
from tidemill.cli.options import as_json
from tidemill.cli.output import Cell, Column
from tidemill.cli.run_table import RunRow
from tidemill.errors import InvalidParameter

BEST = "★"
_LEAST = 12
_MISSING = "–"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a comparison: a key and, for each run, its text. `best`: which runs have the best value."""

    section: str
    key: str
    texts: list[str]
    values: Sequence[object]
    best: set[int] = field(default_factory=set)

    @property
    def differs(self) -> bool:
        """Whether the runs are not all the same here."""
        return len({repr(value) for value in self.values}) > 1


@click.command(short_help="Show runs side by side.")
@click.argument("names", metavar="RUN RUN...", nargs=-1, required=True, shell_complete=complete_run)
@click.option("--diff", is_flag=True, help="Show only what differs.")
@click.option(
    "--lower",
    multiple=True,
    metavar="METRIC",
    help="Small values of this metric are the good ones (* for anything). Repeatable.",
)
@click.option(
    "--higher", multiple=True, metavar="METRIC", help="Large values of this metric are the good ones. Repeatable."
)
@click.option("--tags", is_flag=True, help="Compare tags too.")
@as_json
@with_store
def compare(
    store: Store,
    names: tuple[str, ...],
    diff: bool,
    lower: tuple[str, ...],
    higher: tuple[str, ...],
    tags: bool,
    json_: bool,
) -> None:
    """Show runs side by side, the best value of each metric marked with a star.

    Which way a metric gets better is judged by its name (loss and error: down; accuracy, auc and r2: up); --lower and
    --higher say it for others.
    """
    if len(set(names)) < 2:
        raise click.UsageError("A comparison needs at least two runs.")
    found = find_runs(store, names)
    if len(found) < 2:
        raise InvalidParameter("These are all the same run; a comparison needs two.")
    named = {one.experiment_id: one.name for one in store.experiments()}
    rows = [RunRow.of(run, named.get(run.info.experiment_id, run.info.experiment_id)) for run in found]
    lines = [line for line in _lines(rows, lower, higher, tags) if line.differs or not diff]
    if json_:
        output.print_json({"runs": [row.document() for row in rows], "lines": [_document(line) for line in lines]})
    else:
        print_lines([row.run.info.run_id[:SHORT] for row in rows], lines)


def _document(line: Line) -> dict[str, object]:
    return {
        "section": line.section,
        "key": line.key,
        "values": list(line.values),
        "differs": line.differs,
        "best": sorted(line.best),
    }


def _lines(rows: Sequence[RunRow], lower: Sequence[str], higher: Sequence[str], tags: bool) -> list[Line]:
    infos = [row.run.info for row in rows]
    lines = [
        _texts("run", "name", [info.run_name for info in infos]),
        _texts("run", "experiment", [row.experiment for row in rows]),
        _texts("run", "status", [str(info.status) for info in infos]),
        Line("run", "started", [output.ago(info.start_time) for info in infos], [info.start_time for info in infos]),
        Line("run", "took", [output.duration(row.duration_ms) for row in rows], [row.duration_ms for row in rows]),
    ]
    for key in sorted({key for row in rows for key in row.params}):
        lines.append(_texts("params", key, [row.params.get(key) for row in rows]))
    for key in sorted({key for row in rows for key in row.metrics}):
        values = [row.metrics.get(key) for row in rows]
        best = best_places(values, lower_is_better(key, lower, higher))
        lines.append(Line("metrics", key, output.numbers(values, _MISSING), values, best))
    for key in sorted({key for row in rows for key in row.tags}) if tags else ():
        lines.append(_texts("tags", key, [row.tags.get(key) for row in rows]))
    return lines


def _texts(section: str, key: str, values: list[str | None] | list[str]) -> Line:
    return Line(section, key, [_MISSING if value is None else value for value in values], values)


def print_lines(headings: Sequence[str], lines: Sequence[Line]) -> None:
    """Print a comparison: a line a key, a column a run; as many runs beside each other as fit, the rest below."""
    if not lines:
        output.note("The runs do not differ.")
        return
    key_width = min(max(output.text_width(line.key) for line in lines) + 2, 32)
    start = 0
    while start < len(headings):
        places: list[int] = []
        room = output.width() - key_width
        for place in range(start, len(headings)):
            widest = max(output.text_width(line.texts[place]) for line in lines)
            need = output.GAP + min(max(widest + 2, SHORT), _LEAST)
            if places and need > room:
                break
            places.append(place)
            room -= need
        if start:
            output.emit("")
        _print_block(headings, lines, places)
        start = places[-1] + 1


def _print_block(headings: Sequence[str], lines: Sequence[Line], places: Sequence[int]) -> None:
    columns = [Column("", least=10), *(Column(headings[place], right=True, least=_LEAST) for place in places)]
    rows: list[list[Cell | str]] = []
    section = ""
    for line in lines:
        if line.section != section and line.section != "run":
            rows.append([Cell(line.section.upper(), "bold"), *("" for _ in places)])
        section = line.section
        key = line.key if section == "run" else f"  {line.key}"
        rows.append([Cell(key, "" if line.differs else "dim"), *(_cell(line, place) for place in places)])
    output.print_table(columns, rows)


def _cell(line: Line, place: int) -> Cell:
    if place in line.best:
        return Cell(f"{BEST} {line.texts[place]}", "bold green")
    if line.section == "run" and line.key == "status":
        return output.status_cell(line.texts[place])
    return Cell(line.texts[place], "" if line.differs else "dim")
