"""What a program knows of the runs and models that it made, for answers that need no store."""

from typing import Any

import msgspec

from tidemill.clock import now_ms
from tidemill.ids import new_model_id, new_name, new_run_id
from tidemill.types.logged_models import (
    CreateLoggedModel,
    DeleteLoggedModelTag,
    LoggedModel,
    LoggedModelData,
    LoggedModelInfo,
    LoggedModelStatus,
    LogLoggedModelParams,
    SetLoggedModelTags,
)
from tidemill.types.page import Tag
from tidemill.types.runs import CreateRun, Param, Run, RunData, RunInfo, RunStatus, UpdateRun

UNKNOWN = "runs:/"
"""Begins the artifact address of a run whose store could not be asked for the true one."""
UNKNOWN_MODEL = "models:/"
"""The same, of a logged model."""
_NAME_TAG = "mlflow.runName"
_REMEMBERED = 1000


class Known:
    """The runs and logged models that were made or read here lately."""

    def __init__(self) -> None:
        self._runs: dict[str, RunInfo] = {}
        self._models: dict[str, LoggedModel] = {}

    def remember(self, info: RunInfo) -> None:
        """Keep what a store said of a run."""
        _keep(self._runs, info.run_id, info)

    def remember_model(self, model: LoggedModel) -> None:
        """Keep what a store said of a logged model."""
        _keep(self._models, model.info.model_id, model)

    def run(self, run_id: str) -> RunInfo:
        """What is known of a run, as far as that goes."""
        return self._runs.get(run_id) or _run(run_id)

    def model(self, model_id: str) -> LoggedModel | None:
        """A logged model that was made here; else None."""
        return self._models.get(model_id)

    def created(self, arg: CreateRun) -> Run:
        """The run that `arg`, complete as `with_id` makes it, will create."""
        info = msgspec.structs.replace(
            _run(arg.run_id),
            experiment_id=arg.experiment_id,
            run_name=arg.run_name,
            user_id=arg.user_id,
            start_time=arg.start_time,
        )
        self.remember(info)
        tags = {tag.key: tag.value for tag in arg.tags} | {_NAME_TAG: arg.run_name}
        return Run(info, RunData(tags=[Tag(key, value) for key, value in tags.items()]))

    def updated(self, arg: UpdateRun) -> RunInfo:
        """A run's info after `arg`."""
        before = self.run(arg.run_id)
        info = msgspec.structs.replace(
            before,
            status=arg.status or before.status,
            end_time=arg.end_time if arg.end_time is not None else before.end_time,
            run_name=arg.run_name or before.run_name,
        )
        self.remember(info)
        return info

    def created_model(self, arg: CreateLoggedModel) -> LoggedModel:
        """The logged model that `arg`, complete as `model_with_id` makes it, will create."""
        model = msgspec.structs.replace(
            _model(arg.model_id),
            info=msgspec.structs.replace(
                _model(arg.model_id).info,
                experiment_id=arg.experiment_id,
                name=arg.name,
                model_type=arg.model_type,
                source_run_id=arg.source_run_id,
                tags=list(arg.tags),
            ),
            data=LoggedModelData(params=list(arg.params)),
        )
        self.remember_model(model)
        return model

    def finalized(self, model_id: str, status: LoggedModelStatus) -> LoggedModel:
        """A logged model in its new state."""
        before = self._models.get(model_id) or _model(model_id)
        info = msgspec.structs.replace(before.info, status=status, last_updated_timestamp_ms=now_ms())
        model = LoggedModel(info, before.data)
        self.remember_model(model)
        return model

    def note(self, arg: Any) -> None:
        """Follow what is set on a model that was made here."""
        model = self._models.get(getattr(arg, "model_id", ""))
        if model is None:
            return
        if isinstance(arg, SetLoggedModelTags):
            tags = {tag.key: tag for tag in (*model.info.tags, *arg.tags)}
            info = msgspec.structs.replace(model.info, tags=list(tags.values()))
            self.remember_model(LoggedModel(info, model.data))
        elif isinstance(arg, DeleteLoggedModelTag):
            left = [tag for tag in model.info.tags if tag.key != arg.tag_key]
            self.remember_model(LoggedModel(msgspec.structs.replace(model.info, tags=left), model.data))
        elif isinstance(arg, LogLoggedModelParams):
            params: list[Param] = [*model.data.params, *arg.params]
            self.remember_model(LoggedModel(model.info, LoggedModelData(params, model.data.metrics)))


def with_id(arg: CreateRun) -> CreateRun:
    """A creation that chooses the run's id and name itself."""
    tagged = next((tag.value for tag in arg.tags if tag.key == _NAME_TAG), "")
    return msgspec.structs.replace(
        arg, run_id=arg.run_id or new_run_id(), run_name=arg.run_name or tagged or new_name()
    )


def model_with_id(arg: CreateLoggedModel) -> CreateLoggedModel:
    """A creation that chooses the model's id and name itself."""
    return msgspec.structs.replace(arg, model_id=arg.model_id or new_model_id(), name=arg.name or new_name())


def _run(run_id: str) -> RunInfo:
    return RunInfo(
        run_id=run_id,
        run_uuid=run_id,
        run_name="",
        experiment_id="",
        user_id="",
        status=RunStatus.RUNNING,
        start_time=0,
        artifact_uri=f"{UNKNOWN}{run_id}",
        lifecycle_stage="active",
    )


def _model(model_id: str) -> LoggedModel:
    now = now_ms()
    return LoggedModel(
        LoggedModelInfo(
            model_id=model_id,
            experiment_id="",
            name="",
            creation_timestamp_ms=now,
            last_updated_timestamp_ms=now,
            artifact_uri=f"{UNKNOWN_MODEL}{model_id}",
            status=LoggedModelStatus.LOGGED_MODEL_PENDING,
            model_type="",
            source_run_id="",
        ),
        LoggedModelData(),
    )


def _keep(kept: dict[str, Any], key: str, value: Any) -> None:
    kept[key] = value
    while len(kept) > _REMEMBERED:
        del kept[next(iter(kept))]
