"""Runs as table rows: which columns to show, by itself or as asked, and how many of them fit."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tidemill.cli import output
from tidemill.cli.find import SHORT
from tidemill.cli.output import Cell, Column
from tidemill.clock import now_ms
from tidemill.errors import InvalidParameter
from tidemill.types.runs import Run, RunStatus

KINDS = ("metrics", "params", "tags")
_HEADING = 20
_VALUE = 24
_LEAST = 10
_MOST_KEYS = 12
_COST = ("seconds", "time", "duration", "_ms", "_s")


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run with its data by key, and the name of its experiment."""

    run: Run
    experiment: str
    metrics: dict[str, float]
    params: dict[str, str]
    tags: dict[str, str]

    @classmethod
    def of(cls, run: Run, experiment: str) -> "RunRow":
        """The row of a run."""
        return cls(
            run,
            experiment,
            {metric.key: metric.value for metric in run.data.metrics},
            {param.key: param.value for param in run.data.params},
            {tag.key: tag.value for tag in run.data.tags},
        )

    @property
    def duration_ms(self) -> int | None:
        """How long it took, or has been running."""
        info = self.run.info
        if info.end_time is not None:
            return info.end_time - info.start_time
        return now_ms() - info.start_time if info.status is RunStatus.RUNNING else None

    def document(self) -> dict[str, object]:
        """What `--json` shows of it."""
        info = self.run.info
        return {
            "run_id": info.run_id,
            "run_name": info.run_name,
            "experiment_id": info.experiment_id,
            "experiment_name": self.experiment,
            "status": info.status,
            "start_time": info.start_time,
            "end_time": info.end_time,
            "user_id": info.user_id,
            "lifecycle_stage": info.lifecycle_stage,
            "artifact_uri": info.artifact_uri,
            "metrics": self.metrics,
            "params": self.params,
            "tags": self.tags,
        }


_FIXED: dict[str, tuple[Column, Callable[[RunRow], Cell | str]]] = {
    "id": (Column("ID"), lambda row: Cell(row.run.info.run_id[:SHORT], "yellow")),
    "run_id": (Column("RUN ID"), lambda row: Cell(row.run.info.run_id, "yellow")),
    "name": (Column("NAME", least=_LEAST), lambda row: row.run.info.run_name),
    "experiment": (Column("EXPERIMENT", least=_LEAST), lambda row: row.experiment),
    "experiment_id": (Column("EXPERIMENT ID"), lambda row: row.run.info.experiment_id),
    "status": (Column("STATUS"), lambda row: output.status_cell(row.run.info.status)),
    "stage": (Column("STAGE"), lambda row: output.status_cell(row.run.info.lifecycle_stage)),
    "started": (Column("STARTED"), lambda row: output.ago(row.run.info.start_time)),
    "start_time": (Column("START TIME"), lambda row: output.moment(row.run.info.start_time)),
    "end_time": (Column("END TIME"), lambda row: output.moment(row.run.info.end_time)),
    "duration": (Column("TOOK", right=True), lambda row: output.duration(row.duration_ms)),
    "user": (Column("USER", least=_LEAST), lambda row: row.run.info.user_id),
    "artifacts": (Column("ARTIFACTS", least=_LEAST), lambda row: row.run.info.artifact_uri),
}

Filled = tuple[Column, list[Cell | str]]
"""A column and what stands in it, one text a row."""


def check_columns(names: Sequence[str]) -> None:
    """Refuse names that are no column. Raises InvalidParameter."""
    for name in names:
        kind, dot, key = name.partition(".")
        if name not in _FIXED and not (kind in KINDS and (not dot or key)):
            raise InvalidParameter(
                f"There is no column '{name}'. Columns are {', '.join(_FIXED)}, metrics, params, tags, and single ones "
                "such as metrics.loss or params.lr."
            )


def parts(names: Sequence[str]) -> list[str]:
    """What a search must `select` to fill these columns; no names: the columns chosen by themselves."""
    if not names:
        return ["info", "metrics", "params"]
    return ["info", *(name for name in names if name.partition(".")[0] in KINDS)]


def print_runs(rows: Sequence[RunRow], names: Sequence[str], *, stages: bool = False) -> None:
    """Print runs with these columns, or with those that fit and tell most. `stages`: some may be deleted."""
    filled = [column for name in names for column in _named(rows, name)] if names else _chosen(rows, stages)
    columns = [column for column, _ in filled]
    output.print_table(columns, list(zip(*(cells for _, cells in filled), strict=True)))


def _named(rows: Sequence[RunRow], name: str) -> Iterable[Filled]:
    kind, _, key = name.partition(".")
    if name in _FIXED:
        column, cell = _FIXED[name]
        yield column, [cell(row) for row in rows]
        return
    keys = [key] if key else sorted({key for row in rows for key in getattr(row, kind)})
    for one in keys:
        yield _of_key(rows, kind, one)


def _of_key(rows: Sequence[RunRow], kind: str, key: str) -> Filled:
    if kind == "metrics":
        texts = output.numbers([row.metrics.get(key) for row in rows])
        return Column(_shortened(key), right=True), list(texts)
    values = [getattr(row, kind).get(key, "–") for row in rows]
    right = all(_is_number(value) for value in values if value != "–")
    texts = [value if len(value) <= _VALUE else value[: _VALUE - 1] + "…" for value in values]
    return Column(_shortened(key), right=right, least=_LEAST), list(texts)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _shortened(key: str) -> str:
    """A long key with its middle left out: both ends tell keys apart."""
    return key if len(key) <= _HEADING else f"{key[: _HEADING // 2 - 1]}…{key[-_HEADING // 2 :]}"


def _chosen(rows: Sequence[RunRow], stages: bool) -> list[Filled]:
    """Columns in order of how much they tell, as long as they fit, then in the order in which they are read."""
    fixed = ["id", "name", "experiment", "status", "stage", "started", "duration"]
    if len({row.experiment for row in rows}) < 2:
        fixed.remove("experiment")
    if not stages:
        fixed.remove("stage")
    metrics = [f"metrics.{key}" for key in telling_metrics(rows)]
    params = [f"params.{key}" for key in telling_params(rows)]
    wanted = [*fixed[:-2], *metrics[:1], "started", *metrics[1:2], *params[:1], "duration"]
    wanted += [name for pair in _alternate(metrics[2:], params[1:]) for name in pair]
    room = output.width()
    wanted = wanted[: len(fixed) + _MOST_KEYS]
    taken: dict[str, Filled] = {}
    for name in wanted:
        column, cells = filled = next(iter(_named(rows, name)))
        texts = [cell.text if isinstance(cell, Cell) else cell for cell in cells]
        need = min(output.natural_width(column, texts), 2 * _LEAST if column.least else math.inf)
        if taken and need > room:
            break
        room -= int(need) + output.GAP
        taken[name] = filled
    order = [*fixed, *metrics, *params]
    return [taken[name] for name in sorted(taken, key=order.index)]


def _alternate(first: Sequence[str], second: Sequence[str]) -> Iterable[tuple[str, ...]]:
    for place in range(max(len(first), len(second))):
        yield tuple(names[place] for names in (first, second) if place < len(names))


def telling_metrics(rows: Sequence[RunRow]) -> list[str]:
    """Metrics that many of the runs have, results on held-out data first, what it cost last."""

    def rank(key: str) -> tuple[int, int, str]:
        words = key.lower()
        if words.startswith("system/") or words.endswith(_COST):
            kind = 4
        elif "test" in words:
            kind = 0
        elif "val" in words:
            kind = 1
        else:
            kind = 3 if "train" in words else 2
        return (-sum(key in row.metrics for row in rows), kind, key)

    return sorted({key for row in rows for key in row.metrics}, key=rank)


def telling_params(rows: Sequence[RunRow]) -> list[str]:
    """Params that differ between the runs, first those that many have and that take many values; of one run all."""
    values: dict[str, list[str]] = {}
    for row in rows:
        for key, value in row.params.items():
            values.setdefault(key, []).append(value)
    differing = [key for key, found in values.items() if len(set(found)) > 1 or len(rows) == 1]
    return sorted(differing, key=lambda key: (-len(values[key]), -len(set(values[key])), key))
