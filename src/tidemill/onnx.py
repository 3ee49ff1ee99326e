"""`tidemill.onnx`: what Tidemill does for ONNX."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from tidemill.models.format import ModelFile
from tidemill.models.load import load_native
from tidemill.models.save import save_model as _save
from tidemill.tracking.model_options import LogOptions, SaveOptions
from tidemill.tracking.models import ModelInfo, resolve_model
from tidemill.tracking.models import log_model as _log

__all__ = ["load_model", "log_model", "save_model"]


def save_model(
    onnx_model: Any,
    path: "str | os.PathLike[str]",
    *,
    onnx_execution_providers: Sequence[str] = ("CUDAExecutionProvider", "CPUExecutionProvider"),
    onnx_session_options: Mapping[str, Any] | None = None,
    save_as_external_data: bool = True,
    **more: Unpack[SaveOptions],
) -> ModelFile:
    """Write an `onnx.ModelProto` into the new folder `path`.

    `onnx_execution_providers`: those that a pyfunc uses, the first that is there first. `onnx_session_options`:
    `inter_op_num_threads`, `intra_op_num_threads`, `execution_mode` (`sequential`, `parallel`) and
    `graph_optimization_level` (0, 1, 2 or 99). `save_as_external_data`: large tensors in files of their own.
    `more` as in `tidemill.models.save.save_model`. Raises InvalidParameter and MissingDependency.
    """
    return _save(
        "onnx",
        onnx_model,
        path,
        onnx_execution_providers=onnx_execution_providers,
        onnx_session_options=onnx_session_options,
        save_as_external_data=save_as_external_data,
        **more,
    )


def log_model(
    onnx_model: Any,
    name: str | None = None,
    *,
    artifact_path: str | None = None,
    onnx_execution_providers: Sequence[str] = ("CUDAExecutionProvider", "CPUExecutionProvider"),
    onnx_session_options: Mapping[str, Any] | None = None,
    save_as_external_data: bool = True,
    **more: Unpack[LogOptions],
) -> ModelInfo:
    """Save an `onnx.ModelProto` as a logged model of the active run.

    Options as in `save_model`, and those of `tidemill.tracking.models.log_model`: `registered_model_name`, `params`,
    `tags`, `model_type`, `step`, `run_id`. `artifact_path` is the older name of `name`.
    """
    return _log(
        "onnx",
        onnx_model,
        name or artifact_path,
        onnx_execution_providers=onnx_execution_providers,
        onnx_session_options=onnx_session_options,
        save_as_external_data=save_as_external_data,
        **more,
    )


def load_model(model_uri: "str | os.PathLike[str]", *, allow_pickle: bool = False) -> Any:
    """The model at `model_uri`: a folder, `runs:/…`, `models:/…`, or any artifact address. One saved by MLflow too.

    Raises Untrusted for what could run code, unless `allow_pickle`.
    """
    return load_native(resolve_model(os.fspath(model_uri)), "onnx", allow_pickle=allow_pickle)
