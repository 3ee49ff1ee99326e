"""LightGBM: boosters in LightGBM's own text file, estimators in skops unless cloudpickle is asked for.

Files as MLflow's flavor `lightgbm` has them: `model.lgb`, `model.skops` or `model.pkl`.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tidemill.flavors.estimators import read_estimator, write_estimator
from tidemill.flavors.framework import frames, framework
from tidemill.models.flavor import Predict, Saved
from tidemill.models.format import inside

_BOOSTER = "lightgbm.basic.Booster"
_OWN_TYPES = frozenset(
    {
        "collections.OrderedDict",
        _BOOSTER,  # its state is the text of the model, which is parsed as a file's would be
        "lightgbm.sklearn.LGBMModel",
        "lightgbm.sklearn.LGBMClassifier",
        "lightgbm.sklearn.LGBMRegressor",
        "lightgbm.sklearn.LGBMRanker",
    }
)


class LightGBM:
    """The flavor `lightgbm`: a `lightgbm.Booster` or an estimator of `lightgbm.sklearn`."""

    name = "lightgbm"

    def save(self, model: Any, folder: Path, *, serialization_format: str = "skops") -> Saved:
        """Write `model`; an estimator in `serialization_format`, `skops` or `cloudpickle`."""
        lightgbm = framework("lightgbm", "lightgbm")
        types: list[str] = []
        needs = ["lightgbm", "numpy", "scipy", *frames()]
        plain = isinstance(model, lightgbm.Booster)
        if plain:
            file = "model.lgb"
            model.save_model(folder / file)
        else:
            file, types = write_estimator(model, folder, serialization_format)
            needs += ["scikit-learn", serialization_format]
            plain = serialization_format == "skops" and _OWN_TYPES.issuperset(types)
        native = {
            "lgb_version": lightgbm.__version__,
            "data": file,
            "model_class": f"{type(model).__module__}.{type(model).__qualname__}",
            "serialization_format": serialization_format,
            "skops_trusted_types": types or None,  # for MLflow, which asks the folder whom to trust
        }
        return Saved({"loader_module": "mlflow.lightgbm", "data": file}, native, needs, plain)

    def load(
        self, folder: Path, config: Mapping[str, Any], *, allow_pickle: bool = False, trusted: Iterable[str] = ()
    ) -> Any:
        """The booster or estimator. `trusted` as in `tidemill.sklearn.load_model`."""
        lightgbm = framework("lightgbm", "lightgbm")
        path = inside(folder, config.get("data") or "model.lgb", "data")
        if config.get("model_class", _BOOSTER) == _BOOSTER:
            return lightgbm.Booster(model_file=path)
        written = config.get("serialization_format") or "cloudpickle"
        return read_estimator(path, written, allow_pickle=allow_pickle, trusted=trusted, vouched=_OWN_TYPES)

    def predictor(self, native: Any, config: Mapping[str, Any]) -> Predict:
        """`predict`; params are its arguments."""
        return lambda data, params: native.predict(data, **(params or {}))


flavor = LightGBM()
