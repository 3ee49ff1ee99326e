"""scikit-learn: estimators and pipelines, in skops unless cloudpickle is asked for.

Files as MLflow's flavor `sklearn` has them: `model.skops` or `model.pkl`. A pyfunc predicts by the method that was named
when the model was saved (`predict_fn`).
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tidemill.errors import InvalidParameter
from tidemill.flavors.estimators import read_estimator, write_estimator
from tidemill.flavors.framework import frames, framework
from tidemill.models.flavor import Predict, Saved
from tidemill.models.format import inside

_METHODS = ("predict", "predict_proba", "predict_log_proba", "predict_joint_log_proba", "score")


class Sklearn:
    """The flavor `sklearn`: an estimator or a pipeline. One without the method that predicts is no pyfunc."""

    name = "sklearn"

    def save(
        self, model: Any, folder: Path, *, serialization_format: str = "skops", pyfunc_predict_fn: str = "predict"
    ) -> Saved:
        """Write `model`, in `skops` or `cloudpickle`; `pyfunc_predict_fn` is the method that a pyfunc calls."""
        version = framework("sklearn", "sklearn", "scikit-learn").__version__
        if pyfunc_predict_fn not in _METHODS:
            raise InvalidParameter(
                f"pyfunc_predict_fn is '{pyfunc_predict_fn}'; it must be one of {', '.join(_METHODS)}."
            )
        file, types = write_estimator(model, folder, serialization_format)
        native = {
            "pickled_model": file,
            "sklearn_version": version,
            "serialization_format": serialization_format,
            "skops_trusted_types": types or None,  # for MLflow, which asks the folder whom to trust
        }
        pyfunc = {"loader_module": "mlflow.sklearn", "model_path": file, "predict_fn": pyfunc_predict_fn}
        needs = ["scikit-learn", serialization_format, "numpy", "scipy", *frames()]
        own = serialization_format == "skops" and all(name.startswith("sklearn.") for name in types)
        return Saved(pyfunc if hasattr(model, pyfunc_predict_fn) else None, native, needs, own)

    def load(
        self, folder: Path, config: Mapping[str, Any], *, allow_pickle: bool = False, trusted: Iterable[str] = ()
    ) -> Any:
        """The estimator. `trusted` names types that skops may construct beyond those known to be harmless."""
        framework("sklearn", "sklearn", "scikit-learn")
        path = inside(folder, config.get("pickled_model") or "model.pkl", "pickled_model")
        written = config.get("serialization_format") or "pickle"
        return read_estimator(path, written, allow_pickle=allow_pickle, trusted=trusted)

    def predictor(self, native: Any, config: Mapping[str, Any]) -> Predict:
        """The method that the model was saved with, `predict` unless another was named."""
        method = config.get("predict_fn") or "predict"
        if method not in _METHODS:
            raise InvalidParameter(f"The folder asks to predict with '{method}'; known are {', '.join(_METHODS)}.")
        predict = getattr(native, method)
        return lambda data, params: predict(data, **(params or {}))


flavor = Sklearn()
