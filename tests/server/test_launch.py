"""Real server processes: started, asked, stopped, killed."""

import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tidemill.errors import InvalidParameter, PermissionDenied, Unavailable
from tidemill.http import sockets as listening
from tidemill.server.config import ServerConfig, check_config, clean_prefix
from tidemill.server.launch import serve

START = """
import sys
from tidemill.errors import TidemillError
from tidemill.server.config import ServerConfig
from tidemill.server.launch import serve

if __name__ == "__main__":
    try:
        serve(ServerConfig(port=0, store="t.db", artifacts="files", **eval(sys.argv[1])), lambda url: print(url, flush=True))
    except TidemillError as error:
        sys.exit(str(error))
    print("stopped")
"""


class Running:
    """A server process."""

    def __init__(self, folder, **options):
        command = [sys.executable, "-c", START, repr(options)]
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        self.url = self.process.stdout.readline().strip()
        assert self.url.startswith("http://"), self.process.communicate()
        self.port = int(self.url.rpartition(":")[2])

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def ask(self, verb, path, body=None):
        connection = self.connect()
        try:
            connection.request(verb, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def workers(self):
        found = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True).stdout
        return {int(one) for one in found.split()}

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out, err


@pytest.fixture
def launch(tmp_path) -> Iterator:
    started = []

    def begin(**options):
        started.append(Running(tmp_path, **options))
        return started[-1]

    yield begin
    for one in started:
        one.stop(signal.SIGKILL)


def wait_until(check, seconds=20.0):
    end = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)
    return found


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_starts_serves_and_stops(launch, tmp_path, number):
    server = launch()
    assert server.ask("GET", "/health") == (200, b"OK")
    assert server.ask("POST", "/api/2.0/mlflow/experiments/create", {"name": "wine"})[0] == 200
    code, out, err = server.stop(number)
    assert (code, out) == (0, "stopped\n")
    assert "Traceback" not in err
    assert (tmp_path / "t.db").exists()
    assert not (tmp_path / "t.db-wal").exists()


def test_running_requests_are_finished_when_it_stops(launch):
    server = launch()
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        body = b'{"name": "late"}'
        connection.sendall(
            b"POST /api/2.0/mlflow/experiments/create HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        time.sleep(0.2)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        connection.sendall(body)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
    assert server.stop()[0] == 0


def test_what_was_answered_survives_sigkill(launch):
    server = launch()
    made = server.ask("POST", "/api/2.0/mlflow/runs/create", {"experiment_id": "0", "start_time": 1})
    run_id = json.loads(made[1])["run"]["info"]["run_id"]
    for step in range(200):
        point = {"run_id": run_id, "key": "loss", "value": 1 / (step + 1), "timestamp": step, "step": step}
        assert server.ask("POST", "/api/2.0/mlflow/runs/log-metric", point)[0] == 200
    server.stop(signal.SIGKILL)
    again = launch()
    _, body = again.ask("GET", f"/api/2.0/mlflow/metrics/get-history?run_id={run_id}&metric_key=loss")
    assert len(json.loads(body)["metrics"]) == 200


def test_a_port_in_use_is_one_clear_error(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(Unavailable, match=f"Port {port} on 127.0.0.1 is in use already"):
            serve(ServerConfig(port=port, store=str(tmp_path / "t.db"), artifacts=str(tmp_path / "files")))
    assert not (tmp_path / "t.db").exists()


def test_a_port_can_be_listened_on_once_only():
    (first,) = listening.listen("127.0.0.1", 0)
    with pytest.raises(Unavailable):
        listening.listen("127.0.0.1", first.getsockname()[1])
    listening.close([first])


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "mill.example", ""])
def test_other_machines_are_kept_out_unless_asked_for(host):
    with pytest.raises(InvalidParameter, match="--allow-unauthenticated"):
        check_config(ServerConfig(host=host))
    check_config(ServerConfig(host=host, allow_unauthenticated=True))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "[::1]", "127.0.0.5"])
def test_this_machine_needs_no_permission(host):
    check_config(ServerConfig(host=host))


def test_an_open_address_can_be_bound_where_asked_for(launch):
    server = launch(host="0.0.0.0", allow_unauthenticated=True)
    assert server.url.startswith("http://127.0.0.1:")
    assert server.ask("GET", "/api/3.0/mlflow/server-info")[0] == 200


@pytest.mark.parametrize("options", [{"workers": 0}, {"threads": 0}, {"port": 70000}, {"port": -1}, {"body_limit": 0}])
def test_impossible_configurations_are_refused(options):
    with pytest.raises(InvalidParameter):
        check_config(ServerConfig(**options))


def test_unknown_hosts_are_refused():
    with pytest.raises(InvalidParameter, match=r"Cannot listen on host 'no\.such\.host\.invalid'"):
        listening.listen("no.such.host.invalid", 0)
    with pytest.raises(InvalidParameter, match=r"Cannot listen on 203\.0\.113\.7"):
        listening.listen("203.0.113.7", 0)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="an administrator may use every port")
def test_low_ports_need_an_administrator():
    with pytest.raises(PermissionDenied):
        listening.listen("127.0.0.1", 80)


def test_localhost_means_every_address_of_it_on_one_port():
    found = listening.listen("localhost", 0)
    assert len({one.getsockname()[1] for one in found}) == 1
    assert all(one.proto == socket.IPPROTO_TCP for one in found)
    assert all(one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for one in found)
    listening.close(found)


@pytest.mark.parametrize(
    ("given", "kept"), [("", ""), ("/", ""), ("mill", "/mill"), ("/mill/", "/mill"), ("/a/b", "/a/b")]
)
def test_prefixes_have_one_form(given, kept):
    assert clean_prefix(given) == kept


@pytest.mark.parametrize("workers", [1, 2])
def test_a_kept_connection_does_not_stall(launch, workers):
    """The stall of uvicorn #3149 is 40 ms an answer; this is far from both."""
    server = launch(workers=workers)
    connection = server.connect()
    times = []
    for _ in range(30):
        began = time.perf_counter()
        connection.request("GET", "/health")
        assert connection.getresponse().read() == b"OK"
        times.append(time.perf_counter() - began)
    connection.close()
    assert statistics.median(times) < 0.020


def test_several_workers_serve_one_store_and_stop_together(launch):
    server = launch(workers=2)
    wait_until(lambda: len(server.workers()) == 2)
    names = [f"e{number}" for number in range(20)]
    for name in names:
        assert server.ask("POST", "/api/2.0/mlflow/experiments/create", {"name": name})[0] == 200
    for name in names:
        assert server.ask("GET", f"/api/2.0/mlflow/experiments/get-by-name?experiment_name={name}")[0] == 200
    workers = server.workers()
    code, out, err = server.stop()
    assert (code, out) == (0, "stopped\n")
    assert "Traceback" not in err
    assert not any(alive(pid) for pid in workers)


def test_a_worker_that_dies_is_replaced(launch):
    server = launch(workers=2)
    before = wait_until(lambda: workers if len(workers := server.workers()) == 2 else None)
    victim = min(before)
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: len(server.workers() - before) == 1)
    assert all(server.ask("GET", "/health")[0] == 200 for _ in range(20))
    code, _, err = server.stop()
    assert code == 0
    assert f"worker {victim} ended with status -9" in err


def test_workers_do_not_outlive_their_parent(launch):
    server = launch(workers=2)
    workers = wait_until(lambda: found if len(found := server.workers()) == 2 else None)
    server.stop(signal.SIGKILL)
    wait_until(lambda: not any(alive(pid) for pid in workers))


def test_workers_take_no_module_from_the_current_folder(launch, tmp_path):
    (tmp_path / "uvicorn.py").write_text("raise SystemExit('the wrong uvicorn')")
    (tmp_path / "types.py").write_text("raise SystemExit('the wrong types')")
    with pytest.raises(AssertionError, match="wrong"):
        launch()  # python -c itself looks there, and so shows that the trap works
    command = [sys.executable, "-P", "-c", START, repr({"workers": 2})]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    port = int(process.stdout.readline().rpartition(":")[2])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/health")
    assert connection.getresponse().status == 200
    connection.close()
    process.terminate()
    _, err = process.communicate(timeout=30)
    assert "wrong" not in err
