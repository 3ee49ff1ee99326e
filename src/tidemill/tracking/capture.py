"""What is recorded beside a run in the background: the machine's load, the console, the code. Each has its own switch."""

from collections.abc import Callable

from tidemill import settings
from tidemill.tracking.caution import caution
from tidemill.tracking.run import ActiveRun, Companion


def attach(run: ActiveRun, new: bool, nested: bool, system: bool | None, console: bool | None) -> None:
    """Start what was asked for, here or by settings, beside `run`; it ends with the run. Raises nothing.

    Code and packages are those of the process, so only new runs that are not nested keep them; the setting for the
    console means these runs too, so that a sweep's output is not kept twice.
    """
    if new and not nested and settings.capture():
        _start(run, "the code", _code)
    if settings.system_metrics() if system is None else system:
        _start(run, "system metrics", lambda run: _system(run, not new))
    if (settings.console() and not nested) if console is None else console:
        _start(run, "the console", _console)


def _start(run: ActiveRun, what: str, start: Callable[[ActiveRun], Companion]) -> None:
    try:
        run.companions.append(start(run))
    except Exception as failure:  # a missing package, no threads or files left: the run goes on without it
        caution(f"{what} of the run {run.info.run_id} will not be recorded: {failure}")


def _system(run: ActiveRun, resumed: bool) -> Companion:
    from tidemill.tracking.system import SystemMonitor  # here and below: only what is switched on is imported

    return SystemMonitor(run.client, run.info.run_id, resumed)


def _console(run: ActiveRun) -> Companion:
    from tidemill.tracking.console import ConsoleCapture

    return ConsoleCapture(run.client.files_of(run.info.run_id))


def _code(run: ActiveRun) -> Companion:
    from tidemill.tracking.code import CodeCapture

    return CodeCapture(run.client.files_of(run.info.run_id))
