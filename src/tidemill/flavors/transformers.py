"""transformers: pipelines, as the folders that `save_pretrained` writes, weights in safetensors.

Files as MLflow's flavor `transformers` has them: `model/` and `components/<tokenizer, …>/`. Classes are those of the
installed transformers; code that comes with a model is never run, and weights in pickles need `allow_pickle=True`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidemill import settings
from tidemill.errors import InvalidParameter
from tidemill.flavors.framework import frames, framework
from tidemill.models.flavor import Predict, Saved
from tidemill.models.format import inside
from tidemill.models.trust import demand

_COMPONENTS = {
    "tokenizer": "AutoTokenizer",
    "feature_extractor": "AutoFeatureExtractor",
    "image_processor": "AutoImageProcessor",
}
_TEXT_KEYS = {
    "text-generation": "generated_text",
    "text2text-generation": "generated_text",
    "fill-mask": "token_str",
    "translation": "translation_text",
    "summarization": "summary_text",
}


class Transformers:
    """The flavor `transformers`: a `transformers.Pipeline`, or a dict of its parts (`model`, `tokenizer`, …)."""

    name = "transformers"

    def save(
        self, model: Any, folder: Path, *, task: str | None = None, model_config: Mapping[str, Any] | None = None
    ) -> Saved:
        """Write the pipeline; `task` is needed for a dict of parts, `model_config` holds arguments for a pyfunc."""
        transformers = framework("transformers", "transformers")
        if isinstance(model, dict):
            model = transformers.pipeline(task, **model)
        if not isinstance(model, transformers.Pipeline):
            raise InvalidParameter(
                f"A {type(model).__name__} is no pipeline: give a transformers.pipeline(…), or a dict of parts and task."
            )
        model.model.save_pretrained(folder / "model", safe_serialization=True)
        native: dict[str, Any] = {
            "transformers_version": transformers.__version__,
            "task": model.task,
            "instance_type": type(model).__name__,
            "pipeline_model_type": type(model.model).__name__,
            "source_model_name": model.model.name_or_path,
            "model_binary": "model",
            "components": [],
            "torch_dtype": str(model.model.dtype),
        }
        for name in _COMPONENTS:
            component = getattr(model, name, None)
            if component is not None:
                component.save_pretrained(folder / "components" / name)
                native["components"].append(name)
                native[f"{name}_type"] = type(component).__name__
        pyfunc: dict[str, Any] = {"loader_module": "mlflow.transformers"}
        if model_config:
            pyfunc["config"] = dict(model_config)
        return Saved(pyfunc, native, ["transformers", "torch", "safetensors", "numpy", *frames()], True)

    def load(self, folder: Path, config: Mapping[str, Any], *, allow_pickle: bool = False) -> Any:
        """The pipeline."""
        transformers = framework("transformers", "transformers")
        saved = inside(folder, config.get("model_binary") or "model", "model_binary")
        if any(saved.glob("*.bin")):
            demand(allow_pickle, "weights in pickles")
        kind = getattr(transformers, str(config.get("pipeline_model_type")), None)
        if not (isinstance(kind, type) and issubclass(kind, transformers.PreTrainedModel)):
            raise InvalidParameter(
                f"The folder asks for a '{config.get('pipeline_model_type')}', which this transformers does not have."
            )
        safe = None if allow_pickle or settings.allow_pickle() else True
        options = {"use_safetensors": safe, "trust_remote_code": False, "dtype": _dtype(config.get("torch_dtype"))}
        parts = {"model": kind.from_pretrained(saved, **options)}  # type: ignore[attr-defined]
        for name in config.get("components") or ():
            if name not in _COMPONENTS:
                raise InvalidParameter(f"The folder names a part '{name}'; known are {', '.join(_COMPONENTS)}.")
            found: Any = getattr(transformers, str(config.get(f"{name}_type")), None)
            reader = found if hasattr(found, "from_pretrained") else getattr(transformers, _COMPONENTS[name])
            parts[name] = reader.from_pretrained(inside(folder, f"components/{name}", name), trust_remote_code=False)
        return transformers.pipeline(config["task"], **parts)

    def predictor(self, native: Any, config: Mapping[str, Any]) -> Predict:
        """Texts to what the pipeline says of them, in the shape of MLflow's pyfunc; params are its arguments."""
        standing = dict(config.get("config") or {})
        return lambda data, params: _predict(native, _texts(data), {**standing, **(params or {})})


def _dtype(name: Any) -> Any:
    torch = framework("torch", "transformers")
    found = getattr(torch, str(name).removeprefix("torch."), None)
    return found if isinstance(found, torch.dtype) else None


def _texts(data: Any) -> Any:
    """A frame's only column as a list, a frame with more as a list of dicts, the rest as it is."""
    if not hasattr(data, "columns"):
        return data
    return data.iloc[:, 0].tolist() if len(data.columns) == 1 else data.to_dict(orient="records")


def _predict(pipeline: Any, data: Any, options: dict[str, Any]) -> Any:
    """Labels as a frame, texts as a list, the rest as the pipeline gives it.

    Features: of one text its first token's, of a list of one text all (tokens × width), of more a list of these.
    """
    found = pipeline(data, **options)
    if pipeline.task in ("text-classification", "sentiment-analysis"):
        import pandas as pd

        return pd.DataFrame(found)
    if pipeline.task == "feature-extraction":
        import numpy as np

        if isinstance(data, str):
            return np.asarray(found[0][0])
        rows = [np.asarray(one[0]) for one in found]
        return rows[0] if len(rows) == 1 else rows
    if pipeline.task in ("token-classification", "ner"):
        rows = found if found and isinstance(found[0], list) else [found]
        return [",".join(str(one.get("entity_group", one.get("entity"))) for one in row) for row in rows]
    if (key := _TEXT_KEYS.get(pipeline.task)) is None:
        return found
    rows = [found] if isinstance(data, str) else found
    return [(row[0] if isinstance(row, list) else row)[key] for row in rows]


flavor = Transformers()
