"""CatBoost, in its own file, `cbm` or JSON.

https://catboost.ai/docs/en/concepts/python-reference_catboost_save_model. Files as MLflow's flavor `catboost` has them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidemill.errors import InvalidParameter
from tidemill.flavors.framework import frames, framework
from tidemill.models.flavor import Predict, Saved
from tidemill.models.format import inside

_CLASSES = ("CatBoost", "CatBoostClassifier", "CatBoostRegressor", "CatBoostRanker")
_FORMATS = ("cbm", "json")


class CatBoost:
    """The flavor `catboost`: a `catboost.CatBoost` or one of its three estimators."""

    name = "catboost"

    def save(self, model: Any, folder: Path, *, save_format: str = "cbm") -> Saved:
        """Write `model` in `save_format`, `cbm` or `json`."""
        version = framework("catboost", "catboost").__version__
        if save_format not in _FORMATS:
            raise InvalidParameter(f"save_format is '{save_format}'; it must be one of {', '.join(_FORMATS)}.")
        kind = next((one.__name__ for one in type(model).__mro__ if one.__name__ in _CLASSES), None)
        if kind is None:
            raise InvalidParameter(f"A {type(model).__name__} is no model of CatBoost's.")
        model.save_model(str(folder / "model.cb"), format=save_format)
        native = {
            "catboost_version": version,
            "data": "model.cb",
            "model_type": kind,
            "save_format": save_format,
        }
        return Saved(
            {"loader_module": "mlflow.catboost", "data": "model.cb"}, native, ["catboost", "numpy", *frames()], True
        )

    def load(self, folder: Path, config: Mapping[str, Any], *, allow_pickle: bool = False) -> Any:
        """The model, of the class that was saved."""
        catboost = framework("catboost", "catboost")
        kind, written = config.get("model_type") or "CatBoost", config.get("save_format") or "cbm"
        if kind not in _CLASSES:
            raise InvalidParameter(f"The folder asks for a '{kind}', which is no model of CatBoost's.")
        model = getattr(catboost, kind)()
        model.load_model(str(inside(folder, config.get("data") or "model.cb", "data")), format=written)
        return model

    def predictor(self, native: Any, config: Mapping[str, Any]) -> Predict:
        """`predict`; params are its arguments, such as `prediction_type`."""
        return lambda data, params: native.predict(data, **(params or {}))


flavor = CatBoost()
