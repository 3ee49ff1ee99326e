"""Executors by name: the kinds that there are, and those that a file configures.

The file is TOML, `executors.toml` in the working folder or the one that `TIDEMILL_EXECUTORS` names:

    [executors.cluster]
    kind = "ray"
    address = "http://head:8265"
"""

import importlib
import os
import tomllib
from collections.abc import Mapping
from typing import Any

from tidemill import settings
from tidemill.errors import InvalidParameter, NotFound
from tidemill.projects.executors.local import LocalExecutor
from tidemill.projects.job import Executor

KINDS = {
    "ray": "tidemill.projects.executors.ray:RayExecutor",
    "kubernetes": "tidemill.projects.executors.kubernetes:KubernetesExecutor",
    "slurm": "tidemill.projects.executors.slurm:SlurmExecutor",
}

MAKE_THEIR_OWN = ("ray", "kubernetes")
"""Kinds whose machines get their environments from the engine, not from a folder that was made here."""


def executor(name: str, given: Mapping[str, Any] | None = None, terminal: bool = False) -> Executor:
    """The executor called `name`: a kind, or one of the file. `given` adds to its settings.

    Raises NotFound for an unknown one, InvalidParameter for wrong settings.
    """
    kind, found = configured(name)
    found = {**found, **(given or {})}
    if kind == "local":
        return LocalExecutor(terminal)
    module, _, cls = KINDS[kind].partition(":")
    made: Executor = getattr(importlib.import_module(module), cls)(found)
    return made


def configured(name: str) -> tuple[str, dict[str, Any]]:
    """The kind and the settings of the executor called `name`. Raises NotFound."""
    table = read_file().get(name)
    if table is not None:
        settings_ = dict(table)
        kind = str(settings_.pop("kind", ""))
        if kind not in KINDS and kind != "local":
            known = ", ".join(["local", *KINDS])
            raise InvalidParameter(f"The executor '{name}' has the kind '{kind}'; use one of {known}.")
        return kind, settings_
    if name == "local" or name in KINDS:
        return name, {}
    known = ", ".join(sorted({"local", *KINDS, *read_file()}))
    raise NotFound(f"There is no executor '{name}'; there are {known}.")


def read_file(path: str | None = None) -> dict[str, dict[str, Any]]:
    """The tables below `[executors]` of the file; empty without one. Raises InvalidParameter for a wrong file."""
    chosen = path or settings.executors_file()
    place = chosen or "executors.toml"
    if not os.path.isfile(place):
        if chosen:
            raise NotFound(f"There is no file '{place}' with executors.")
        return {}
    try:
        with open(place, "rb") as file:
            found = tomllib.load(file).get("executors", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidParameter(f"The file '{place}' is not readable TOML: {error}.") from None
    if not isinstance(found, dict) or not all(isinstance(one, dict) for one in found.values()):
        raise InvalidParameter(f"The file '{place}' must have tables such as [executors.cluster].")
    return found
