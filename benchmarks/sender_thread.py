"""What a training loses to the sender of its journal: as the process that it is, and as the thread that it could be.

    python benchmarks/sender_thread.py [--steps 20000]

A step is 100 µs of Python work and one call that logs 20 keys; the server is on this machine. Times are those of a
step, in µs; `offline` sends nothing and is what the others are compared with.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

PROGRAM = """
import json, sys, threading, time, tidemill
from pathlib import Path
mode, steps = sys.argv[1], int(sys.argv[2])
if mode == "thread":
    from tidemill.tracking import shipping
    shipping.SenderProcess.ensure = lambda self: None
def work():
    total = 0
    for number in range(1500):
        total += number * number
    return total
keys = [f"metric {n}" for n in range(20)]
with tidemill.start_run():
    if mode == "thread":
        from tidemill.journal import state
        def send():
            one = shipping.sender_for(tidemill.get_tracking_uri())
            while not over.is_set():
                for folder in state.journals(Path(".tidemill/journal")):
                    one.send(folder)
                time.sleep(0.1)
        over = threading.Event()
        sender = threading.Thread(target=send, daemon=True)
        sender.start()
    clock, times = time.perf_counter_ns, []
    began = clock()
    for step in range(steps):
        at = clock()
        work()
        tidemill.log_metrics(dict.fromkeys(keys, float(step)), step=step)
        times.append(clock() - at)
    whole = (clock() - began) / 1e9
    if mode == "thread":
        over.set()
        sender.join()
times.sort()
print(json.dumps({"s": whole, "p50": times[steps // 2] / 1e3, "p99": times[steps * 99 // 100] / 1e3,
    "p99.9": times[steps * 999 // 1000] / 1e3, "max": times[-1] / 1e3}))
"""


def measure(mode: str, steps: int) -> dict[str, float]:
    """One training of its own in a folder of its own."""
    from tidemill.testing.server import server_process

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as made:
        folder = Path(made)
        with server_process(folder / "s.db", folder / "a") as server:
            env = {
                **os.environ, "TIDEMILL_URI": server.address, "TIDEMILL_OFFLINE": str(int(mode == "offline")),
                "TIDEMILL_SENDER_LINGER": "0", "TIDEMILL_CAPTURE": "0",
            }  # fmt: skip
            command = [sys.executable, "-c", textwrap.dedent(PROGRAM), mode, str(steps)]
            done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=600, check=True)
            found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
            return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=20_000)
    given = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs, Python {sys.version.split()[0]}")
    print(f"{'':8} {'whole s':>8} {'p50':>8} {'p99':>8} {'p99.9':>9} {'max':>9}  whole, × offline")
    first = None
    for mode in ("offline", "process", "thread"):
        found = measure(mode, given.steps)
        first = first or found
        numbers = f"{found['p50']:8.0f} {found['p99']:8.0f} {found['p99.9']:9.0f} {found['max']:9.0f}"
        print(f"{mode:8} {found['s']:8.2f} {numbers}  × {found['s'] / first['s']:.2f}")


if __name__ == "__main__":
    main()
