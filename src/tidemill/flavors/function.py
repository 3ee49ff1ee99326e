"""Models written by hand: plain functions, PythonModel classes, and scripts that make either.

A function or a PythonModel is kept with cloudpickle; a script (`model.py` that calls `set_model`) is kept as it is, and
is the safer way: what will run can be read. MLmodel has them as MLflow does, with `loader_module: mlflow.pyfunc.model`
and `python_model`, or `mlflow.pyfunc.loaders.code_model` and `model_code_path`; files in `artifacts`.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidemill.errors import InvalidParameter, MissingDependency
from tidemill.models import script, trust
from tidemill.models.flavor import Predict, Saved
from tidemill.models.format import PYFUNC, inside
from tidemill.models.hints import declared_input, signature_of
from tidemill.models.python_model import FunctionModel, PythonModel, PythonModelContext
from tidemill.models.signature import Signature

_PICKLE = "python_model.pkl"
_ARTIFACTS = "artifacts"


class LoadedPythonModel:
    """A PythonModel with its context: `python_model` and `context`."""

    def __init__(self, python_model: Any, context: PythonModelContext) -> None:
        self.python_model = python_model
        self.context = context


class FunctionFlavor:
    """See the module."""

    name = PYFUNC

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        artifacts: Mapping[str, "str | os.PathLike[str]"] | None = None,
        model_config: Mapping[str, Any] | None = None,
        **unknown: Any,
    ) -> Saved:
        """Write a function, a PythonModel or the path of a script. `artifacts`: name → local file or folder to copy."""
        if unknown:
            raise InvalidParameter(f"A Python model has no option {', '.join(sorted(unknown))}.")
        section: dict[str, Any] = {"code": None, "streamable": hasattr(model, "predict_stream")}
        if isinstance(model, (str, os.PathLike)):
            section |= self._save_script(Path(model), folder)
            needed = []
        else:
            section |= self._save_object(as_python_model(model), folder)
            needed = ["cloudpickle"]
        if artifacts:
            section["artifacts"] = {name: _copied(folder, name, source) for name, source in artifacts.items()}
        if model_config:
            section["config"] = dict(model_config)
        return Saved(section, requirements=needed)

    def _save_script(self, path: Path, folder: Path) -> dict[str, Any]:
        if path.suffix != ".py" or not path.is_file():
            raise InvalidParameter(f"A model from code is the path of a Python file that exists; '{path}' is none.")
        shutil.copyfile(path, folder / path.name)
        return {"loader_module": "mlflow.pyfunc.loaders.code_model", "model_code_path": path.name}

    def _save_object(self, model: Any, folder: Path) -> dict[str, Any]:
        cloudpickle = _cloudpickle()
        from tidemill.models import python_model

        cloudpickle.register_pickle_by_value(python_model)  # so that it loads where Tidemill is not installed
        try:
            content = cloudpickle.dumps(model)
        except Exception as error:
            raise InvalidParameter(
                f"The model cannot be pickled ({error}); write it as a script and give its path."
            ) from error
        finally:
            cloudpickle.unregister_pickle_by_value(python_model)
        (folder / _PICKLE).write_bytes(content)
        return {
            "loader_module": "mlflow.pyfunc.model",
            "python_model": _PICKLE,
            "cloudpickle_version": cloudpickle.__version__,
        }

    def load(
        self,
        folder: Path,
        config: Mapping[str, Any],
        *,
        allow_pickle: bool = False,
        model_config: Mapping[str, Any] | None = None,
    ) -> LoadedPythonModel:
        """The model with its context, `load_context` called."""
        said = config.get("config") or {}
        merged = {**(said if isinstance(said, dict) else {}), **(model_config or {})}
        if config.get("model_code_path"):
            path = inside(folder, os.path.basename(str(config["model_code_path"]).replace("\\", "/")), "script")
            trust.demand(allow_pickle, f"the script '{path.name}'")
            model = script.run(path, merged)
        else:
            path = inside(folder, str(config.get("python_model") or _PICKLE), "pickled model")
            model = trust.unpickle(path, allow_pickle)
        files = {name: str(inside(folder, path, f"artifact {name}")) for name, path in _artifact_paths(config)}
        context = PythonModelContext(files, merged)
        model = as_python_model(model)
        model.load_context(context)
        return LoadedPythonModel(model, context)

    def predictor(self, native: LoadedPythonModel, config: Mapping[str, Any]) -> Predict:
        """Calls `predict` with the context and the params where it takes them."""
        import inspect

        model, context = native.python_model, native.context
        call = model.predict
        declared = declared_input(getattr(model, "func", call))  # a class from a pickle is not ours
        names = list(inspect.signature(call).parameters)
        before = [context] if "context" in names or len([one for one in names if one != "params"]) > 1 else []
        if "params" in names:
            return lambda data, params: call(*before, declared(data), params=params)
        return lambda data, params: call(*before, declared(data))

    def signature_of(self, model: Any, **options: Any) -> Signature | None:
        """What the types that `predict` declares say, None where it declares none."""
        if isinstance(model, (str, os.PathLike)):
            model = script.run(Path(model), options.get("model_config") or {})
        inner = as_python_model(model)
        return signature_of(getattr(inner, "func", inner.predict))


def as_python_model(model: Any) -> Any:
    """`model` if it is a PythonModel (ours, MLflow's, or of that shape), a function wrapped as one; else InvalidParameter."""
    if isinstance(model, PythonModel) or (hasattr(model, "predict") and hasattr(model, "load_context")):
        return model
    if callable(model) and not isinstance(model, type):
        return FunctionModel(model)
    raise InvalidParameter(
        f"A Python model is a PythonModel, a function, or the path of a script; this is a {type(model).__name__}."
    )


def _artifact_paths(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    named = config.get("artifacts") or {}
    if not isinstance(named, dict) or not all(isinstance(one, dict) for one in named.values()):
        raise InvalidParameter("MLmodel is damaged: 'artifacts' must be a map of maps.")
    return [(str(name), one.get("path")) for name, one in named.items()]


def _copied(folder: Path, name: str, source: "str | os.PathLike[str]") -> dict[str, str]:
    path = Path(source)
    if not path.exists():
        raise InvalidParameter(f"The artifact '{name}' is to be copied from '{path}', which does not exist.")
    target = folder / _ARTIFACTS / path.resolve().name
    if target.exists():  # two artifacts of the same file name
        target = folder / _ARTIFACTS / name / path.resolve().name
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, target)
    else:
        shutil.copyfile(path, target)
    return {"path": target.relative_to(folder).as_posix(), "uri": str(source)}


def _cloudpickle() -> Any:
    try:
        import cloudpickle
    except ImportError:
        raise MissingDependency("cloudpickle", "models", "Saving a function or an object as a model") from None
    return cloudpickle


flavor = FunctionFlavor()
