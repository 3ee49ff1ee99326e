"""`tidemill.lightgbm`: what Tidemill does for LightGBM."""

import os
from collections.abc import Iterable
from typing import Any, Unpack

from tidemill.models.format import ModelFile
from tidemill.models.load import load_native
from tidemill.models.save import save_model as _save
from tidemill.tracking.autolog.lightgbm import autolog
from tidemill.tracking.model_options import LogOptions, SaveOptions
from tidemill.tracking.models import ModelInfo, resolve_model
from tidemill.tracking.models import log_model as _log

__all__ = ["autolog", "load_model", "log_model", "save_model"]


def save_model(
    lgb_model: Any,
    path: "str | os.PathLike[str]",
    *,
    serialization_format: str = "skops",
    **more: Unpack[SaveOptions],
) -> ModelFile:
    """Write a `lightgbm.Booster` or an estimator of LightGBM's into the new folder `path`.

    A booster is written as LightGBM's text. `serialization_format` is an estimator's: `skops` or `cloudpickle`.
    `more` as in `tidemill.models.save.save_model`. Raises InvalidParameter and MissingDependency.
    """
    return _save("lightgbm", lgb_model, path, serialization_format=serialization_format, **more)


def log_model(
    lgb_model: Any,
    name: str | None = None,
    *,
    artifact_path: str | None = None,
    serialization_format: str = "skops",
    **more: Unpack[LogOptions],
) -> ModelInfo:
    """Save a `lightgbm.Booster` or an estimator of LightGBM's as a logged model of the active run.

    Options as in `save_model`, and those of `tidemill.tracking.models.log_model`: `registered_model_name`, `params`,
    `tags`, `model_type`, `step`, `run_id`. `artifact_path` is the older name of `name`.
    """
    return _log("lightgbm", lgb_model, name or artifact_path, serialization_format=serialization_format, **more)


def load_model(model_uri: "str | os.PathLike[str]", *, allow_pickle: bool = False, trusted: Iterable[str] = ()) -> Any:
    """The model at `model_uri`: a folder, `runs:/…`, `models:/…`, or any artifact address. One saved by MLflow too.

    `trusted`: names of types that skops may construct beyond LightGBM's own.
    Raises Untrusted for what could run code, unless `allow_pickle`.
    """
    return load_native(resolve_model(os.fspath(model_uri)), "lightgbm", allow_pickle=allow_pickle, trusted=trusted)
