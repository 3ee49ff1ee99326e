"""`tidemill.pytorch`: what Tidemill does for plain PyTorch, and `autolog()`, which is Lightning's, as in MLflow."""

import os
from typing import Any, Unpack

from tidemill.models.format import ModelFile
from tidemill.models.load import load_native
from tidemill.models.save import save_model as _save
from tidemill.tracking.autolog.lightning import autolog
from tidemill.tracking.loggers.torch import Watch, log_summary, summary, watch
from tidemill.tracking.model_options import LogOptions, SaveOptions
from tidemill.tracking.models import ModelInfo, resolve_model
from tidemill.tracking.models import log_model as _log

__all__ = ["Watch", "autolog", "load_model", "log_model", "log_summary", "save_model", "summary", "watch"]


def save_model(
    pytorch_model: Any,
    path: "str | os.PathLike[str]",
    *,
    serialization_format: str = "pt2",
    **more: Unpack[SaveOptions],
) -> ModelFile:
    """Write a `torch.nn.Module` into the new folder `path`.

    `serialization_format`: `pt2`, a graph exported with `input_example` (an array or tensor, or a tuple of them);
    `safetensors`, the weights alone, which are no pyfunc and which MLflow cannot load; or `pickle`.
    `more` as in `tidemill.models.save.save_model`. Raises InvalidParameter and MissingDependency.
    """
    return _save("pytorch", pytorch_model, path, **_options(serialization_format, more))


def log_model(
    pytorch_model: Any,
    name: str | None = None,
    *,
    artifact_path: str | None = None,
    serialization_format: str = "pt2",
    **more: Unpack[LogOptions],
) -> ModelInfo:
    """Save a `torch.nn.Module` as a logged model of the active run.

    Options as in `save_model`, and those of `tidemill.tracking.models.log_model`: `registered_model_name`, `params`,
    `tags`, `model_type`, `step`, `run_id`. `artifact_path` is the older name of `name`.
    """
    return _log("pytorch", pytorch_model, name or artifact_path, **_options(serialization_format, more))


def load_model(model_uri: "str | os.PathLike[str]", *, allow_pickle: bool = False, module: Any = None) -> Any:
    """The model at `model_uri`: a folder, `runs:/…`, `models:/…`, or any artifact address. One saved by MLflow too.

    `module`: an instance of the model's class, which gets the weights of a `pt2` or `safetensors` folder and is
    returned; nobody need be trusted then. Without it, a `pt2` graph needs `allow_pickle=True`, as a pickle does.
    Raises Untrusted for what could run code, unless `allow_pickle`.
    """
    return load_native(resolve_model(os.fspath(model_uri)), "pytorch", allow_pickle=allow_pickle, module=module)


def _options(serialization_format: str, more: Any) -> dict[str, Any]:
    """The flavor's options: it runs the module with the example, of which only plain data can lie beside the model."""
    example = more.get("input_example")
    plain = example.numpy() if hasattr(example, "detach") else example
    kept = None if isinstance(plain, tuple) else plain
    return {**more, "input_example": kept, "serialization_format": serialization_format, "example": example}
