"""`tidemill.pyfunc`: models as functions: your own, and those of every framework."""

import os
from collections.abc import Mapping
from typing import Any

from tidemill.models.format import ModelFile
from tidemill.models.load import load_pyfunc
from tidemill.models.pyfunc import PyFuncModel
from tidemill.models.python_model import PythonModel, PythonModelContext
from tidemill.models.save import save_model as _save
from tidemill.models.script import model_config, set_model
from tidemill.tracking.models import ModelInfo, resolve_model
from tidemill.tracking.models import log_model as _log

__all__ = [
    "PyFuncModel", "PythonModel", "PythonModelContext",
    "load_model", "log_model", "model_config", "ray_predictor", "save_model", "set_model", "spark_udf",
]  # fmt: skip


def save_model(path: "str | os.PathLike[str]", python_model: Any = None, **options: Any) -> ModelFile:
    """Write a function, a PythonModel or the path of a script that calls `set_model` into the new folder `path`.

    `options`: `artifacts` (name → local file or folder, found again in the context), `model_config`, and those of
    `tidemill.models.save.save_model`: signature, input_example, pip_requirements, code_paths, metadata, …
    """
    return _save("python_function", python_model, path, **options)


def log_model(
    name: str | None = None, python_model: Any = None, *, artifact_path: str | None = None, **options: Any
) -> ModelInfo:
    """Save a function, a PythonModel or a script as `save_model` does as a logged model of the active run.

    `options`: those of `save_model`, and `registered_model_name`, `params`, `tags`, `model_type`, `step`. `artifact_path`
    is the older name of `name`.
    """
    return _log("python_function", python_model, name or artifact_path, **options)


def load_model(
    model_uri: str, *, allow_pickle: bool = False, model_config: Mapping[str, Any] | None = None, **options: Any
) -> PyFuncModel:
    """The model at an address, of whatever flavor, as a function.

    A model that runs code of its own (a pickle, a script, code files) raises Untrusted unless `allow_pickle`; see
    `tidemill models audit` first. `options` go to the flavor, such as `trusted` to scikit-learn's and `custom_objects` to
    Keras's.
    """
    return load_pyfunc(resolve_model(model_uri), allow_pickle=allow_pickle, model_config=model_config, **options)


def spark_udf(
    spark: Any,
    model_uri: str,
    result_type: Any = "double",
    *,
    allow_pickle: bool = False,
    params: Mapping[str, Any] | None = None,
) -> Any:
    """A function of Spark SQL that predicts with the model at an address: `predict(struct(*frame.columns))`.

    `result_type` is Spark's type of one prediction. The executors need Tidemill and the model's packages.
    """
    from tidemill.models.spark import udf

    return udf(spark, resolve_model(model_uri), result_type, allow_pickle=allow_pickle, params=params)


def ray_predictor(
    model_uri: str, *, allow_pickle: bool = False, params: Mapping[str, Any] | None = None, with_input: bool = False
) -> type:
    """A class for `map_batches` of Ray Data (`batch_format="pandas"`) that predicts with the model at an address.

    The model's folder, which is downloaded now, must be readable by all workers.
    """
    from tidemill.models.ray import predictor

    return predictor(resolve_model(model_uri), allow_pickle=allow_pickle, params=params, with_input=with_input)
