"""The model that a training made, as a logged model of its run, together with what it takes and gives."""

from typing import Any

from tidemill.tracking.autolog import rows
from tidemill.tracking.autolog.session import Session

EXAMPLE_ROWS = 5
"""How many rows an example has."""


def head(data: Any) -> Any:
    """A copy of the first rows of the data, to be called before somebody changes it; None for what has no rows."""
    number = min(rows.count(data), EXAMPLE_ROWS)
    if data is None or isinstance(data, str | bytes | dict) or not number:
        return None
    import numpy as np

    return rows.taken(data, np.arange(number) if hasattr(data, "shape") else range(number))


def log(session: Session, model: Any, example: Any = None, predict: Any = None) -> None:
    """Log the trained model by the flavor of the session's framework, as `model` (`model-2` for a second training).

    `example`: some rows of what it was trained on. `predict`: how to ask the model about them, by default its `predict`;
    without either the signature says what goes in only. What fails is reported and left out.
    """
    options = session.framework.options
    if options is None or not options.log_models or session.is_dead:
        return
    from tidemill.tracking import models

    signature: Any = False
    if options.log_model_signatures and example is not None:
        with session.part("the model's signature"):
            signature = _signature(example, predict or getattr(model, "predict", None))
    with session.part("the model"):
        models.log_model(
            session.framework.name,
            model,
            "model" if session.number == 1 else f"model-{session.number}",
            registered_model_name=options.registered_model_name,
            run_id=session.run_id,
            signature=signature,
            input_example=example if options.log_input_examples else None,
            infer_requirements=False,  # a second or two, at each training
        )


def _signature(example: Any, predict: Any) -> Any:
    from tidemill.models.signature import infer_signature

    return infer_signature(example, None if predict is None else predict(example))
