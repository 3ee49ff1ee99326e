"""`tidemill run`: run a project."""

import contextlib
import os
import subprocess
import sys
import threading
import time
from typing import Any

import click

from tidemill.cli import output
from tidemill.cli.address import Store, with_store
from tidemill.cli.options import together
from tidemill.errors import InvalidParameter, Unavailable
from tidemill.projects.environments.choose import WAYS
from tidemill.projects.job import Resources
from tidemill.projects.launch import Request, launch, prepare, store_client
from tidemill.projects.submit import pass_on
from tidemill.types.runs import RunStatus

_SECONDS_TO_START = 120


def pairs(texts: tuple[str, ...], option: str) -> dict[str, str]:
    """`NAME=VALUE` texts as a dict. Raises InvalidParameter for others, and for a name given twice."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise InvalidParameter(f"{option} takes NAME=VALUE, not {text!r}.")
        if name.strip() in found:
            raise InvalidParameter(f"{option} gives '{name.strip()}' twice.")
        found[name.strip()] = value
    return found


how_to_run = together(
    click.option(
        "-e", "--entry-point", default="main", show_default=True, metavar="NAME", help="The entry point or script."
    ),
    click.option("-v", "--version", metavar="REF", help="A git branch, tag or commit; the same as @REF."),
    click.option("-P", "--param", "values", multiple=True, metavar="NAME=VALUE", help="A parameter. Repeatable."),
    click.option("--experiment-name", metavar="NAME", help="The experiment, made when missing."),
    click.option("--experiment-id", metavar="ID", help="The experiment by id."),
    click.option("--run-name", metavar="NAME", help="The run's name."),
    click.option(
        "--env",
        "--env-manager",
        "way",
        type=click.Choice(WAYS),
        default="auto",
        show_default=True,
        help="What makes the environment; local: run in the one that is there.",
    ),
    click.option("--offline", is_flag=True, help="Fetch no packages; use what earlier runs have left."),
    click.option(
        "-x",
        "--executor",
        "--backend",
        "-b",
        default="local",
        show_default=True,
        metavar="NAME",
        help="Where it runs: local, ray, kubernetes, slurm, or a name of executors.toml.",
    ),
    click.option(
        "-c",
        "--setting",
        "settings",
        multiple=True,
        metavar="NAME=VALUE",
        help="A setting of the executor. Repeatable.",
    ),
    click.option("--cpus", type=float, default=0, help="CPUs that it needs, for executors that share out."),
    click.option("--gpus", type=float, default=0, help="GPUs that it needs."),
    click.option("--memory", "memory_mb", type=int, default=0, metavar="MB", help="Memory that it needs."),
    click.option(
        "--secret",
        "secrets",
        multiple=True,
        metavar="NAME",
        help="A variable of this environment that the command gets, and that is written nowhere. Repeatable.",
    ),
)


def request_of(address: str, options: dict[str, Any], **more: Any) -> Request:
    """The request that a command's options say."""
    return Request(
        address=address,
        entry_point=options["entry_point"],
        version=options["version"],
        values=pairs(options["values"], "-P"),
        experiment_id=options["experiment_id"],
        experiment_name=options["experiment_name"],
        run_name=options["run_name"],
        way=options["way"],
        offline=options["offline"],
        executor=options["executor"],
        settings=pairs(options["settings"], "-c"),
        resources=Resources(options["cpus"], options["gpus"], options["memory_mb"]),
        secrets=options["secrets"],
        **more,
    )


@click.command()
@click.argument("address", metavar="PROJECT")
@how_to_run
@click.option("--run-id", metavar="ID", help="Go on with this run instead of making one.")
@click.option("--storage-dir", metavar="DIR", help="Where remote values of 'path' parameters are put and kept.")
@click.option("--dry-run", is_flag=True, help="Show the command, and do nothing.")
@click.option("-d", "--detach", is_flag=True, help="Answer the run's id and go on in the background.")
@with_store
def run(
    store: Store, address: str, dry_run: bool, detach: bool, run_id: str | None, storage_dir: str | None, **options: Any
) -> int:
    """Run a project: a folder, a git address or an archive, with #subfolder and @ref.

    Parameters become arguments of the command, and never reach a shell. The command's exit code is passed on; Ctrl-C
    stops it with all that it started.
    """
    request = request_of(
        address, options, run_id=run_id, storage_dir=storage_dir, terminal=sys.stdout.isatty() and not detach
    )
    if dry_run:
        return _show(request)
    if detach and not os.environ.get("TIDEMILL_DETACHED"):
        return _detach(store)
    say = output.note
    with prepare(request, say) as prepared:
        _, done = launch(prepared, store_client(store.address), pass_on, threading.Event(), _say_started)
    if done.status is RunStatus.KILLED:
        raise KeyboardInterrupt
    if done.exit_code is not None and done.exit_code < 0:
        return 128 - done.exit_code
    return done.exit_code if done.exit_code is not None else int(done.status is not RunStatus.FINISHED)


def _show(request: Request) -> int:
    with prepare(request, output.note, with_environment=False) as prepared:
        output.note(f"In {prepared.code.folder}, with these parameters:")
        for name, value in prepared.values.given.items():
            output.note(f"  {name} = {output.plain(value)}")
        needs = prepared.needs
        if not needs.is_empty:
            output.note(
                f"Environment: Python {needs.python or 'any'}, {', '.join(needs.requirements) or 'no packages'}"
            )
        output.emit(prepared.shown)
    return 0


def _say_started(run_id: str) -> None:
    note = os.environ.get("TIDEMILL_DETACHED")
    if note:
        with open(note, "w", encoding="ascii") as file:
            file.write(run_id + "\n")
    else:
        output.note(f"Run {run_id}")


def _detach(store: Store) -> int:
    """Start this very command again in the background, and wait until its run is there."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="tidemill-detached-") as folder:
        note, said = os.path.join(folder, "run"), os.path.join(folder, "said")
        env = {**os.environ, "TIDEMILL_DETACHED": note, "TIDEMILL_URI": store.address}
        with open(said, "wb") as file:
            process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "tidemill.cli.main", *_words()], stdin=subprocess.DEVNULL, stdout=file,
                stderr=subprocess.STDOUT, env=env, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + _SECONDS_TO_START
        while not os.path.exists(note) and process.poll() is None:
            time.sleep(0.05)
            if time.monotonic() > deadline:
                deadline += _SECONDS_TO_START
                output.note("Still preparing the environment …")
        with contextlib.suppress(FileNotFoundError), open(note, encoding="ascii") as file:
            run_id = file.read().strip()
            if run_id:
                output.emit(run_id)
                output.note(f"It goes on in the background: tidemill runs logs -f {run_id}")
                return 0
        with open(said, encoding="utf-8", errors="replace") as file:
            raise Unavailable(file.read().strip().removeprefix("Error: ") or "The run did not start.")


def _words() -> list[str]:
    """This command's own words."""
    return sys.argv[1:]
