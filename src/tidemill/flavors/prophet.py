"""Prophet, in its own JSON (https://facebook.github.io/prophet/docs/additional_topics.html#saving-models).

Files as MLflow's flavor `prophet` has them: `model.pr`, the text that Prophet writes, as a JSON string.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidemill.errors import InvalidParameter
from tidemill.flavors.framework import framework
from tidemill.models.flavor import Predict, Saved
from tidemill.models.format import inside

_FILE = "model.pr"


class Prophet:
    """The flavor `prophet`: a fitted `prophet.Prophet`."""

    name = "prophet"

    def save(self, model: Any, folder: Path) -> Saved:
        """Write `model`."""
        prophet = framework("prophet", "prophet")
        if not isinstance(model, prophet.Prophet):
            raise InvalidParameter(f"A {type(model).__name__} is no model of Prophet's.")
        text = framework("prophet.serialize", "prophet").model_to_json(model)
        (folder / _FILE).write_text(json.dumps(text), encoding="utf-8")
        native = {"prophet_version": prophet.__version__, "data": _FILE, "model_type": "Prophet"}
        return Saved({"loader_module": "mlflow.prophet", "data": _FILE}, native, ["prophet", "pandas", "numpy"], True)

    def load(self, folder: Path, config: Mapping[str, Any], *, allow_pickle: bool = False) -> Any:
        """The model."""
        serialize = framework("prophet.serialize", "prophet")
        text = inside(folder, config.get("data") or _FILE, "data").read_text(encoding="utf-8")
        return serialize.model_from_json(json.loads(text))

    def predictor(self, native: Any, config: Mapping[str, Any]) -> Predict:
        """`predict` for a frame with the column `ds`; params are its arguments."""
        return lambda data, params: native.predict(data, **(params or {}))


flavor = Prophet()
