"""Jobs through Slurm: a script on the standard input of `sbatch`, looked after by `squeue`, ended by `scancel`.

Everything in the script is quoted for the shell, and every option is one argument. The project's folder, the
environment and the output lie on the cluster's shared file system.
"""

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from tidemill import settings as environment
from tidemill.errors import InvalidParameter, NotFound, Unavailable
from tidemill.projects.job import NOT_PASSED_ON, Ending, Job, Out, ended, text_of
from tidemill.types.runs import RunStatus

_OPTION = re.compile(r"[a-z][a-z0-9\-]*")
_OURS = ("folder", "poll")
_TAKEN = ("parsable", "wrap", "chdir", "output", "error", "export", "job-name")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LATE_S = 20.0
_WAIT_S = 120
_LIVE = (
    "PENDING",
    "RUNNING",
    "CONFIGURING",
    "COMPLETING",
    "SUSPENDED",
    "REQUEUED",
    "RESIZING",
    "STAGE_OUT",
    "REQUEUE_HOLD",
)


class SlurmExecutor:
    """Settings: `folder`, a folder that all nodes share (default: in the cache folder); `poll`, seconds between two
    looks (default 5); all others are options of sbatch without their dashes, such as `partition`, `time`, `account`.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._folder = os.path.abspath(text_of(settings, "folder") or os.path.join(environment.cache_folder(), "slurm"))
        self._poll_s = float(text_of(settings, "poll", "5"))
        self._options: list[str] = []
        for name, value in settings.items():
            key = str(name).replace("_", "-")
            if key in _OURS:
                continue
            if not _OPTION.fullmatch(key) or key in _TAKEN or "\n" in str(value) or "\0" in str(value):
                raise InvalidParameter(f"'{name}' cannot be an option of sbatch here.")
            self._options.append(f"--{key}={value}")

    def submit(self, job: Job) -> str:
        """Hand the job to Slurm."""
        place = os.path.join(self._folder, job.run_id)
        os.makedirs(place, mode=0o700, exist_ok=True)
        code = job.folder
        if job.is_copy:
            code = os.path.join(place, "code")
            shutil.copytree(job.folder, code, symlinks=True, dirs_exist_ok=True)
        words = ["sbatch", "--parsable", f"--job-name=tidemill-{job.run_id[:12]}", f"--chdir={code}"]
        words += [
            f"--output={place}/output.log",
            "--open-mode=append",
            "--export=ALL",
            *_resources(job),
            *self._options,
        ]
        answer = _call(words, script(job, code, place)).strip()
        number = answer.partition(";")[0]
        if not number.isdecimal():
            raise Unavailable(f"sbatch answered {answer!r} instead of a job's number.")
        return f"{number} {place}"

    def watch(self, ticket: str, out: Out, stop: threading.Event) -> Ending:
        """Follow the job by its output file and by squeue."""
        number, _, place = ticket.partition(" ")
        if not number.isdecimal() or not os.path.isdir(place):
            raise NotFound(f"There is no Slurm job '{ticket}'.")
        read, stopped, silent = 0, False, 0.0
        while True:
            live = _state(number) in _LIVE
            read = _pass_on(os.path.join(place, "output.log"), read, out)
            code = _exit_code(place)
            if not live and (code is not None or stopped or silent >= _LATE_S):
                break
            silent = 0.0 if live else silent + self._poll_s  # files may show up late on a shared disk
            if stop.wait(self._poll_s) and not stopped:
                stopped = True
                _call(["scancel", number])
        if code is not None and not stopped:
            return ended(code, False)
        if stopped:
            return Ending(RunStatus.KILLED, None, "It was stopped.")
        return Ending(RunStatus.FAILED, None, f"Slurm ended it: {_last_state(number)}.")


def script(job: Job, folder: str, place: str) -> str:
    """The batch script. Only names that are names become variables, and every value is quoted."""
    lines = ["#!/bin/bash", f"unset {' '.join(NOT_PASSED_ON)}"]
    for name, value in job.variables.items():
        if not _NAME.fullmatch(name):
            raise InvalidParameter(f"{name!r} cannot be the name of a variable.")
        lines.append(f"export {name}={shlex.quote(value)}")
    done = shlex.quote(os.path.join(place, "exit"))
    lines += [
        f"cd -- {shlex.quote(folder)} || exit 1",
        shlex.join(job.argv),
        "code=$?",
        f"echo $code > {done}.new && mv {done}.new {done}",
        "exit $code",
    ]
    return "\n".join(lines) + "\n"


def _resources(job: Job) -> list[str]:
    needs = job.resources
    words = [f"--cpus-per-task={max(1, round(needs.cpus))}"] if needs.cpus else []
    words += [f"--gpus={round(needs.gpus)}"] if needs.gpus else []
    words += [f"--mem={needs.memory_mb}M"] if needs.memory_mb else []
    return words


def _call(words: Sequence[str], given: str = "") -> str:
    program = shutil.which(words[0])
    if program is None:
        raise Unavailable(
            f"The program '{words[0]}' is not installed; the executor 'slurm' works on a machine that has it."
        )
    try:
        done = subprocess.run(  # noqa: S603
            [program, *words[1:]], input=given, capture_output=True, text=True, timeout=_WAIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(f"'{words[0]}' did not answer within {_WAIT_S} seconds.") from None
    if done.returncode:
        raise Unavailable(f"'{words[0]}' failed: {' '.join(done.stderr.split())}")
    return done.stdout


def _state(number: str) -> str:
    try:
        return _call(["squeue", "--noheader", f"--jobs={number}", "--format=%T"]).strip()
    except Unavailable as error:
        if "Invalid job id" in error.message:
            return ""
        return "RUNNING"  # the controller is away: nothing is known, so nothing has ended


def _last_state(number: str) -> str:
    with contextlib.suppress(Unavailable):
        found = _call(["sacct", "--noheader", "--parsable2", f"--jobs={number}", "--format=State"])
        return found.strip().partition("\n")[0] or "no state is known"
    return "no state is known"


def _exit_code(place: str) -> int | None:
    try:
        with open(os.path.join(place, "exit"), encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


def _pass_on(path: str, start: int, out: Out) -> int:
    with contextlib.suppress(OSError), open(path, "rb") as file:
        file.seek(start)
        while data := file.read(65_536):
            out(data, False)
            start += len(data)
    return start
