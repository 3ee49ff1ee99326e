"""`tidemill.xgboost`: what Tidemill does for XGBoost."""

import os
from typing import Any, Unpack

from tidemill.models.format import ModelFile
from tidemill.models.load import load_native
from tidemill.models.save import save_model as _save
from tidemill.tracking.autolog.xgboost import autolog
from tidemill.tracking.model_options import LogOptions, SaveOptions
from tidemill.tracking.models import ModelInfo, resolve_model
from tidemill.tracking.models import log_model as _log

__all__ = ["autolog", "load_model", "log_model", "save_model"]


def save_model(
    xgb_model: Any,
    path: "str | os.PathLike[str]",
    *,
    model_format: str = "ubj",
    **more: Unpack[SaveOptions],
) -> ModelFile:
    """Write an `xgboost.Booster` or an estimator of XGBoost's into the new folder `path`.

    `model_format`: `ubj` or `json`.
    `more` as in `tidemill.models.save.save_model`. Raises InvalidParameter and MissingDependency.
    """
    return _save("xgboost", xgb_model, path, model_format=model_format, **more)


def log_model(
    xgb_model: Any,
    name: str | None = None,
    *,
    artifact_path: str | None = None,
    model_format: str = "ubj",
    **more: Unpack[LogOptions],
) -> ModelInfo:
    """Save an `xgboost.Booster` or an estimator of XGBoost's as a logged model of the active run.

    Options as in `save_model`, and those of `tidemill.tracking.models.log_model`: `registered_model_name`, `params`,
    `tags`, `model_type`, `step`, `run_id`. `artifact_path` is the older name of `name`.
    """
    return _log("xgboost", xgb_model, name or artifact_path, model_format=model_format, **more)


def load_model(model_uri: "str | os.PathLike[str]", *, allow_pickle: bool = False) -> Any:
    """The model at `model_uri`: a folder, `runs:/…`, `models:/…`, or any artifact address. One saved by MLflow too.

    Raises Untrusted for what could run code, unless `allow_pickle`.
    """
    return load_native(resolve_model(os.fspath(model_uri)), "xgboost", allow_pickle=allow_pickle)
