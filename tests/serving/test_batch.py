"""Requests that share calls: who shares, who must not, and what happens when a model raises, hangs or is too slow."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tidemill.serving.servable import Servable
from tidemill.serving.threads import MOST_LOST


def body(*rows, **more):
    return {"dataframe_split": {"columns": ["a", "b"], "data": [list(row) for row in rows]}, **more}


class Model:
    """Adds the columns; notes the size of each call; may be held, may be told what to do with a value."""

    def __init__(self, act=None):
        self.sizes, self.go, self.act = [], threading.Event(), act
        self.go.set()

    def __call__(self, data, params):
        self.sizes.append(len(data))
        self.go.wait(20)
        values = data.to_numpy() if hasattr(data, "to_numpy") else data
        if self.act is not None:
            self.act(values)
        return values.sum(axis=1)


def many(served, bodies):
    with ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(served.invoke, bodies))


def waiting(served, count, tools):
    tools.until(lambda: len(served.app.fleet.only().current.batcher.waiting) >= count)


def start_many(served, model, bodies, tools):
    """Send a first request that holds the model, then all others, then let go; the answers of the others."""
    model.sizes.clear()
    model.go.clear()
    with ThreadPoolExecutor(len(bodies) + 1) as pool:
        first = pool.submit(served.invoke, body((0, 0)))
        tools.until(lambda: model.sizes)
        rest = [pool.submit(served.invoke, one) for one in bodies]
        waiting(served, len(bodies), tools)
        model.go.set()
        assert first.result().predictions == [0.0]
        return [one.result() for one in rest]


def test_requests_that_wait_together_share_a_call(serve, tools):
    model = Model()
    served = serve(Servable("m", "1", model, inputs=tools.AB))
    answers = start_many(served, model, [body((n, 1), (n, 2)) for n in range(20)], tools)
    assert [one.predictions for one in answers] == [[n + 1.0, n + 2.0] for n in range(20)]
    assert model.sizes == [1, 40]


def test_different_params_do_not_share(serve, tools):
    calls = []

    def predict(data, params):
        calls.append((len(data), params))
        return np.full(len(data), (params or {"k": 0})["k"])

    served = serve(Servable("m", "1", predict, inputs=tools.AB))
    answers = many(served, [body((1, 1), params={"k": n % 2}) for n in range(10)])
    assert [one.predictions for one in answers] == [[n % 2] for n in range(10)]
    assert {params["k"] for _, params in calls if params} == {0, 1}


def test_rows_that_depend_on_others_do_not_share(serve, tools):
    def centred(data, params):
        values = data.to_numpy()
        return (values - values.mean(axis=0)).sum(axis=1)

    served = serve(Servable("m", "1", centred, inputs=tools.AB))
    assert served.app.fleet.only().describe()["current"]["batching"] is False
    answers = many(served, [body((n, n)) for n in range(10)])
    assert all(one.predictions == [0.0] for one in answers)


@pytest.mark.parametrize("answer", [lambda n: np.zeros(1), lambda n: "text", lambda n: {"sum": np.float64(1.0)}])
def test_answers_without_rows_do_not_share(serve, tools, answer):
    served = serve(Servable("m", "1", lambda data, params: answer(len(data)), inputs=tools.AB))
    assert served.app.fleet.only().current.batcher.together is False
    assert served.invoke(body((1, 2), (3, 4))).status == 200


def test_a_model_that_changes_its_mind_is_told_apart_later(serve, tools):
    model = Model()
    served = serve(Servable("m", "1", lambda data, params: model(data, params)[:1], inputs=tools.AB, batches=True))
    answers = start_many(served, model, [body((n, 1)) for n in range(5)], tools)
    assert [one.predictions for one in answers] == [[n + 1.0] for n in range(5)]
    assert served.app.fleet.only().current.batcher.together is False


def test_one_bad_request_does_not_spoil_the_others(serve, tools):
    def refuse(values):
        if (values == 13).any():
            raise ValueError("thirteen")

    model = Model(refuse)
    served = serve(Servable("m", "1", model, inputs=tools.AB))
    answers = start_many(served, model, [body((n, 0)) for n in range(10, 16)], tools)
    assert [one.status for one in answers] == [200, 200, 200, 400, 200, 200]
    assert "thirteen" in answers[3].json["message"]
    assert [one.predictions for one in answers if one.status == 200] == [[10], [11], [12], [14], [15]]


def test_oversized_requests_are_split(serve, tools):
    model = Model()
    served = serve(Servable("m", "1", model, inputs=tools.AB), most_rows=100)
    assert served.invoke(body(*((n, 1) for n in range(1050)))).predictions == [n + 1.0 for n in range(1050)]
    assert max(model.sizes) <= 100


def test_calls_stay_below_the_latency_target(serve, tools):
    model = Model(lambda values: time.sleep(0.002 * len(values)))
    served = serve(Servable("m", "1", model, inputs=tools.AB, batches=True), latency_target=0.04)
    batcher = served.app.fleet.only().current.batcher
    for _ in range(12):
        many(served, [body((n, 1)) for n in range(24)])
    assert batcher.rows_limit <= 24
    assert served.invoke(body((1, 2))).predictions == [3.0]


def test_a_queue_that_is_too_long_is_refused_early(serve, tools):
    model = Model(lambda values: time.sleep(0.05))
    served = serve(Servable("m", "1", model, inputs=tools.AB, batches=False), most_wait=0.5)
    served.invoke(body((1, 1)))
    started = time.monotonic()
    answers = many(served, [body((n, 1)) for n in range(60)])
    refused = [one for one in answers if one.status == 503]
    assert refused
    assert all(one.headers["retry-after"] == "1" for one in refused)
    assert {one.status for one in answers} == {200, 503}
    assert time.monotonic() - started < 10


def test_a_model_that_hangs(serve, tools):
    """Its request gets 504 in time, the next ones another thread; other models notice nothing."""
    model = Model()
    other = Servable("other", "1", tools.total, inputs=tools.AB)
    served = serve(Servable("m", "1", model, inputs=tools.AB, batches=False), other, timeout=0.4)
    served.app.fleet.find("m").current.batcher.call_seconds = 0
    model.go.clear()
    try:
        with ThreadPoolExecutor(8) as pool:
            path = "/models/m/invocations"
            hung = [pool.submit(served.ask, "POST", path, body((n, 0))) for n in range(MOST_LOST)]
            started = time.monotonic()
            assert served.ask("POST", "/models/other/invocations", body((1, 2))).predictions == [3.0]
            assert time.monotonic() - started < 0.4
            assert {one.result().status for one in hung} <= {504, 503}
        tools.until(lambda: served.ask("POST", path, body((1, 0))).status == 503)
        assert served.ask("GET", "/models/m/health").status == 503
        assert served.ask("GET", "/models/other/health").status == 200
    finally:
        model.go.set()
    assert tools.until(lambda: (got := served.ask("POST", path, body((1, 2)))).status == 200 and got).predictions == [
        3.0
    ]
    tools.until(lambda: not served.app.fleet.find("m").current.threads.lost)
    assert served.ask("GET", "/health").status == 200


def test_clients_that_go_away(serve, tools):
    import socket

    model = Model()
    served = serve(Servable("m", "1", model, inputs=tools.AB, batches=False))
    data = b'{"inputs": [[1, 2]]}'
    head = (
        b"POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    )
    for sent in (head % len(data) + data, head % len(data) + data[:5], b"POST /inv"):
        with socket.create_connection(("127.0.0.1", served.port)) as connection:
            connection.sendall(sent)
    assert served.invoke(body((1, 2))).predictions == [3.0]
    tools.until(lambda: not served.app.places.taken)


def test_what_no_schema_fixes_is_not_joined(serve, tools):
    """Without a signature the types are those of the request: others' must not change them."""
    model = Model()
    model.go.set()

    def double(data, params):
        model.sizes.append(len(data))
        model.go.wait(20)
        return data * 2 if hasattr(data, "dtype") else [data]

    example = b'{"inputs": [[1.5]]}'
    served = serve(Servable("m", "1", double, example=example))
    assert served.app.fleet.only().current.batcher.together
    bodies = [{"inputs": value} for value in ([[1]], [[1.5]], "text", "other", [[2]], {"a": [1], "b": [2]})]
    model.sizes.clear()
    model.go.clear()
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(served.invoke, {"inputs": [[0]]})
        tools.until(lambda: model.sizes)
        rest = [pool.submit(served.invoke, one) for one in bodies]
        waiting(served, len(bodies), tools)
        model.go.set()
        first.result()
        found = [one.result().body for one in rest]
    assert found[:5] == [
        b'{"predictions":[[2]]}', b'{"predictions":[[3.0]]}', b'{"predictions":["text"]}', b'{"predictions":["other"]}',
        b'{"predictions":[[4]]}',
    ]  # fmt: skip
