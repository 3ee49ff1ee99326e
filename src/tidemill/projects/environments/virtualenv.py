"""Environments made by `virtualenv`, or by Python's own `venv`, and filled by pip: where uv is missing."""

import importlib.util
import os
import shutil
import sys

from tidemill.errors import NotFound
from tidemill.projects.environments.environment import Environment, Ready, Say, activated, carry_out, kept
from tidemill.projects.environments.uv import python_for, requirement_files
from tidemill.projects.needs import Needs

_FAILED = "The environment of this project cannot be made"


def environment(needs: Needs, offline: bool, say: Say) -> Environment:
    """The environment for `needs`. Raises InvalidParameter where pip cannot install them, NotFound without that Python."""
    digest = needs.digest("virtualenv")
    path, ready = kept(digest, lambda path: _make(needs, path, offline, say))
    return Environment("virtualenv", digest, activated(path), ready.packages, ready.python, needs.requirements)


def _make(needs: Needs, path: str, offline: bool, say: Say) -> Ready:
    say(f"Making the environment ({len(needs.requirements)} requirements) with pip …")
    python = _program(needs.python)
    if importlib.util.find_spec("virtualenv") is not None:
        carry_out([sys.executable, "-m", "virtualenv", "--quiet", "--python", python, path], _FAILED)
    else:
        carry_out([python, "-m", "venv", path], _FAILED)
    inner = os.path.join(path, "Scripts" if os.name == "nt" else "bin", "python")
    pip = [inner, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"]
    if needs.requirements:
        with requirement_files(needs) as options:
            carry_out([*pip, "install", *(["--no-index"] if offline else []), *options], _FAILED)
    packages = carry_out([*pip, "freeze"], _FAILED).splitlines()
    version = carry_out([inner, "-c", "import platform; print(platform.python_version())"], _FAILED).strip()
    return Ready(tuple(packages), version)


def _program(version: str | None) -> str:
    wanted = python_for(version)
    if os.path.isabs(wanted):
        return wanted
    found = shutil.which("python" + ".".join(wanted.split(".")[:2]))
    if found is None:
        raise NotFound(
            f"The project wants Python {version}, which is not installed. Install it, or uv, which brings it along."
        )
    return found
