"""Making a run of a project again: the same code, environment and parameters, and what came out differently."""

import math
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from tidemill.errors import InvalidState, NotFound, TidemillError
from tidemill.projects import record
from tidemill.projects.address import Address
from tidemill.projects.archive import unpack
from tidemill.projects.checkout import apply_patch, check_out
from tidemill.projects.code import Code, bring
from tidemill.projects.environments.environment import is_kept
from tidemill.projects.launch import Request
from tidemill.projects.needs import Needs
from tidemill.projects.record import CodeRecord, EnvironmentRecord, Record
from tidemill.tracking import tags
from tidemill.tracking.client import Client
from tidemill.tracking.entities import Run
from tidemill.tracking.files import Files

TOLERANCE = 1e-9
"""Largest relative difference of two metrics that count as the same."""
_MADE_HERE = ("uv", "virtualenv")


class Difference(msgspec.Struct, frozen=True):
    """One thing that is not as it was. "" stands for nothing."""

    what: str
    before: str
    after: str


def request_again(client: Client, run_id: str, secrets: Sequence[str] = ()) -> tuple[Request, Record]:
    """What to run to make the run `run_id` again, with its code in a private folder, and the record it comes from.

    Raises NotFound where the run or its code is not there any more, InvalidState where the code was not kept whole.
    """
    run = client.get_run(run_id)
    files = client.files_of(run_id)
    found = record.read(files, run_id)
    missing = [name for name in found.secrets if name not in secrets]
    if missing:
        raise InvalidState(f"The run {run_id} used secrets: give --secret {' --secret '.join(missing)} again.")
    request = Request(
        address=found.code.location,
        entry_point=found.entry_point,
        values=found.parameters,
        experiment_id=run.info.experiment_id,
        run_name=run.info.run_name,
        tags={tags.REPRODUCES: run_id},
        way=found.environment.tool,
        secrets=tuple(found.secrets),
        needs=_needs(found.environment),
        code=code_again(found.code, files),
    )
    return request, found


def code_again(code: CodeRecord, files: Files) -> Code:
    """The recorded code in a private folder. Raises as `request_again`."""
    if code.left_out:
        raise InvalidState(
            f"The code of this run was too large to keep: {', '.join(code.left_out[:5])} is missing. Run it by hand instead."
        )
    address = Address(code.kind, code.location, code.subfolder, code.ref)
    if code.kind == "archive":
        return bring(address)
    root = tempfile.mkdtemp(prefix="tidemill-project-")
    try:
        if code.commit is not None:
            _check_out(code, root)
        elif not code.has_files:
            raise NotFound(
                f"The code of this run, from '{code.location}', was not kept (TIDEMILL_CAPTURE_CODE was off)."
            )
        if code.has_patch:
            apply_patch(root, files.read(record.PATCH))
        if code.has_files:
            _unpack(files, root)
        folder = os.path.join(root, code.inner or code.subfolder)
        if not os.path.isdir(folder):
            raise NotFound(f"The recorded code has no folder '{code.inner or code.subfolder}'.")
        return Code(address, root, folder, code.commit, code.branch, code.repository, is_copy=True)
    except BaseException:
        shutil.rmtree(root, ignore_errors=True)
        raise


def _check_out(code: CodeRecord, root: str) -> None:
    places = [code.location] if code.kind == "git" else [_above(code), code.repository or ""]
    problem: TidemillError | None = None
    for place in places:
        if not place:
            continue
        try:
            check_out(place, code.commit, root)
            return
        except TidemillError as error:
            problem = error
            shutil.rmtree(root)
            os.mkdir(root, 0o700)
    raise problem or NotFound(f"The repository of '{code.location}' is not there any more.")


def _above(code: CodeRecord) -> str:
    """The root of the local repository that the project's folder was in, where it is still there."""
    folder = os.path.join(code.location, code.subfolder) if code.subfolder else code.location
    for _ in [part for part in code.inner.split("/") if part]:
        folder = os.path.dirname(folder)
    return folder if os.path.exists(os.path.join(folder, ".git")) else ""


def _unpack(files: Files, root: str) -> None:
    with tempfile.TemporaryDirectory(prefix="tidemill-archive-") as place:
        path = os.path.join(place, "files.tar.gz")
        with open(path, "wb") as file:
            file.write(files.read(record.FILES))
        unpack(path, root)


def _needs(environment: EnvironmentRecord) -> Needs | None:
    """What to make the environment of: as it was asked for where it is still kept, else the exact packages it had."""
    if environment.tool not in _MADE_HERE:
        return environment.needs if environment.tool == "conda" else None
    if is_kept(environment.digest):
        return environment.needs
    options = [line for line in environment.needs.requirements if line.startswith("--")]
    python = ".".join(environment.python.split(".")[:2]) or environment.needs.python
    return Needs(python, (*options, *environment.packages), local=environment.needs.local)


def compare(client: Client, before_id: str, after_id: str, tolerance: float = TOLERANCE) -> list[Difference]:
    """What is different between a run and the one that was made after it: code, environment, data, params, metrics, end."""
    before, after = client.get_run(before_id), client.get_run(after_id)
    first = record.read(client.files_of(before_id), before_id)
    second = record.read(client.files_of(after_id), after_id)
    return [
        *_values("code ", _code(first.code), _code(second.code)),
        *_environment(first.environment, second.environment),
        *_values("data ", _data(before), _data(after)),
        *_values("param ", before.data.params, after.data.params),
        *_metrics(before.data.metrics, after.data.metrics, tolerance),
        *_values("", {"status": before.info.status}, {"status": after.info.status}),
    ]


def _code(code: CodeRecord) -> dict[str, str]:
    found = {"commit": code.commit or "", "archive": code.digest or "", "changes": "yes" if code.has_patch else ""}
    return {key: value for key, value in found.items() if value}


def _environment(before: EnvironmentRecord, after: EnvironmentRecord) -> Iterator[Difference]:
    shown = ("tool", "python", "image")
    yield from _values(
        "environment ", {key: getattr(before, key) for key in shown}, {key: getattr(after, key) for key in shown}
    )
    yield from _values("package ", _versions(before.packages), _versions(after.packages))


def _versions(packages: Sequence[str]) -> dict[str, str]:
    return {name: version for name, _, version in (line.partition("==") for line in packages)}


def _data(run: Run) -> dict[str, str]:
    return {one.dataset.name: one.dataset.digest for one in run.inputs.dataset_inputs}


def _metrics(before: Mapping[str, float], after: Mapping[str, float], tolerance: float) -> Iterator[Difference]:
    for key in sorted({*before, *after}):
        first, second = before.get(key), after.get(key)
        if first is None or second is None or not _same(first, second, tolerance):
            yield Difference(
                f"metric {key}", "" if first is None else repr(first), "" if second is None else repr(second)
            )


def _same(first: float, second: float, tolerance: float) -> bool:
    return math.isclose(first, second, rel_tol=tolerance) or (math.isnan(first) and math.isnan(second))


def _values(prefix: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Difference]:
    for key in sorted({*before, *after}):
        first, second = before.get(key, ""), after.get(key, "")
        if first != second:
            yield Difference(prefix + key, str(first), str(second))
