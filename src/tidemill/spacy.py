"""`tidemill.spacy`: what Tidemill does for spaCy."""

import os
from typing import Any, Unpack

from tidemill.models.format import ModelFile
from tidemill.models.load import load_native
from tidemill.models.save import save_model as _save
from tidemill.tracking.model_options import LogOptions, SaveOptions
from tidemill.tracking.models import ModelInfo, resolve_model
from tidemill.tracking.models import log_model as _log

__all__ = ["load_model", "log_model", "save_model"]


def save_model(
    spacy_model: Any,
    path: "str | os.PathLike[str]",
    **more: Unpack[SaveOptions],
) -> ModelFile:
    """Write a pipeline of spaCy's into the new folder `path`.

    Only a pipeline with a text categorizer is a pyfunc.
    `more` as in `tidemill.models.save.save_model`. Raises InvalidParameter and MissingDependency.
    """
    return _save("spacy", spacy_model, path, **more)


def log_model(
    spacy_model: Any,
    name: str | None = None,
    *,
    artifact_path: str | None = None,
    **more: Unpack[LogOptions],
) -> ModelInfo:
    """Save a pipeline of spaCy's as a logged model of the active run.

    Options as in `save_model`, and those of `tidemill.tracking.models.log_model`: `registered_model_name`, `params`,
    `tags`, `model_type`, `step`, `run_id`. `artifact_path` is the older name of `name`.
    """
    return _log("spacy", spacy_model, name or artifact_path, **more)


def load_model(model_uri: "str | os.PathLike[str]", *, allow_pickle: bool = False) -> Any:
    """The model at `model_uri`: a folder, `runs:/…`, `models:/…`, or any artifact address. One saved by MLflow too.

    Raises Untrusted for what could run code, unless `allow_pickle`.
    """
    return load_native(resolve_model(os.fspath(model_uri)), "spacy", allow_pickle=allow_pickle)
