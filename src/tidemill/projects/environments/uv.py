"""Environments made by uv: the fast way."""

import importlib.util
import os
import shutil
import sys
import sysconfig
import tempfile

from tidemill.errors import Unavailable
from tidemill.projects.environments.environment import Environment, Ready, Say, activated, carry_out, kept
from tidemill.projects.needs import Needs

_FAILED = "The environment of this project cannot be made"


def find() -> str | None:
    """The program uv: the package's own, else that on the PATH."""
    spec = importlib.util.find_spec("uv")
    if spec is not None:
        own = os.path.join(sysconfig.get_path("scripts"), "uv" + (sysconfig.get_config_var("EXE") or ""))
        if os.path.isfile(own):
            return own
    return shutil.which("uv")


def environment(needs: Needs, offline: bool, say: Say) -> Environment:
    """The environment for `needs`. Raises InvalidParameter where uv cannot solve them, Unavailable without uv."""
    program = find()
    if program is None:
        raise Unavailable("uv is not installed. Install it with: pip install 'tidemill[projects]'")
    digest = needs.digest("uv")
    path, ready = kept(digest, lambda path: _make(program, needs, path, offline, say))
    return Environment("uv", digest, activated(path), ready.packages, ready.python, needs.requirements)


def _make(program: str, needs: Needs, path: str, offline: bool, say: Say) -> Ready:
    say(f"Making the environment ({len(needs.requirements)} requirements) with uv …")
    common = [program, "--quiet", "--no-progress", *(["--offline"] if offline else [])]
    carry_out([*common, "venv", "--no-project", "--python", python_for(needs.python), path], _FAILED)
    python = os.path.join(path, "Scripts" if os.name == "nt" else "bin", "python")
    if needs.requirements:
        with requirement_files(needs) as options:
            carry_out([*common, "pip", "install", "--python", python, *options], _FAILED)
    packages = carry_out([*common, "pip", "freeze", "--python", python], _FAILED).splitlines()
    version = carry_out([python, "-c", "import platform; print(platform.python_version())"], _FAILED).strip()
    return Ready(tuple(packages), version)


def python_for(version: str | None) -> str:
    """What to ask for: this very Python where its version is the right one."""
    own = ".".join(map(str, sys.version_info[:3]))
    if version is None or own == version or own.startswith(version + "."):
        return sys.executable
    return version


class requirement_files:  # noqa: N801 - reads as a block
    """The options `-r FILE -c FILE` for as long as the block lasts."""

    def __init__(self, needs: Needs) -> None:
        self._needs = needs
        self._folder = tempfile.TemporaryDirectory(prefix="tidemill-needs-")

    def __enter__(self) -> list[str]:
        options = []
        for option, name, lines in (
            ("-r", "requirements.txt", self._needs.requirements),
            ("-c", "constraints.txt", self._needs.constraints),
        ):
            if lines:
                path = os.path.join(self._folder.name, name)
                with open(path, "w", encoding="utf-8") as file:
                    file.write("\n".join(lines) + "\n")
                options += [option, path]
        return options

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()
