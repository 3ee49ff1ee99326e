"""A model's own environment, rebuilt with uv from its requirements, and a batch job run there.

Nothing passes through a shell: names and paths from the model are single arguments, and checked ones.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tidemill
from tidemill.errors import InternalError, InvalidParameter, MissingDependency
from tidemill.models import trust
from tidemill.models.audit import installs
from tidemill.models.environment import CONSTRAINTS, PYTHON_ENV, REQUIREMENTS, name_of, requirement_lines
from tidemill.models.format import from_yaml

_PYTHON = re.compile(r"(\d+\.\d+)(\.\d+)?")
_OURS = ("msgspec", "pyyaml", "pandas", "pyarrow")
"""What Tidemill itself needs in there to load a model and stream a file."""


def uv_command(folder: Path, allow_pickle: bool) -> list[str]:
    """The command that runs Python in the model's environment, built by uv where it is not in uv's cache.

    Raises MissingDependency without uv, and Untrusted for requirements that are no releases from an index unless
    `allow_pickle`: building those runs their code.
    """
    requirements = folder / REQUIREMENTS
    if requirements.is_file():
        odd = [finding.names[0] for finding in installs(requirements)]
        if odd:
            trust.demand(allow_pickle, f"a requirement that is no release from an index, '{odd[0]}'")
    lines = requirement_lines(requirements, []) if requirements.is_file() else []
    named = {name_of(line) for line in lines}
    command = [_uv(), "run", "--quiet", "--isolated", "--no-project", "--python", _python(folder)]
    for line in lines:
        command += ["--with", line]
    for name in _OURS:
        if name not in named:
            command += ["--with", name]
    if (folder / CONSTRAINTS).is_file():
        command += ["--constraints", str(folder / CONSTRAINTS)]
    return [*command, "python"]


def _uv() -> str:
    found = shutil.which("uv")
    if found:
        return found
    beside = Path(sys.executable).with_name("uv")
    if beside.is_file():
        return str(beside)
    raise MissingDependency("uv", "projects", "Rebuilding a model's environment")


def _python(folder: Path) -> str:
    """Major and minor version: a patch release more or less does not change what a model does."""
    path = folder / PYTHON_ENV
    said = from_yaml(path.read_text(encoding="utf-8"), str(path)) if path.is_file() else {}
    version = str(said.get("python") or "") if isinstance(said, dict) else ""
    match = _PYTHON.fullmatch(version)
    if version and match is None:
        raise InvalidParameter(f"'{path}' asks for the Python version '{version}', which is none.")
    return match[1] if match else f"{sys.version_info.major}.{sys.version_info.minor}"


def run_isolated(
    folder: Path, job: dict[str, Any], allow_pickle: bool, advance: Callable[[int], None] = lambda count: None
) -> int:
    """Run a job of `tidemill.models.job` in the model's environment; how many rows it did. Raises InternalError."""
    asked = json.dumps({**job, "folder": str(folder), "allow_pickle": allow_pickle})
    with tempfile.TemporaryDirectory(prefix="tidemill-env-") as place:
        # This very Tidemill, and nothing else of this environment.
        os.symlink(os.path.dirname(os.path.abspath(tidemill.__file__)), os.path.join(place, "tidemill"))
        environment = {**os.environ, "PYTHONPATH": place, "PYTHONDONTWRITEBYTECODE": "1"}
        environment.pop("VIRTUAL_ENV", None)
        command = [*uv_command(folder, allow_pickle), "-m", "tidemill.models.job"]
        with subprocess.Popen(  # noqa: S603  (a list of arguments, each checked)
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(asked)
            process.stdin.close()
            said = ""
            for line in process.stdout:
                word, _, rest = line.rstrip("\n").partition(" ")
                if word == "rows":
                    advance(int(rest))
                elif word in ("done", "error"):
                    said = line.strip()
        if said.startswith("done "):
            return int(said.removeprefix("done "))
        reason = said.removeprefix("error ").rstrip(".") or "it could not be built"
        raise InternalError(f"In the model's environment: {reason}.")
