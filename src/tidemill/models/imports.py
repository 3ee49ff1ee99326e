"""Which packages a model imports: found by loading it, and calling it with its example, in a fresh process.

Run as `python -m tidemill.models.imports`; reads `{"folder": …, "path": [sys.path]}` and prints `{"packages": …,
"modules": …}`: distributions, and top-level modules that belong to none.
"""

import builtins
import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

from tidemill import settings
from tidemill.models.example import read_example, read_example_params
from tidemill.models.format import PYFUNC, ModelFile
from tidemill.models.load import load_native, load_pyfunc

_NEVER = {"tidemill", "pip", "setuptools"}


def imported_packages(folder: Path) -> list[str]:
    """The distributions that the model in `folder` imports, sorted; empty where that cannot be found out (a warning says why).

    The model is one that the caller has just saved: what it holds is run.
    """
    asked = json.dumps({"folder": str(folder), "path": [one for one in sys.path if one]})
    limit = settings.requirements_timeout()
    command = [sys.executable, "-m", "tidemill.models.imports"]
    try:
        done = subprocess.run(  # noqa: S603  (this Python, this module)
            command, input=asked, capture_output=True, text=True, timeout=limit, env=_environment()
        )
        found = json.loads(done.stdout.rpartition("\n\x1e")[2])
    except subprocess.TimeoutExpired:
        _warn(f"loading it took longer than {limit:g} s (MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT)")
        return []
    except ValueError:
        _warn((done.stderr.strip().splitlines() or ["its process ended"])[-1])
        return []
    if found["modules"]:
        names = ", ".join(found["modules"])
        warnings.warn(
            f"The model imports modules that belong to no installed package ({names}); save them with it (code_paths).",
            stacklevel=5,
        )
    return list(found["packages"])


def _environment() -> dict[str, str]:
    import os

    here = str(Path(__file__).parents[2])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))}


def _warn(reason: str) -> None:
    warnings.warn(
        f"The packages that the model imports could not be found out: {reason}. Its requirements hold only what its flavor "
        "needs; give pip_requirements.",
        stacklevel=5,
    )


def main() -> int:
    """Load the model that is asked for and print what it imported."""
    asked = json.load(sys.stdin)
    sys.path[:] = [*sys.path, *(one for one in asked["path"] if one not in sys.path)]
    before, wanted = set(sys.modules), _watch()
    folder = Path(asked["folder"])
    model = ModelFile.read(folder)
    if PYFUNC in model.flavors:
        loaded = load_pyfunc(folder, allow_pickle=True)
        example = read_example(folder, model)
        if example is not None:
            loaded.predict(example, read_example_params(folder, model))
    else:
        load_native(folder, allow_pickle=True)
    tops = {name.partition(".")[0] for name in set(sys.modules) - before} | (wanted & set(sys.modules))
    print("\n\x1e" + json.dumps(_sorted_out(tops, folder)), flush=True)
    return 0


def _watch() -> set[str]:
    """A set that fills with the top-level names that code outside of Tidemill asks to import from now on."""
    wanted: set[str] = set()
    original = builtins.__import__

    def watched(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
        asker = (globals or {}).get("__name__") or ""
        if level == 0 and not asker.startswith("tidemill") and asker.partition(".")[0] not in _LOADED:
            wanted.add(name.partition(".")[0])
        return original(name, globals, locals, fromlist, level)

    builtins.__import__ = watched
    return wanted


_LOADED = frozenset(name.partition(".")[0] for name in sys.modules)
"""What Tidemill itself had loaded: what these import later is not the model's business."""


def _sorted_out(tops: set[str], folder: Path) -> dict[str, list[str]]:
    from importlib.metadata import packages_distributions

    known = packages_distributions()
    packages, modules = set(), []
    for name in tops - set(sys.stdlib_module_names):
        if name in known:
            packages.add(known[name][0])
        elif not name.startswith("_") and _is_own(name, folder):
            modules.append(name)
    return {"packages": sorted(packages - _NEVER, key=str.lower), "modules": sorted(modules)}


def _is_own(name: str, folder: Path) -> bool:
    """Whether this is a module of the user's that the model does not bring along."""
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if file is None or name.startswith("tidemill"):
        return False
    brought = any((folder / "code" / one).exists() for one in (name, f"{name}.py"))
    return not brought and not Path(file).resolve().is_relative_to(folder.resolve())


if __name__ == "__main__":
    sys.exit(main())
