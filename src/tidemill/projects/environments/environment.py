"""An environment that is ready, and the folder in which made ones are kept for everybody's next run."""

import contextlib
import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import msgspec

from tidemill import settings
from tidemill.errors import InvalidParameter, PermissionDenied, Unavailable

_READY = "tidemill-ready.json"
_SAID_LINES = 15
Say = Callable[[str], None]
"""Tells a person what is being done."""


class Ready(msgspec.Struct, frozen=True):
    """What lies beside a finished environment: the exact packages, and Python's version."""

    packages: tuple[str, ...] = ()
    python: str = ""


@dataclass(frozen=True)
class Environment:
    """Where a command runs. `tool` made it; `digest` stands for its contents ("" for the one that is there already).

    `variables` are added to the command's environment. `image` and `options` are those of a container.
    """

    tool: str
    digest: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    packages: tuple[str, ...] = ()
    python: str = ""
    requirements: tuple[str, ...] = ()
    image: str = ""
    options: tuple[str, ...] = ()


def cache_folder() -> str:
    """Where environments are kept. Raises PermissionDenied where it cannot be made."""
    path = os.path.join(settings.cache_folder(), "environments")
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
    except OSError as error:
        raise PermissionDenied(
            f"Environments cannot be kept in '{path}': {error.strerror}. TIDEMILL_CACHE names another folder."
        ) from None
    return path


def kept(digest: str, make: Callable[[str], Ready]) -> tuple[str, Ready]:
    """The folder of the environment `digest`, made by `make` where nobody has made it; and what lies in it.

    One process makes, others wait for it. A half-made one, left by a process that was killed, is made again.
    """
    path = os.path.join(cache_folder(), digest)
    found = _read(path)
    if found is not None:
        return path, found
    with _locked(path + ".lock"):
        found = _read(path)
        if found is not None:
            return path, found
        shutil.rmtree(path, ignore_errors=True)
        try:
            found = make(path)
        except BaseException:
            shutil.rmtree(path, ignore_errors=True)
            raise
        with open(os.path.join(path, _READY + ".new"), "wb") as file:
            file.write(msgspec.json.encode(found))
        os.replace(os.path.join(path, _READY + ".new"), os.path.join(path, _READY))
        return path, found


def activated(path: str) -> dict[str, str]:
    """The variables of a shell in which the environment at `path` is active."""
    folder = os.path.join(path, "Scripts" if os.name == "nt" else "bin")
    return {
        "VIRTUAL_ENV": path,
        "PATH": folder + os.pathsep + os.environ.get("PATH", os.defpath),
        "PYTHONNOUSERSITE": "1",
    }


def carry_out(words: Sequence[str], what: str) -> str:
    """What a tool prints. Raises InvalidParameter with its last words where it fails, Unavailable where it is missing."""
    env = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH")}
    try:
        done = subprocess.run(  # noqa: S603
            list(words), env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    except OSError as error:
        raise Unavailable(f"'{words[0]}' cannot be started: {error.strerror or error}.") from None
    if done.returncode:
        lines = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()[-_SAID_LINES:]
        said = " ".join(" ".join(lines).split())
        raise InvalidParameter(f"{what}: {said or f'exit code {done.returncode}'}")
    return done.stdout.decode(errors="replace")


def _read(path: str) -> Ready | None:
    try:
        with open(os.path.join(path, _READY), "rb") as file:
            return msgspec.json.decode(file.read(), type=Ready)
    except (OSError, msgspec.MsgspecError):
        return None


@contextmanager
def _locked(path: str) -> Iterator[None]:
    with open(path, "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_UN)


def is_kept(digest: str) -> bool:
    """Whether the environment of this digest is there."""
    return bool(digest) and _read(os.path.join(cache_folder(), digest)) is not None
