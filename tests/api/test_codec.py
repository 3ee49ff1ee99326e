"""The JSON dialect of the wire, read leniently and written strictly."""

import contextlib
import json
import math
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.api import codec, experiments, logged_models, metrics, runs
from tidemill.api.table import OPERATIONS
from tidemill.errors import BadRequest, InvalidParameter
from tidemill.types.logged_models import LoggedModelStatus
from tidemill.types.metrics import Metric, MetricHistory
from tidemill.types.page import NOTHING, ViewType
from tidemill.types.runs import LogMetric, RunStatus

RUN = {"run_id": "r"}
POINT = {**RUN, "key": "loss", "value": 0.5, "timestamp": 1}


def read(op, fields):
    return codec.decode_request(op, json.dumps(fields).encode())


def point(**fields):
    return read(runs.log_metric, {**POINT, **fields})


def test_the_plain_case():
    assert point(step=3) == LogMetric(run_id="r", key="loss", value=0.5, timestamp=1, step=3)


@pytest.mark.parametrize("sent", [7, 7.0, "7", "007"])
def test_integers_come_in_several_forms(sent):
    found = point(timestamp=sent).timestamp
    assert (found, type(found)) == (7, int)


@pytest.mark.parametrize("sent", [2**63 - 1, str(2**63 - 1), -(2**63), str(-(2**63))])
def test_integers_reach_to_the_ends_of_64_bits(sent):
    assert point(step=sent).step == int(sent)


@pytest.mark.parametrize(
    "sent", [7.5, "7.5", "x", " 7", "7 ", "1_000", "+7", "٣", True, [], {}, 2**63, "9" * 5000, 1e30]
)
def test_what_is_no_integer_is_refused(sent):
    with pytest.raises(InvalidParameter, match="for parameter 'timestamp' supplied:  Hint: Value was of type"):
        point(timestamp=sent)


def test_the_words_for_a_wrong_type():
    with pytest.raises(InvalidParameter) as caught:
        point(key=123)
    assert caught.value.message == (
        "Invalid value 123 for parameter 'key' supplied:  Hint: Value was of type 'int'. "
        "See the API docs for more information about request parameters."
    )
    with pytest.raises(InvalidParameter, match=r"Invalid value 9\.0 for parameter 'key'.*'float'"):
        point(key=9.0)
    with pytest.raises(InvalidParameter, match=r"'metrics\[1\]\.key'.*'dict'"):
        read(runs.log_batch, {**RUN, "metrics": [{"key": "a", "value": 1, "timestamp": 1}, {"key": {}}]})
    with pytest.raises(InvalidParameter) as caught:
        read(runs.log_batch, {**RUN, "tags": "x" * 10_000})
    assert len(caught.value.message) < 1000


@pytest.mark.parametrize("sent", ["NaN", math.nan])
def test_nan(sent):
    assert math.isnan(point(value=sent).value)


@pytest.mark.parametrize(("sent", "meant"), [("Infinity", math.inf), (math.inf, math.inf), ("-Infinity", -math.inf)])
def test_infinities(sent, meant):
    assert point(value=sent).value == meant


@pytest.mark.parametrize(("sent", "meant"), [("0.5", 0.5), (1, 1.0), ("1e3", 1000.0), (-0.0, 0.0)])
def test_doubles_come_in_several_forms(sent, meant):
    found = point(value=sent).value
    assert (found, type(found)) == (meant, float)


@pytest.mark.parametrize(
    ("sent", "meant"), [(b"1e400", math.inf), (b"-1e400", -math.inf), (b"1" + b"0" * 400, math.inf)]
)
def test_doubles_beyond_the_largest_are_infinite(sent, meant):
    body = b'{"run_id": "r", "key": "k", "timestamp": 1, "value": ' + sent + b"}"
    assert codec.decode_request(runs.log_metric, body).value == meant


@pytest.mark.parametrize("sent", ["abc", "1_0", True, [], {}])
def test_what_is_no_double_is_refused(sent):
    with pytest.raises(InvalidParameter, match="'value'"):
        point(value=sent)


@pytest.mark.parametrize("sent", ["FINISHED", 3, "3"])
def test_enums_by_name_and_number(sent):
    assert read(runs.update, {**RUN, "status": sent}).status is RunStatus.FINISHED


def test_enums_whose_first_number_is_0():
    made = {"model_id": "m", "status": 2}
    assert read(logged_models.finalize, made).status is LoggedModelStatus.LOGGED_MODEL_READY
    assert read(experiments.search, {"view_type": 3}).view_type is ViewType.ALL


@pytest.mark.parametrize("sent", ["WEIRD", "finished", ""])
def test_unknown_names_of_enums_are_not_set(sent):
    assert read(runs.update, {**RUN, "status": sent}).status is None


@pytest.mark.parametrize("sent", [True, 1.5, [], 99, 0, -1, "99"])
def test_what_can_be_no_enum_is_refused(sent):
    with pytest.raises(InvalidParameter, match="'status'"):
        read(runs.update, {**RUN, "status": sent})


def test_names_in_camel_case_and_null_and_strangers():
    sent = {"runId": "r", "runUuid": None, "endTime": "5", "status": None, "colour": {"deep": [1]}}
    found = read(runs.update, sent)
    assert (found.run_id, found.end_time, found.status) == ("r", 5, None)
    batch = {"runId": "r", "metrics": [{"key": "k", "value": 1, "timestamp": 1, "modelId": "m", "colour": 1}]}
    assert read(runs.log_batch, batch).metrics[0].model_id == "m"


def test_run_uuid_stands_in_for_run_id():
    assert read(runs.get, {"run_uuid": "u"}).run_id == "u"
    assert read(runs.get, {"run_uuid": "u", "run_id": "r"}).run_id == "r"
    assert read(runs.get, {"runUuid": "u", "colour": 1}).run_id == "u"
    assert codec.decode_fields(runs.get, {"run_uuid": "u"}, text=True).run_id == "u"


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({}, "run_id"),
        ({"run_id": ""}, "run_id"),
        ({"run_id": None}, "run_id"),
        ({**RUN}, "key"),
        ({**RUN, "key": "k"}, "value"),
        ({**RUN, "key": "k", "value": 0}, "timestamp"),
    ],
)
def test_missing_fields_in_their_order(fields, name):
    with pytest.raises(InvalidParameter) as caught:
        read(runs.log_metric, fields)
    assert caught.value.message == (
        f"Missing value for required parameter '{name}'. See the API docs for more information about request parameters."
    )


@pytest.mark.parametrize("name", ["timestamp", "value"])
def test_an_empty_text_for_a_number_is_missing(name):
    with pytest.raises(InvalidParameter, match=f"Missing value for required parameter '{name}'"):
        point(**{name: ""})


def test_a_required_list_may_be_empty_but_not_absent():
    assert read(logged_models.search, {"experiment_ids": []}).experiment_ids == []
    with pytest.raises(InvalidParameter, match="Missing value for required parameter 'experiment_ids'"):
        read(logged_models.search, {})


def test_zero_is_a_value():
    assert point(value=0, timestamp=0).value == 0


@pytest.mark.parametrize(
    ("part", "path"),
    [
        ({"metrics": [{"key": "k", "timestamp": 1}]}, "metrics[0].value"),
        ({"metrics": [{"value": 1, "timestamp": 1}]}, "metrics[0].key"),
        ({"metrics": [{"key": "k", "value": 1}]}, "metrics[0].timestamp"),
        ({"params": [{"key": "a"}, {"value": "x"}]}, "params[1].key"),
        ({"tags": [{}]}, "tags[0].key"),
    ],
)
def test_missing_parts_are_named_by_their_place(part, path):
    with pytest.raises(InvalidParameter, match=f"required parameter '{path}'".replace("[", r"\[").replace("]", r"\]")):
        read(runs.log_batch, {**RUN, **part})


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"nonsense", b'{"a": 1} x', b"[" * 100_000, b'"{"'])
def test_unreadable_bodies_are_empty(body):
    assert codec.decode_request(runs.search, body) == codec.decode_request(runs.search, b"{}")


@pytest.mark.parametrize("body", [b"[]", b"1", b"null", b"true", b'"[]"'])
def test_bodies_that_are_no_objects_are_refused(body):
    with pytest.raises(BadRequest, match="must be a JSON object"):
        codec.decode_request(runs.search, body)


def test_json_in_a_text_is_read_once_more():
    assert codec.decode_request(runs.get, json.dumps(json.dumps(RUN)).encode()).run_id == "r"


def test_lone_surrogates_are_refused():
    with pytest.raises(InvalidParameter, match="not valid Unicode"):
        codec.decode_request(runs.get, b'{"run_id": "\\ud800"}')


def test_fields_of_a_query():
    assert codec.fields_of_query([("a", "1"), ("b", "x"), ("a", "2"), ("a", "3")]) == {"a": ["1", "2", "3"], "b": "x"}


@pytest.mark.parametrize(("sent", "meant"), [("a", ["a"]), (["a", "b"], ["a", "b"])])
def test_a_list_in_a_query_may_occur_once(sent, meant):
    found = codec.decode_fields(metrics.get_history_bulk, {"run_id": sent, "metric_key": "k"}, text=True)
    assert found.run_id == meant


def test_of_a_single_value_that_occurs_twice_in_a_query_the_first_counts():
    assert codec.decode_fields(runs.get, {"run_id": ["a", "b"]}, text=True).run_id == "a"


@pytest.mark.parametrize(("sent", "meant"), [("true", True), ("TRUE", True), ("False", False)])
def test_booleans_in_a_query(sent, meant):
    found = codec.decode_fields(logged_models.get, {"model_id": "m", "allow_deleted": sent}, text=True)
    assert found.allow_deleted is meant


def test_other_words_for_booleans_are_refused():
    with pytest.raises(InvalidParameter, match="Invalid boolean value: 1, must be 'true' or 'false'"):
        codec.decode_fields(logged_models.get, {"model_id": "m", "allow_deleted": "1"}, text=True)


def test_defaults_are_absent_and_nothing_is_an_empty_object():
    assert codec.encode(NOTHING) == b"{}"
    assert codec.encode(MetricHistory()) == b"{}"


def test_special_numbers_are_written_as_texts():
    history = MetricHistory(
        [Metric(key="null", value=one, timestamp=1) for one in (math.nan, math.inf, -math.inf, 1.0)]
    )
    body = codec.encode(history)
    assert [one["value"] for one in json.loads(body)["metrics"]] == ["NaN", "Infinity", "-Infinity", 1.0]
    again = codec.decode_answer(metrics.get_history, body)
    assert math.isnan(again.metrics[0].value)
    assert [one.value for one in again.metrics[1:]] == [math.inf, -math.inf, 1.0]


def test_answers_from_newer_servers_are_read():
    body = b'{"metrics": [{"key": "k", "value": 1, "timestamp": "5", "colour": 1}], "next": 2}'
    (found,) = codec.decode_answer(metrics.get_history, body).metrics
    assert (found.timestamp, found.step) == (5, 0)


@pytest.mark.parametrize("body", [b"[]", b"1", b'"NaN"'])
def test_answers_that_are_none(body):
    with pytest.raises(ValueError, match="not a JSON object"):
        codec.decode_answer(runs.get, body)


texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(texts, st.floats(), st.integers(0, 2**63 - 1), st.integers(-(2**63), 2**63 - 1))
def test_what_is_encoded_decodes_to_the_same(key, value, timestamp, step):
    sent = LogMetric(run_id="r", key=key, value=value, timestamp=timestamp, step=step)
    found = codec.decode_request(runs.log_metric, codec.encode(sent))
    assert msgspec.structs.replace(found, value=0.0) == msgspec.structs.replace(sent, value=0.0)
    assert found.value == value or (math.isnan(found.value) and math.isnan(value))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)


@given(st.sampled_from(list(OPERATIONS.values())), st.data())
def test_any_json_is_read_or_refused_with_a_reason(op, data):
    names = [field.name for field in msgspec.structs.fields(op.input)]
    fields = data.draw(st.dictionaries(st.sampled_from([*names, "other"]), json_values, max_size=6))
    with contextlib.suppress(InvalidParameter, BadRequest):
        assert isinstance(codec.decode_request(op, json.dumps(fields).encode()), op.input)


@given(st.sampled_from(list(OPERATIONS.values())), st.binary(max_size=50))
def test_any_bytes_are_read_or_refused_with_a_reason(op, body):
    with contextlib.suppress(InvalidParameter, BadRequest):
        assert isinstance(codec.decode_request(op, body), op.input)


def test_a_plain_batch_takes_the_fast_way():
    """One point in text form makes the whole batch slow; plain ones must not be. (A factor of about 50.)"""

    def seconds(value):
        points = [{"key": f"k{n}", "value": value, "timestamp": n, "step": n} for n in range(1000)]
        body = json.dumps({**RUN, "metrics": points}).encode()
        began = time.perf_counter()
        for _ in range(5):
            codec.decode_request(runs.log_batch, body)
        return time.perf_counter() - began

    assert seconds(0.5) * 3 < seconds("0.5")
