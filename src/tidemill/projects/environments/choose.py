"""Which environment a project gets: the way asked for, else the best that is installed here."""

import os
import shutil
import sys

from tidemill.errors import InvalidParameter
from tidemill.projects.definition import Project
from tidemill.projects.environments import conda, docker, uv, virtualenv
from tidemill.projects.environments.environment import Environment, Say
from tidemill.projects.needs import Needs, needs_of

WAYS = ("auto", "uv", "virtualenv", "conda", "local", "docker")


def choose(project: Project, way: str, offline: bool, say: Say, needs: Needs | None = None) -> Environment:
    """The environment of `project`, ready to run in.

    `way` is one of WAYS; `auto` is the container or the conda file that the project names, else uv, else virtualenv,
    else (where the project asks for nothing) the environment that is there. `needs` stands for the project's own, to
    make an older environment again. Raises an error of `tidemill.errors` where it cannot be made.
    """
    if way not in WAYS:
        raise InvalidParameter(f"There is no environment '{way}'; choose one of {', '.join(WAYS)}.")
    if way == "docker" and project.docker is None:
        raise InvalidParameter("This project names no docker_env, so it cannot run in a container.")
    if way in ("auto", "docker") and project.docker is not None and needs is None:
        return docker.environment(project.docker)
    if way == "local":
        return local()
    found = needs_of(project) if needs is None else needs
    if way == "auto":
        way = _best(found)
    if way == "local":
        return local()
    if way == "conda":
        return conda.environment(found, offline, say)
    if found.conda_packages:
        raise InvalidParameter(
            f"This project's conda.yaml asks for {', '.join(found.conda_packages)} from conda, which {way} cannot install."
        )
    make = uv.environment if way == "uv" else virtualenv.environment
    return make(found, offline, say)


def local() -> Environment:
    """The environment that is there: the PATH as it is, and this Python where the PATH has none."""
    variables = {}
    path = os.environ.get("PATH", os.defpath)
    if shutil.which("python", path=path) is None:
        variables["PATH"] = path + os.pathsep + os.path.dirname(sys.executable)
    return Environment("local", variables=variables)


def _best(needs: Needs) -> str:
    if needs.is_empty:
        return "local"
    if needs.conda_packages or (needs.conda and conda.find() is not None):
        return "conda"
    return "uv" if uv.find() is not None else "virtualenv"
