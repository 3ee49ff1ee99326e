"""From what a person types to the thing that is meant: ids in full or by their first characters, and names."""

import json
import re
from collections.abc import Sequence

from tidemill.api import experiments, runs
from tidemill.cli.address import Store
from tidemill.errors import InvalidParameter, NotFound
from tidemill.types.experiments import Experiment, GetExperiment, GetExperimentByName
from tidemill.types.page import ViewType
from tidemill.types.runs import GetRun, Run, SearchRuns

SHORT = 8
"""Characters of a run's id in tables; commands take that many."""

_LIKE = 10
_FULL_ID = re.compile(r"[0-9a-f]{32}")
_PART_OF_ID = re.compile(r"[\w-]+")


def find_experiment(store: Store, text: str) -> Experiment:
    """The experiment with this id or name, deleted or not. Raises NotFound."""
    if text.isascii() and text.isdecimal():
        try:
            return store.call(experiments.get, GetExperiment(text)).experiment
        except (NotFound, InvalidParameter):  # a number that no id can be is a name
            pass
    try:
        return store.call(experiments.get_by_name, GetExperimentByName(text)).experiment
    except NotFound:
        raise NotFound(
            f"There is no experiment '{text}' in {store.shown}. 'tidemill experiments list --all' shows what there is."
        ) from None


def find_run(store: Store, text: str) -> Run:
    """The run with this id, with an id that starts like this, or of this name; deleted or not.

    Raises NotFound, and InvalidParameter where several runs are meant.
    """
    if _FULL_ID.fullmatch(text):
        return store.call(runs.get, GetRun(text)).run
    found = _runs_like(store, text)
    if not found:
        raise NotFound(f"There is no run '{text}' in {store.shown}. 'tidemill runs list' shows the newest ones.")
    if len(found) > 1:
        shown = ", ".join(f"{run.info.run_id[: SHORT + 4]} ({run.info.run_name})" for run in found[:3])
        more = f" and {'more' if len(found) >= _LIKE else len(found) - 3}" if len(found) > 3 else ""
        raise InvalidParameter(f"'{text}' means more than one run: {shown}{more}. Give more of the run's id.")
    return store.call(runs.get, GetRun(found[0].info.run_id)).run


def find_runs(store: Store, texts: Sequence[str]) -> list[Run]:
    """One run for each text, each run once. Raises as `find_run` does, before anything is done with any of them."""
    found = {run.info.run_id: run for run in (find_run(store, text) for text in texts)}
    return list(found.values())


def _runs_like(store: Store, text: str) -> list[Run]:
    ids = [experiment.experiment_id for experiment in store.experiments()]
    by_id = f"attributes.run_id LIKE {quoted(text + '%')}" if _PART_OF_ID.fullmatch(text) else ""
    if by_id:
        found = [run for run in _search(store, ids, by_id) if run.info.run_id.startswith(text)]
        if found:
            return found
    return _search(store, ids, f"attributes.run_name = {quoted(text)}")


def _search(store: Store, experiment_ids: list[str], condition: str) -> list[Run]:
    arg = SearchRuns(experiment_ids, condition, ViewType.ALL, max_results=_LIKE, select=["info"])
    return store.call(runs.search, arg).runs


def quoted(text: str) -> str:
    """`text` as a value in a filter."""
    if "'" not in text:
        return f"'{text}'"
    return f'"{text}"' if '"' not in text else f"E{json.dumps(text)}"
