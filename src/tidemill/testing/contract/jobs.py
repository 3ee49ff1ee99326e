"""The contract of jobs."""

import threading
import time
import uuid

import pytest

from tidemill.api import jobs, runs
from tidemill.api.operation import Backend
from tidemill.errors import InvalidParameter, InvalidState, NotFound
from tidemill.testing.factories import new_experiment, new_run
from tidemill.types import jobs as t
from tidemill.types.runs import Param, SetTag

State = t.JobState


def project_run(backend: Backend) -> str:
    """A run that says that a project made it."""
    run_id = new_run(backend, new_experiment(backend))
    backend.call(runs.set_tag, SetTag(run_id, key="mlflow.source.type", value="PROJECT"))
    return run_id


def offered(backend: Backend) -> str:
    """The name of an executor that an agent offers, and nobody else."""
    name = f"executor-{uuid.uuid4().hex[:8]}"
    assert backend.call(jobs.claim, t.ClaimJob("first", [name])).job is None
    return name


def submitted(backend: Backend, executor: str, *params: Param) -> t.Job:
    """A job that waits."""
    job = backend.call(jobs.submit, t.SubmitJob(project_run(backend), executor, list(params))).job
    assert job is not None
    return job


def get(backend: Backend, job_id: str) -> t.Job:
    """The job as it stands."""
    job = backend.call(jobs.get, t.GetJob(job_id)).job
    assert job is not None
    return job


class TestJobs:
    """Submitting, claiming, reporting, cancelling."""

    def test_the_life_of_a_job(self, backend: Backend) -> None:
        executor = offered(backend)
        first = submitted(backend, executor, Param("alpha", "0.2"), Param("text", "; rm -rf ~"))
        second = submitted(backend, executor)
        assert (first.state, first.params) == (State.QUEUED, [Param("alpha", "0.2"), Param("text", "; rm -rf ~")])
        taken = backend.call(jobs.claim, t.ClaimJob("a", [executor])).job
        assert taken is not None
        assert (taken.job_id, taken.state, taken.agent) == (first.job_id, State.CLAIMED, "a")
        backend.call(jobs.report, t.ReportJob(first.job_id, "a", State.RUNNING, "r" * 32))
        backend.call(jobs.report, t.ReportJob(first.job_id, "a"))
        assert (get(backend, first.job_id).state, get(backend, first.job_id).run_id) == (State.RUNNING, "r" * 32)
        backend.call(jobs.report, t.ReportJob(first.job_id, "a", State.FAILED, message="Exit code 3."))
        ended = get(backend, first.job_id)
        assert (ended.state, ended.message, ended.run_id) == (State.FAILED, "Exit code 3.", "r" * 32)
        with pytest.raises(InvalidState):
            backend.call(jobs.report, t.ReportJob(first.job_id, "a", State.RUNNING))
        other = backend.call(jobs.claim, t.ClaimJob("b", [executor])).job
        assert other is not None
        assert other.job_id == second.job_id
        with pytest.raises(InvalidState):
            backend.call(jobs.report, t.ReportJob(second.job_id, "a", State.RUNNING))

    def test_only_projects_and_offered_executors(self, backend: Backend) -> None:
        executor = offered(backend)
        plain = new_run(backend, new_experiment(backend))
        with pytest.raises(InvalidParameter, match="not made by a project"):
            backend.call(jobs.submit, t.SubmitJob(plain, executor))
        with pytest.raises(InvalidParameter, match="No agent offers"):
            backend.call(jobs.submit, t.SubmitJob(project_run(backend), "nobody's"))
        with pytest.raises(NotFound):
            backend.call(jobs.submit, t.SubmitJob("f" * 32, executor))
        with pytest.raises(NotFound):
            backend.call(jobs.get, t.GetJob("f" * 32))
        names = [one.name for one in backend.call(jobs.list_executors, t.ListExecutors()).executors]
        assert executor in names
        assert "nobody's" not in names

    def test_cancelling(self, backend: Backend) -> None:
        executor = offered(backend)
        waiting = submitted(backend, executor)
        answer = backend.call(jobs.cancel, t.CancelJob(waiting.job_id)).job
        assert answer is not None
        assert answer.state is State.CANCELLED
        with pytest.raises(InvalidState):
            backend.call(jobs.cancel, t.CancelJob(waiting.job_id))
        working = submitted(backend, executor)
        backend.call(jobs.claim, t.ClaimJob("a", [executor]))
        backend.call(jobs.cancel, t.CancelJob(working.job_id))
        told = backend.call(jobs.report, t.ReportJob(working.job_id, "a", State.RUNNING)).job
        assert told is not None
        assert told.cancel_asked

    def test_a_silent_agent_loses_its_job(self, backend: Backend) -> None:
        executor = offered(backend)
        begun, fresh = submitted(backend, executor), submitted(backend, executor)
        for _ in range(2):
            backend.call(jobs.claim, t.ClaimJob("a", [executor], 1))
        backend.call(jobs.report, t.ReportJob(begun.job_id, "a", State.RUNNING, "r" * 32))
        time.sleep(1.2)
        again = backend.call(jobs.claim, t.ClaimJob("b", [executor])).job
        assert again is not None
        assert (again.job_id, again.agent) == (fresh.job_id, "b")
        assert get(backend, begun.job_id).state is State.FAILED
        with pytest.raises(InvalidState):
            backend.call(jobs.report, t.ReportJob(fresh.job_id, "a", State.RUNNING))

    def test_many_agents_get_each_job_once(self, backend: Backend) -> None:
        executor = offered(backend)
        wanted = {submitted(backend, executor).job_id for _ in range(12)}
        found: list[str] = []

        def work(name: str) -> None:
            while (job := backend.call(jobs.claim, t.ClaimJob(name, [executor])).job) is not None:
                found.append(job.job_id)

        threads = [threading.Thread(target=work, args=(f"agent-{place}",)) for place in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(found) == sorted(wanted)

    def test_pages(self, backend: Backend) -> None:
        executor = offered(backend)
        source = project_run(backend)
        made = [backend.call(jobs.submit, t.SubmitJob(source, executor)).job for _ in range(5)]
        ids = [one.job_id for one in made if one is not None]
        seen: list[str] = []
        token = ""
        while True:
            page = backend.call(jobs.search, t.SearchJobs([State.QUEUED], source, 2, token))
            seen += [one.job_id for one in page.jobs]
            if page.next_page_token is None:
                break
            token = page.next_page_token
        assert seen == ids[::-1]
        for wrong in (t.SearchJobs(max_results=0), t.SearchJobs(page_token="x")):
            with pytest.raises(InvalidParameter):
                backend.call(jobs.search, wrong)
