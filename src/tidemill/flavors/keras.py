"""Keras 3, in its own file (`.keras`), read in safe mode (https://keras.io/guides/serialization_and_saving/).

Files as MLflow's flavor `keras` has them: `data/model.keras`. Layers that hold code (`Lambda`) need `allow_pickle=True`;
classes of your own are handed in as `custom_objects`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidemill import settings
from tidemill.errors import InvalidParameter, NotSupported, Untrusted
from tidemill.flavors.framework import frames, framework
from tidemill.models.flavor import Predict, Saved
from tidemill.models.format import inside


class Keras:
    """The flavor `keras`: a `keras.Model`."""

    name = "keras"

    def save(self, model: Any, folder: Path) -> Saved:
        """Write the model, its weights, and its optimizer's state."""
        keras = framework("keras", "keras")
        if not isinstance(model, keras.Model):
            raise InvalidParameter(f"A {type(model).__name__} is no Keras model.")
        data = folder / "data"
        data.mkdir()
        (data / "keras_module.txt").write_text("keras")
        model.save(data / "model.keras")
        backend = keras.backend.backend()
        own = all(type(layer).__module__.startswith("keras.") for layer in model._flatten_layers())
        native = {
            "data": "data",
            "keras_version": keras.__version__,
            "keras_backend": backend,
            "save_exported_model": False,
        }
        return Saved({"loader_module": "mlflow.keras"}, native, ["keras", backend, "numpy", *frames()], own)

    def load(
        self,
        folder: Path,
        config: Mapping[str, Any],
        *,
        allow_pickle: bool = False,
        custom_objects: Mapping[str, Any] | None = None,
    ) -> Any:
        """The model. `custom_objects`: name → class or function that the model uses."""
        keras = framework("keras", "keras")
        if config.get("save_exported_model"):
            raise NotSupported("This Keras model was exported for TensorFlow; save it without save_exported_model.")
        data = config.get("data") or "data"
        path = inside(folder, f"{data}/model.keras", "data")
        safe = not (allow_pickle or settings.allow_pickle())
        try:
            return keras.saving.load_model(path, custom_objects=custom_objects, safe_mode=safe)
        except ValueError as error:
            if "safe_mode" not in str(error):
                raise
            raise Untrusted(
                "The model holds a layer with code of its own. If you trust it, load it with allow_pickle=True."
            ) from error

    def predictor(self, native: Any, config: Mapping[str, Any]) -> Predict:
        """`predict`: a frame to a frame, arrays to arrays. Params are its arguments, such as `batch_size`."""

        def predict(data: Any, params: dict[str, Any] | None) -> Any:
            options = {"verbose": 0, **(params or {})}
            if not hasattr(data, "columns"):
                return native.predict(data, **options)
            import pandas as pd

            return pd.DataFrame(native.predict(data.to_numpy(), **options), index=data.index)

        return predict


flavor = Keras()
