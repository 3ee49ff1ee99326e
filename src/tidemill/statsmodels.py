"""`tidemill.statsmodels`: what Tidemill does for statsmodels."""

import os
from typing import Any, Unpack

from tidemill.models.format import ModelFile
from tidemill.models.load import load_native
from tidemill.models.save import save_model as _save
from tidemill.tracking.autolog.statsmodels import autolog
from tidemill.tracking.model_options import SaveOptions
from tidemill.tracking.models import resolve_model

__all__ = ["autolog", "load_model", "save_model"]


def save_model(
    statsmodels_model: Any,
    path: "str | os.PathLike[str]",
    *,
    remove_data: bool = False,
    **more: Unpack[SaveOptions],
) -> ModelFile:
    """Write the results of a fit of statsmodels', into the new folder `path`.

    They are written as a pickle, the only way that statsmodels has. `remove_data` leaves out the data of the fit.
    `more` as in `tidemill.models.save.save_model`. Raises InvalidParameter and MissingDependency.
    """
    return _save("statsmodels", statsmodels_model, path, remove_data=remove_data, **more)


def load_model(model_uri: "str | os.PathLike[str]", *, allow_pickle: bool = False) -> Any:
    """The model at `model_uri`: a folder, `runs:/…`, `models:/…`, or any artifact address. One saved by MLflow too.

    It is a pickle: without `allow_pickle=True` this raises.
    Raises Untrusted for what could run code, unless `allow_pickle`.
    """
    return load_native(resolve_model(os.fspath(model_uri)), "statsmodels", allow_pickle=allow_pickle)
