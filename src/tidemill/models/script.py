"""Models from code: a Python file that makes a model and hands it over with `set_model`."""

import sys
import threading
from collections.abc import Mapping
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from tidemill.errors import InvalidParameter

_running = threading.Lock()
_made: list[Any] = []
_config: list[Mapping[str, Any]] = [{}]


def set_model(model: Any) -> None:
    """Say, in the file of a model from code, which object is the model: a function or a PythonModel."""
    if isinstance(model, str) or model is None:
        raise InvalidParameter("set_model takes the model itself: a function or a PythonModel.")
    _made[:] = [model]
    theirs = sys.modules.get("mlflow.models")
    if theirs is not None:  # the file may be run by MLflow
        theirs.set_model(model if callable(model) else _as_mlflow(model))


def model_config() -> dict[str, Any]:
    """The config of the model whose file is being run; empty elsewhere."""
    return dict(_config[0])


def run(path: Path, config: Mapping[str, Any]) -> Any:
    """Run the file of a model from code; what it gave to `set_model` (ours or MLflow's). Raises InvalidParameter."""
    with _running:
        _made.clear()
        _config[0] = config
        theirs = sys.modules.get("mlflow.models.model")
        if theirs is not None:
            vars(theirs).pop("__mlflow_model__", None)
        name = f"tidemill_model_{path.stem}"
        spec = spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        finally:
            _config[0] = {}
        theirs = sys.modules.get("mlflow.models.model")
        found = _made[0] if _made else vars(theirs).get("__mlflow_model__") if theirs is not None else None
        if found is None:
            raise InvalidParameter(f"'{path.name}' never called set_model(model); a model from code must.")
        return found


def _as_mlflow(model: Any) -> Any:
    """MLflow takes only models derived from its own class: one that hands on to ours."""
    from mlflow.pyfunc import PythonModel

    class Handed(PythonModel):  # type: ignore[misc]
        def load_context(self, context: Any) -> None:
            model.load_context(context)

        def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
            import inspect

            names = inspect.signature(model.predict).parameters
            before = [context] if "context" in names else []
            more = {"params": params} if "params" in names else {}
            return model.predict(*before, model_input, **more)

    return Handed()
