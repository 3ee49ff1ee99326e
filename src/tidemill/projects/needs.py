"""What a project's environment must hold, read from `python_env.yaml`, `conda.yaml`, requirement files or the table.

Formats: https://mlflow.org/docs/latest/ml/projects (python_env: `python`, `build_dependencies`, `dependencies`), conda's
environment files (`dependencies` with an inner `pip` list), pip's requirement files.
"""

import os
import re
import sys
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import msgspec

from tidemill.errors import InvalidParameter, NotFound
from tidemill.projects.definition import Project, read_yaml

_VERSION = re.compile(r"\d+(?:\.\d+){0,2}")
_CONDA_PYTHON = re.compile(r"python(?:\s*[=<>~!]+\s*(?P<version>\d+(?:\.\d+){0,2})[.*]*.*)?")
_LOCAL = re.compile(r"(?:-e\s+|--editable[\s=]+)?(\.{0,2}/[^;\s]*|\.{1,2}|file:[^;\s]*)(?:\[[^\]]*\])?$")
_FOLDER_OPTION = re.compile(r"(?P<option>-f|--find-links)[\s=]+(?P<path>(?![A-Za-z][A-Za-z0-9+.\-]+:).+)")
_MOST_DEPTH = 10


class Needs(msgspec.Struct, frozen=True):
    """An environment's contents. `python` None: any; `conda`: the text of a conda file where pip alone cannot do it.

    `requirements` are lines for pip, files they name already put in; `constraints` likewise.
    """

    python: str | None = None
    requirements: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    conda: str = ""
    conda_packages: tuple[str, ...] = ()
    local: tuple[tuple[str, str], ...] = ()
    """Folders and files on this disk that are installed, with the digests of their contents."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is asked for."""
        return not (self.requirements or self.conda or self.python)

    def digest(self, tool: str) -> str:
        """32 hexadecimal digits that stand for this environment, made by `tool`, on this kind of machine."""
        parts = [tool, sys.platform, os.uname().machine if hasattr(os, "uname") else "", self.conda]
        parts += [self.python or "", *self.requirements, "--", *self.constraints]
        parts += [text for pair in self.local for text in pair]
        return sha256("\0".join(parts).encode()).hexdigest()[:32]


def needs_of(project: Project) -> Needs:
    """What a project asks for. Raises InvalidParameter for wrong files."""
    if project.python_env is not None:
        return _python_env(project.python_env)
    if project.conda_env is not None:
        return _conda(project.conda_env)
    if project.dependencies is not None or project.python is not None:
        reader = _Reader(project.folder)
        reader.add(project.dependencies or ())
        return reader.needs(_version(project.python, "pyproject.toml"))
    return Needs()


def _python_env(path: str) -> Needs:
    content = read_yaml(path) or {}
    if not isinstance(content, Mapping):
        raise InvalidParameter(f"The file '{path}' must be a table with 'python' and 'dependencies'.")
    reader = _Reader(os.path.dirname(path))
    for key in ("build_dependencies", "dependencies"):
        lines = content.get(key) or []
        if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
            raise InvalidParameter(f"'{key}' in '{path}' must be a list of texts.")
        reader.add(lines)
    return reader.needs(_version(content.get("python"), path))


def _conda(path: str) -> Needs:
    content = read_yaml(path) or {}
    listed = content.get("dependencies") if isinstance(content, Mapping) else None
    if not isinstance(listed, list):
        raise InvalidParameter(f"The conda file '{path}' must have a list 'dependencies'.")
    reader, python, packages = _Reader(os.path.dirname(path)), None, []
    for one in listed:
        if isinstance(one, Mapping):
            reader.add([str(line) for line in one.get("pip") or ()])
        elif found := _CONDA_PYTHON.fullmatch(str(one).strip()):
            python = found["version"]
        elif not re.fullmatch(r"(pip|setuptools|wheel)\b.*", str(one)):
            packages.append(str(one))
    needs = reader.needs(python)
    with open(path, encoding="utf-8") as file:
        return msgspec.structs.replace(needs, conda=file.read(), conda_packages=tuple(packages))


class _Reader:
    """Puts requirement lines together, with the files that they name."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._requirements: list[str] = []
        self._constraints: list[str] = []
        self._local: dict[str, str] = {}

    def add(self, lines: Any) -> None:
        self._add(lines, self._folder, self._requirements, 0)

    def needs(self, python: str | None) -> Needs:
        return Needs(python, tuple(self._requirements), tuple(self._constraints), local=tuple(self._local.items()))

    def _add(self, lines: Any, folder: str, into: list[str], depth: int) -> None:
        if depth > _MOST_DEPTH:
            raise InvalidParameter("Requirement files name each other without an end.")
        for line in lines:
            text = re.sub(r"(^|\s)#.*$", "", line).strip()
            if not text:
                continue
            if any(ord(char) < 32 for char in text):
                raise InvalidParameter(f"The requirement {line!r} holds a control character.")
            option = re.match(r"(-r|--requirement|-c|--constraint)[\s=]*(.+)", text)
            if option:
                path = os.path.join(folder, option[2])
                target = into if option[1] in ("-r", "--requirement") else self._constraints
                self._add(_lines(path), os.path.dirname(path), target, depth + 1)
            else:
                into.append(self._absolute(text, folder))

    def _absolute(self, text: str, folder: str) -> str:
        places = _FOLDER_OPTION.fullmatch(text)
        if places is not None:
            return f"--find-links {os.path.abspath(os.path.join(folder, places['path']))}"
        found = _LOCAL.match(text)
        if found is None:
            return text
        path = os.path.abspath(os.path.join(folder, found[1].removeprefix("file://").removeprefix("file:")))
        if not os.path.exists(path):
            raise NotFound(f"The requirement '{text}' names '{path}', which does not exist.")
        self._local[path] = _content_digest(path)
        return text[: found.start(1)] + path + text[found.end(1) :]


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().replace("\\\n", " ").splitlines()
    except FileNotFoundError:
        raise NotFound(f"There is no requirement file '{path}'.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidParameter(f"The requirement file '{path}' cannot be read: {error}.") from None


def _version(value: Any, path: str) -> str | None:
    if value is None or value == "":
        return None
    text = str(value).strip()
    if not _VERSION.fullmatch(text):
        raise InvalidParameter(f"'python' in '{path}' must be a version such as 3.11, not {value!r}.")
    return text


def _content_digest(path: str) -> str:
    found = sha256()
    if os.path.isfile(path):
        with open(path, "rb") as file:
            found.update(file.read())
        return found.hexdigest()
    for folder, names, files in os.walk(path):
        names[:] = sorted(name for name in names if not name.startswith(".") and name != "__pycache__")
        for name in sorted(files):
            if name.endswith((".py", ".toml", ".cfg", ".txt", ".md", ".pyx", ".c", ".cpp", ".h")):
                found.update(os.path.relpath(os.path.join(folder, name), path).encode())
                with open(os.path.join(folder, name), "rb") as file:
                    found.update(file.read())
    return found.hexdigest()
