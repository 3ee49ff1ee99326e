"""Runs, as the client has them: their life, params, tags and search."""

from collections.abc import Mapping, Sequence
from typing import Any

from tidemill.api import runs as ops
from tidemill.clock import now_ms
from tidemill.errors import InvalidParameter
from tidemill.tracking import tags as tag_names
from tidemill.tracking.connection import Connection, tag_list, text_list, view_of
from tidemill.tracking.entities import PagedList, Run, RunOperations
from tidemill.types.page import ViewType
from tidemill.types.runs import (
    CreateRun,
    DeleteRun,
    DeleteTag,
    GetRun,
    LogBatch,
    LogParam,
    Param,
    RestoreRun,
    RunStatus,
    SearchRuns,
    SetTag,
    UpdateRun,
)

BATCH = 100
"""Most params, and most tags, in one request."""


class RunCalls(Connection):
    """The client's methods about runs. Every write is durable when the method returns.

    `synchronous` is taken for MLflow's sake: False makes a write answer a RunOperations that has nothing to wait for.
    """

    def create_run(
        self,
        experiment_id: str,
        start_time: int | None = None,
        tags: Mapping[str, Any] | None = None,
        run_name: str | None = None,
    ) -> Run:
        """Create a run, with status RUNNING, without making it the active one.

        `start_time` is in ms since the epoch, default now. The user is taken from the tag `mlflow.user`. Without a
        name (here or as the tag `mlflow.runName`) it gets a generated one.
        """
        arg = CreateRun(
            experiment_id=str(experiment_id),
            user_id=str((tags or {}).get(tag_names.USER, "unknown")),
            run_name=run_name or "",
            start_time=now_ms() if start_time is None else start_time,
            tags=tag_list(tags),
        )
        return Run.from_wire(self.call(ops.create, arg).run)

    def get_run(self, run_id: str) -> Run:
        """The run with this id, deleted or not, with the latest value of each metric. Raises NotFound."""
        return Run.from_wire(self.call(ops.get, GetRun(run_id)).run)

    def get_parent_run(self, run_id: str) -> Run | None:
        """The run in which this one is nested; None where it is not. Raises NotFound."""
        parent = self.get_run(run_id).data.tags.get(tag_names.PARENT)
        return None if parent is None else self.get_run(parent)

    def update_run(self, run_id: str, status: str | None = None, name: str | None = None) -> None:
        """Change a run's status (RUNNING, SCHEDULED, FINISHED, FAILED or KILLED) or name; what is None stays."""
        chosen = None if status is None else status_of(status)
        self.call(ops.update, UpdateRun(run_id, status=chosen, run_name=name or ""))

    def set_terminated(self, run_id: str, status: str | None = None, end_time: int | None = None) -> None:
        """End a run. `status` defaults to FINISHED, `end_time` (ms since the epoch) to now."""
        ended = now_ms() if end_time is None else end_time
        self.call(ops.update, UpdateRun(run_id, status=status_of(status or "FINISHED"), end_time=ended))

    def delete_run(self, run_id: str) -> None:
        """Mark a run deleted. `restore_run` brings it back."""
        self.call(ops.delete, DeleteRun(run_id))

    def restore_run(self, run_id: str) -> None:
        """Bring a deleted run back."""
        self.call(ops.restore, RestoreRun(run_id))

    def search_runs(
        self,
        experiment_ids: Sequence[str] | str,
        filter_string: str = "",
        run_view_type: ViewType | str | int = ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
        select: Sequence[str] = (),
    ) -> PagedList[Run]:
        """One page of the runs of these experiments, newest first unless `order_by` says otherwise.

        `filter_string` and `order_by` as in docs/reference/search.md. `select` names the parts to read (`info`,
        `metrics`, `params.<key>`, …), so that a caller does not pay for the rest; empty: everything.
        """
        arg = SearchRuns(
            experiment_ids=text_list(experiment_ids, "experiment_ids"),
            filter=filter_string or "",
            run_view_type=view_of(run_view_type),
            max_results=max_results,
            order_by=text_list(order_by, "order_by"),
            page_token=page_token or "",
            select=list(select),
        )
        page = self.call(ops.search, arg)
        return PagedList(map(Run.from_wire, page.runs), page.next_page_token)

    def log_param(self, run_id: str, key: str, value: Any, synchronous: bool | None = None) -> Any:
        """Log one param and answer its value. The same value again is fine, another one is refused.

        The value is kept as text: at most 6000 characters of `str(value)`.
        """
        self.call(ops.log_param, LogParam(run_id, key=key, value=str(value)))
        return done(synchronous) or value

    def log_params(
        self, run_id: str, params: Mapping[str, Any], synchronous: bool | None = None
    ) -> RunOperations | None:
        """Log many params, 100 in a request; see `log_param`."""
        _check_dict(params, "params")
        found = [Param(str(key), str(value)) for key, value in params.items()]
        for start in range(0, len(found), BATCH):
            self.call(ops.log_batch, LogBatch(run_id, params=found[start : start + BATCH]))
        return done(synchronous)

    def set_tag(self, run_id: str, key: str, value: Any, synchronous: bool | None = None) -> RunOperations | None:
        """Set one tag, replacing an older value. Kept as text: at most 8000 characters of `str(value)`."""
        self.call(ops.set_tag, SetTag(run_id, key=key, value=str(value)))
        return done(synchronous)

    def set_tags(self, run_id: str, tags: Mapping[str, Any], synchronous: bool | None = None) -> RunOperations | None:
        """Set many tags, 100 in a request; see `set_tag`."""
        _check_dict(tags, "tags")
        found = tag_list(tags)
        for start in range(0, len(found), BATCH):
            self.call(ops.log_batch, LogBatch(run_id, tags=found[start : start + BATCH]))
        return done(synchronous)

    def delete_tag(self, run_id: str, key: str) -> None:
        """Delete one tag. Raises NotFound where the run has none such."""
        self.call(ops.delete_tag, DeleteTag(run_id, key))


def status_of(status: str) -> RunStatus:
    """A run's status by its name. Raises InvalidParameter for others."""
    try:
        return RunStatus(str(status).upper())
    except ValueError:
        names = ", ".join(member.name for member in RunStatus)
        raise InvalidParameter(f"There is no run status {status!r}; use one of {names}.") from None


def done(synchronous: bool | None) -> RunOperations | None:
    """What a write answers: nothing, or a RunOperations to a caller who did not want to wait."""
    return RunOperations() if synchronous is False else None


def _check_dict(value: Any, name: str) -> None:
    if not isinstance(value, Mapping):
        raise InvalidParameter(f"'{name}' must be a dict of key to value, not a {type(value).__name__}.")
