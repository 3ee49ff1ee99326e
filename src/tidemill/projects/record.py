"""What is kept with a run of a project so that it can be made again: `project/` among its files.

    project/project.json    the record: where the code came from, entry point, parameters, environment
    project/diff.patch      what tracked files had other than the commit
    project/files.tar.gz    files that git does not know (hidden ones and likely secrets left out), or a folder without git
    project/output.log      what it printed

Law of the format: `version` is 1; unknown fields are passed over; a reader refuses a higher version.
"""

import io
import os
import tarfile
from collections.abc import Iterable, Iterator

import msgspec

from tidemill import settings
from tidemill.errors import InvalidParameter, NotFound
from tidemill.projects.code import Code
from tidemill.projects.needs import Needs
from tidemill.tracking import git
from tidemill.tracking.files import Files

FOLDER = "project"
RECORD = f"{FOLDER}/project.json"
PATCH = f"{FOLDER}/diff.patch"
FILES = f"{FOLDER}/files.tar.gz"
OUTPUT = f"{FOLDER}/output.log"
_PATCH_BYTES = 20_000_000
_LIST_BYTES = 1_000_000
_FILE_BYTES = 5_000_000
_ALL_BYTES = 20_000_000
_NOT_CODE = frozenset(["__pycache__", "mlruns", "mlartifacts", "venv", "node_modules", "site-packages"])
_SECRET_ENDINGS = (".pem", ".key", ".p12", ".pfx", ".kdbx", ".keystore")


class CodeRecord(msgspec.Struct, frozen=True):
    """Where the code came from. `left_out` names files that were too large, or too many, to keep."""

    kind: str
    location: str
    subfolder: str = ""
    ref: str | None = None
    commit: str | None = None
    branch: str | None = None
    repository: str | None = None
    digest: str | None = None
    inner: str = ""
    """The project's place below the root of its repository."""
    has_patch: bool = False
    has_files: bool = False
    left_out: list[str] = []


class EnvironmentRecord(msgspec.Struct, frozen=True):
    """The environment: the tool that made it, its digest, Python's version, the exact packages, and what was asked for."""

    tool: str
    digest: str = ""
    python: str = ""
    packages: tuple[str, ...] = ()
    needs: Needs = Needs()
    image: str = ""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that makes a run again, but the bytes of its code."""

    version: int = 1
    code: CodeRecord
    entry_point: str
    parameters: dict[str, str] = {}
    environment: EnvironmentRecord
    command: list[str] = []
    executor: str = "local"
    secrets: list[str] = []


def code_record(code: Code, files: Files | None) -> CodeRecord:
    """The record of `code`; what only lies on this disk is written to `files` (None: nothing is kept)."""
    address = code.address
    found = CodeRecord(
        kind=address.kind,
        location=git.without_credentials(address.location),
        subfolder=address.subfolder,
        ref=address.ref,
        commit=code.commit,
        branch=code.branch,
        repository=code.repository,
        digest=code.digest,
    )
    if address.kind != "folder" or files is None or not settings.capture_code():
        return found
    repository = git.find(code.folder) if code.commit else None
    if repository is None:
        kept, left_out = _pack(code.folder, _walk(code.folder))
    else:
        found = msgspec.structs.replace(found, inner=_inner(code.folder, repository.root))
        patch, cut = repository.diff(_PATCH_BYTES)
        if patch and not cut:
            files.write(PATCH, patch)
        names, _ = repository.untracked(_LIST_BYTES)
        kept, left_out = _pack(repository.root, _wanted(names.decode(errors="surrogateescape").splitlines()))
        found = msgspec.structs.replace(found, has_patch=bool(patch) and not cut)
        left_out += ["(the changes of tracked files)"] if cut else []
    if kept:
        files.write(FILES, kept)
    return msgspec.structs.replace(found, has_files=bool(kept), left_out=left_out)


def write(record: Record, files: Files) -> None:
    """Keep the record among the files of a run."""
    files.write(RECORD, msgspec.json.format(msgspec.json.encode(record), indent=1))


def read(files: Files, run_id: str) -> Record:
    """The record of a run. Raises NotFound where the run is not one of a project, InvalidParameter for a newer record."""
    try:
        data = files.read(RECORD)
    except NotFound:
        raise NotFound(f"The run {run_id} was not made by 'tidemill run': it has no file {RECORD}.") from None
    try:
        found = msgspec.json.decode(data, type=Record)
    except msgspec.MsgspecError as error:
        raise InvalidParameter(f"The record {RECORD} of the run {run_id} cannot be read: {error}.") from None
    if found.version > 1:
        raise InvalidParameter(
            f"The run {run_id} was recorded by a newer Tidemill (format {found.version}); update this one."
        )
    return found


def _inner(folder: str, root: str) -> str:
    inner = os.path.relpath(os.path.realpath(folder), os.path.realpath(root))
    return "" if inner == "." else inner


def _walk(folder: str) -> Iterator[str]:
    for place, names, files in os.walk(folder):
        is_store = "tidemill.db" in files
        names[:] = (
            [] if is_store else sorted(name for name in names if not name.startswith(".") and name not in _NOT_CODE)
        )
        if not is_store:
            inner = os.path.relpath(place, folder)
            yield from _wanted(name if inner == "." else os.path.join(inner, name) for name in sorted(files))


def _wanted(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        parts = name.split("/")
        if not any(part.startswith(".") or part in _NOT_CODE for part in parts) and not name.endswith(_SECRET_ENDINGS):
            yield name


def _pack(root: str, names: Iterable[str]) -> tuple[bytes, list[str]]:
    """The files as a tar archive with fixed times and owners, and what did not fit."""
    packed, left_out, room = io.BytesIO(), [], _ALL_BYTES
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=3) as tar:
        for name in names:
            path = os.path.join(root, name)
            if os.path.islink(path) or not os.path.isfile(path):
                continue
            size = os.path.getsize(path)
            if size > min(_FILE_BYTES, room):
                left_out.append(name)
                continue
            room -= size
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = size, 0o755 if os.access(path, os.X_OK) else 0o644
            with open(path, "rb") as file:
                tar.addfile(entry, file)
    return (packed.getvalue() if room < _ALL_BYTES else b""), left_out
