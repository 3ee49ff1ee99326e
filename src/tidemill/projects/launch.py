"""Running a project: from an address to the run that it wrote.

`prepare` brings code and environment here and puts the command together, `launch` starts it, follows it to its end and
leaves the run in the state that tells how it went.
"""

import contextlib
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tidemill import settings
from tidemill.errors import InvalidParameter, NotFound, TidemillError
from tidemill.projects import ending, parameters, record, template
from tidemill.projects.address import parse_address
from tidemill.projects.code import Code, bring
from tidemill.projects.definition import Project, load_project
from tidemill.projects.environments import docker
from tidemill.projects.environments.choose import choose
from tidemill.projects.environments.environment import Environment, Say
from tidemill.projects.executors import choose as executors
from tidemill.projects.job import Ending, Job, Out, Resources
from tidemill.projects.loopback import INHERITED, reachable
from tidemill.projects.needs import Needs, needs_of
from tidemill.projects.tree import MARK
from tidemill.tracking import context, resolve, tags
from tidemill.tracking.client import Client
from tidemill.tracking.files import files_at
from tidemill.tracking.shipping import journal_root
from tidemill.types.runs import RunStatus


@dataclass(frozen=True)
class Request:
    """What to run and how.

    `address` and `version` as in `parse_address`; `values` are the parameters given. `way` is one of
    `environments.choose.WAYS`. `executor` is a kind (`local`, `ray`, …) or a name from the executors' file, `settings`
    adds to its settings there. `secrets` are names of variables that the command gets from this environment.
    `run_id`: go on with that run; `tags` are set on the run in addition. `needs` and `code` replace the project's own.
    """

    address: str = "."
    entry_point: str = "main"
    version: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    experiment_id: str | None = None
    experiment_name: str | None = None
    run_name: str | None = None
    run_id: str | None = None
    parent_run_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    way: str = "auto"
    offline: bool = False
    executor: str = "local"
    settings: Mapping[str, Any] = field(default_factory=dict)
    resources: Resources = Resources()  # noqa: RUF009 - frozen
    secrets: tuple[str, ...] = ()
    storage_dir: str | None = None
    needs: Needs | None = None
    code: Code | None = None
    terminal: bool = False
    live: bool = False
    """Whether the output is put among the run's files while it grows."""


@dataclass
class Prepared:
    """A project that is ready to start. `argv` is the command with the values in it."""

    request: Request
    code: Code
    project: Project
    values: parameters.Values
    environment: Environment
    needs: Needs
    argv: list[str]

    @property
    def shown(self) -> str:
        """The command, for people."""
        return context.shown_command(self.argv)


def store_client(address: str | None = None) -> Client:
    """A client whose calls wait for the store: other processes must find at once what it wrote."""
    client = Client(address)
    client.backend = resolve.store(client.tracking_uri)
    return client


@contextmanager
def prepare(request: Request, say: Say, with_environment: bool = True) -> Iterator[Prepared]:
    """Code, environment and command, for as long as the block lasts. Raises errors of `tidemill.errors`.

    `with_environment` False leaves the environment as it is: enough to look at the command.
    """
    for name in request.secrets:
        if not os.environ.get(name):
            raise InvalidParameter(f"The secret {name} is not set in the environment.")
    with request.code or bring(parse_address(request.address, request.version)) as code:
        project = load_project(code.folder)
        entry_point = project.entry_point(request.entry_point)
        command = template.parse(entry_point.command)
        with _storage(request.storage_dir) as storage:
            values = parameters.values_for(
                entry_point.parameters, request.values, code.folder, lambda name, uri: _fetched(storage(), name, uri)
            )
            argv = template.argv(command, values.local, values.extra)
            if not argv:
                raise InvalidParameter(f"The entry point '{entry_point.name}' has an empty command.")
            needs = request.needs if request.needs is not None else needs_of(project)
            environment = Environment("none")
            kind, _ = executors.configured(request.executor)
            if kind in executors.MAKE_THEIR_OWN:
                image = project.docker.image if project.docker else ""
                environment = Environment(kind, needs.digest(kind), requirements=needs.requirements, image=image)
            elif with_environment:
                environment = choose(project, request.way, request.offline, say, request.needs)
            yield Prepared(request, code, project, values, environment, needs, argv)


def launch(
    prepared: Prepared, client: Client, out: Out, stop: threading.Event, started: Callable[[str], None]
) -> tuple[str, Ending]:
    """Start what is prepared and follow it to its end; answers the run's id and how it ended.

    `started` is called with the run's id before the command starts. When `stop` is set the command is ended with all
    that it started, and the run is KILLED. Raises where the command cannot be started; the run is FAILED then.
    """
    request = prepared.request
    _check_reach(request, client.tracking_uri)
    run_id, experiment_id = _run_of(prepared, client)
    keeper = ending.Keeper(client, run_id, request.secrets, request.live)
    started(run_id)
    try:
        with keeper, reachable(client.tracking_uri) as url:
            executor = executors.executor(request.executor, request.settings, request.terminal)
            job = _job(prepared, run_id, experiment_id, client.tracking_uri, url)
            ticket = executor.submit(job)
            keeper.note(_ticket(request, ticket, keeper.log))
            done = _followed(executor.watch, ticket, keeper.through(out), stop)
    except TidemillError as error:
        ending.finish(client, run_id, Ending(RunStatus.FAILED, None, error.message))
        raise
    except BaseException as error:
        ending.finish(client, run_id, Ending(RunStatus.FAILED, None, f"{type(error).__name__}: {error}"))
        raise
    keeper.keep_output()
    ending.finish(client, run_id, done)
    return run_id, done


def adopt(client: Client, run_id: str, request: Request, ticket: str, stop: threading.Event) -> Ending:
    """Follow a job that another process has started, to its end. Raises NotFound where the engine does not know it."""
    keeper = ending.Keeper(client, run_id, request.secrets)
    executor = executors.executor(request.executor, request.settings)
    with keeper:
        keeper.note(_ticket(request, ticket, keeper.log))
        done = executor.watch(ticket, keeper.through(lambda data, is_error: None), stop)
    keeper.keep_output()
    ending.finish(client, run_id, done)
    return done


def _followed(
    watch: Callable[[str, Out, threading.Event], Ending], ticket: str, out: Out, stop: threading.Event
) -> Ending:
    """Follow the job in a thread of its own, so that a signal to this one can stop it in good order."""
    found: list[Ending | BaseException] = []

    def work() -> None:
        try:
            found.append(watch(ticket, out, stop))
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=work, name="tidemill-job")
    with _signals(stop):
        thread.start()
        thread.join()  # signals are handled meanwhile
    result = found[0]
    if isinstance(result, BaseException):
        raise result
    return result


@contextmanager
def _signals(stop: threading.Event) -> Iterator[None]:
    """Ctrl-C, and being told to end, stop the job instead of this process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: object) -> None:
        stop.set()

    numbers = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run_of(prepared: Prepared, client: Client) -> tuple[str, str]:
    """The run to write, made or gone on with: its tags, params and record."""
    request = prepared.request
    found = _tags(prepared)
    if request.run_id is not None:
        run = client.get_run(request.run_id)
        client.update_run(request.run_id, "RUNNING")
        client.set_tags(request.run_id, found)
    else:
        run = client.create_run(experiment_of(request, client), tags=found, run_name=request.run_name)
    run_id = run.info.run_id
    try:
        if prepared.values.given:
            client.log_params(run_id, prepared.values.given)
        files = client.files_of(run_id)
        record.write(_record(prepared, record.code_record(prepared.code, files)), files)
    except BaseException as error:
        ending.finish(client, run_id, Ending(RunStatus.FAILED, None, str(error)))
        raise
    return run_id, run.info.experiment_id


def experiment_of(request: Request, client: Client) -> str:
    """The id of the experiment that a request names, made when missing; else the environment's, else "0"."""
    if request.experiment_id is not None:
        return request.experiment_id
    name = request.experiment_name or settings.experiment_name()
    if name is None:
        return settings.experiment_id() or "0"
    found = client.get_experiment_by_name(name)
    if found is not None:
        return found.experiment_id
    with contextlib.suppress(TidemillError):
        return client.create_experiment(name)
    found = client.get_experiment_by_name(name)
    if found is None:
        raise NotFound(f"The experiment '{name}' cannot be made.")
    return found.experiment_id


def _tags(prepared: Prepared) -> dict[str, str]:
    code, request, environment = prepared.code, prepared.request, prepared.environment
    user = {key: value for key, value in context.captured().items() if key == tags.USER}
    found = {
        tags.SOURCE_NAME: code.address.shown,
        tags.SOURCE_TYPE: "PROJECT",
        tags.PROJECT_ENTRY_POINT: request.entry_point,
        tags.PROJECT_ENVIRONMENT: environment.tool,
        tags.PROJECT_BACKEND: request.executor,
        tags.COMMAND: prepared.shown,
        tags.GIT_COMMIT: code.commit,
        tags.GIT_BRANCH: code.branch,
        tags.GIT_URL: code.repository,
        tags.ENVIRONMENT: environment.digest,
        tags.PARENT: request.parent_run_id or _outer_run(),
    }
    return {**user, **{key: value for key, value in found.items() if value}, **request.tags}


def _outer_run() -> str | None:
    """The run of the project that this process is a step of."""
    return os.environ.get(MARK, "").partition("-")[0] or None


def _record(prepared: Prepared, code: record.CodeRecord) -> record.Record:
    request, environment = prepared.request, prepared.environment
    packages, python = environment.packages, environment.python
    if environment.tool == "local":
        packages, python = tuple(context.packages().splitlines()), ".".join(map(str, sys.version_info[:3]))
    return record.Record(
        code=code,
        entry_point=request.entry_point,
        parameters=prepared.values.given,
        environment=record.EnvironmentRecord(
            environment.tool, environment.digest, python, packages, prepared.needs, environment.image
        ),
        command=prepared.argv,
        executor=request.executor,
        secrets=list(request.secrets),
    )


def _job(prepared: Prepared, run_id: str, experiment_id: str, address: str, url: str) -> Job:
    request, environment = prepared.request, prepared.environment
    variables = {
        **environment.variables,
        "MLFLOW_RUN_ID": run_id,
        "MLFLOW_EXPERIMENT_ID": experiment_id,
        "MLFLOW_TRACKING_URI": url,
        "TIDEMILL_URI": address,
        MARK: run_id,
        "PYTHONUNBUFFERED": os.environ.get("PYTHONUNBUFFERED", "1"),
    }
    if url != address:
        variables[INHERITED] = f"{url} {address}"
    elif not settings.journal_folder() and executors.configured(request.executor)[0] == "local":
        with contextlib.suppress(OSError):
            # Not in the project's folder, which may be gone before everything is sent.
            variables["TIDEMILL_JOURNAL"] = str(journal_root())
    argv, folder = prepared.argv, prepared.code.folder
    if environment.tool == "docker" and request.executor == "local":
        variables["TIDEMILL_URI"] = url
        names = [name for name in variables if name not in ("PATH", "TIDEMILL_JOURNAL")]
        argv = docker.command(environment, argv, folder, [*names, *request.secrets], [], run_id)
    return Job(
        name=request.run_name or f"{prepared.project.name}-{request.entry_point}",
        run_id=run_id,
        argv=argv,
        folder=folder,
        variables=variables,
        secrets=request.secrets,
        requirements=environment.requirements,
        image=environment.image,
        is_copy=prepared.code.is_copy,
        resources=request.resources,
    )


def _check_reach(request: Request, address: str) -> None:
    if executors.configured(request.executor)[0] != "local" and not address.startswith(("http://", "https://")):
        raise InvalidParameter(
            f"The executor '{request.executor}' works on other machines, which cannot reach the store at "
            f"{resolve.shown(address)}. Start 'tidemill server' where they can, and name it with --uri."
        )


def _ticket(request: Request, ticket: str, log: str) -> str:
    """Where the job can be found again, for `tidemill runs logs` and `cancel`."""
    where = {"host": socket.gethostname(), "process": os.getpid(), "log": log}
    found: dict[str, Any] = {
        "executor": request.executor,
        "settings": dict(request.settings),
        "ticket": ticket,
        **where,
    }
    return msgspec.json.encode(found).decode()


@contextmanager
def _storage(chosen: str | None) -> Iterator[Callable[[], str]]:
    """A folder for what parameters bring here: the one chosen, else one that goes with the block, made when needed."""
    with contextlib.ExitStack() as stack:
        made: list[str] = []

        def folder() -> str:
            if not made:
                if chosen:
                    os.makedirs(chosen, exist_ok=True)
                    made.append(tempfile.mkdtemp(dir=chosen))
                else:
                    made.append(stack.enter_context(tempfile.TemporaryDirectory(prefix="tidemill-values-")))
            return made[0]

        yield folder


def _fetched(storage: str, name: str, uri: str) -> str:
    place = os.path.join(storage, name)
    os.makedirs(place, exist_ok=True)
    address = resolve.current_address()
    client = store_client()
    if uri.startswith("runs:/"):
        run_id, _, path = uri.removeprefix("runs:/").lstrip("/").partition("/")
        return client.files_of(run_id).download(path, place)
    head, _, last = uri.rstrip("/").rpartition("/")
    return files_at(head, client.backend, address).download(last, place)
