"""The agent: takes jobs that were submitted over REST and runs them on the executors that its own file names.

Whoever may write to the store can make up a run and its record. So nothing of a record is trusted: the code must come
from an address that the agent's file allows, changes and files kept with a run are taken only where the file says so,
and secrets only by names that the file lists.
"""

import dataclasses
import os
import threading
import tomllib
from collections.abc import Callable

import msgspec

from tidemill.api import jobs as ops
from tidemill.errors import InvalidParameter, InvalidState, NotFound, PermissionDenied, TidemillError
from tidemill.projects import record
from tidemill.projects.executors.choose import configured
from tidemill.projects.launch import Request, launch, prepare
from tidemill.projects.record import CodeRecord, Record
from tidemill.projects.reproduce import code_again
from tidemill.tracking.client import Client
from tidemill.types.jobs import ClaimJob, Job, JobState, ReportJob
from tidemill.types.runs import RunStatus

_STATES = {RunStatus.FINISHED: JobState.FINISHED, RunStatus.KILLED: JobState.CANCELLED}
_REPORT_S = 3.0
Say = Callable[[str], None]


class AgentRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table `[agent]` of the executors' file.

    `executors`: what is offered. `sources`: addresses below which code may lie, folders and git or archive addresses.
    `allow_changes`: uncommitted changes and files that were kept with a run may be used. `secrets`: names of
    variables that jobs may get. `parallel`: how many jobs at a time. `env`: how environments are made.
    """

    executors: list[str] = []
    sources: list[str] = []
    allow_changes: bool = False
    secrets: list[str] = []
    parallel: int = 1
    env: str = "auto"


def read_rules(path: str) -> AgentRules:
    """The rules in a file. Raises NotFound, InvalidParameter; also for executors that are not configured."""
    try:
        with open(path, "rb") as file:
            table = tomllib.load(file).get("agent")
    except FileNotFoundError:
        raise NotFound(f"There is no file '{path}'; an agent needs one with the table [agent].") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidParameter(f"The file '{path}' is not readable TOML: {error}.") from None
    try:
        rules = msgspec.convert(table, AgentRules)
    except msgspec.ValidationError as error:
        raise InvalidParameter(f"The table [agent] of '{path}' is wrong: {error}.") from None
    if not rules.executors or not rules.sources or rules.parallel < 1:
        raise InvalidParameter(
            f"The table [agent] of '{path}' needs 'executors' and 'sources', and 'parallel' at least 1."
        )
    for name in rules.executors:
        configured(name)
    return rules


class Agent:
    """Claims and runs jobs until `stop` is set. `name` must be different for each agent of a store."""

    def __init__(self, client: Client, rules: AgentRules, name: str, say: Say, poll_s: float = 2.0) -> None:
        self._client = client
        self._rules = rules
        self._name = name
        self._say = say
        self._poll_s = poll_s
        self.stop = threading.Event()

    def run(self, once: bool = False) -> None:
        """Work; with `once` only until nothing waits. Jobs in hand are stopped when `stop` is set."""
        workers = [threading.Thread(target=self._work, args=(once,)) for _ in range(self._rules.parallel)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    def _work(self, once: bool) -> None:
        while not self.stop.is_set():
            try:
                job = self._client.call(ops.claim, ClaimJob(self._name, self._rules.executors)).job
            except TidemillError as error:
                self._say(f"The store cannot be asked for jobs: {error}")
                job = None
            if job is not None:
                self._carry_out(job)
            elif once or self.stop.wait(self._poll_s):
                return

    def _carry_out(self, job: Job) -> None:
        self._say(f"Job {job.job_id}: run {job.source_run_id} again on {job.executor}")
        stop = threading.Event()
        watch = _Watch(self._client, self._name, job, stop, self.stop)
        try:
            request = request_for(self._client, job, self._rules)
            watch.start()
            with prepare(request, self._say) as prepared:
                _, done = launch(prepared, self._client, lambda data, is_error: None, stop, watch.made)
            state, message = _STATES.get(done.status, JobState.FAILED), done.reason
        except TidemillError as error:
            state, message = JobState.FAILED, error.message
        except Exception as error:
            state, message = JobState.FAILED, f"{type(error).__name__}: {error}"
        watch.finish()
        self._say(f"Job {job.job_id}: {state}{f': {message}' if message else ''}")
        try:
            self._client.call(ops.report, ReportJob(job.job_id, self._name, state, watch.run_id, message))
        except TidemillError as error:
            self._say(f"Job {job.job_id} cannot be reported: {error}")


class _Watch:
    """Reports that a job is being worked on, and learns whether it is to stop."""

    def __init__(self, client: Client, name: str, job: Job, stop: threading.Event, all_stop: threading.Event) -> None:
        self._client, self._name, self._job, self._stop, self._all_stop = client, name, job, stop, all_stop
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="tidemill-report", daemon=True)
        self.run_id = ""

    def start(self) -> None:
        self._thread.start()

    def made(self, run_id: str) -> None:
        """The run that the job makes."""
        self.run_id = run_id
        self._report()

    def finish(self) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        while not self._ended.wait(_REPORT_S):
            self._report()

    def _report(self) -> None:
        state = JobState.RUNNING if self.run_id else None
        try:
            job = self._client.call(ops.report, ReportJob(self._job.job_id, self._name, state, self.run_id)).job
            if job is not None and job.cancel_asked:
                self._stop.set()
        except InvalidState:
            self._stop.set()  # the lease ended, and somebody else has the job
        except TidemillError:
            pass  # the store is away; it will be there again, or the lease ends
        if self._all_stop.is_set():
            self._stop.set()


def request_for(client: Client, job: Job, rules: AgentRules) -> Request:
    """What a job asks to run, within the rules. Raises PermissionDenied for what they do not allow."""
    run = client.get_run(job.source_run_id)
    files = client.files_of(job.source_run_id)
    found = record.read(files, job.source_run_id)
    _check(found, rules)
    values = {**found.parameters, **{one.key: one.value for one in job.params}}
    request = Request(
        address=found.code.location,
        version=None,
        entry_point=job.entry_point or found.entry_point,
        values=values,
        experiment_id=job.experiment_id,
        run_name=job.run_name or f"{run.info.run_name} again",
        tags={"tidemill.job": job.job_id, "tidemill.cloned_from": job.source_run_id},
        way=rules.env,
        executor=job.executor,
        secrets=tuple(found.secrets),
        live=True,
    )
    return dataclasses.replace(request, code=code_again(found.code, files))


def _check(found: Record, rules: AgentRules) -> None:
    code = found.code
    if not any(_is_below(code, source) for source in rules.sources):
        raise PermissionDenied(
            f"This agent runs no code from '{code.location}'; its file lists the sources that it does."
        )
    kept = code.has_patch or code.has_files or (code.kind == "folder" and code.commit is None)
    if kept and not rules.allow_changes:
        raise PermissionDenied(
            "The run used code that no commit has, and this agent runs only what is committed (allow_changes is off)."
        )
    unknown = [name for name in found.secrets if name not in rules.secrets]
    if unknown:
        raise PermissionDenied(f"This agent does not hand out the secret {unknown[0]}.")


def _is_below(code: CodeRecord, source: str) -> bool:
    """Whether every place that the code could be fetched from lies below an allowed one."""
    places = [code.location] if code.kind != "folder" else [os.path.realpath(code.location)]
    top = os.path.realpath(source) if os.path.isabs(source) else source
    for place in places:
        if ".." in place.replace("\\", "/").split("/") or "%" in place:
            return False
        if place != top and not place.startswith(top.rstrip("/") + "/"):
            return False
    return True
