"""What models say about rows: labels or numbers, and probabilities where the model tells them."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tidemill.errors import InvalidParameter, NotSupported
from tidemill.models.load import load_pyfunc
from tidemill.models.pyfunc import PyFuncModel
from tidemill.tracking.models import ModelInfo, resolve_model


@dataclass(frozen=True)
class Predicted:
    """One `label` (or number) a row; `shares` are the probabilities, rows × `classes`, None where nobody knows them."""

    labels: Any
    shares: Any = None
    classes: Any = None


@dataclass(frozen=True)
class Model:
    """What can be asked for predictions. `model_id`: the logged model that it is, if it is one."""

    call: Callable[[Any], Any]
    shares: Callable[[Any], Any] | None = None
    classes: Any = None
    model_id: str | None = None


def model_of(
    model: Any,
    inference_params: Mapping[str, Any] | None = None,
    model_config: Mapping[str, Any] | None = None,
    allow_pickle: bool = False,
) -> Model:
    """Something to ask, from an address, a logged or loaded model, an estimator with `predict`, or a function.

    Raises NotFound and Untrusted for addresses, as loading does, and InvalidParameter for what cannot be asked.
    """
    if isinstance(model, ModelInfo):
        model = model.model_uri
    if isinstance(model, str | os.PathLike):
        if str(model).startswith("endpoints:"):
            raise NotSupported(
                "Endpoints cannot be evaluated by their address; pass a function that asks the endpoint."
            )
        model = load_pyfunc(resolve_model(model), allow_pickle=allow_pickle, model_config=model_config)
    if isinstance(model, PyFuncModel):
        params = dict(inference_params or {}) or None
        native = model.get_raw_model()
        known = model.model_id
        return Model(lambda data: model.predict(data, params), _shares_of(native), _classes_of(native), known)
    if callable(getattr(model, "predict", None)):
        return Model(model.predict, _shares_of(model), _classes_of(model))
    if callable(model):
        return Model(model)
    raise InvalidParameter(
        f"A {type(model).__name__} cannot be evaluated; pass the address of a model, a loaded model, or a function."
    )


def ask(model: Model, features: Any, is_classifier: bool) -> Predicted:
    """The model's predictions for rows. Probabilities that a classifier answers become labels."""
    import numpy as np

    answer = _array(model.call(features))
    if not is_classifier:
        return Predicted(answer)
    if answer.ndim == 2 and answer.shape[1] == 1:
        answer = answer[:, 0]
    if answer.ndim == 2:
        classes = np.arange(answer.shape[1]) if model.classes is None else np.asarray(model.classes)
        return Predicted(classes[answer.argmax(axis=1)], answer, classes)
    if model.shares is None:
        return Predicted(answer)
    try:
        shares = np.asarray(model.shares(features), float)
    except Exception:  # an estimator that has the method, but not for how it was trained: labels have to do
        return Predicted(answer)
    return Predicted(answer, shares, model.classes)


def _array(answer: Any) -> Any:
    import numpy as np

    if isinstance(answer, Mapping):
        if len(answer) != 1:
            raise InvalidParameter("The model answers several outputs; pass a function that picks one of them.")
        answer = next(iter(answer.values()))
    if hasattr(answer, "detach"):
        answer = answer.detach().cpu()
    if hasattr(answer, "to_numpy"):
        answer = answer.to_numpy()
    return np.asarray(answer)


def _shares_of(native: Any) -> Callable[[Any], Any] | None:
    found = getattr(native, "predict_proba", None)
    return found if callable(found) else None


def _classes_of(native: Any) -> Any:
    return getattr(native, "classes_", None)
