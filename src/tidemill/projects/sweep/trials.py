"""The trials of a sweep as the store has them: child runs that say their number. They are the sweep's only memory."""

import contextlib
import math

import msgspec

from tidemill.errors import TidemillError
from tidemill.projects import follow
from tidemill.projects.ending import finish
from tidemill.projects.executors.choose import MAKE_THEIR_OWN, configured
from tidemill.projects.job import Ending
from tidemill.tracking import tags
from tidemill.tracking.client import Client
from tidemill.tracking.entities import Run
from tidemill.types.runs import RunStatus

NUMBER = "tidemill.sweep.trial"
PRUNED = "tidemill.sweep.pruned"
_LIVE = (RunStatus.RUNNING, RunStatus.SCHEDULED)
_PAGE = 500


class Trial(msgspec.Struct):
    """One trial: its values, the run that shows it, and how it stands. `score` None: it has none (yet)."""

    number: int
    values: dict[str, str]
    run_id: str = ""
    status: str = ""
    score: float | None = None
    pruned: bool = False

    @property
    def is_done(self) -> bool:
        """Whether it has come to an end of its own: one that was cut off is tried again."""
        return self.status in ("FINISHED", "FAILED") or (self.status == "KILLED" and self.pruned)


def known(client: Client, sweep_id: str, experiment_id: str, names: set[str], metric: str) -> list[Trial]:
    """Every trial of a sweep that the store has, by number; of several runs of one number the best that can be said."""
    found: dict[int, Trial] = {}
    token: str | None = None
    while True:
        page = client.search_runs(
            [experiment_id],
            f"tags.`{tags.PARENT}` = '{sweep_id}'",
            max_results=_PAGE,
            order_by=["start_time ASC"],
            page_token=token,
            select=["params", "tags", f"metrics.{metric}"] if metric and "/" not in metric else [],
        )
        for run in page:
            trial = _trial(run, names, metric)
            if trial is not None and not (trial.number in found and found[trial.number].is_done):
                found[trial.number] = trial
        token = page.token
        if not token:
            return [found[number] for number in sorted(found)]


def _trial(run: Run, names: set[str], metric: str) -> Trial | None:
    number = run.data.tags.get(NUMBER, "")
    if not number.isdecimal():
        return None
    values = {name: value for name, value in run.data.params.items() if name in names}
    lost = run.info.status is RunStatus.FAILED and "not heard of" in run.data.tags.get(tags.REASON, "")
    status = "KILLED" if lost else str(run.info.status)
    return Trial(
        int(number), values, run.info.run_id, status, score_of(run, metric), run.data.tags.get(PRUNED) == "true"
    )


def score_of(run: Run, metric: str) -> float | None:
    """The last value of the metric; None where there is none, or none that can be compared."""
    value = run.data.metrics.get(metric)
    return None if value is None or math.isnan(value) else value


def goes_on(client: Client, trial: Trial, executor: str) -> str | None:
    """The ticket of a cut-off trial whose job may still work on its cluster; None: it is gone, with all it started."""
    if trial.status not in [str(one) for one in _LIVE]:
        return None
    kind, _ = configured(executor)
    with contextlib.suppress(TidemillError):
        return follow.ticket_of(client, trial.run_id).ticket if kind != "local" else None
    return f"tidemill-{trial.run_id}" if kind in MAKE_THEIR_OWN else None


def give_up(client: Client, trial: Trial) -> None:
    """End what a cut-off trial has left running, and mark its run KILLED."""
    with contextlib.suppress(TidemillError):
        follow.cancel(client, trial.run_id)
    if client.get_run(trial.run_id).info.status in _LIVE:
        finish(
            client, trial.run_id, Ending(RunStatus.KILLED, None, "The sweep was cut off; the trial was started again.")
        )
