"""Experiments, as the client has them."""

from collections.abc import Mapping, Sequence
from typing import Any

from tidemill.api import experiments as ops
from tidemill.errors import NotFound
from tidemill.tracking.connection import Connection, tag_list, text_list, view_of
from tidemill.tracking.entities import Experiment, PagedList
from tidemill.types.experiments import (
    CreateExperiment,
    DeleteExperiment,
    DeleteExperimentTag,
    GetExperiment,
    GetExperimentByName,
    RestoreExperiment,
    SearchExperiments,
    SetExperimentTag,
    UpdateExperiment,
)
from tidemill.types.page import ViewType


class ExperimentCalls(Connection):
    """The client's methods about experiments. Ids are texts; numbers are taken too."""

    def create_experiment(
        self, name: str, artifact_location: str | None = None, tags: Mapping[str, Any] | None = None
    ) -> str:
        """Create an experiment and answer its id. Raises AlreadyExists where the name is taken, also by a deleted one.

        `artifact_location` is where the artifacts of its runs go; by default a place below the store's own.
        """
        arg = CreateExperiment(name, artifact_location or "", tag_list(tags))
        return self.call(ops.create, arg).experiment_id

    def get_experiment(self, experiment_id: str) -> Experiment:
        """The experiment with this id, deleted or not. Raises NotFound."""
        return Experiment.from_wire(self.call(ops.get, GetExperiment(str(experiment_id))).experiment)

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """The experiment with this name, deleted or not; None where there is none."""
        try:
            return Experiment.from_wire(self.call(ops.get_by_name, GetExperimentByName(name)).experiment)
        except NotFound:
            return None

    def search_experiments(
        self,
        view_type: ViewType | str | int = ViewType.ACTIVE_ONLY,
        max_results: int | None = 1000,
        filter_string: str | None = None,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Experiment]:
        """One page of experiments, newest first unless `order_by` says otherwise. See docs/reference/search.md."""
        arg = SearchExperiments(
            max_results=1000 if max_results is None else max_results,
            view_type=view_of(view_type),
            filter=filter_string or "",
            order_by=text_list(order_by, "order_by"),
            page_token=page_token or "",
        )
        page = self.call(ops.search, arg)
        return PagedList(map(Experiment.from_wire, page.experiments), page.next_page_token)

    def rename_experiment(self, experiment_id: str, new_name: str) -> None:
        """Rename an active experiment. Raises AlreadyExists where the name is taken."""
        self.call(ops.update, UpdateExperiment(str(experiment_id), new_name))

    def delete_experiment(self, experiment_id: str) -> None:
        """Mark an experiment and all its runs deleted. `restore_experiment` brings them back."""
        self.call(ops.delete, DeleteExperiment(str(experiment_id)))

    def restore_experiment(self, experiment_id: str) -> None:
        """Bring a deleted experiment and all its runs back."""
        self.call(ops.restore, RestoreExperiment(str(experiment_id)))

    def set_experiment_tag(self, experiment_id: str, key: str, value: Any) -> None:
        """Set one tag of an active experiment, replacing an older value."""
        self.call(ops.set_tag, SetExperimentTag(str(experiment_id), key, str(value)))

    def delete_experiment_tag(self, experiment_id: str, key: str) -> None:
        """Delete one tag of an active experiment. Raises NotFound where it has none such."""
        self.call(ops.delete_tag, DeleteExperimentTag(str(experiment_id), key))
