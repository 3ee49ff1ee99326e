"""Git repositories: one commit of one, in a folder of its own.

Always an argument list, never a shell. Hooks of templates do not run, submodules are not fetched, and git's transports
that run commands (`ext::`) are off, whatever the address says.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from tidemill.errors import InvalidParameter, NotFound, Unavailable
from tidemill.projects.address import GIT_SCHEMES
from tidemill.tracking.git import without_credentials

_WAIT_S = 600
_FULL = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHORT = re.compile(r"[0-9a-f]{7,64}")
_SAFE = (
    "core.hooksPath=/dev/null", "core.fsmonitor=false", "protocol.ext.allow=never", "submodule.recurse=false",
    "advice.detachedHead=false", "init.defaultBranch=main", "gc.auto=0",
)  # fmt: skip


@dataclass(frozen=True)
class Checkout:
    """What was checked out: the commit in full, and the branch where the ref was one."""

    commit: str
    branch: str | None


def check_out(location: str, ref: str | None, folder: str) -> Checkout:
    """Put the code of `location` at `ref` (default: its default branch) into the empty `folder`.

    Raises NotFound (no such ref), Unavailable (git or the repository cannot be reached).
    """
    git(["init", "-q", "--template=", "."], folder)
    git(["remote", "add", "--", "origin", location], folder)
    if ref is None:
        _fetch(folder, location, "HEAD")
        commit, branch = _parse(folder, "FETCH_HEAD"), _default_branch(folder)
    else:
        commit, branch = _commit_of(folder, location, ref)
    git(["checkout", "-q", "--detach", commit], folder)
    return Checkout(commit, branch)


def apply_patch(folder: str, patch: bytes) -> None:
    """Make the changes of `git diff --binary` in a checked-out folder. Raises InvalidParameter where they do not fit."""
    try:
        git(["apply", "--whitespace=nowarn", "--binary", "-"], folder, patch)
    except Unavailable as error:
        raise InvalidParameter(f"The recorded changes do not fit the commit: {error}") from None


def git(words: Sequence[str], folder: str, given: bytes = b"") -> str:
    """What `git …` prints. Raises Unavailable with what it complained about."""
    env = {
        **os.environ,
        "GIT_ALLOW_PROTOCOL": ":".join(GIT_SCHEMES),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_LFS_SKIP_SMUDGE": os.environ.get("GIT_LFS_SKIP_SMUDGE", "0"),
        "LC_ALL": "C",
    }
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        env.pop(name, None)  # set inside hooks, they would lead into another repository
    safe = [word for setting in _SAFE for word in ("-c", setting)]
    try:
        done = subprocess.run(  # noqa: S603
            [shutil.which("git") or "git", *safe, *words],
            cwd=folder,
            env=env,
            input=given,
            capture_output=True,
            timeout=_WAIT_S,
            check=False,
        )
    except FileNotFoundError:
        raise Unavailable("The program 'git' is not installed; git addresses need it.") from None
    except subprocess.TimeoutExpired:
        raise Unavailable(f"git did not finish within {_WAIT_S} seconds.") from None
    if done.returncode:
        said = " ".join(done.stderr.decode(errors="replace").split()) or f"exit code {done.returncode}"
        raise Unavailable(f"git {words[0]} failed: {said}")
    return done.stdout.decode(errors="replace").strip()


def _fetch(folder: str, location: str, ref: str, *options: str) -> None:
    try:
        git(
            ["fetch", "-q", "--no-tags", "--no-recurse-submodules", *(options or ("--depth=1",)), "origin", ref], folder
        )
    except Unavailable as error:
        shown = without_credentials(location)
        if "find remote ref" in error.message or "not our ref" in error.message:
            raise NotFound(f"The repository {shown} has no branch, tag or commit '{ref}'.") from None
        raise Unavailable(f"The repository {shown} cannot be fetched: {without_credentials(error.message)}") from None


def _commit_of(folder: str, location: str, ref: str) -> tuple[str, str | None]:
    for name, branch in ((f"refs/heads/{ref}", ref), (f"refs/tags/{ref}", None)):
        try:
            _fetch(folder, location, name)
            return _parse(folder, "FETCH_HEAD^{commit}"), branch
        except NotFound:
            continue
    if _FULL.fullmatch(ref):
        try:
            _fetch(folder, location, ref)
            return _parse(folder, "FETCH_HEAD^{commit}"), None
        except (NotFound, Unavailable):
            pass  # a server may refuse to give a commit by its name; all branches have it then
    if not _SHORT.fullmatch(ref):
        raise NotFound(f"The repository {without_credentials(location)} has no branch, tag or commit '{ref}'.")
    _fetch(folder, location, "+refs/heads/*:refs/remotes/origin/*", "--tags")
    try:
        return _parse(folder, f"{ref}^{{commit}}"), None
    except Unavailable:
        raise NotFound(f"The repository {without_credentials(location)} has no commit '{ref}'.") from None


def _parse(folder: str, name: str) -> str:
    return git(["rev-parse", "--verify", "-q", "--end-of-options", name], folder)


def _default_branch(folder: str) -> str | None:
    try:
        found = git(["ls-remote", "--symref", "origin", "HEAD"], folder)
    except Unavailable:
        return None
    match = re.search(r"^ref: refs/heads/(\S+)\s+HEAD", found, re.MULTILINE)
    return match[1] if match else None
