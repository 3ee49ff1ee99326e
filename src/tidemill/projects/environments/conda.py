"""Environments made by micromamba, mamba or conda, where one of them is installed."""

import os
import shutil
import tempfile

from tidemill.errors import Unavailable
from tidemill.projects.environments.environment import Environment, Ready, Say, carry_out, kept
from tidemill.projects.needs import Needs

_PROGRAMS = ("micromamba", "mamba", "conda")
_FAILED = "The conda environment of this project cannot be made"


def find() -> str | None:
    """The first of micromamba, mamba and conda that is on the PATH."""
    return next((path for name in _PROGRAMS if (path := shutil.which(name))), None)


def environment(needs: Needs, offline: bool, say: Say) -> Environment:
    """The environment for `needs.conda`. Raises Unavailable without any of the programs."""
    program = find()
    if program is None:
        packages = ", ".join(needs.conda_packages)
        raise Unavailable(
            f"This project's conda.yaml needs conda{f' for {packages}' if packages else ''}, and none of "
            f"{', '.join(_PROGRAMS)} is installed. Install micromamba, or run with --env local in an environment that has them."
        )
    digest = needs.digest("conda")
    path, ready = kept(digest, lambda path: _make(program, needs, path, offline, say))
    variables = {
        "CONDA_PREFIX": path,
        "PATH": os.path.join(path, "bin") + os.pathsep + os.environ.get("PATH", os.defpath),
        "PYTHONNOUSERSITE": "1",
    }
    return Environment("conda", digest, variables, ready.packages, ready.python, needs.requirements)


def _make(program: str, needs: Needs, path: str, offline: bool, say: Say) -> Ready:
    say(f"Making the environment with {os.path.basename(program)} …")
    with tempfile.TemporaryDirectory(prefix="tidemill-conda-") as folder:
        file = os.path.join(folder, "conda.yaml")
        with open(file, "w", encoding="utf-8") as writing:
            writing.write(needs.conda)
        words = [program, "create" if os.path.basename(program) == "micromamba" else "env"]
        words += ["--yes"] if words[1] == "create" else ["create"]
        carry_out([*words, "--quiet", *(["--offline"] if offline else []), "--prefix", path, "--file", file], _FAILED)
    listed = carry_out([program, "list", "--prefix", path, "--json"], _FAILED)
    packages = _packages(listed)
    return Ready(packages, next((one.partition("==")[2] for one in packages if one.startswith("python==")), ""))


def _packages(listed: str) -> tuple[str, ...]:
    import msgspec

    try:
        found = msgspec.json.decode(listed, type=list[dict[str, object]])
    except msgspec.MsgspecError:
        return ()
    return tuple(sorted(f"{one.get('name')}=={one.get('version')}" for one in found))
