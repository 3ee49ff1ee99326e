"""Writing a model folder."""

import os
import platform
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from tidemill import settings
from tidemill.errors import AlreadyExists, InvalidParameter
from tidemill.models.environment import environment_of, name_of, with_dependencies
from tidemill.models.example import split_params, write_example
from tidemill.models.flavor import Flavor, find_flavor
from tidemill.models.format import PYFUNC, ModelFile
from tidemill.models.imports import imported_packages
from tidemill.models.infer import params_of, schema_of
from tidemill.models.load import load_pyfunc
from tidemill.models.schema import ParamSchema
from tidemill.models.signature import Signature

CODE = "code"
"""The folder of the model's own modules."""


def save_model(
    flavor: "str | Flavor",
    model: Any,
    path: "str | os.PathLike[str]",
    *,
    signature: "Signature | Literal[False] | None" = None,
    input_example: Any = None,
    pip_requirements: "str | os.PathLike[str] | Sequence[str] | None" = None,
    extra_pip_requirements: "str | os.PathLike[str] | Sequence[str] | None" = None,
    conda_env: "dict[str, Any] | str | os.PathLike[str] | None" = None,
    code_paths: Sequence["str | os.PathLike[str]"] | None = None,
    metadata: Mapping[str, Any] | None = None,
    model_id: str | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    infer_requirements: bool | None = None,
    **options: Any,
) -> ModelFile:
    """Write `model` into the folder `path`, which must be missing or empty; what its MLmodel says.

    `signature`: None infers it from what the flavor knows and from `input_example` (the model is called with it once);
    False writes none. `input_example` is data, or a tuple of data and params. Requirements and conda_env as in
    `environment_of`; by default the packages that the model imported, pinned. Where the flavor knows them all, or with
    `infer_requirements=False` or the setting of that name, no process looks for them: then what its packages require.
    `code_paths` are files and folders that are copied into the model and imported from there. `options` go to the flavor.
    Raises AlreadyExists for a folder that holds something, and what the flavor raises; nothing is left behind then.
    """
    chosen = find_flavor(flavor) if isinstance(flavor, str) else flavor
    folder = Path(path)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise AlreadyExists(f"'{folder}' exists already and is not empty; save the model into a new folder.")
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        file = ModelFile(metadata=dict(metadata) if metadata else None, model_id=model_id, run_id=run_id)
        file.artifact_path = artifact_path
        saved = chosen.save(model, folder, **options)
        _copy_code(folder, code_paths or ())
        if saved.native is not None:
            file.flavors[chosen.name] = {**saved.native, "code": CODE if code_paths else None}
        if saved.pyfunc is not None:
            code = {"code": CODE} if code_paths else {}
            file.flavors[PYFUNC] = {**saved.pyfunc, **code, "python_version": platform.python_version()}
        if input_example is not None:
            file.saved_input_example_info = write_example(folder, input_example)
        if isinstance(signature, Signature):
            file.signature = signature
        elif signature is None and hasattr(chosen, "signature_of"):
            file.signature = chosen.signature_of(model, **options)
        if input_example is not None and PYFUNC in file.flavors:
            _try_out(file, folder, input_example, infer=signature is None)
        needed = list(saved.requirements)
        known = saved.complete and not code_paths
        search = settings.infer_requirements() if infer_requirements is None else infer_requirements
        if pip_requirements is None and conda_env is None:
            if search and not known:
                file.write(folder)
                given = {name_of(one) for one in needed}
                needed += [one for one in imported_packages(folder) if name_of(one) not in given]
            else:
                needed = with_dependencies(needed)
        env = environment_of(needed, pip_requirements, extra_pip_requirements, conda_env)
        written = env.write(folder)
        if PYFUNC in file.flavors:
            file.flavors[PYFUNC]["env"] = written
        file.model_size_bytes = sum(one.stat().st_size for one in folder.rglob("*") if one.is_file())
        file.write(folder)
    except BaseException:
        _clear(folder, made)
        raise
    return file


def _copy_code(folder: Path, paths: Sequence["str | os.PathLike[str]"]) -> None:
    for given in paths:
        source = Path(given)
        if not source.exists():
            raise InvalidParameter(f"The code path '{source}' does not exist.")
        target = folder / CODE / source.resolve().name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.pyc", ".git", ".ipynb_checkpoints")
            shutil.copytree(source, target, ignore=ignored, symlinks=False)
        else:
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(source, target)


def _try_out(file: ModelFile, folder: Path, example: Any, infer: bool) -> None:
    """Load what was written and call it with the example, as it will be called later; what is not known yet is inferred."""
    data, params = split_params(example)
    if infer and file.signature is None:
        file.signature = Signature(schema_of(data), None, _params(params))
    file.write(folder)
    loaded = load_pyfunc(folder, allow_pickle=True)  # the caller has this very object in hands
    answer = loaded.predict(data, params)
    if infer and file.signature is not None:
        outputs = file.signature.outputs or _outputs(answer)
        file.signature = replace(file.signature, outputs=outputs, params=file.signature.params or _params(params))


def _params(params: Mapping[str, Any] | None) -> ParamSchema | None:
    return params_of(params) if params else None


def _outputs(answer: Any) -> Any:
    """The schema of an answer, None for one that no schema describes: models may give anything."""
    try:
        return schema_of(answer)
    except InvalidParameter:
        return None


def _clear(folder: Path, made: bool) -> None:
    for entry in folder.iterdir():
        shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    if made:
        folder.rmdir()
