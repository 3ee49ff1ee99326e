"""Tracking servers side by side: Tidemill, FastTrackML and MLflow under the same load, on this machine, one after the other.

    python benchmarks/servers.py                         # makes an environment for each peer below ~/.cache/tidemill-bench
    python benchmarks/servers.py --peers fasttrackml     # only one of them
    python benchmarks/servers.py --env mlflow=/path/venv # an environment that exists already

Prints one table: each figure, and how many times better Tidemill is. Needs `wrk` (Debian: apt-get install wrk) for the
single-metric figures; without it those are left out. Nothing here fails on a slow machine.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
PEERS = {"fasttrackml": "fasttrackml", "mlflow": "mlflow"}
LESS_IS_BETTER = ("ms", "s", "MB")
UNITS = {
    "log_metric_1_conn": "req/s",
    "log_metric_16_conns": "req/s",
    "log_metric_16_conns_p99": "ms",
    "log_batch_1000_1_client": "metrics/s",
    "log_batch_1000_4_clients": "metrics/s",
    "history_50k_points": "ms",
    "create_run_20p20m5t": "runs/s",
    "search_100_plain": "ms",
    "search_100_filter_order": "ms",
    "search_1000_order": "ms",
    "start_to_healthy": "s",
    "idle_memory": "MB",
}


def command(name: str, env: Path | None, port: int, folder: Path) -> list[str]:
    """How to start a server with its defaults, on SQLite."""
    if name == "tidemill":
        return [sys.executable, "-m", "tidemill.cli.main", "server", "--port", str(port), "--store", str(folder / "t.db"),
                "--artifacts", str(folder / "artifacts")]  # fmt: skip
    assert env is not None
    if name == "fasttrackml":
        return [str(env / "bin/fml"), "server", "-a", f"localhost:{port}", "-d", f"sqlite://{folder}/fml.db"]
    return [
        str(env / "bin/mlflow"),
        "server",
        "--port",
        str(port),
        "--backend-store-uri",
        f"sqlite:///{folder}/mlflow.db",
    ]


def environment(name: str, given: dict[str, Path]) -> Path | None:
    """A virtual environment that has the peer, made where there is none yet."""
    if name == "tidemill":
        return None
    path = given.get(name, Path.home() / ".cache/tidemill-bench" / name)
    if not (path / "bin/python").exists():
        print(f"installing {name} into {path} …", file=sys.stderr)
        venv.create(path, with_pip=True)
        subprocess.run([path / "bin/pip", "install", "-q", PEERS[name]], check=True)
    return path


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def memory_mb(group: int) -> float:
    """Proportional set size of a process group, in MB."""
    total = 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if os.getpgid(int(entry.name)) != group:
                continue
            for line in (entry / "smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        except (OSError, ProcessLookupError):
            continue
    return total / 1024


@contextmanager
def running(name: str, env: Path | None) -> Iterator[tuple[str, dict[str, float]]]:
    """A server in a folder of its own; answers its address and how it started."""
    folder = Path(tempfile.mkdtemp(prefix=f"bench-{name}-"))
    port = free_port()
    log = (folder / "log").open("w")
    start = time.perf_counter()
    process = subprocess.Popen(
        command(name, env, port, folder), cwd=folder, stdout=log, stderr=log, start_new_session=True
    )
    try:
        url = f"http://127.0.0.1:{port}"
        while True:
            try:
                with urllib.request.urlopen(url + "/health", timeout=5) as answer:
                    if answer.status == 200:
                        break
            except OSError:
                if process.poll() is not None or time.perf_counter() - start > 180:
                    raise SystemExit(f"{name} did not start:\n{(folder / 'log').read_text()[-3000:]}") from None
                time.sleep(0.01)
        healthy = time.perf_counter() - start
        time.sleep(3)
        yield url, {"start_to_healthy": healthy, "idle_memory": memory_mb(process.pid), "pid": process.pid}
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)


def measure(name: str, env: Path | None, runs: int) -> dict[str, float]:
    print(f"— {name}", file=sys.stderr, flush=True)
    with running(name, env) as (url, figures):
        output = subprocess.run(
            [sys.executable, HERE / "load.py", url, "--json", "--runs", str(runs)],
            check=True, stdout=subprocess.PIPE, text=True,
        ).stdout  # fmt: skip
        return {**json.loads(output.strip().splitlines()[-1]), **figures}


def table(results: dict[str, dict[str, float]]) -> str:
    peers = [name for name in results if name != "tidemill"]
    lines = ["| figure | tidemill | " + " | ".join(f"{peer} | ratio" for peer in peers) + " |"]
    lines.append("|---|---:|" + "---:|---:|" * len(peers))
    for figure, unit in UNITS.items():
        ours = results["tidemill"].get(figure)
        if ours is None:
            continue
        cells = []
        for peer in peers:
            theirs = results[peer].get(figure)
            if theirs is None:
                cells += ["–", "–"]
                continue
            ratio = theirs / ours if unit in LESS_IS_BETTER else ours / theirs
            cells += [f"{theirs:,.2f}" if theirs < 100 else f"{theirs:,.0f}", f"{ratio:,.1f}×"]
        shown = f"{ours:,.2f}" if ours < 100 else f"{ours:,.0f}"
        lines.append(f"| {figure} ({unit}) | {shown} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=list(PEERS))
    parser.add_argument("--env", action="append", default=[], metavar="NAME=PATH")
    parser.add_argument("--runs", type=int, default=2000)
    args = parser.parse_args()
    given = {name: Path(path) for name, _, path in (item.partition("=") for item in args.env)}
    results = {}
    for name in ["tidemill", *args.peers]:
        results[name] = measure(name, environment(name, given), args.runs)
    print(table(results))


if __name__ == "__main__":
    main()
