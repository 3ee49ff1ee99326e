"""Load any server that speaks the MLflow REST API and print one figure a line. Standard library only, and `wrk`.

    python benchmarks/load.py http://127.0.0.1:5000 [--runs 2000] [--json]

Run it against two servers on one quiet machine and quote the ratio: absolute figures drift. Single metrics are sent by
`wrk` (a client in C), because a Python client would be the bottleneck; without it those figures are left out.
"""

import argparse
import http.client
import json
import random
import re
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

API = "/api/2.0/mlflow/"
LUA = """
local runs = {%s}
local n = 0
wrk.method = "POST"; wrk.path = "%s"; wrk.headers["Content-Type"] = "application/json"
local body = '{"run_id":"%%s","key":"loss","value":%%f,"timestamp":%%d,"step":%%d}'
request = function()
  n = n + 1
  return wrk.format(nil, nil, nil, string.format(body, runs[n %% #runs + 1], 1 / n, %d + n, n))
end
"""
BATCHES = 15
LONG = 50


class Load:
    """One server under load, and the figures so far."""

    def __init__(self, url: str, runs: int) -> None:
        self.url = urlsplit(url)
        self.runs = runs
        self.figures: dict[str, float] = {}
        self.now = int(time.time() * 1000)
        self._local = threading.local()
        name = f"bench-{random.random():.9f}"
        self.experiment = self.call("POST", "experiments/create", {"name": name})["experiment_id"]
        self.targets = [self.new_run() for _ in range(8)]

    def call(self, verb: str, path: str, body: Any = None, query: dict[str, Any] | None = None) -> Any:
        """One request on this thread's own kept connection."""
        target = API + path + ("?" + urlencode(query) if query else "")
        data = None if body is None else json.dumps(body).encode()
        for attempt in (0, 1):
            connection = getattr(self._local, "connection", None)
            if connection is None:
                connection = http.client.HTTPConnection(self.url.hostname or "", self.url.port, timeout=120)
                self._local.connection = connection
            try:
                connection.request(verb, target, data, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                content = answer.read()
                break
            except (http.client.HTTPException, ConnectionError):
                connection.close()
                self._local.connection = None
                if attempt:
                    raise
        if answer.status != 200:
            raise SystemExit(f"{answer.status} {target} {content[:300]!r}")
        return json.loads(content or b"{}")

    def new_run(self) -> str:
        created = self.call("POST", "runs/create", {"experiment_id": self.experiment, "start_time": self.now})
        return str(created["run"]["info"]["run_id"])

    def say(self, figure: str, value: float, unit: str) -> None:
        self.figures[figure] = value
        print(f"{figure:32s} {value:12.2f} {unit}", flush=True)

    def single_metrics(self) -> None:
        if shutil.which("wrk") is None:
            print("wrk is not installed (Debian package wrk): no log_metric figures")
            return
        self.say("log_metric_1_conn", self._wrk(1)[0], "req/s")
        rate, p99 = self._wrk(16)
        self.say("log_metric_16_conns", rate, "req/s")
        self.say("log_metric_16_conns_p99", p99, "ms")

    def _wrk(self, connections: int, seconds: int = 4) -> tuple[float, float]:
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
            runs = ",".join(f'"{run}"' for run in self.targets)
            script.write(LUA % (runs, API + "runs/log-metric", self.now * 10 + connections))
            script.flush()
            command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--latency", "-s", script.name]
            address = f"http://{self.url.netloc}"
            text = subprocess.run([*command, address], capture_output=True, text=True, check=True).stdout
        if "Non-2xx" in text:
            raise SystemExit(text)
        rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
        tail = re.search(r"99%\s+([\d.]+)(us|ms|s)", text)
        assert rate is not None
        assert tail is not None
        return float(rate[1]), float(tail[1]) * {"us": 1e-3, "ms": 1, "s": 1e3}[tail[2]]

    def batches(self) -> None:
        def send(target: int) -> None:
            for batch in range(BATCHES):
                points = [
                    {"key": f"m{key}", "value": random.random(), "timestamp": self.now + step, "step": step}
                    for step in range(batch * 50, batch * 50 + 50)
                    for key in range(20)
                ]
                self.call("POST", "runs/log-batch", {"run_id": self.targets[target], "metrics": points})

        self.say("log_batch_1000_1_client", BATCHES * 1000 / in_threads(1, send), "metrics/s")
        took = in_threads(4, lambda number: send(number + 1))
        self.say("log_batch_1000_4_clients", 4 * BATCHES * 1000 / took, "metrics/s")

    def history(self) -> None:
        run = self.targets[7]
        for batch in range(LONG):
            points = [
                {"key": "long", "value": step * 0.5, "timestamp": self.now + step, "step": step}
                for step in range(batch * 1000, batch * 1000 + 1000)
            ]
            self.call("POST", "runs/log-batch", {"run_id": run, "metrics": points})

        def read() -> int:
            count, token = 0, None
            while True:
                query = {"run_id": run, "metric_key": "long", "max_results": 25_000}
                answer = self.call("GET", "metrics/get-history", None, query | ({"page_token": token} if token else {}))
                count += len(answer.get("metrics", []))
                token = answer.get("next_page_token")
                if not token:
                    return count

        self.say("history_50k_points", median_ms(read, 3, expected=LONG * 1000), "ms")

    def creations(self) -> None:
        def create(thread: int) -> None:
            for number in range(self.runs // 4):
                batch = {
                    "run_id": self.new_run(),
                    "params": [{"key": f"p{k}", "value": str((thread * 7 + number * k) % 97)} for k in range(20)],
                    "metrics": [
                        {"key": f"m{k}", "value": random.random(), "timestamp": self.now, "step": 0} for k in range(20)
                    ],
                    "tags": [{"key": f"t{k}", "value": str(number % 10)} for k in range(5)],
                }
                self.call("POST", "runs/log-batch", batch)

        self.say("create_run_20p20m5t", self.runs / in_threads(4, create), "runs/s")

    def searches(self) -> None:
        def search(**more: Any) -> int:
            body = {"experiment_ids": [self.experiment], "max_results": 100, **more}
            return len(self.call("POST", "runs/search", body).get("runs", []))

        self.say("search_100_plain", median_ms(search, 7, expected=100), "ms")
        wanted = {"filter": "metrics.m3 > 0.5 and params.p5 = '10'", "order_by": ["metrics.m1 DESC"]}
        self.say("search_100_filter_order", median_ms(lambda: search(**wanted), 7), "ms")
        ordered = {"max_results": 1000, "order_by": ["metrics.m1 ASC"]}
        self.say("search_1000_order", median_ms(lambda: search(**ordered), 3, expected=1000), "ms")


def in_threads(count: int, work: Callable[[int], None]) -> float:
    """Seconds that `count` threads took."""
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - start


def median_ms(work: Callable[[], int], times: int, expected: int | None = None) -> float:
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        found = work()
        taken.append((time.perf_counter() - start) * 1e3)
        if expected is not None and found != expected:
            raise SystemExit(f"the answer had {found} items, not {expected}")
    return statistics.median(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--json", action="store_true", help="print all figures as JSON at the end")
    args = parser.parse_args()
    load = Load(args.url, args.runs)
    for part in (load.single_metrics, load.batches, load.history, load.creations, load.searches):
        part()
    if args.json:
        print(json.dumps(load.figures))


if __name__ == "__main__":
    main()
