"""From a model folder to something that can be served."""

import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tidemill.models.example import SERVING
from tidemill.models.format import ModelFile, inside
from tidemill.models.load import load_pyfunc
from tidemill.serving.config import ServingConfig
from tidemill.serving.isolated import IsolatedModel
from tidemill.serving.schema import read_schema
from tidemill.serving.servable import Servable

_BARE = frozenset(("sklearn", "xgboost", "lightgbm"))
"""Flavors whose models may take a bare matrix in the place of a frame; whether one does is tried when it is warmed up."""


def open_model(name: str, version: str, folder: "str | os.PathLike[str]", config: ServingConfig) -> Servable:
    """The model in `folder`. Raises what loading raises: NotFound, InvalidParameter, Untrusted, MissingDependency."""
    path = Path(folder)
    model = ModelFile.read(path)
    servable = describe(name, version, path, model)
    if config.isolate:
        isolated = IsolatedModel(path, config.allow_pickle)
        servable.predict, servable.abort, servable.close = isolated.predict, isolated.kill, isolated.close
        servable.details["isolated"] = True
        return servable
    servable.predict = load_function(path, config.allow_pickle)
    return servable


def load_function(folder: Path, allow_pickle: bool) -> Callable[[Any, dict[str, Any] | None], Any]:
    """The model's function, for data that the decoders have checked.

    Nested columns and objects they leave as they are; those go through the model's own check.
    """
    # scikit-learn warns at each call that a bare matrix has no column names; here they were checked before.
    warnings.filterwarnings("ignore", message="X does not have valid feature names")
    model = load_pyfunc(folder, allow_pickle=allow_pickle)
    signature = model.signature
    if signature is not None and signature.inputs is not None:
        schema = read_schema(json.loads(signature.inputs.to_json()))
        nested = schema is None or any(one.kind == "any" for one in schema.columns)
        if nested or signature.from_type_hint:
            return model.predict
    return model.predict_checked


def describe(name: str, version: str, folder: Path, model: ModelFile) -> Servable:
    """What MLmodel says, with a function that is put in later."""
    signature = model.signature
    parts: dict[str, Any] = {"inputs": None, "outputs": None, "params": None}
    if signature is not None:
        parts = {part: json.loads(text) if text else None for part, text in signature.to_dict().items()}
    flavors = set(model.flavors)
    batches = (model.metadata or {}).get("tidemill.batches")
    return Servable(
        name,
        version,
        _not_loaded,
        inputs=parts["inputs"],
        outputs=parts["outputs"],
        params=parts["params"],
        example=_example(folder, model),
        batches=batches if isinstance(batches, bool) else None,
        objects=bool(signature is not None and signature.from_type_hint),
        source=str(folder),
        arrays=bool(flavors & _BARE),
        details={"flavors": sorted(flavors)},
    )


def _not_loaded(data: Any, params: Any) -> Any:
    raise RuntimeError("the model is not loaded")


def _example(folder: Path, model: ModelFile) -> bytes | None:
    """The request that was saved with the model."""
    info = model.saved_input_example_info
    if not info:
        return None
    try:
        body = inside(folder, info.get("serving_input_path", SERVING), "input example").read_bytes()
        return body if isinstance(json.loads(body), dict) else None
    except (OSError, ValueError):
        return None
