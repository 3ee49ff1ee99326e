"""What a model written by hand is made of. Copied whole into the pickles of such models: imports nothing of Tidemill.

A pickle that holds this module's classes can be loaded where Tidemill is not installed, by MLflow for one.
"""

from collections.abc import Mapping
from typing import Any


class PythonModelContext:
    """What a model finds when it is loaded: `artifacts` (name → local path) and `model_config` (dict, may be empty)."""

    def __init__(self, artifacts: Mapping[str, str], model_config: Mapping[str, Any] | None = None) -> None:
        self.artifacts = dict(artifacts)
        self.model_config = dict(model_config or {})


class PythonModel:
    """A model of one's own: write `predict`, and `load_context` where files are to be opened once.

    `predict(self, model_input, params=None)` or, with the context, `predict(self, context, model_input, params=None)`.
    """

    def load_context(self, context: Any) -> None:
        """Called once after loading, with a PythonModelContext."""

    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        """The predictions for `model_input`. To be written by each model."""
        raise NotImplementedError(f"{type(self).__name__} has no predict(); write one.")

    @property
    def predict_type_hints(self) -> Any:
        """The types that `predict` declares, for MLflow, which asks for them when it loads the model."""
        return _Hints(self.predict)


class FunctionModel(PythonModel):
    """A plain function `f(model_input)` or `f(model_input, params=None)` as a model."""

    def __init__(self, function: Any) -> None:
        self.func = function

    def predict(self, model_input: Any, params: Any = None) -> Any:  # type: ignore[override]
        """Whatever the function gives."""
        import inspect

        if "params" in inspect.signature(self.func).parameters:
            return self.func(model_input, params=params)
        return self.func(model_input)

    @property
    def predict_type_hints(self) -> Any:
        """The types that the function declares."""
        return _Hints(self.func)


class _Hints:
    """`input` and `output`: the declared types of a predict function, None where it declares none."""

    def __init__(self, function: Any) -> None:
        import inspect
        import typing

        try:
            known = typing.get_type_hints(function)
        except Exception:  # a hint may name what is not there any more
            known = {}
        names = [name for name in inspect.signature(function).parameters if name not in ("context", "params", "self")]
        self.input = known.get(names[0]) if names else None
        self.output = known.get("return")
