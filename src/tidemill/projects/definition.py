"""What a project says of itself: the file `MLproject`, the table `[tool.tidemill.project]`, or nothing but scripts.

`MLproject` is MLflow's open format (YAML): `name`, `entry_points` with `parameters` and `command`, and one of
`python_env`, `conda_env` and `docker_env`. The table in `pyproject.toml` has the same parts.
"""

import os
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tidemill.errors import InvalidParameter, NotFound
from tidemill.projects.parameters import Parameter

_MOST_BYTES = 1_000_000
_ENVIRONMENTS = ("python_env", "conda_env", "docker_env")
_SCRIPTS = {".py": "python", ".sh": "bash", ".R": "Rscript", ".r": "Rscript"}


@dataclass(frozen=True)
class EntryPoint:
    """One thing that a project can do: a command template and its parameters."""

    name: str
    command: str
    parameters: dict[str, Parameter] = field(default_factory=dict)


@dataclass(frozen=True)
class DockerEnvironment:
    """The table `docker_env`. `environment` holds names to copy, and pairs to set."""

    image: str
    volumes: tuple[str, ...] = ()
    environment: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True)
class Project:
    """A project in a folder. At most one of the environments is set; `python` and `dependencies` are the table's own."""

    folder: str
    name: str
    entry_points: dict[str, EntryPoint]
    python_env: str | None = None
    conda_env: str | None = None
    docker: DockerEnvironment | None = None
    python: str | None = None
    dependencies: tuple[str, ...] | None = None

    def entry_point(self, name: str) -> EntryPoint:
        """The entry point of this name, or the script of this name. Raises NotFound."""
        found = self.entry_points.get(name)
        if found is not None:
            return found
        program = _SCRIPTS.get(os.path.splitext(name)[1])
        inside = os.path.realpath(os.path.join(self.folder, name))
        if program and os.path.isfile(inside) and inside.startswith(os.path.realpath(self.folder) + os.sep):
            return EntryPoint(name, f"{program} {_literal(name)}")
        known = ", ".join(sorted(self.entry_points)) or "none declared"
        scripts = ", ".join(sorted(_SCRIPTS))
        raise NotFound(
            f"There is no entry point '{name}' (there are: {known}), and no script of that name ({scripts}) in the project."
        )


def load_project(folder: str) -> Project:
    """What the project in `folder` says of itself. Raises NotFound without the folder, InvalidParameter for wrong files."""
    if not os.path.isdir(folder):
        raise NotFound(f"There is no project folder '{folder}'.")
    for name in sorted(os.listdir(folder)):
        if name.lower() == "mlproject" and os.path.isfile(os.path.join(folder, name)):
            return _project(folder, read_yaml(os.path.join(folder, name)), name)
    table = _table(os.path.join(folder, "pyproject.toml"))
    if table is not None:
        return _project(folder, table, "pyproject.toml")
    return _project(folder, {}, "MLproject")


def read_yaml(path: str) -> Any:
    """A YAML file of plain data. Raises NotFound and InvalidParameter."""
    import yaml

    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            raise InvalidParameter(f"The file '{path}' is larger than 1 MB; it cannot be a project's.")
        return yaml.safe_load(text)
    except FileNotFoundError:
        raise NotFound(f"There is no file '{path}'.") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidParameter(f"The file '{path}' is not readable YAML: {' '.join(str(error).split())}.") from None


def _table(path: str) -> dict[str, Any] | None:
    try:
        with open(path, "rb") as file:
            found = tomllib.load(file)
    except FileNotFoundError:
        return None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidParameter(f"The file '{path}' is not readable TOML: {error}.") from None
    table = found.get("tool", {}).get("tidemill", {}).get("project")
    if not isinstance(table, dict):
        return None
    package = found.get("project", {})
    table = {key.replace("-", "_"): value for key, value in table.items()}
    if "dependencies" not in table and "dependencies" in package:
        table["dependencies"] = package["dependencies"]
    table.setdefault("name", package.get("name"))
    return table


def _project(folder: str, content: Any, source: str) -> Project:
    if content is None:
        content = {}
    if not isinstance(content, Mapping):
        raise InvalidParameter(f"The file {source} must be a table of names, not a {type(content).__name__}.")
    named = [key for key in _ENVIRONMENTS if content.get(key)]
    if len(named) > 1:
        raise InvalidParameter(f"The file {source} names more than one environment: {', '.join(named)}. Keep one.")
    points = content.get("entry_points") or {}
    if not isinstance(points, Mapping):
        raise InvalidParameter(f"'entry_points' in {source} must be a table of entry points.")
    dependencies = content.get("dependencies")
    if dependencies is not None and not _is_texts(dependencies):
        raise InvalidParameter(f"'dependencies' in {source} must be a list of texts.")
    return Project(
        folder=os.path.abspath(folder),
        name=str(content.get("name") or os.path.basename(os.path.abspath(folder))),
        entry_points={str(name): _entry_point(str(name), one, source) for name, one in points.items()},
        python_env=_file(folder, content, "python_env", source, "" if named or dependencies else "python_env.yaml"),
        conda_env=_file(folder, content, "conda_env", source, "" if named or dependencies else "conda.yaml"),
        docker=_docker(content["docker_env"], source) if "docker_env" in named else None,
        python=str(content["python"]) if content.get("python") else None,
        dependencies=None if dependencies is None else tuple(dependencies),
    )


def _entry_point(name: str, declared: Any, source: str) -> EntryPoint:
    if not isinstance(declared, Mapping) or not isinstance(declared.get("command"), str):
        raise InvalidParameter(f"The entry point '{name}' in {source} needs a 'command'.")
    parameters = declared.get("parameters") or {}
    if not isinstance(parameters, Mapping):
        raise InvalidParameter(f"'parameters' of the entry point '{name}' in {source} must be a table.")
    return EntryPoint(
        name, declared["command"], {str(key): Parameter.of(str(key), one) for key, one in parameters.items()}
    )


def _file(folder: str, content: Mapping[str, Any], key: str, source: str, default: str) -> str | None:
    """The absolute path of the file that `key` names, which lies in the project; the default only where it is there."""
    name = content.get(key)
    if not name:
        path = os.path.join(folder, default)
        if key == "conda_env" and os.path.isfile(os.path.join(folder, "python_env.yaml")):
            return None
        return os.path.abspath(path) if default and os.path.isfile(path) else None
    path = os.path.realpath(os.path.join(folder, str(name)))
    if not path.startswith(os.path.realpath(folder) + os.sep):
        raise InvalidParameter(f"'{key}' in {source} names '{name}', which lies outside of the project.")
    if not os.path.isfile(path):
        raise NotFound(f"'{key}' in {source} names '{name}', but there is no such file.")
    return path


def _docker(declared: Any, source: str) -> DockerEnvironment:
    if not isinstance(declared, Mapping) or not isinstance(declared.get("image"), str) or not declared["image"].strip():
        raise InvalidParameter(f"'docker_env' in {source} needs an 'image'.")
    volumes, variables = declared.get("volumes") or [], declared.get("environment") or []
    if not _is_texts(volumes):
        raise InvalidParameter(f"'volumes' in {source} must be a list of texts such as '/here:/there'.")
    pairs: list[tuple[str, str | None]] = []
    for one in variables if isinstance(variables, list) else [None]:
        if isinstance(one, str):
            pairs.append((one, None))
        elif isinstance(one, list) and len(one) == 2:
            pairs.append((str(one[0]), str(one[1])))
        else:
            raise InvalidParameter(f"'environment' in {source} must hold names to copy and [name, value] pairs to set.")
    return DockerEnvironment(declared["image"].strip(), tuple(volumes), tuple(pairs))


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _literal(name: str) -> str:
    """A file's name as one word of a template."""
    return shlex.quote(name).replace("{", "{{").replace("}", "}}")
