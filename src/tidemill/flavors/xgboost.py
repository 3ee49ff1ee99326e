"""XGBoost: boosters and estimators, in XGBoost's own file, binary JSON (`.ubj`) or JSON.

https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html. The class to make of the file is named in the
folder; it is looked up among XGBoost's own models and nowhere else.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidemill.errors import InvalidParameter
from tidemill.flavors.framework import distribution, frames, framework
from tidemill.models.flavor import Predict, Saved
from tidemill.models.format import inside

_BOOSTER = "xgboost.core.Booster"
_ESTIMATORS = ("XGBModel", "XGBClassifier", "XGBRegressor", "XGBRanker", "XGBRFClassifier", "XGBRFRegressor")


class XGBoost:
    """The flavor `xgboost`: an `xgboost.Booster` or an estimator of `xgboost.sklearn`."""

    name = "xgboost"

    def save(self, model: Any, folder: Path, *, model_format: str = "ubj") -> Saved:
        """Write `model` in `model_format`, `ubj` or `json`."""
        version = framework("xgboost", "xgboost").__version__
        if model_format not in ("ubj", "json"):
            raise InvalidParameter(f"model_format is '{model_format}'; it must be 'ubj' or 'json'.")
        kind, file = _class_name(model), f"model.{model_format}"
        model.save_model(folder / file)
        native = {
            "xgb_version": version,
            "data": file,
            "model_class": kind,
            "model_format": model_format,
        }
        needs = [distribution("xgboost", "xgboost-cpu"), "numpy", "scipy", *frames()]
        if kind != _BOOSTER:
            needs.append("scikit-learn")
        return Saved({"loader_module": "mlflow.xgboost", "data": file}, native, needs, True)

    def load(self, folder: Path, config: Mapping[str, Any], *, allow_pickle: bool = False) -> Any:
        """The booster or estimator, of the class that was saved."""
        xgboost = framework("xgboost", "xgboost")
        named = str(config.get("model_class") or _BOOSTER)
        kind = named.rpartition(".")[2]
        if (named != _BOOSTER and named != f"xgboost.sklearn.{kind}") or kind not in ("Booster", *_ESTIMATORS):
            raise InvalidParameter(f"The folder asks for a '{named}', which is no model of XGBoost's.")
        model = getattr(xgboost, kind)()
        model.load_model(inside(folder, config.get("data") or "model.xgb", "data"))
        return model

    def predictor(self, native: Any, config: Mapping[str, Any]) -> Predict:
        """`predict`; for a booster the data become a DMatrix first. Params are arguments of `predict`."""
        xgboost = framework("xgboost", "xgboost")
        if isinstance(native, xgboost.Booster):
            return lambda data, params: native.predict(xgboost.DMatrix(data), **(params or {}))
        return lambda data, params: native.predict(data, **(params or {}))


def _class_name(model: Any) -> str:
    """The class of XGBoost's own that the model is, or is derived from."""
    for kind in type(model).__mro__:
        name = f"{kind.__module__}.{kind.__qualname__}"
        if name == _BOOSTER or (kind.__module__ == "xgboost.sklearn" and kind.__name__ in _ESTIMATORS):
            return name
    raise InvalidParameter(f"A {type(model).__name__} is no model of XGBoost's: a Booster or one of its estimators.")


flavor = XGBoost()
