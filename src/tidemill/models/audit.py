"""What a model folder would import and run when it is loaded, without importing or running any of it."""

import ast
import json
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidemill.errors import NotFound, TidemillError
from tidemill.models.environment import REQUIREMENTS
from tidemill.models.flavor import find_flavor, flavor_of_loader
from tidemill.models.format import PYFUNC, ModelFile, inside
from tidemill.models.pickles import DANGEROUS, LIMIT, PickleReport, scan

_NATIVE = (".so", ".pyd", ".dll", ".dylib", ".pyc")
_TRUSTED = ("sklearn.", "numpy.", "scipy.", "builtins.", "collections.", "functools.", "datetime.")


@dataclass(frozen=True)
class Finding:
    """One thing that loading the model may run, or that leads out of its folder.

    `kind`: `pickle`, `script`, `code`, `loader`, `flavor`, `types`, `native`, `link`, `path`, `install`. `runs_code`:
    loading needs `allow_pickle` for it. `names`: what it imports, or the types it makes. `dangerous`: those of them that
    can do anything.
    """

    kind: str
    path: str
    text: str
    runs_code: bool
    names: tuple[str, ...] = ()
    dangerous: tuple[str, ...] = ()


@dataclass(frozen=True)
class Audit:
    """All findings in a folder; `flavors` are those of its MLmodel."""

    folder: str
    flavors: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def runs_code(self) -> bool:
        """Whether loading it needs `allow_pickle=True`."""
        return any(one.runs_code for one in self.findings)


def audit(folder: "str | os.PathLike[str]") -> Audit:
    """Look at every file of a model folder. Raises NotFound where there is no model."""
    root = Path(folder)
    model = ModelFile.read(root)
    found = [*_said(root, model), *_flavors(root, model), *_files(root, model)]
    return Audit(str(root), tuple(model.flavors), tuple(sorted(found, key=lambda one: (not one.runs_code, one.path))))


def _said(root: Path, model: ModelFile) -> Iterator[Finding]:
    """What MLmodel itself asks for."""
    for flavor, section in model.flavors.items():
        for key in ("data", "code", "model_path", "pickled_model", "python_model", "path"):
            path = section.get(key)
            if isinstance(path, str):
                try:
                    inside(root, path, key)
                except NotFound:
                    pass
                except TidemillError as error:
                    yield Finding("path", path, f"{flavor}.{key}: {error}", False)
    loader = str(model.flavors.get(PYFUNC, {}).get("loader_module") or "")
    if loader and flavor_of_loader(loader) is None:
        yield Finding("loader", loader, "a module of its own loads the model", True, (loader,))


def _flavors(root: Path, model: ModelFile) -> Iterator[Finding]:
    """What flavors know of their own files: those that have a method `would_run(folder, config)`."""
    for name, section in model.flavors.items():
        try:
            found = list(getattr(find_flavor(name), "would_run", _nothing)(root, section))
        except TidemillError:  # a flavor of a package that is not here, or a path that `_said` tells of
            continue
        for path, text, names in found:
            yield Finding("flavor", path, text, True, names, names)


def _nothing(folder: Path, config: Any) -> list[tuple[str, str, tuple[str, ...]]]:
    return []


def _files(root: Path, model: ModelFile) -> Iterator[Finding]:
    section = model.flavors.get(PYFUNC, {})
    script = os.path.basename(str(section.get("model_code_path") or ""))
    code = str(section.get("code") or "") or None
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            if not os.path.realpath(path).startswith(os.path.realpath(root) + os.sep):
                yield Finding("link", name, f"a link out of the folder, to {os.readlink(path)}", False)
            continue
        if not path.is_file():
            continue
        if path.suffix == ".py":
            yield _python(path, name, script == name, code is not None and name.startswith(code + "/"))
        elif path.suffix in _NATIVE:
            yield Finding("native", name, "compiled code", code is not None and name.startswith(code + "/"))
        elif name == REQUIREMENTS:
            yield from installs(path)
        else:
            yield from _content(path, name)


def _python(path: Path, name: str, is_script: bool, is_code: bool) -> Finding:
    kind = "script" if is_script else "code"
    said = {True: "this script makes the model", False: "a module of the model's own" if is_code else "a Python file"}
    try:
        names = tuple(sorted(_imported(ast.parse(path.read_bytes()))))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        names = ("?",)
    dangerous = tuple(one for one in names if f"{one}.".startswith(DANGEROUS))
    return Finding(kind, name, said[is_script], is_script or is_code, names, dangerous)


def _imported(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("." * node.level + (node.module or ""))
    return found


def _content(path: Path, name: str) -> Iterator[Finding]:
    report = scan(path)
    if report is not None:
        yield _pickle(name, report)
    elif zipfile.is_zipfile(path):
        yield from _archive(path, name)


def _pickle(name: str, report: PickleReport) -> Finding:
    dangerous = tuple(one for one in report.imports if one.startswith(DANGEROUS))
    text = f"a pickle: imports {len(report.imports)} names, makes {report.calls} calls"
    text += "" if report.complete else "; not all of it could be read"
    return Finding("pickle", name, text, True, tuple(report.imports), dangerous)


def _archive(path: Path, name: str) -> Iterator[Finding]:
    """skops' and Keras' archives: JSON that names types."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            wanted = "schema.json" if "schema.json" in names else "config.json" if "config.json" in names else None
            if wanted is None or archive.getinfo(wanted).file_size > LIMIT:
                return
            content = json.loads(archive.read(wanted))
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, RecursionError):
        yield Finding("types", name, "an archive that cannot be read", False)
        return
    if wanted == "schema.json":
        types = tuple(sorted(set(_skops_types(content))))
        strange = tuple(one for one in types if not one.startswith(_TRUSTED))
        yield Finding(
            "types",
            name,
            f"skops: makes {len(types)} types, {len(strange)} of them unknown to it",
            False,
            types,
            strange,
        )
    elif "Lambda" in json.dumps(content):
        yield Finding("types", name, "Keras: a Lambda layer, which holds code", True, ("Lambda",), ("Lambda",))


def _skops_types(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "__module__" in node and "__class__" in node:
            yield f"{node['__module__']}.{node['__class__']}"
        for one in node.values():
            yield from _skops_types(one)
    elif isinstance(node, list):
        for one in node:
            yield from _skops_types(one)


def installs(path: Path) -> Iterator[Finding]:
    """Requirements that fetch something else than a release from an index."""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        odd = line.startswith("-") and not line.startswith("-c constraints.txt")
        if odd or "://" in line or " @ " in line:
            yield Finding("install", REQUIREMENTS, f"rebuilding its environment installs: {line}", False, (line,))
