"""`tidemill.statsmodels`: what Tidemill does for statsmodels."""

import os
from typing import Any, Unpack

from tidemill.models.format import ModelFile
from tidemill.models.load import load_native
from tidemill.models.save import save_model as _save
from tidemill.tracking.autolog.statsmodels import autolog
from tidemill.tracking.model_options import LogOptions, SaveOptions
from tidemill.tracking.models import ModelInfo, resolve_model
from tidemill.tracking.models import log_model as _log

__all__ = ["autolog", "load_model", "log_model", "save_model"]


def save_model(
    statsmodels_model: Any,
    path: "str | os.PathLike[str]",
    *,
    remove_data: bool = False,
    **more: Unpack[SaveOptions],
) -> ModelFile:
    """Write the results of a fit of statsmodels' into the new folder `path`.

    They are written as a pickle, the only way that statsmodels has. `remove_data` leaves out the data of the fit.
    `more` as in `tidemill.models.save.save_model`. Raises InvalidParameter and MissingDependency.
    """
    return _save("statsmodels", statsmodels_model, path, remove_data=remove_data, **more)


def log_model(
    statsmodels_model: Any,
    name: str | None = None,
    *,
    artifact_path: str | None = None,
    remove_data: bool = False,
    **more: Unpack[LogOptions],
) -> ModelInfo:
    """Save the results of a fit of statsmodels' as a logged model of the active run.

    Options as in `save_model`, and those of `tidemill.tracking.models.log_model`: `registered_model_name`, `params`,
    `tags`, `model_type`, `step`, `run_id`. `artifact_path` is the older name of `name`.
    """
    return _log("statsmodels", statsmodels_model, name or artifact_path, remove_data=remove_data, **more)


def load_model(model_uri: "str | os.PathLike[str]", *, allow_pickle: bool = False) -> Any:
    """The model at `model_uri`: a folder, `runs:/…`, `models:/…`, or any artifact address. One saved by MLflow too.

    It is a pickle: without `allow_pickle=True` this raises.
    Raises Untrusted for what could run code, unless `allow_pickle`.
    """
    return load_native(resolve_model(os.fspath(model_uri)), "statsmodels", allow_pickle=allow_pickle)
