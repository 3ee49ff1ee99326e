"""Versions side by side: switching under load, canaries, shadows, going back."""

import gc
import threading
import weakref

import numpy as np
import pytest

from tidemill.serving.servable import Servable

BODY = {"inputs": [[1, 2]]}


def version(number, tools, **more):
    return Servable("m", str(number), lambda data, params: np.full(len(data), number), inputs=tools.AB, **more)


def test_switching_under_load(serve, tools):
    served = serve(version(0, tools))
    stop, failures, seen = threading.Event(), [], set()

    def load():
        while not stop.is_set():
            answer = served.invoke(BODY)
            if answer.status != 200 or answer.json["predictions"] != [int(answer.headers["x-model-version"])]:
                failures.append(answer)
            seen.add(answer.headers.get("x-model-version"))

    threads = [threading.Thread(target=load) for _ in range(4)]
    for one in threads:
        one.start()
    for number in range(1, 30):
        served.install(version(number, tools))
    stop.set()
    for one in threads:
        one.join()
    assert not failures
    assert served.invoke(BODY).predictions == [29]
    assert len(seen) > 1


def test_old_versions_are_let_go(serve, tools):
    served = serve(version(0, tools))
    closed, known = [], []
    for number in range(1, 6):
        servable = version(number, tools, close=lambda number=number: closed.append(number))
        known.append(weakref.ref(servable.predict))
        served.install(servable)
        served.invoke(BODY)
        del servable
    tools.until(lambda: closed == [1, 2, 3])
    tools.until(lambda: gc.collect() is not None and [one() is None for one in known] == [True] * 3 + [False] * 2)


@pytest.mark.deep
def test_a_hundred_switches_leak_nothing(serve, tools):
    import psutil

    served = serve(version(0, tools))
    me = psutil.Process()

    def switch(count):
        for number in range(count):
            ballast = np.zeros(1_000_000)
            served.install(
                Servable("m", str(number), lambda data, params, b=ballast: data.sum(axis=1) + b[0], inputs=tools.AB)
            )
            assert served.invoke(BODY).status == 200
        tools.until(lambda: me.num_threads() < 60)

    switch(20)
    before, threads = me.memory_info().rss, me.num_threads()
    switch(100)
    assert me.memory_info().rss - before < 100 * 2**20
    tools.until(lambda: me.num_threads() <= threads + 3)


def test_rollback(serve, tools):
    served = serve(version(1, tools), tokens=("t",), admin_tokens=("root",))
    root = {"Authorization": "Bearer root"}
    served.install(version(2, tools))
    assert served.invoke(BODY, root).predictions == [2]
    assert served.ask("POST", "/models/m/rollback", b"", root).json == {"name": "m", "version": "1"}
    assert served.invoke(BODY, root).predictions == [1]
    told = served.ask("GET", "/health").json["models"]["m"]
    assert (told["rolled_back_from"], told["previous"]["version"]) == ("2", "2")
    served.install(version(3, tools))
    assert served.invoke(BODY, root).predictions == [3]
    assert "rolled_back_from" not in served.ask("GET", "/health").json["models"]["m"]


def test_canary(serve, tools):
    served = serve(version(1, tools))
    served.install(version(2, tools), "canary")
    served.on_loop(lambda fleet: setattr(fleet.find("m"), "percent", 30.0))
    of_key = {}
    for number in range(200):
        key = {"X-Tidemill-Key": f"user-{number}"}
        answers = {served.invoke(BODY, key).predictions[0] for _ in range(2)}
        assert len(answers) == 1
        of_key[number] = answers.pop()
    assert 30 <= sum(one == 2 for one in of_key.values()) <= 90
    assert {served.invoke(BODY).predictions[0] for _ in range(60)} == {1, 2}
    assert served.ask("GET", "/health").json["models"]["m"]["percent"] == 30.0
    served.on_loop(lambda fleet: fleet.remove("m", "canary"))
    assert {served.invoke(BODY).predictions[0] for _ in range(30)} == {1}


def test_shadow(serve, tools):
    calls = threading.Event()

    def shadowed(data, params):
        calls.set()
        return np.full(len(data), 1 if data.to_numpy()[0, 0] > 0 else 2)

    served = serve(version(1, tools))
    served.install(Servable("m", "2", shadowed, inputs=tools.AB), "shadow")
    calls.clear()
    assert served.invoke(BODY).predictions == [1]
    assert served.invoke({"inputs": [[-1, 2]]}).predictions == [1]
    assert calls.wait(10)
    numbers = served.app.fleet.find("m").shadow.metrics
    tools.until(lambda: (numbers.shadow_equal, numbers.shadow_different) == (1, 1))
    text = served.ask("GET", "/metrics").body.decode()
    assert 'tidemill_serving_shadow_total{model="m",version="2",answer="different"} 1' in text


def test_a_shadow_that_raises_is_not_noticed(serve, tools):
    def fail(data, params):
        raise RuntimeError

    served = serve(version(1, tools))
    served.install(Servable("m", "2", fail, inputs=tools.AB), "shadow")
    assert served.invoke(BODY).predictions == [1]
