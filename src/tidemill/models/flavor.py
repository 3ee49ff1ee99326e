"""What a flavor is: how models of one framework are written into a folder, read back and called.

Others add theirs as an entry point of the group `tidemill.flavors`: the flavor's name → a Flavor (object or class).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from tidemill.errors import InvalidParameter

GROUP = "tidemill.flavors"
"""The group of entry points in which packages announce flavors."""

Predict = Callable[[Any, dict[str, Any] | None], Any]
"""How a loaded model is called: (data, params) → predictions."""


@dataclass(frozen=True)
class Saved:
    """What a flavor wrote.

    `pyfunc` is the section `python_function` of MLmodel: `loader_module` (one of MLflow's, so that MLflow can load the
    model) and what that module reads, such as `model_path`; None for a model that cannot be called. Python version,
    environment and code are added by `save_model`. `native` is the section with the flavor's own name, None for none.
    `requirements` are the distributions that loading needs (names, or full requirements); if they are `complete`, the
    model need not be loaded in a process of its own to find out what else it imports, which takes seconds.
    """

    pyfunc: dict[str, Any] | None
    native: dict[str, Any] | None = None
    requirements: list[str] = field(default_factory=list)
    complete: bool = False


@runtime_checkable
class Flavor(Protocol):
    """How models of one framework are kept. Nothing heavy is imported before a method is called."""

    name: str
    """The name of its section in MLmodel, such as `sklearn`."""

    def save(self, model: Any, folder: Path, **options: Any) -> Saved:
        """Write `model` into the (existing, empty) folder. Raises InvalidParameter for what is no such model."""
        ...

    def load(self, folder: Path, config: Mapping[str, Any], *, allow_pickle: bool = False, **options: Any) -> Any:
        """The native model. `config` is the flavor's own section of MLmodel, or `python_function` where it has none.

        Paths in `config` come from outside: open them by `format.inside(folder, path, …)`. What can run code asks
        `trust.demand(allow_pickle, …)` first. Raises MissingDependency where the framework is absent.
        """
        ...

    def predictor(self, native: Any, config: Mapping[str, Any]) -> Predict:
        """How to call what `load` gave. `config` is the section `python_function`."""
        ...


_BUILT_IN = {
    name: f"tidemill.flavors.{module}:flavor"
    for name, module in {
        "python_function": "function",
        "sklearn": "sklearn",
        "pytorch": "pytorch",
        "onnx": "onnx",
        "xgboost": "xgboost",
        "lightgbm": "lightgbm",
        "catboost": "catboost",
        "keras": "keras",
        "statsmodels": "statsmodels",
        "transformers": "transformers",
        "spacy": "spacy",
        "prophet": "prophet",
        "spark": "spark",
    }.items()
}
_LOADERS = {
    "mlflow.pyfunc.model": "python_function",
    "mlflow.pyfunc.loaders.code_model": "python_function",
    "mlflow.tensorflow": "keras",
    "mlflow.keras.load": "keras",
}


def find_flavor(name: str) -> Flavor:
    """The flavor with this name: one of Tidemill's own or one of an installed package. Raises InvalidParameter."""
    if name in _BUILT_IN:
        module, _, attribute = _BUILT_IN[name].partition(":")
        try:
            found: Flavor = getattr(import_module(module), attribute)
        except ModuleNotFoundError as error:
            if error.name != module:
                raise
        else:
            return found
    for entry in entry_points(group=GROUP, name=name):
        given = entry.load()
        made: Flavor = given() if isinstance(given, type) else given
        return made
    known = sorted({*_BUILT_IN, *(entry.name for entry in entry_points(group=GROUP))})
    raise InvalidParameter(f"There is no flavor '{name}'; known flavors are {', '.join(known)}.")


def flavor_of_loader(loader: str) -> str | None:
    """The name of the flavor that reads what a `loader_module` of MLflow's reads; None for a module of somebody else."""
    if loader in _LOADERS:
        return _LOADERS[loader]
    package, _, name = loader.partition(".")
    return name if package == "mlflow" and name and "." not in name else None
