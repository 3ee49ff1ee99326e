"""`tidemill.sklearn`: what Tidemill does for scikit-learn."""

import os
from collections.abc import Iterable
from typing import Any, Unpack

from tidemill.models.format import ModelFile
from tidemill.models.load import load_native
from tidemill.models.save import save_model as _save
from tidemill.tracking.autolog.sklearn import autolog
from tidemill.tracking.model_options import LogOptions, SaveOptions
from tidemill.tracking.models import ModelInfo, resolve_model
from tidemill.tracking.models import log_model as _log

__all__ = ["autolog", "load_model", "log_model", "save_model"]


def save_model(
    sk_model: Any,
    path: "str | os.PathLike[str]",
    *,
    serialization_format: str = "skops",
    pyfunc_predict_fn: str = "predict",
    **more: Unpack[SaveOptions],
) -> ModelFile:
    """Write an estimator or pipeline of scikit-learn into the new folder `path`.

    `serialization_format`: `skops` or `cloudpickle`, which needs `allow_pickle=True` to be loaded.
    `pyfunc_predict_fn`: the method that a pyfunc calls: `predict`, `predict_proba`, `predict_log_proba`,
    `predict_joint_log_proba` or `score`; without it the model is no pyfunc.
    `more` as in `tidemill.models.save.save_model`. Raises InvalidParameter and MissingDependency.
    """
    return _save(
        "sklearn",
        sk_model,
        path,
        serialization_format=serialization_format,
        pyfunc_predict_fn=pyfunc_predict_fn,
        **more,
    )


def log_model(
    sk_model: Any,
    name: str | None = None,
    *,
    artifact_path: str | None = None,
    serialization_format: str = "skops",
    pyfunc_predict_fn: str = "predict",
    **more: Unpack[LogOptions],
) -> ModelInfo:
    """Save an estimator or pipeline of scikit-learn as a logged model of the active run.

    Options as in `save_model`, and those of `tidemill.tracking.models.log_model`: `registered_model_name`, `params`,
    `tags`, `model_type`, `step`, `run_id`. `artifact_path` is the older name of `name`.
    """
    return _log(
        "sklearn",
        sk_model,
        name or artifact_path,
        serialization_format=serialization_format,
        pyfunc_predict_fn=pyfunc_predict_fn,
        **more,
    )


def load_model(model_uri: "str | os.PathLike[str]", *, allow_pickle: bool = False, trusted: Iterable[str] = ()) -> Any:
    """The model at `model_uri`: a folder, `runs:/…`, `models:/…`, or any artifact address. One saved by MLflow too.

    `trusted`: names of types that skops may construct beyond those known to be harmless.
    Raises Untrusted for what could run code, unless `allow_pickle`.
    """
    return load_native(resolve_model(os.fspath(model_uri)), "sklearn", allow_pickle=allow_pickle, trusted=trusted)
