"""`tidemill.lightgbm`: what Tidemill does for LightGBM."""

import os
from collections.abc import Iterable
from typing import Any, Unpack

from tidemill.models.format import ModelFile
from tidemill.models.load import load_native
from tidemill.models.save import save_model as _save
from tidemill.tracking.autolog.lightgbm import autolog
from tidemill.tracking.model_options import SaveOptions
from tidemill.tracking.models import resolve_model

__all__ = ["autolog", "load_model", "save_model"]


def save_model(
    lgb_model: Any,
    path: "str | os.PathLike[str]",
    *,
    serialization_format: str = "skops",
    **more: Unpack[SaveOptions],
) -> ModelFile:
    """Write a `lightgbm.Booster` or an estimator of LightGBM's, into the new folder `path`.

    A booster is written as LightGBM's text. `serialization_format` is an estimator's: `skops` or `cloudpickle`.
    `more` as in `tidemill.models.save.save_model`. Raises InvalidParameter and MissingDependency.
    """
    return _save("lightgbm", lgb_model, path, serialization_format=serialization_format, **more)


def load_model(model_uri: "str | os.PathLike[str]", *, allow_pickle: bool = False, trusted: Iterable[str] = ()) -> Any:
    """The model at `model_uri`: a folder, `runs:/…`, `models:/…`, or any artifact address. One saved by MLflow too.

    `trusted`: names of types that skops may construct beyond LightGBM's own.
    Raises Untrusted for what could run code, unless `allow_pickle`.
    """
    return load_native(resolve_model(os.fspath(model_uri)), "lightgbm", allow_pickle=allow_pickle, trusted=trusted)
