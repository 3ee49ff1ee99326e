"""ONNX: the graph as its own file, run by ONNX Runtime.

Files as MLflow's flavor `onnx` has them: `model.onnx`. Of the execution providers that a folder names only names count,
and only those that this ONNX Runtime has: options of a provider may name libraries to load.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tidemill.errors import InvalidParameter
from tidemill.flavors.framework import distribution, frames, framework
from tidemill.models.flavor import Predict, Saved
from tidemill.models.format import inside

_CPU = "CPUExecutionProvider"
_PROVIDERS = ("CUDAExecutionProvider", _CPU)
_FILE = "model.onnx"


class Onnx:
    """The flavor `onnx`: an `onnx.ModelProto`; a pyfunc of it runs in ONNX Runtime."""

    name = "onnx"

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        onnx_execution_providers: Sequence[str] = _PROVIDERS,
        onnx_session_options: Mapping[str, Any] | None = None,
        save_as_external_data: bool = True,
    ) -> Saved:
        """Write the graph; large tensors beside it with `save_as_external_data`, which graphs over 2 GB need."""
        onnx = framework("onnx", "onnx")
        if not isinstance(model, onnx.ModelProto):
            raise InvalidParameter(f"A {type(model).__name__} is no ONNX graph (onnx.ModelProto).")
        onnx.save_model(model, str(folder / _FILE), save_as_external_data=save_as_external_data)
        ways: dict[str, Any] = {
            "providers": list(onnx_execution_providers),
            "onnx_session_options": dict(onnx_session_options) if onnx_session_options else None,
        }
        native = {"onnx_version": onnx.__version__, "data": _FILE, **ways}
        pyfunc = {"loader_module": "mlflow.onnx", "data": _FILE, **ways}
        needs = ["onnx", distribution("onnxruntime", "onnxruntime-gpu"), "numpy", *frames()]
        return Saved(pyfunc, native, needs, True)

    def load(self, folder: Path, config: Mapping[str, Any], *, allow_pickle: bool = False) -> Any:
        """The graph, checked."""
        onnx = framework("onnx", "onnx")
        path = str(inside(folder, config.get("data") or _FILE, "data"))
        onnx.checker.check_model(path)
        return onnx.load(path)

    def predictor(self, native: Any, config: Mapping[str, Any]) -> Predict:
        """A frame to a frame of the outputs, an array or a dict of arrays to a dict of arrays."""
        session = _session(native, config)
        inputs = {one.name: one.type for one in session.get_inputs()}
        outputs = [one.name for one in session.get_outputs()]

        def predict(data: Any, params: dict[str, Any] | None) -> Any:
            fed = {name: _as_asked(value, inputs.get(name)) for name, value in _fed(data, list(inputs)).items()}
            found = dict(zip(outputs, session.run(outputs, fed), strict=True))
            if not hasattr(data, "columns"):
                return found
            import numpy as np
            import pandas as pd

            return pd.DataFrame({name: np.asarray(one).reshape(-1) for name, one in found.items()})

        return predict


def _fed(data: Any, names: list[str]) -> dict[str, Any]:
    """What each input is fed: a dict says it, a frame gives its columns or, to a single input, all of itself."""
    if isinstance(data, dict):
        return data
    if hasattr(data, "columns"):
        return {names[0]: data.to_numpy()} if len(names) == 1 else {name: data[name].to_numpy() for name in names}
    if len(names) != 1:
        raise InvalidParameter(f"The model has the inputs {', '.join(names)}; give a dict or a frame with these names.")
    return {names[0]: data}


def _as_asked(value: Any, kind: str | None) -> Any:
    import numpy as np

    value = np.asarray(value)
    # JSON and frames bring numbers in double precision.
    return value.astype(np.float32) if kind == "tensor(float)" and value.dtype == np.float64 else value


def _session(native: Any, config: Mapping[str, Any]) -> Any:
    runtime = framework("onnxruntime", "onnx")
    asked = config.get("providers") or _PROVIDERS
    names = [one if isinstance(one, str) else one[0] for one in ([asked] if isinstance(asked, str) else asked)]
    have = runtime.get_available_providers()
    options, given = runtime.SessionOptions(), config.get("onnx_session_options") or {}
    for name in ("inter_op_num_threads", "intra_op_num_threads"):
        if given.get(name):
            setattr(options, name, int(given[name]))
    if mode := given.get("execution_mode"):
        parallel = str(mode).lower() == "parallel"
        options.execution_mode = getattr(runtime.ExecutionMode, "ORT_PARALLEL" if parallel else "ORT_SEQUENTIAL")
    if level := given.get("graph_optimization_level"):
        options.graph_optimization_level = runtime.GraphOptimizationLevel(int(level))
    providers = [name for name in names if name in have] or [_CPU]
    return runtime.InferenceSession(native.SerializeToString(), options, providers=providers)


flavor = Onnx()
