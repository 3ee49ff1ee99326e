"""Loading models from a folder: as their framework's own object, or as a function."""

import os
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from tidemill.errors import InvalidParameter
from tidemill.models import trust
from tidemill.models.flavor import Predict, find_flavor, flavor_of_loader
from tidemill.models.format import PYFUNC, ModelFile, inside
from tidemill.models.pyfunc import PyFuncModel


def load_native(
    folder: "str | os.PathLike[str]", flavor: str | None = None, *, allow_pickle: bool = False, **options: Any
) -> Any:
    """The framework's own object in a model folder; `flavor` says which one where the model has several.

    `options` go to the flavor. Raises NotFound without a model, InvalidParameter without that flavor, and Untrusted for
    a model that runs code of its own (a pickle, a script, code files) unless `allow_pickle`.
    """
    model = ModelFile.read(folder)
    name = flavor or next((one for one in model.flavors if one != PYFUNC), PYFUNC)
    if name not in model.flavors:
        raise InvalidParameter(f"This model has no flavor '{name}'; it has: {', '.join(model.flavors) or 'none'}.")
    section = model.flavors[name]
    _use_code(Path(folder), section.get("code") or model.flavors.get(PYFUNC, {}).get("code"), allow_pickle)
    with trust.no_pickles(allow_pickle):
        return find_flavor(name).load(Path(folder), section, allow_pickle=allow_pickle, **options)


def load_pyfunc(
    folder: "str | os.PathLike[str]",
    *,
    allow_pickle: bool = False,
    model_config: Mapping[str, Any] | None = None,
    **options: Any,
) -> PyFuncModel:
    """The model in a folder as a function. `model_config` goes to models that read one, over what was saved with them.

    `options` go to the flavor, as in `load_native`: `trusted`, `custom_objects`, `module`, …
    Raises as `load_native` does, and InvalidParameter for a model that cannot be called.
    """
    path, model = Path(folder), ModelFile.read(folder)
    section = model.pyfunc()
    _use_code(path, section.get("code"), allow_pickle)
    loader = str(section.get("loader_module"))
    name = flavor_of_loader(loader)
    with trust.no_pickles(allow_pickle):
        if name is None:
            native, predict = _load_by_module(path, section, loader, allow_pickle, model_config)
        else:
            flavor = find_flavor(name)
            own = model.flavors.get(flavor.name, section)
            if model_config and flavor.name == PYFUNC:
                options["model_config"] = dict(model_config)
            elif model_config:
                section = {**section, "config": {**(section.get("config") or {}), **model_config}}
            native = flavor.load(path, own, allow_pickle=allow_pickle, **options)
            predict = flavor.predictor(native, section)
    return PyFuncModel(path, model, native, predict)


def _use_code(folder: Path, code: Any, allow_pickle: bool) -> None:
    """Put the model's own modules where `import` finds them: last, so that they never stand in for installed ones."""
    if not code:
        return
    path = str(inside(folder, code, "code folder"))
    if not os.listdir(path):
        return
    trust.demand(allow_pickle, f"modules of its own in the folder '{code}'")
    if path not in sys.path:
        sys.path.append(path)


def _load_by_module(
    folder: Path, section: Mapping[str, Any], loader: str, allow_pickle: bool, config: Mapping[str, Any] | None
) -> tuple[Any, Predict]:
    """A model that brings its own loader: a module with `_load_pyfunc(path)`, installed or among the model's code."""
    trust.demand(allow_pickle, f"the name of a module to load it with, '{loader}'")
    data = inside(folder, section["data"], "data") if section.get("data") else folder
    try:
        load: Callable[..., Any] = import_module(loader)._load_pyfunc
    except (ImportError, AttributeError, ValueError) as error:
        raise InvalidParameter(f"The model's loader_module '{loader}' cannot be used: {error}.") from None
    merged = {**(section.get("config") or {}), **(config or {})}
    native = load(str(data), merged) if merged else load(str(data))
    call = getattr(native, str(section.get("predict_fn", "predict")))
    return native, caller(call)


def caller(call: Callable[..., Any]) -> Predict:
    """`call(data)` or `call(data, params=…)`, whichever the function takes, as a Predict."""
    import inspect

    try:
        takes_params = "params" in inspect.signature(call).parameters
    except (TypeError, ValueError):  # functions of compiled code may have no signature
        takes_params = False
    if takes_params:
        return lambda data, params: call(data, params=params)
    return lambda data, params: call(data)
