"""The one gate before anything of a model folder that runs code: pickles, scripts, modules of the model's own.

Two things stand in the way of code that nobody asked for. `demand` is called by whoever is about to run some, and
`no_pickles` watches the interpreter itself while a model is loaded: an import asked for by any pickle, whichever
library reads it, is refused there, so that a flavor that forgot to ask is still safe. Trust is given by the caller
(`allow_pickle=True`) or the process's environment (TIDEMILL_ALLOW_PICKLE), never by what lies in the folder.
"""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tidemill import settings
from tidemill.errors import Untrusted
from tidemill.models.stand_ins import stand_in

_guard = threading.local()
_hooked = threading.Lock()
_installed = False


def demand(allow_pickle: bool, what: str) -> None:
    """Raise Untrusted unless the caller, or the environment of this process, allows what the model would run.

    `what` completes "This model holds …".
    """
    if allow_pickle or settings.allow_pickle():
        return
    raise Untrusted(
        f"This model holds {what}, which can run any code when it is loaded. See what it would run with "
        "'tidemill models audit PATH'; if you trust where it comes from, load it with allow_pickle=True."
    )


@contextmanager
def no_pickles(allow_pickle: bool) -> Iterator[None]:
    """While this lasts, no pickle can be read in this thread that names anything to import, unless that is allowed."""
    if allow_pickle or settings.allow_pickle():
        yield
        return
    _install()
    before = getattr(_guard, "on", False)
    _guard.on = True
    try:
        yield
    finally:
        _guard.on = before


@contextmanager
def unguarded() -> Iterator[None]:
    """Within `no_pickles`: for a framework that hears from a process of its own in pickles, once the folder is checked."""
    before = getattr(_guard, "on", False)
    _guard.on = False
    try:
        yield
    finally:
        _guard.on = before


def _install() -> None:
    global _installed
    with _hooked:
        if not _installed:
            sys.addaudithook(_watch)  # cannot be taken out again: it does nothing but compare two values
            _installed = True


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "pickle.find_class" and getattr(_guard, "on", False):
        demand(False, f"a pickle that imports {arguments[0]}.{arguments[1]}")


def unpickle(path: "str | os.PathLike[str]", allow_pickle: bool) -> Any:
    """The object in a file written by pickle or cloudpickle. Raises Untrusted unless it is allowed.

    Classes of MLflow's that models are derived from are replaced by ours where MLflow is not installed.
    """
    import pickle

    demand(allow_pickle, f"the pickle '{os.path.basename(path)}'")

    class Reader(pickle.Unpickler):
        def find_class(self, module: str, name: str, /) -> Any:
            if module.partition(".")[0] == "mlflow" and not _is_there("mlflow"):
                return stand_in(module, name)
            return super().find_class(module, name)

    with open(path, "rb") as file:
        return Reader(file).load()


def _is_there(package: str) -> bool:
    from importlib.util import find_spec

    return package in sys.modules or find_spec(package) is not None
