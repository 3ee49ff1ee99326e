"""Jobs: runs of projects that somebody asked for over REST, and that an agent starts."""

import enum

from tidemill.types.page import Entity, Int64, Request
from tidemill.types.runs import Param


class JobState(enum.StrEnum):
    """How a job stands. The last three are ends."""

    QUEUED = "QUEUED"
    CLAIMED = "CLAIMED"
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class Job(Entity, frozen=True, kw_only=True):
    """One job. Times are ms since the epoch.

    It clones the project run `source_run_id` with `params` in place of that run's, on the executor of this name.
    `run_id` is the run that it made, once there is one; `agent` who claimed it. `cancel_asked`: it is to stop.
    """

    job_id: str
    source_run_id: str
    experiment_id: str
    executor: str
    entry_point: str = ""
    run_name: str = ""
    params: list[Param] = []
    state: JobState
    run_id: str = ""
    agent: str = ""
    message: str = ""
    cancel_asked: bool = False
    created: int
    updated: int


class SubmitJob(Request, frozen=True):
    """Clone a run of a project with changed parameters. `entry_point`, `run_name`, `experiment_id`: as the run's unless given."""

    run_id: str = ""
    executor: str = ""
    params: list[Param] = []
    entry_point: str = ""
    run_name: str = ""
    experiment_id: str = ""


class JobAnswer(Entity, frozen=True):
    """One job; None only as the answer to a claim, where nothing waits."""

    job: Job | None = None


class GetJob(Request, frozen=True):
    """Read one job."""

    job_id: str = ""


class SearchJobs(Request, frozen=True):
    """Jobs, the newest first; of these states (empty: all), and of this source run (empty: any)."""

    states: list[JobState] = []
    source_run_id: str = ""
    max_results: Int64 = 100
    page_token: str = ""


class JobPage(Entity, frozen=True):
    """One page of jobs; `next_page_token` exactly when there are more."""

    jobs: list[Job] = []
    next_page_token: str | None = None


class CancelJob(Request, frozen=True):
    """Stop a job: one that waits ends at once, one that works is stopped by its agent."""

    job_id: str = ""


class ListExecutors(Request, frozen=True):
    """Ask which executors there are."""


class OfferedExecutor(Entity, frozen=True):
    """An executor that agents offer, and how many of them were heard of lately."""

    name: str
    agents: int


class ExecutorList(Entity, frozen=True):
    """The executors that jobs can be submitted to."""

    executors: list[OfferedExecutor] = []


class ClaimJob(Request, frozen=True):
    """Take the oldest job that waits for one of these executors. The agent must report every `lease_s` seconds or sooner."""

    agent: str = ""
    executors: list[str] = []
    lease_s: Int64 = 60


class ReportJob(Request, frozen=True):
    """Say how a claimed job stands; each report renews the lease."""

    job_id: str = ""
    agent: str = ""
    state: JobState | None = None
    run_id: str = ""
    message: str = ""
