"""`tidemill.catboost`: what Tidemill does for CatBoost."""

import os
from typing import Any, Unpack

from tidemill.models.format import ModelFile
from tidemill.models.load import load_native
from tidemill.models.save import save_model as _save
from tidemill.tracking.model_options import SaveOptions
from tidemill.tracking.models import resolve_model

__all__ = ["load_model", "save_model"]


def save_model(
    cb_model: Any,
    path: "str | os.PathLike[str]",
    *,
    save_format: str = "cbm",
    **more: Unpack[SaveOptions],
) -> ModelFile:
    """Write a model of CatBoost's, into the new folder `path`.

    `save_format`: `cbm` or `json`.
    `more` as in `tidemill.models.save.save_model`. Raises InvalidParameter and MissingDependency.
    """
    return _save("catboost", cb_model, path, save_format=save_format, **more)


def load_model(model_uri: "str | os.PathLike[str]", *, allow_pickle: bool = False) -> Any:
    """The model at `model_uri`: a folder, `runs:/…`, `models:/…`, or any artifact address. One saved by MLflow too.

    Raises Untrusted for what could run code, unless `allow_pickle`.
    """
    return load_native(resolve_model(os.fspath(model_uri)), "catboost", allow_pickle=allow_pickle)
