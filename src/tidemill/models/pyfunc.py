"""A model as a function: whatever the flavor, `predict(data, params)` with the signature enforced."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidemill.errors import InvalidParameter
from tidemill.models.enforce import Enforcer
from tidemill.models.example import read_example, read_example_params
from tidemill.models.flavor import Predict
from tidemill.models.format import ModelFile
from tidemill.models.signature import Signature


class PyFuncModel:
    """A loaded model of any flavor. Made by `load_pyfunc`; may be called from several threads if its framework allows."""

    def __init__(self, folder: Path, model: ModelFile, native: Any, predict: Predict) -> None:
        self.folder = folder
        self.metadata = model
        self._native = native
        self._predict = predict
        signature = model.signature
        self._enforcer = Enforcer(signature)

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """The predictions for `data`, after it was checked against, and converted to, the model's signature.

        Data: pandas or polars frame, NumPy array or dict of them, SciPy sparse matrix, list, dict, or a single value.
        Missing columns and values that cannot be converted without loss raise InvalidParameter; columns that the
        signature does not know are left out. Unknown params are left out as well, missing ones take their defaults.
        """
        return self._predict(self._enforcer.data(data), self._enforcer.params(params))

    def predict_checked(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """As `predict`, for data that the caller has checked and converted already, as a server does while decoding."""
        return self._predict(data, self._enforcer.params(params))

    @property
    def signature(self) -> Signature | None:
        """The model's signature, None where it has none."""
        return self.metadata.signature

    @property
    def model_id(self) -> str | None:
        """The id of the logged model, None for one that was only saved."""
        return self.metadata.model_id

    @property
    def input_example(self) -> Any:
        """The example that was saved with the model, None where there is none."""
        return read_example(self.folder, self.metadata)

    @property
    def input_example_params(self) -> dict[str, Any] | None:
        """The params that were saved with the example, or None."""
        return read_example_params(self.folder, self.metadata)

    def get_raw_model(self) -> Any:
        """The framework's own object."""
        return self._native

    def unwrap_python_model(self) -> Any:
        """The PythonModel that was saved. Raises InvalidParameter for models of other flavors."""
        python_model = getattr(self._native, "python_model", None)
        if python_model is None:
            raise InvalidParameter(
                "This model was not made from a PythonModel; get_raw_model() gives what it is made of."
            )
        return python_model

    def __repr__(self) -> str:
        loader = self.metadata.flavors.get("python_function", {}).get("loader_module")
        return f"PyFuncModel(folder={str(self.folder)!r}, loader_module={loader!r}, model_id={self.model_id!r})"
