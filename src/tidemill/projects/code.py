"""A project's code, brought here: a local folder as it is, or a private copy of a git commit or an archive."""

import os
import shutil
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from types import TracebackType
from typing import Self

from tidemill.errors import InvalidParameter, NotFound
from tidemill.projects.address import Address
from tidemill.projects.archive import unpack
from tidemill.projects.checkout import check_out
from tidemill.tracking import git
from tidemill.tracking.files import files_at


@dataclass
class Code:
    """The code of a run. `folder` is where the project is, `root` what was fetched; `digest` that of an archive.

    As a context manager it removes what was fetched; a local folder is left as it is.
    """

    address: Address
    root: str
    folder: str
    commit: str | None = None
    branch: str | None = None
    repository: str | None = None
    digest: str | None = None
    is_copy: bool = False
    is_lent: bool = False
    """Whether somebody else removes the copy."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.remove()

    def remove(self) -> None:
        """Remove a private copy."""
        if self.is_copy and not self.is_lent:
            shutil.rmtree(self.root, ignore_errors=True)


def bring(address: Address) -> Code:
    """Bring the code here. Raises NotFound, InvalidParameter or Unavailable."""
    if address.kind == "folder":
        return _folder(address)
    root = tempfile.mkdtemp(prefix="tidemill-project-")
    try:
        if address.kind == "git":
            done = check_out(address.location, address.ref, root)
            repository = git.without_credentials(address.location)
            code = Code(address, root, root, done.commit, done.branch, repository, is_copy=True)
        else:
            code = Code(address, root, root, digest=_unpack(address.location, root), is_copy=True)
            code.folder = _only_folder(root)
        code.folder = _subfolder(code.folder, address.subfolder)
        return code
    except BaseException:
        shutil.rmtree(root, ignore_errors=True)
        raise


def _folder(address: Address) -> Code:
    folder = _subfolder(address.location, address.subfolder)
    try:
        found = git.find(folder)
    except OSError:
        found = None
    if found is None:
        return Code(address, address.location, folder)
    return Code(address, address.location, folder, found.commit, found.branch, found.url)


def _subfolder(root: str, name: str) -> str:
    folder = os.path.realpath(os.path.join(root, name)) if name else root
    if name and not (folder + os.sep).startswith(os.path.realpath(root) + os.sep):
        raise InvalidParameter(f"The subfolder '{name}' leads out of the project.")
    if not os.path.isdir(folder):
        raise NotFound(f"The project has no subfolder '{name}'.")
    return folder


def _unpack(location: str, root: str) -> str:
    """Unpack a local archive, or one at any address of artifacts; answers its SHA-256."""
    if os.path.isabs(location):
        if not os.path.isfile(location):
            raise NotFound(f"There is no archive '{location}'.")
        unpack(location, root)
        return _digest(location)
    head, _, name = location.rpartition("/")
    with tempfile.TemporaryDirectory(prefix="tidemill-archive-") as place:
        path = files_at(head, None, "").download(name, place)
        unpack(path, root)
        return _digest(path)


def _digest(path: str) -> str:
    found = sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            found.update(chunk)
    return found.hexdigest()


def _only_folder(root: str) -> str:
    """Archives of a repository hold one folder with everything: that one is the project."""
    names = os.listdir(root)
    only = os.path.join(root, names[0]) if len(names) == 1 else root
    return only if os.path.isdir(only) and not os.path.islink(only) else root
