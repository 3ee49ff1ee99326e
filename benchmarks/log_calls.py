"""What a logging call costs a training, here and in other trackers, and how fast a million points arrive.

    python benchmarks/log_calls.py [--calls 100000] [--peers mlflow,wandb] [--env wandb=/path/to/venv] [--million]

Each tracker runs in a process, a folder and an environment of its own: Tidemill in this one, the others in
`~/.cache/tidemill-bench/<name>` (made with pip at the first use; `--env` names another). Every call logs two keys with a
step. Servers are the trackers' own, on this machine. Times are those of the call as a training sees it, in µs.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CACHE = Path.home() / ".cache" / "tidemill-bench"
TAIL = """
import json, resource, time
def measure(log, calls):
    for step in range(min(1000, calls)):
        log(step)
    before, clock, times = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter_ns, []
    start = clock()
    for step in range(1000, 1000 + calls):
        at = clock()
        log(step)
        times.append(clock() - at)
    seconds = (clock() - start) / 1e9
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before - calls * 40 / 1024
    times.sort()
    print(json.dumps({"median": times[calls // 2] / 1e3, "p99": times[calls * 99 // 100] / 1e3,
        "p99.9": times[calls * 999 // 1000] / 1e3, "max": times[-1] / 1e3, "calls_a_s": calls / seconds,
        "grown_mb": max(0, grown) / 1024}), flush=True)
"""
PROGRAMS = {
    "tidemill": """
import tidemill
with tidemill.start_run():
    measure(lambda step: tidemill.log_metrics({"loss": 0.5, "accuracy": 0.25}, step=step), CALLS)
""",
    "tidemill sync": """
import tidemill
with tidemill.start_run():
    measure(lambda step: tidemill.log_metrics({"loss": 0.5, "accuracy": 0.25}, step=step), CALLS)
""",
    "mlflow": """
import mlflow
with mlflow.start_run():
    measure(lambda step: mlflow.log_metrics({"loss": 0.5, "accuracy": 0.25}, step=step), CALLS)
""",
    "mlflow async": """
import mlflow
with mlflow.start_run():
    measure(lambda step: mlflow.log_metrics({"loss": 0.5, "accuracy": 0.25}, step=step, synchronous=False), CALLS)
""",
    "wandb": """
import os, wandb
os.environ["WANDB_MODE"] = "offline"
run = wandb.init(project="bench")
measure(lambda step: run.log({"loss": 0.5, "accuracy": 0.25}, step=step), CALLS)
os._exit(0)
""",
    "aim": """
import os, aim
run = aim.Run(system_tracking_interval=None)
measure(lambda step: run.track({"loss": 0.5, "accuracy": 0.25}, step=step), CALLS)
os._exit(0)
""",
    "trackio": """
import os, trackio
trackio.init(project="bench")
measure(lambda step: trackio.log({"loss": 0.5, "accuracy": 0.25}, step=step), CALLS)
os._exit(0)
""",
}
"""Each logs as its own documentation says, with its defaults."""
SLOW = {"tidemill sync": 20, "mlflow": 100, "mlflow async": 20, "aim": 20, "trackio": 10}
"""Trackers whose calls are slow make this fraction of the calls."""
MILLION = """
import time, tidemill
client = tidemill.Client()
run_id = client.create_run("0").info.run_id
start = time.perf_counter()
for step in range(500_000):
    client.log_metrics(run_id, {"loss": 0.5, "accuracy": float(step)}, step=step)
logged = time.perf_counter() - start
client.get_run(run_id)  # answers when all has arrived
arrived = time.perf_counter() - start
assert len(client.get_metric_history(run_id, "loss")) == 500_000
import json
print(json.dumps({"logged_s": logged, "arrived_s": arrived}))
"""


def environment(name: str, given: dict[str, str]) -> str:
    """The Python of a tracker."""
    if name.startswith("tidemill"):
        return sys.executable
    folder = Path(given.get(name.split()[0], str(CACHE / name.split()[0])))
    if not (folder / "bin" / "python").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(folder / "bin" / "pip"), "install", "-q", name.split()[0]], check=True)
    return str(folder / "bin" / "python")


def run(python: str, text: str, folder: Path, env: dict[str, str]) -> dict[str, float]:
    """What a program prints last, as JSON; raises with what it said otherwise."""
    path = folder / "program.py"
    path.write_text(text)
    done = subprocess.run(
        [python, str(path)], cwd=folder, env={**os.environ, **env}, capture_output=True, text=True, timeout=900
    )
    for line in reversed(done.stdout.splitlines()):
        if line.startswith("{"):
            found: dict[str, float] = json.loads(line)
            return found
    raise RuntimeError(done.stderr[-2000:])


def with_server(name: str, python: str, folder: Path) -> tuple[dict[str, str], subprocess.Popen[bytes] | None]:
    """The variables that a tracker needs, and its server."""
    if name not in ("tidemill", "tidemill sync", "mlflow", "mlflow async"):
        return {}, None
    from tidemill.testing.faults import free_port

    port = free_port()
    address = f"http://127.0.0.1:{port}"
    if name.startswith("tidemill"):
        command = [python, "-m", "tidemill.cli.main", "server", "--port", str(port), "--store", str(folder / "s.db")]
        command += ["--artifacts", str(folder / "a")]
    else:
        command = [python, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
        command += ["--backend-store-uri", f"sqlite:///{folder / 's.db'}"]
    server = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    await_server(port)
    sync = "1" if name == "tidemill sync" else "0"
    return {"MLFLOW_TRACKING_URI": address, "TIDEMILL_URI": address, "TIDEMILL_SYNC": sync}, server


def await_server(port: int) -> None:
    """Wait until somebody answers."""
    import urllib.request

    for _ in range(240):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2).close()
            return
        except OSError:
            time.sleep(0.5)
    raise RuntimeError("the server did not start")


def stop(server: "subprocess.Popen[bytes] | None") -> None:
    """End a server and what it started."""
    if server is not None:
        os.killpg(server.pid, 15)
        server.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--peers", default=",".join(PROGRAMS))
    parser.add_argument("--env", action="append", default=[], metavar="NAME=PATH")
    parser.add_argument(
        "--million", action="store_true", help="only: a million points, from the first call to the server's disk"
    )
    given = parser.parse_args()
    environments = dict(pair.split("=", 1) for pair in given.env)
    load = os.getloadavg()[0]
    print(f"load {load:.1f} on {os.cpu_count()} CPUs, Python {sys.version.split()[0]}")
    if given.million:
        with tempfile.TemporaryDirectory() as made:
            env, server = with_server("tidemill", sys.executable, Path(made))
            try:
                found = run(sys.executable, MILLION, Path(made), env)
            finally:
                stop(server)
            print(f"1,000,000 points: logged in {found['logged_s']:.1f} s, on the server in {found['arrived_s']:.1f} s")
        return
    print(
        f"{'':14} {'median µs':>10} {'p99':>9} {'p99.9':>10} {'max':>10} {'calls/s':>9} {'grown MB':>9}  median against tidemill"
    )
    first = None
    for name in given.peers.split(","):
        calls = max(200, given.calls // SLOW.get(name, 1))
        try:
            python = environment(name, environments)
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as made:
                env, server = with_server(name, python, Path(made))
                try:
                    found = run(python, TAIL + PROGRAMS[name].replace("CALLS", str(calls)), Path(made), env)
                finally:
                    stop(server)
        except (RuntimeError, subprocess.SubprocessError, OSError) as error:
            print(f"{name:14} could not be measured: {str(error)[-300:]}")
            continue
        first = first or found
        print(
            f"{name:14} {found['median']:10.1f} {found['p99']:9.1f} {found['p99.9']:10.1f} {found['max']:10.0f} "
            f"{found['calls_a_s']:9.0f} {found['grown_mb']:9.1f}  × {found['median'] / first['median']:.1f}"
        )


if __name__ == "__main__":
    main()
