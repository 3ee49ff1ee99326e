"""All frameworks at once: `tidemill.autolog()`."""

from collections.abc import Callable, Mapping
from importlib import import_module
from inspect import signature
from typing import Any

from tidemill.errors import InvalidParameter

FRAMEWORKS = (
    "sklearn",
    "xgboost",
    "lightgbm",
    "statsmodels",
    "lightning",
    "keras",
    "transformers",
    "fastai",
    "optuna",
)
"""The frameworks that can log by themselves. Each has a module of its own here with a function `autolog`."""


def autolog(
    *,
    log_params: bool = True,
    log_datasets: bool = True,
    log_pictures: bool = True,
    disable: bool = False,
    exclusive: bool = False,
    silent: bool = False,
    extra_tags: Mapping[str, Any] | None = None,
    **more: Any,
) -> None:
    """Log every training of every framework that Tidemill knows, from now on.

    Nothing is imported for it: a framework is watched from the moment that you import it. The options go to each
    framework's own `autolog`; one that only some of them know, such as `max_tuning_runs`, goes to these. Raises
    InvalidParameter for an option that none of them knows.
    """
    given = {
        "log_params": log_params,
        "log_datasets": log_datasets,
        "log_pictures": log_pictures,
        "disable": disable,
        "exclusive": exclusive,
        "silent": silent,
        "extra_tags": extra_tags,
        **more,
    }
    switches = {name: _switch(name) for name in FRAMEWORKS}
    known = {name: set(signature(switch).parameters) for name, switch in switches.items()}
    for option in more:
        if not any(option in names for names in known.values()):
            raise InvalidParameter(
                f"autolog has no option '{option}'; it has {', '.join(sorted(set().union(*known.values())))}."
            )
    for name, switch in switches.items():
        switch(**{option: value for option, value in given.items() if option in known[name]})


def _switch(name: str) -> Callable[..., None]:
    found: Callable[..., None] = import_module(f"tidemill.tracking.autolog.{name}").autolog
    return found
