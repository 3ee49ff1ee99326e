"""Logged models, as the client has them."""

from collections.abc import Mapping, Sequence
from typing import Any

from tidemill.api import logged_models as ops
from tidemill.errors import InvalidParameter
from tidemill.tracking.connection import Connection, tag_list, text_list
from tidemill.tracking.entities import LoggedModel, LoggedModelStatus, PagedList
from tidemill.tracking.runs import BATCH
from tidemill.types.logged_models import (
    CreateLoggedModel,
    DatasetFilter,
    DeleteLoggedModel,
    DeleteLoggedModelTag,
    FinalizeLoggedModel,
    GetLoggedModel,
    LoggedModelOrder,
    LogLoggedModelParams,
    SearchLoggedModels,
    SetLoggedModelTags,
)
from tidemill.types.runs import Param

_STATUSES = {
    "PENDING": LoggedModelStatus.LOGGED_MODEL_PENDING,
    "READY": LoggedModelStatus.LOGGED_MODEL_READY,
    "FAILED": LoggedModelStatus.LOGGED_MODEL_UPLOAD_FAILED,
}


class LoggedModelCalls(Connection):
    """The client's methods about logged models: what a run made, with params, tags, metrics and files of its own."""

    def create_logged_model(
        self,
        experiment_id: str,
        name: str | None = None,
        source_run_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        model_type: str | None = None,
    ) -> LoggedModel:
        """Create a logged model in state PENDING; `finalize_logged_model` says when its files are there."""
        texts = _params(params)
        arg = CreateLoggedModel(
            experiment_id=str(experiment_id),
            name=name or "",
            model_type=model_type or "",
            source_run_id=source_run_id or "",
            params=texts[:BATCH],
            tags=tag_list(tags),
        )
        made = self.call(ops.create, arg).model
        if len(texts) <= BATCH:
            return LoggedModel.from_wire(made)
        self._log_params(made.info.model_id, texts[BATCH:])
        return self.get_logged_model(made.info.model_id)

    def get_logged_model(self, model_id: str) -> LoggedModel:
        """The logged model with this id. Raises NotFound, also for a deleted one."""
        return LoggedModel.from_wire(self.call(ops.get, GetLoggedModel(model_id)).model)

    def finalize_logged_model(self, model_id: str, status: LoggedModelStatus | str) -> LoggedModel:
        """Say how it went: `READY` or `FAILED`."""
        known = [*_STATUSES, *LoggedModelStatus.__members__]
        if str(status) not in known:
            raise InvalidParameter(f"There is no logged model status {status!r}; use READY or FAILED.")
        chosen = _STATUSES.get(str(status)) or LoggedModelStatus(str(status))
        return LoggedModel.from_wire(self.call(ops.finalize, FinalizeLoggedModel(model_id, chosen)).model)

    def delete_logged_model(self, model_id: str) -> None:
        """Mark a logged model deleted."""
        self.call(ops.delete, DeleteLoggedModel(model_id))

    def set_logged_model_tags(self, model_id: str, tags: Mapping[str, Any]) -> None:
        """Set tags, replacing older values."""
        self.call(ops.set_tags, SetLoggedModelTags(model_id, tag_list(tags)))

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        """Delete one tag. Raises NotFound where the model has none such."""
        self.call(ops.delete_tag, DeleteLoggedModelTag(model_id, key))

    def log_model_params(self, model_id: str, params: Mapping[str, Any]) -> None:
        """Add params to a logged model; a key that exists is refused."""
        self._log_params(model_id, _params(params))

    def _log_params(self, model_id: str, params: list[Param]) -> None:
        for start in range(0, len(params), BATCH):
            self.call(ops.log_params, LogLoggedModelParams(model_id, params[start : start + BATCH]))

    def search_logged_models(
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None = None,
        datasets: Sequence[Mapping[str, str]] | None = None,
        max_results: int | None = None,
        order_by: Sequence[Mapping[str, Any]] | None = None,
        page_token: str | None = None,
    ) -> PagedList[LoggedModel]:
        """One page of the logged models of these experiments, newest first unless `order_by` says otherwise.

        `datasets` are dicts with `dataset_name` and, if it matters, `dataset_digest`: metric conditions look at points
        on these alone. `order_by` are dicts with `field_name` and, optionally, `ascending` and a data set likewise.
        """
        arg = SearchLoggedModels(
            experiment_ids=text_list(experiment_ids, "experiment_ids"),
            filter=filter_string or "",
            datasets=[_fields(DatasetFilter, one, "datasets") for one in datasets or ()],
            max_results=50 if max_results is None else max_results,
            order_by=[_fields(LoggedModelOrder, one, "order_by") for one in order_by or ()],
            page_token=page_token or "",
        )
        page = self.call(ops.search, arg)
        return PagedList(map(LoggedModel.from_wire, page.models), page.next_page_token)


def _params(params: Mapping[str, Any] | None) -> list[Param]:
    return [Param(str(key), str(value)) for key, value in (params or {}).items()]


def _fields(kind: type[Any], fields: Mapping[str, Any], name: str) -> Any:
    known = kind.__struct_fields__
    if not isinstance(fields, Mapping) or not set(fields) <= set(known):
        raise InvalidParameter(f"Each of '{name}' must be a dict with some of the keys {', '.join(known)}.")
    return kind(**{key: value for key, value in fields.items() if value is not None})
