"""The environment of a model: `requirements.txt`, `python_env.yaml` and `conda.yaml`, as MLflow writes them."""

import os
import platform
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, TypeAlias

from tidemill.errors import InvalidParameter
from tidemill.models.format import from_yaml, to_yaml

REQUIREMENTS, PYTHON_ENV, CONDA, CONSTRAINTS = "requirements.txt", "python_env.yaml", "conda.yaml", "constraints.txt"
"""The names of the files."""

Requirements: TypeAlias = "str | os.PathLike[str] | Sequence[str] | None"
"""A list of requirements, or the path of a requirements file."""

_NAME = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^\]]*\])?\s*(.*)$")


@dataclass(frozen=True)
class Environment:
    """What a model needs: requirements (one a line, as pip takes them), constraints, the Python version.

    `conda` is the whole content of conda.yaml where the caller gave one.
    """

    requirements: list[str]
    constraints: list[str] = field(default_factory=list)
    python: str = field(default_factory=platform.python_version)
    conda: dict[str, Any] | None = None

    def write(self, folder: Path) -> dict[str, str]:
        """Write the files; the section `env` of MLmodel."""
        (folder / REQUIREMENTS).write_text("\n".join(self._lines()), encoding="utf-8")
        if self.constraints:
            (folder / CONSTRAINTS).write_text("\n".join(self.constraints), encoding="utf-8")
        (folder / PYTHON_ENV).write_text(_python_env(self.python), encoding="utf-8")
        (folder / CONDA).write_text(to_yaml(self.conda or self._conda()), encoding="utf-8")
        return {"conda": CONDA, "virtualenv": PYTHON_ENV}

    def _lines(self) -> list[str]:
        return [*self.requirements, *([f"-c {CONSTRAINTS}"] if self.constraints else [])]

    def _conda(self) -> dict[str, Any]:
        pip = {"pip": self._lines()}
        return {
            "name": "mlflow-env",
            "channels": ["conda-forge"],
            "dependencies": [f"python={self.python}", f"pip<={_installed('pip') or '25.0'}", pip],
        }


def _python_env(python: str) -> str:
    tools = [f"{name}=={version}" for name in ("pip", "setuptools") if (version := _installed(name))]
    built = "".join(f"- {tool}\n" for tool in [*tools, "wheel"])
    return f"python: {python}\nbuild_dependencies:\n{built}dependencies:\n- -r {REQUIREMENTS}\n"


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def environment_of(
    needed: Iterable[str],
    pip_requirements: Requirements = None,
    extra_pip_requirements: Requirements = None,
    conda_env: "dict[str, Any] | str | os.PathLike[str] | None" = None,
) -> Environment:
    """The environment to write: what the caller says, else `needed` (names, pinned to what is installed here).

    `pip_requirements` replaces `needed`, `extra_pip_requirements` adds to it; each a list of requirements or the path of
    a requirements file, where `-r` and `-c` name further files. `conda_env` is a dict, or the path of a YAML file.
    Raises InvalidParameter where they contradict each other.
    """
    if conda_env is not None and (pip_requirements is not None or extra_pip_requirements is not None):
        raise InvalidParameter("Only one of conda_env and pip_requirements or extra_pip_requirements can be given.")
    if pip_requirements is not None and extra_pip_requirements is not None:
        raise InvalidParameter("Only one of pip_requirements and extra_pip_requirements can be given.")
    if conda_env is not None:
        return _from_conda(conda_env)
    constraints: list[str] = []
    if pip_requirements is not None:
        return Environment(requirement_lines(pip_requirements, constraints), constraints)
    lines = [pinned(one) for one in needed]
    if extra_pip_requirements is not None:
        extra = requirement_lines(extra_pip_requirements, constraints)
        given = {name_of(one) for one in extra}
        lines = [one for one in lines if name_of(one) not in given] + extra
    return Environment(sorted(set(lines), key=str.lower), constraints)


def _from_conda(given: "dict[str, Any] | str | os.PathLike[str]") -> Environment:
    content = given if isinstance(given, dict) else from_yaml(Path(given).read_text(encoding="utf-8"), str(given))
    if not isinstance(content, dict):
        raise InvalidParameter("A conda environment is a map with 'dependencies'.")
    lines: list[str] = []
    python = platform.python_version()
    for one in content.get("dependencies", []):
        if isinstance(one, dict):
            lines += one.get("pip", [])
        elif match := re.match(r"python\s*=+\s*([0-9][0-9.]*)$", str(one)):
            python = match[1]
    return Environment(lines, python=python, conda=content)


def requirement_lines(given: "str | os.PathLike[str] | Sequence[str]", constraints: list[str]) -> list[str]:
    """The requirements of a list or file; `-c` files go to `constraints`. Raises InvalidParameter."""
    lines: list[str] = []
    if isinstance(given, (str, os.PathLike)):
        texts, folder = _file_lines(Path(given)), Path(given).parent
    else:
        texts, folder = [str(one) for one in given], Path()
    for text in texts:
        line = text.split(" #")[0].strip()
        if not line or line.startswith("#"):
            continue
        option, _, rest = line.partition(" ")
        if option in ("-r", "--requirement"):
            lines += requirement_lines(folder / rest.strip(), constraints)
        elif option in ("-c", "--constraint"):
            constraints += requirement_lines(folder / rest.strip(), constraints)
        else:
            lines.append(line)
    return lines


def _file_lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").replace("\\\n", "").splitlines()
    except OSError as error:
        raise InvalidParameter(f"The requirements file '{path}' cannot be read: {error}.") from None


def name_of(requirement: str) -> str:
    """The distribution that a requirement names, as it is compared: lower case, `-` for `_` and `.`."""
    match = _NAME.match(requirement)
    return re.sub(r"[-_.]+", "-", match[1]).lower() if match else requirement


def with_dependencies(needed: Iterable[str]) -> list[str]:
    """`needed`, and the names of all installed distributions that these require, and those, and so on."""
    found = {name_of(one): one for one in needed}
    waiting = list(found)
    while waiting:
        for text in _requires(waiting.pop()):
            name = name_of(text)
            if "extra ==" not in text and name not in found and _installed(name):
                found[name] = name
                waiting.append(name)
    return list(found.values())


def _requires(name: str) -> list[str]:
    try:
        return metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return []


def pinned(requirement: str) -> str:
    """A bare name as `name==version` of what is installed here; anything else as it is."""
    match = _NAME.match(requirement)
    if match is None or match[3]:
        return requirement
    version = _installed(match[1])
    return requirement if version is None else f"{match[1]}{match[2] or ''}=={version.partition('+')[0]}"
