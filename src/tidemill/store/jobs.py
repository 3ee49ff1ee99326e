"""Jobs, in the database: a queue that agents claim from, with leases.

A job whose agent falls silent before it has made a run waits again; with a run it has FAILED, since nobody can tell how
far it came.
"""

import json

import msgspec

from tidemill.clock import now_ms
from tidemill.errors import InvalidParameter, InvalidState, NotFound
from tidemill.ids import new_run_id
from tidemill.store import limits
from tidemill.store.experiments import active as active_experiment
from tidemill.store.outbox import emit
from tidemill.store.transaction import Row, Tx, marks
from tidemill.types import jobs as t
from tidemill.types.runs import Param

_COLUMNS = (
    "job_id, source_run_id, experiment_id, executor, entry_point, run_name, params, state, run_id, agent, message, "
    "cancel_asked, created, updated, pk"
)
_STATES = list(t.JobState)
_ENDS = (t.JobState.FINISHED, t.JobState.FAILED, t.JobState.CANCELLED)
_QUEUED, _CLAIMED, _RUNNING, _FAILED = (
    _STATES.index(one) for one in (t.JobState.QUEUED, t.JobState.CLAIMED, t.JobState.RUNNING, t.JobState.FAILED)
)
_MOST_PARAMS = 1000
_MOST_LEASE_S = 3600
_HEARD_MS = 120_000
_SOURCE = "mlflow.source.type"


def submit(tx: Tx, arg: t.SubmitJob) -> t.JobAnswer:
    """See the operation `jobs.submit`."""
    _check(arg)
    row = tx.row("SELECT pk, experiment_id FROM runs WHERE run_id = ? AND deleted_at IS NULL", (arg.run_id,))
    if row is None:
        raise NotFound(f"Run with id={arg.run_id} not found")
    name = tx.names.find(tx, _SOURCE)
    tag = tx.row("SELECT value FROM tags WHERE run_pk = ? AND name_id = ?", (row[0], name))
    if tag is None or tag[0] != "PROJECT":
        raise InvalidParameter(f"The run {arg.run_id} was not made by a project, so it cannot be made again.")
    if tx.row("SELECT 1 FROM job_offers WHERE executor = ?", (arg.executor,)) is None:
        raise InvalidParameter(
            f"No agent offers the executor '{arg.executor}'. jobs.list_executors says which there are."
        )
    experiment, _ = active_experiment(tx, arg.experiment_id or str(row[1]))
    now, job_id = now_ms(), new_run_id()
    params = json.dumps({one.key: one.value for one in arg.params})
    tx.run(
        "INSERT INTO jobs (job_id, source_run_id, experiment_id, executor, entry_point, run_name, params, state, run_id, "
        "agent, message, cancel_asked, lease_until, created, updated) VALUES (?, ?, ?, ?, ?, ?, ?, ?, '', '', '', 0, 0, ?, ?)",
        (job_id, arg.run_id, experiment, arg.executor, arg.entry_point, arg.run_name, params, _QUEUED, now, now),
    )
    return _changed(tx, job_id)


def get(tx: Tx, arg: t.GetJob) -> t.JobAnswer:
    """See the operation `jobs.get`."""
    return t.JobAnswer(_job(_row(tx, arg.job_id)))


def search(tx: Tx, arg: t.SearchJobs) -> t.JobPage:
    """See the operation `jobs.search`."""
    if not 1 <= arg.max_results <= 1000:
        raise InvalidParameter(
            f"Invalid value {arg.max_results} for parameter 'max_results' supplied. It must be 1 to 1000."
        )
    if arg.page_token and not arg.page_token.isdecimal():
        raise InvalidParameter("Invalid page token: it cannot be read. Start again without a token.")
    conditions, values = ["pk < ?"], [int(arg.page_token or 2**62)]
    found: list[object] = list(values)
    if arg.states:
        conditions.append(f"state IN ({marks(len(arg.states))})")
        found += [_STATES.index(one) for one in arg.states]
    if arg.source_run_id:
        conditions.append("source_run_id = ?")
        found.append(arg.source_run_id)
    where = " AND ".join(conditions)
    rows = tx.rows(f"SELECT {_COLUMNS} FROM jobs WHERE {where} ORDER BY pk DESC LIMIT ?", (*found, arg.max_results + 1))
    more = len(rows) > arg.max_results
    rows = rows[: arg.max_results]
    return t.JobPage([_job(row) for row in rows], str(rows[-1][14]) if more else None)


def cancel(tx: Tx, arg: t.CancelJob) -> t.JobAnswer:
    """See the operation `jobs.cancel`."""
    job = _job(_row(tx, arg.job_id))
    if job.state in _ENDS:
        raise InvalidState(f"The job {arg.job_id} has ended already: {job.state}.")
    state = _STATES.index(t.JobState.CANCELLED if job.state is t.JobState.QUEUED else job.state)
    tx.run("UPDATE jobs SET cancel_asked = 1, state = ?, updated = ? WHERE job_id = ?", (state, now_ms(), arg.job_id))
    return _changed(tx, arg.job_id)


def list_executors(tx: Tx, arg: t.ListExecutors) -> t.ExecutorList:
    """See the operation `jobs.list_executors`."""
    rows = tx.rows(
        "SELECT executor, count(*) FROM job_offers WHERE seen > ? GROUP BY executor ORDER BY executor",
        (now_ms() - _HEARD_MS,),
    )
    return t.ExecutorList([t.OfferedExecutor(name, count) for name, count in rows])


def claim(tx: Tx, arg: t.ClaimJob) -> t.JobAnswer:
    """See the operation `jobs.claim`."""
    if not 1 <= arg.lease_s <= _MOST_LEASE_S or len(arg.executors) > 100:
        raise InvalidParameter(f"'lease_s' must be 1 to {_MOST_LEASE_S}, and 'executors' at most 100.")
    for text in (arg.agent, *arg.executors):
        limits.check_length("agent" if text is arg.agent else "executor", text, 250)
    now = now_ms()
    for name in dict.fromkeys(arg.executors):
        tx.run(
            "INSERT INTO job_offers (agent, executor, seen) VALUES (?, ?, ?) "
            "ON CONFLICT (agent, executor) DO UPDATE SET seen = excluded.seen",
            (arg.agent, name, now),
        )
    _take_back_the_silent(tx, now)
    within = marks(len(arg.executors)) or "NULL"
    rows = tx.rows(
        f"SELECT job_id FROM jobs WHERE state = ? AND executor IN ({within}) ORDER BY pk LIMIT 20",
        (_QUEUED, *arg.executors),
    )
    for (job_id,) in rows:
        taken = tx.run(
            "UPDATE jobs SET state = ?, agent = ?, lease_until = ?, updated = ? WHERE job_id = ? AND state = ?",
            (_CLAIMED, arg.agent, now + arg.lease_s * 1000, now, job_id, _QUEUED),
        )
        if taken:
            return _changed(tx, job_id)
    return t.JobAnswer()


def report(tx: Tx, arg: t.ReportJob) -> t.JobAnswer:
    """See the operation `jobs.report`."""
    job = _job(_row(tx, arg.job_id))
    if job.agent != arg.agent or job.state in _ENDS or job.state is t.JobState.QUEUED:
        raise InvalidState(f"The job {arg.job_id} is not in the hands of the agent '{arg.agent}' (any more).")
    if arg.state is t.JobState.QUEUED:
        raise InvalidParameter("An agent cannot put a job back into the queue; it lets its lease end.")
    state = arg.state or job.state
    now = now_ms()
    lease = tx.row("SELECT lease_until - updated FROM jobs WHERE job_id = ?", (arg.job_id,))
    assert lease is not None
    tx.run(
        "UPDATE jobs SET state = ?, run_id = ?, message = ?, lease_until = ?, updated = ? WHERE job_id = ?",
        (
            _STATES.index(state), arg.run_id or job.run_id, (arg.message or job.message)[:5000], now + lease[0], now,
            arg.job_id,
        ),
    )  # fmt: skip
    if state is not job.state or (arg.run_id and arg.run_id != job.run_id):
        return _changed(tx, arg.job_id)
    return t.JobAnswer(_job(_row(tx, arg.job_id)))


def _take_back_the_silent(tx: Tx, now: int) -> None:
    silent = "lease_until < ? AND state IN (?, ?)"
    held = (now, _CLAIMED, _RUNNING)
    lost = [row[0] for row in tx.rows(f"SELECT job_id FROM jobs WHERE {silent} LIMIT 100", held)]
    for job_id in lost:
        tx.run(
            "UPDATE jobs SET state = CASE WHEN run_id = '' THEN ? ELSE ? END, "
            "message = CASE WHEN run_id = '' THEN message ELSE 'Its agent was not heard of any more.' END, "
            "agent = CASE WHEN run_id = '' THEN '' ELSE agent END, updated = ? WHERE job_id = ?",
            (_QUEUED, _FAILED, now, job_id),
        )
        _changed(tx, job_id)


def _changed(tx: Tx, job_id: str) -> t.JobAnswer:
    job = _job(_row(tx, job_id))
    data = {"job_id": job_id, "state": str(job.state), "run_id": job.run_id, "source_run_id": job.source_run_id}
    emit(tx, "job.changed", f"job/{job_id}", data)
    return t.JobAnswer(job)


def _check(arg: t.SubmitJob) -> None:
    if len(arg.params) > _MOST_PARAMS:
        raise InvalidParameter(f"A job can change at most {_MOST_PARAMS} params. Got {len(arg.params)}.")
    for name in ("executor", "entry_point", "run_name"):
        limits.check_length(name, getattr(arg, name), 250)
    for one in arg.params:
        limits.check_length("Param key", one.key, limits.MAX_KEY)
        limits.check_length("Param value", one.value, limits.MAX_PARAM_VALUE)
        if not one.key or "\0" in one.value:
            raise InvalidParameter("A param needs a name, and a value without NUL characters.")


def _row(tx: Tx, job_id: str) -> Row:
    row = tx.row(f"SELECT {_COLUMNS} FROM jobs WHERE job_id = ?", (job_id,))
    if row is None:
        raise NotFound(f"Job with id={job_id} not found")
    return row


def _job(row: Row) -> t.Job:
    params: dict[str, str] = msgspec.json.decode(row[6])
    return t.Job(
        job_id=row[0],
        source_run_id=row[1],
        experiment_id=str(row[2]),
        executor=row[3],
        entry_point=row[4],
        run_name=row[5],
        params=[Param(key, value) for key, value in params.items()],
        state=_STATES[row[7]],
        run_id=row[8],
        agent=row[9],
        message=row[10],
        cancel_asked=bool(row[11]),
        created=row[12],
        updated=row[13],
    )
