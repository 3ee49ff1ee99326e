"""Small writes that arrive together share a transaction, whoever holds the lock meanwhile."""

import json
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from tidemill.errors import NotFound
from tidemill.types.page import NOTHING

PATH = "/api/2.0/mlflow/runs/log-metric"


class Counting:
    """A backend that notes how its writes were grouped."""

    def __init__(self):
        self.jobs, self.groups, self.refuse, self.tidied = [], [], 0, 0
        self.threads = set()

    def call(self, op, arg):
        self.threads.add(threading.current_thread().name)
        return NOTHING

    def enqueue(self, op, arg, done):
        if arg.key == "unqueued":
            return False
        self.jobs.append((arg, done))
        return True

    def drain(self, wait):
        if self.refuse and not wait:
            self.refuse -= 1
            return False
        if wait:
            time.sleep(0.05)
        jobs, self.jobs = self.jobs, []
        if jobs:
            self.groups.append((len(jobs), threading.current_thread().name))
        for arg, done in jobs:
            if arg.key == "missing":
                done(None, NotFound("no such run"))
            else:
                done(NOTHING, None)
        return True

    def housekeeping_due(self):
        return bool(self.groups) and not self.tidied

    def housekeep(self):
        self.tidied += 1

    def close(self):
        pass


def metric(key="loss"):
    body = json.dumps({"run_id": "r", "key": key, "value": 1, "timestamp": 1}).encode()
    head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def test_writes_that_arrive_together_are_committed_together(serve, read_answer):
    backend = Counting()
    server = serve(backend)
    connections = [server.connect() for _ in range(16)]
    for _ in range(20):
        for one in connections:
            one.sendall(metric())
        for one in connections:
            assert read_answer(one).body == b"{}"
    for one in connections:
        one.close()
    assert sum(size for size, _ in backend.groups) == 320
    assert max(size for size, _ in backend.groups) > 1
    assert not backend.threads
    assert backend.tidied == 1


def test_a_failure_is_answered_to_its_own_request_only(serve, read_answer):
    server = serve(Counting())
    good, bad = server.connect(), server.connect()
    bad.sendall(metric("missing"))
    good.sendall(metric())
    assert read_answer(good).status == 200
    answer = read_answer(bad)
    assert (answer.status, answer.json["message"]) == (404, "no such run")
    good.close()
    bad.close()


def test_what_cannot_be_queued_goes_to_a_thread(serve):
    backend = Counting()
    server = serve(backend)
    with server.connect() as connection:
        connection.sendall(metric("unqueued"))
        assert b"200 OK" in connection.recv(1000)
    assert backend.threads
    assert not backend.groups


def test_a_taken_lock_is_waited_for_in_a_thread(serve, read_answer):
    backend = Counting()
    backend.refuse = 3
    server = serve(backend)
    connections = [server.connect() for _ in range(8)]
    for _ in range(5):
        for one in connections:
            one.sendall(metric())
        for one in connections:
            assert read_answer(one).status == 200
    for one in connections:
        one.close()
    assert any(name.startswith("tidemill-lane") for _, name in backend.groups)


def test_the_loop_goes_on_while_another_process_holds_the_lock(server):
    run_id = server.new_run()
    blocker = sqlite3.connect(server.backend.database.path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with ThreadPoolExecutor(1) as pool:
        write = pool.submit(
            server.post, "runs/log-metric", {"run_id": run_id, "key": "loss", "value": 1, "timestamp": 1}
        )
        time.sleep(0.2)
        began = time.monotonic()
        assert server.ask("GET", "/health").status == 200
        assert server.ask("GET", f"/api/2.0/mlflow/runs/get?run_id={run_id}").status == 200
        assert time.monotonic() - began < 1.0
        assert not write.done()
        blocker.execute("ROLLBACK")
        assert write.result(20).status == 200
    blocker.close()
    assert server.run_data(run_id)["metrics"][0]["value"] == 1
