"""Operations over HTTP: against a real server, and against one that answers badly."""

import math
import os
import threading

import pytest

from tidemill.api import experiments, inputs, logged_models, metrics, runs
from tidemill.api.table import OPERATIONS
from tidemill.errors import (
    AlreadyExists,
    BadRequest,
    DeadlineExceeded,
    EndpointNotFound,
    InternalError,
    InvalidParameter,
    InvalidState,
    NotFound,
    NotSupported,
    PayloadTooLarge,
    PermissionDenied,
    RequestLimitExceeded,
    Unauthenticated,
    Unavailable,
)
from tidemill.transport.http import HttpBackend, is_repeatable, request_of
from tidemill.types.experiments import CreateExperiment, GetExperiment, GetExperimentByName
from tidemill.types.inputs import LogOutputs, ModelOutput
from tidemill.types.logged_models import CreateLoggedModel, DeleteLoggedModelTag, GetLoggedModel, SetLoggedModelTags
from tidemill.types.metrics import GetMetricHistory, GetMetricHistoryBulk, MetricPoint
from tidemill.types.page import NOTHING, Tag
from tidemill.types.runs import CreateRun, GetRun, LogBatch, LogMetric, Param, RunStatus, SetTag, UpdateRun

RUN = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def backend(served):
    made = HttpBackend(served, patience=5)
    yield made
    made.close()


@pytest.fixture
def told(script):
    made = HttpBackend(script.url, patience=2, timeout=1, env={})
    yield made
    made.close()


def new_run(backend):
    return backend.call(runs.create, CreateRun(experiment_id="0", start_time=1)).run.info.run_id


@pytest.mark.parametrize(
    ("uri", "local"),
    [
        ("http://127.0.0.1:5000", True),
        ("http://localhost:5000/x", True),
        ("http://[::1]:5000", True),
        ("http://10.0.0.1:5000", False),
        ("https://localhost.example.org", False),
    ],
)
def test_whether_the_server_is_on_this_machine(uri, local):
    assert HttpBackend(uri, env={}).is_local is local


def test_a_run_from_start_to_end(backend):
    run_id = new_run(backend)
    batch = LogBatch(
        run_id=run_id,
        metrics=[MetricPoint(key="loss", value=0.5, timestamp=1, step=2)],
        params=[Param(key="depth", value="6")],
        tags=[Tag(key="team", value="ümläut / red")],
    )
    assert backend.call(runs.log_batch, batch) == NOTHING
    info = backend.call(runs.update, UpdateRun(run_id=run_id, status=RunStatus.FINISHED, end_time=9)).run_info
    assert (info.status, info.end_time) == (RunStatus.FINISHED, 9)
    run = backend.call(runs.get, GetRun(run_id=run_id)).run
    assert [(one.key, one.value, one.step) for one in run.data.metrics] == [("loss", 0.5, 2)]
    assert run.data.params == [Param(key="depth", value="6")]
    assert Tag(key="team", value="ümläut / red") in run.data.tags


@pytest.mark.parametrize(
    ("sent", "kept"), [(math.nan, None), (math.inf, 1.7976931348623157e308), (-math.inf, -1.7976931348623157e308)]
)
def test_special_numbers(backend, sent, kept):
    run_id = new_run(backend)
    backend.call(runs.log_metric, LogMetric(run_id=run_id, key="loss", value=sent, timestamp=1))
    (point,) = backend.call(metrics.get_history, GetMetricHistory(run_id=run_id, metric_key="loss")).metrics
    assert math.isnan(point.value) if kept is None else point.value == kept
    (latest,) = backend.call(runs.get, GetRun(run_id=run_id)).run.data.metrics
    assert math.isnan(latest.value) if kept is None else latest.value == kept


def test_names_with_every_sign_in_queries_and_paths(backend):
    name = "a&b=c d/ü+%2F?#"
    made = backend.call(experiments.create, CreateExperiment(name=name)).experiment_id
    found = backend.call(experiments.get_by_name, GetExperimentByName(experiment_name=name)).experiment
    assert (found.experiment_id, found.name) == (made, name)
    model = backend.call(logged_models.create, CreateLoggedModel(experiment_id="0", name="m")).model.info.model_id
    for key in ("a/b", "a b:c", "ü"):
        backend.call(logged_models.set_tags, SetLoggedModelTags(model_id=model, tags=[Tag(key=key, value="1")]))
        backend.call(logged_models.delete_tag, DeleteLoggedModelTag(model_id=model, tag_key=key))
    assert backend.call(logged_models.get, GetLoggedModel(model_id=model)).model.info.tags == []


@pytest.mark.parametrize("key", [".", "..", "../..", "a/../..", "%2e%2e", "?x", "#x"])
def test_a_tag_key_never_leads_to_another_path(backend, key):
    model = backend.call(logged_models.create, CreateLoggedModel(experiment_id="0", name="m")).model.info.model_id
    with pytest.raises(NotFound, match="No tag with key"):
        backend.call(logged_models.delete_tag, DeleteLoggedModelTag(model_id=model, tag_key=key))
    assert backend.call(logged_models.get, GetLoggedModel(model_id=model)).model.info.model_id == model


def test_lists_and_flags_in_queries(backend):
    ids = [new_run(backend), new_run(backend)]
    for run_id in ids:
        backend.call(runs.log_metric, LogMetric(run_id=run_id, key="loss", value=1.0, timestamp=1))
    asked = GetMetricHistoryBulk(run_id=ids, metric_key="loss")
    assert {one.run_id for one in backend.call(metrics.get_history_bulk, asked).metrics} == set(ids)
    _, query, _ = request_of(logged_models.get, GetLoggedModel(model_id="m-1", allow_deleted=True))
    assert query == [("allow_deleted", "true")]


def test_errors_of_the_server_are_errors_here(backend):
    with pytest.raises(NotFound, match="No Experiment with id=999999 exists"):
        backend.call(experiments.get, GetExperiment(experiment_id="999999"))
    with pytest.raises(InvalidParameter, match="'experiment_id'"):
        backend.call(experiments.get, GetExperiment())
    backend.call(experiments.create, CreateExperiment(name="twice"))
    with pytest.raises(AlreadyExists):
        backend.call(experiments.create, CreateExperiment(name="twice"))


def test_many_threads_share_a_backend(backend):
    run_id = new_run(backend)
    failures = []

    def work(number):
        try:
            for step in range(20):
                point = LogMetric(run_id=run_id, key=f"m{number}", value=1.0, timestamp=step, step=step)
                backend.call(runs.log_metric, point)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not failures
    assert len(backend.call(runs.get, GetRun(run_id=run_id)).run.data.metrics) == 8


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_opens_connections_of_its_own(told, script):
    told.call(runs.set_tag, SetTag(run_id=RUN, key="k"))
    child = os.fork()
    if child == 0:
        try:
            told.call(runs.set_tag, SetTag(run_id=RUN, key="child"))
            os._exit(0)
        except BaseException:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    told.call(runs.set_tag, SetTag(run_id=RUN, key="k"))
    assert script.connections == 2


def test_requests_say_who_asks_and_what_they_hold(told, script):
    told.call(runs.set_tag, SetTag(run_id=RUN, key="k", value="v"))
    (seen,) = script.seen
    assert (seen.verb, seen.path) == ("POST", "/api/2.0/mlflow/runs/set-tag")
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["user-agent"].startswith("tidemill/")
    assert "authorization" not in seen.headers
    assert seen.body == b'{"run_id":"%b","key":"k","value":"v"}' % RUN.encode()


def test_a_base_path_stands_before_every_path(script):
    backend = HttpBackend(script.url + "/mill/", patience=0, env={})
    backend.call(runs.set_tag, SetTag(run_id=RUN, key="k"))
    assert script.seen[0].path == "/mill/api/2.0/mlflow/runs/set-tag"


TAG = SetTag(run_id=RUN, key="k")


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "INVALID_PARAMETER_VALUE", InvalidParameter),
        (400, "RESOURCE_ALREADY_EXISTS", AlreadyExists),
        (400, "BAD_REQUEST", BadRequest),
        (413, "BAD_REQUEST", PayloadTooLarge),
        (404, "RESOURCE_DOES_NOT_EXIST", NotFound),
        (404, "ENDPOINT_NOT_FOUND", EndpointNotFound),
        (403, "PERMISSION_DENIED", PermissionDenied),
        (401, "UNAUTHENTICATED", Unauthenticated),
        (500, "INTERNAL_ERROR", InternalError),
        (500, "INVALID_STATE", InvalidState),
        (501, "NOT_IMPLEMENTED", NotSupported),
        (503, "TEMPORARILY_UNAVAILABLE", Unavailable),
        (429, "REQUEST_LIMIT_EXCEEDED", RequestLimitExceeded),
        (418, "SOMETHING_NEW", InternalError),
    ],
)
def test_wire_errors(script, status, code, kind):
    backend = HttpBackend(script.url, patience=0, env={})
    script.answers = [(status, {"error_code": code, "message": "It is so."})]
    with pytest.raises(kind, match="It is so") as caught:
        backend.call(runs.set_tag, TAG)
    assert type(caught.value) is kind


def test_what_may_succeed_later_is_unavailable():
    """So that whoever keeps what was logged tries again."""
    assert issubclass(RequestLimitExceeded, Unavailable)
    assert issubclass(DeadlineExceeded, Unavailable)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidParameter),
        (401, PermissionDenied),
        (403, PermissionDenied),
        (404, EndpointNotFound),
        (408, Unavailable),
        (413, PayloadTooLarge),
        (429, Unavailable),
        (500, InternalError),
        (502, Unavailable),
        (503, Unavailable),
        (504, Unavailable),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html><h1>Oh no</h1></html>", b"[1]", b'{"error_code": 5}', b"\xff"])
def test_answers_of_other_programs(script, status, body, kind):
    backend = HttpBackend(script.url, patience=0, env={})
    script.answers = [(status, body)]
    with pytest.raises(kind) as caught:
        backend.call(runs.set_tag, TAG)
    assert type(caught.value) is kind
    assert f"127.0.0.1:{script.port}" in str(caught.value)


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"[]", b'"text"', b'{"run": 5}', b"{}", b"\xff"])
def test_a_success_that_is_no_answer(told, script, body):
    script.answers = [(200, body)]
    with pytest.raises(InternalError, match=r"to runs\.get is not what this version understands"):
        told.call(runs.get, GetRun(run_id=RUN))


@pytest.mark.parametrize("answer", [(200, b""), (204, b""), (200, b"{}"), (200, b'{"new": 1}')])
def test_nothing_comes_in_several_forms(told, script, answer):
    script.answers = [answer]
    assert told.call(runs.set_tag, TAG) == NOTHING


def test_what_may_be_repeated():
    for op in OPERATIONS.values():
        if not op.writes:
            assert is_repeatable(op, None)
        elif not op.replay:
            assert not is_repeatable(op, None)
    assert is_repeatable(runs.set_tag, TAG)
    assert not is_repeatable(runs.create, CreateRun(experiment_id="0"))
    assert is_repeatable(runs.create, CreateRun(experiment_id="0", run_id=RUN))
    assert not is_repeatable(logged_models.create, CreateLoggedModel(experiment_id="0"))
    assert is_repeatable(inputs.log_outputs, LogOutputs(run_id=RUN, models=[ModelOutput(model_id="m-1")]))
