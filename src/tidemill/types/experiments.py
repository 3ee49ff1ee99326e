"""Experiments: named groups of runs."""

from tidemill.types.page import Entity, Int64, Request, Tag, ViewType


class Experiment(Entity, frozen=True):
    """An experiment. Times are milliseconds since the epoch; `lifecycle_stage` is `active` or `deleted`."""

    experiment_id: str
    name: str
    artifact_location: str
    lifecycle_stage: str
    last_update_time: int
    creation_time: int
    tags: list[Tag] = []


class CreateExperiment(Request, frozen=True):
    """Create an experiment. `artifact_location` defaults to a folder below the server's root."""

    name: str = ""
    artifact_location: str = ""
    tags: list[Tag] = []


class CreatedExperiment(Entity, frozen=True):
    """The id of the new experiment."""

    experiment_id: str


class GetExperiment(Request, frozen=True):
    """Read one experiment, deleted or not."""

    experiment_id: str = ""


class GetExperimentByName(Request, frozen=True):
    """Read one experiment by its name, deleted or not."""

    experiment_name: str = ""


class ExperimentAnswer(Entity, frozen=True):
    """One experiment."""

    experiment: Experiment


class UpdateExperiment(Request, frozen=True):
    """Rename an active experiment."""

    experiment_id: str = ""
    new_name: str = ""


class DeleteExperiment(Request, frozen=True):
    """Mark an experiment and all its runs deleted."""

    experiment_id: str = ""


class RestoreExperiment(Request, frozen=True):
    """Mark a deleted experiment and all its runs active."""

    experiment_id: str = ""


class SetExperimentTag(Request, frozen=True):
    """Set one tag of an active experiment, replacing an older value."""

    experiment_id: str = ""
    key: str = ""
    value: str = ""


class DeleteExperimentTag(Request, frozen=True):
    """Delete one tag of an active experiment."""

    experiment_id: str = ""
    key: str = ""


class SearchExperiments(Request, frozen=True):
    """Find experiments. `max_results` (1 to 50000) must be given; `filter` as in docs/reference/search.md."""

    max_results: Int64 = 0
    view_type: ViewType = ViewType.ACTIVE_ONLY
    filter: str = ""
    order_by: list[str] = []
    page_token: str = ""


class ExperimentPage(Entity, frozen=True):
    """One page of experiments; `next_page_token` exactly when there are more."""

    experiments: list[Experiment] = []
    next_page_token: str | None = None


class ListKeys(Request, frozen=True):
    """Ask which metrics, params and tags the runs of some experiments have."""

    experiment_ids: list[str] = []


class KeyCount(Entity, frozen=True, omit_defaults=False):
    """A key and how many runs have it."""

    key: str
    runs: int


class ExperimentKeys(Entity, frozen=True, omit_defaults=False):
    """The keys of some experiments' runs, each list sorted by key. Deleted runs count too."""

    metrics: list[KeyCount]
    params: list[KeyCount]
    tags: list[KeyCount]


class ListValues(Request, frozen=True):
    """Ask which values a param or a tag has: `column` is `params.<key>` or `tags.<key>`."""

    experiment_ids: list[str] = []
    column: str = ""
    max_results: Int64 = 50


class ValueCount(Entity, frozen=True, omit_defaults=False):
    """A value, cut to 100 characters, and how many runs have it."""

    value: str
    runs: int


class ColumnValues(Entity, frozen=True, omit_defaults=False):
    """Values, the most frequent first. Deleted runs count too."""

    values: list[ValueCount]
