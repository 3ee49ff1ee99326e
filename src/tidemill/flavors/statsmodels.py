"""statsmodels: fitted results, which statsmodels can only write as pickles, so that loading needs `allow_pickle=True`.

Files as MLflow's flavor `statsmodels` has them: `model.statsmodels`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidemill.errors import InvalidParameter
from tidemill.flavors.framework import framework
from tidemill.models.flavor import Predict, Saved
from tidemill.models.format import inside
from tidemill.models.trust import unpickle

_FILE = "model.statsmodels"


class Statsmodels:
    """The flavor `statsmodels`: the results of a fit."""

    name = "statsmodels"

    def save(self, model: Any, folder: Path, *, remove_data: bool = False) -> Saved:
        """Write the results; `remove_data` leaves out the data that they were fitted on."""
        version = framework("statsmodels", "statsmodels").__version__
        if not all(hasattr(model, name) for name in ("save", "predict", "model")):
            raise InvalidParameter(f"A {type(model).__name__} is no result of statsmodels; save what `fit` returns.")
        model.save(str(folder / _FILE), remove_data=remove_data)
        native = {"statsmodels_version": version, "data": _FILE}
        return Saved({"loader_module": "mlflow.statsmodels", "data": _FILE}, native, ["statsmodels"])

    def load(self, folder: Path, config: Mapping[str, Any], *, allow_pickle: bool = False) -> Any:
        """The results. Raises Untrusted without `allow_pickle`."""
        framework("statsmodels", "statsmodels")
        return unpickle(inside(folder, config.get("data") or _FILE, "data"), allow_pickle)

    def predictor(self, native: Any, config: Mapping[str, Any]) -> Predict:
        """`predict`; a time series is asked by one row with `start` and `end`. Params are arguments of `predict`."""
        series = framework("statsmodels.tsa.base.tsa_model", "statsmodels").TimeSeriesModel
        if not isinstance(native.model, series):
            return lambda data, params: native.predict(data, **(params or {}))

        def forecast(data: Any, params: dict[str, Any] | None) -> Any:
            if len(data) != 1 or not {"start", "end"} <= set(data.columns):
                raise InvalidParameter("A time series is predicted for one row with the columns 'start' and 'end'.")
            row = data.iloc[0]
            return native.predict(start=row["start"], end=row["end"], **(params or {}))

        return forecast


flavor = Statsmodels()
