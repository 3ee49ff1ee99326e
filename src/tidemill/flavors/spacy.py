"""spaCy, as the folder that its `to_disk` writes (https://spacy.io/usage/saving-loading).

Files as MLflow's flavor `spacy` has them: `model.spacy/`. A pyfunc predicts the categories of a text, so that only a
pipeline with a text categorizer is one.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidemill.errors import InvalidParameter
from tidemill.flavors.framework import framework
from tidemill.models.flavor import Predict, Saved
from tidemill.models.format import inside

_FOLDER = "model.spacy"


class Spacy:
    """The flavor `spacy`: a `spacy.Language`."""

    name = "spacy"

    def save(self, model: Any, folder: Path) -> Saved:
        """Write the pipeline."""
        spacy = framework("spacy", "spacy")
        if not isinstance(model, spacy.Language):
            raise InvalidParameter(f"A {type(model).__name__} is no pipeline of spaCy's.")
        model.to_disk(folder / _FOLDER)
        categorizer = framework("spacy.pipeline", "spacy").TextCategorizer
        callable_ = any(isinstance(step, categorizer) for _, step in model.pipeline)
        pyfunc = {"loader_module": "mlflow.spacy", "data": _FOLDER} if callable_ else None
        return Saved(pyfunc, {"spacy_version": spacy.__version__, "data": _FOLDER}, ["spacy"])

    def load(self, folder: Path, config: Mapping[str, Any], *, allow_pickle: bool = False) -> Any:
        """The pipeline."""
        return framework("spacy", "spacy").load(inside(folder, config.get("data") or _FOLDER, "data"))

    def predictor(self, native: Any, config: Mapping[str, Any]) -> Predict:
        """Texts, in the one column of a frame or in a list, to a frame `predictions` of dicts category → score."""

        def categories(data: Any, params: dict[str, Any] | None) -> Any:
            import pandas as pd

            if hasattr(data, "columns") and len(data.columns) != 1:
                raise InvalidParameter(f"Texts come in one column; these have {len(data.columns)}.")
            texts = data.iloc[:, 0] if hasattr(data, "columns") else data
            return pd.DataFrame({"predictions": [doc.cats for doc in native.pipe(texts)]})

        return categories


flavor = Spacy()
