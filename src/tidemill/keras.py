"""`tidemill.keras`: what Tidemill does for Keras: `autolog()` and `TidemillCallback`."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Unpack

from tidemill.models.format import ModelFile
from tidemill.models.load import load_native
from tidemill.models.save import save_model as _save
from tidemill.tracking.autolog.keras import autolog
from tidemill.tracking.model_options import LogOptions, SaveOptions
from tidemill.tracking.models import ModelInfo, resolve_model
from tidemill.tracking.models import log_model as _log

if TYPE_CHECKING:
    from tidemill.tracking.loggers.keras import TidemillCallback

__all__ = ["TidemillCallback", "autolog", "load_model", "log_model", "save_model"]


def __getattr__(name: str) -> Any:
    if name == "TidemillCallback":
        from tidemill.tracking.loggers.keras import TidemillCallback  # it derives from a class of the framework

        return TidemillCallback
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def save_model(
    model: Any,
    path: "str | os.PathLike[str]",
    **more: Unpack[SaveOptions],
) -> ModelFile:
    """Write a `keras.Model` into the new folder `path`.

    `more` as in `tidemill.models.save.save_model`. Raises InvalidParameter and MissingDependency.
    """
    return _save("keras", model, path, **more)


def log_model(
    model: Any,
    name: str | None = None,
    *,
    artifact_path: str | None = None,
    **more: Unpack[LogOptions],
) -> ModelInfo:
    """Save a `keras.Model` as a logged model of the active run.

    Options as in `save_model`, and those of `tidemill.tracking.models.log_model`: `registered_model_name`, `params`,
    `tags`, `model_type`, `step`, `run_id`. `artifact_path` is the older name of `name`.
    """
    return _log("keras", model, name or artifact_path, **more)


def load_model(
    model_uri: "str | os.PathLike[str]", *, allow_pickle: bool = False, custom_objects: Mapping[str, Any] | None = None
) -> Any:
    """The model at `model_uri`: a folder, `runs:/…`, `models:/…`, or any artifact address. One saved by MLflow too.

    `custom_objects`: name → class or function that the model uses. Layers that hold code need `allow_pickle=True`.
    Raises Untrusted for what could run code, unless `allow_pickle`.
    """
    return load_native(
        resolve_model(os.fspath(model_uri)), "keras", allow_pickle=allow_pickle, custom_objects=custom_objects
    )
