"""Operations on jobs. Tidemill's own."""

from tidemill.api.operation import Operation
from tidemill.types.jobs import (
    CancelJob,
    ClaimJob,
    ExecutorList,
    GetJob,
    JobAnswer,
    JobPage,
    ListExecutors,
    ReportJob,
    SearchJobs,
    SubmitJob,
)

_PATH = "/api/tidemill/1/jobs"
_ONE = _PATH + "/{job_id}"

submit = Operation(
    "jobs.submit", SubmitJob, JobAnswer,
    "POST", _PATH, allow="job:create", writes=True, required=("run_id", "executor"), emits=("job.changed",),
)  # fmt: skip
get = Operation("jobs.get", GetJob, JobAnswer, "GET", _ONE, allow="job:read", required=("job_id",))
search = Operation("jobs.search", SearchJobs, JobPage, "POST", _PATH + "/search", allow="job:read")
cancel = Operation(
    "jobs.cancel", CancelJob, JobAnswer,
    "POST", _ONE + "/cancel", allow="job:edit", writes=True, required=("job_id",), emits=("job.changed",),
)  # fmt: skip
list_executors = Operation(
    "jobs.list_executors", ListExecutors, ExecutorList, "GET", "/api/tidemill/1/executors", allow="job:read"
)
claim = Operation(
    "jobs.claim", ClaimJob, JobAnswer,
    "POST", _PATH + "/claim", allow="job:manage", writes=True, required=("agent", "executors"), emits=("job.changed",),
)  # fmt: skip
report = Operation(
    "jobs.report", ReportJob, JobAnswer,
    "POST", _ONE + "/report", allow="job:manage", writes=True, required=("job_id", "agent"), emits=("job.changed",),
)  # fmt: skip

OPERATIONS = (submit, get, search, cancel, list_executors, claim, report)
