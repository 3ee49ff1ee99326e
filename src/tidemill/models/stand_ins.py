"""What a pickle of MLflow's names, for where MLflow is not installed: enough for its models to load and predict."""

from collections import namedtuple
from typing import Any

from tidemill.models.python_model import FunctionModel, PythonModel, PythonModelContext


def _as_given(args: Any, kwargs: Any, *_: Any) -> Any:
    """In place of MLflow's check of arguments against type hints; ours has run before."""
    return args, kwargs


_KNOWN: dict[str, Any] = {
    "mlflow.pyfunc.model.PythonModel": PythonModel,
    "mlflow.pyfunc.PythonModel": PythonModel,
    "mlflow.pyfunc.model.PythonModelContext": PythonModelContext,
    "mlflow.pyfunc.model._FunctionPythonModel": FunctionModel,
    "mlflow.pyfunc.utils.data_validation._validate_model_input": _as_given,
    "mlflow.pyfunc.utils.data_validation.FuncInfo": namedtuple("FuncInfo", "input_type_hint input_param_name"),
    "mlflow.exceptions.MlflowException": RuntimeError,
}


class _Anything:
    """An object of a class that is not there: takes whatever the pickle sets."""

    def __new__(cls, *_: Any, **__: Any) -> "_Anything":
        return super().__new__(cls)

    def __init__(self, *args: Any, **fields: Any) -> None:
        self.__dict__.update(fields, given=args)

    def __setstate__(self, state: Any) -> None:
        self.__dict__.update(state if isinstance(state, dict) else {"state": state})


def stand_in(module: str, name: str) -> Any:
    """Ours for `name` of MLflow's module `module`; for anything unknown a class whose objects do nothing."""
    return _KNOWN.get(f"{module}.{name}") or type(name, (_Anything,), {"__module__": module})
