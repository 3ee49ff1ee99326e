"""A model for Ray Data: each worker loads it once and predicts batch by batch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidemill.models.batch import as_frame, beside
from tidemill.models.load import load_pyfunc
from tidemill.models.pyfunc import PyFuncModel


def predictor(
    folder: Path, *, allow_pickle: bool = False, params: Mapping[str, Any] | None = None, with_input: bool = False
) -> type:
    """A class for `dataset.map_batches(…, batch_format="pandas", concurrency=n)` that predicts with the model in `folder`.

    The folder must be readable by all workers under that path. Batches become frames of predictions, with the columns
    of the input before them if `with_input`.
    """
    place, given = str(folder), dict(params) if params else None

    class Predictor:
        """Loads the model where it is made, predicts where it is called."""

        def __init__(self) -> None:
            self.model: PyFuncModel = load_pyfunc(place, allow_pickle=allow_pickle)

        def __call__(self, batch: Any) -> Any:
            answer = as_frame(self.model.predict(batch, given), batch)
            return beside(batch, answer) if with_input else answer

    return Predictor
