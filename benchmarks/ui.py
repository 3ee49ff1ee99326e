"""The web interface's promises, measured in headless Chromium: `python benchmarks/ui.py`.

Prints the compressed size of what the first page loads; when an experiment of 10,000 runs × 40 columns is painted first
and when it can be used; how long 200 runs of 10,000 points take to be charted; and the longest task of the page while
somebody scrolls its table and moves over its charts. Needs what the browser tests need (`ui/e2e/run.py`).
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "ui"), str(ROOT / "ui" / "e2e")]

import build  # noqa: E402
import run as journeys  # noqa: E402
import seed  # noqa: E402

from tidemill.testing.server import server_process  # noqa: E402

RUNS, CURVES, POINTS = 10_000, 200, 10_000
BUDGETS = {
    "initial JavaScript, compressed": (250.0, "kB"),
    f"first paint, {RUNS:,} runs x 40 columns": (1000.0, "ms"),
    f"usable, {RUNS:,} runs x 40 columns": (1500.0, "ms"),
    "longest task while scrolling": (100.0, "ms"),
    f"charted, {CURVES} runs x {POINTS:,} points": (2000.0, "ms"),
    "longest task while moving over charts": (100.0, "ms"),
}


def initial_size() -> float:
    """Compressed kilobytes of the scripts that the first page and the table of runs need."""
    index = (build.DIST / "index.html").read_text()
    named = set(re.findall(r"assets/[\w.-]+\.js", index))
    table = {f"assets/{file.name}" for file in (build.DIST / "assets").glob("RunTablePage-*.js")}
    return sum((build.DIST / f"{name}.br").stat().st_size for name in named | table) / 1000


def main() -> None:
    """Measure and print."""
    browser = journeys.chromium()
    if browser is None:
        sys.exit("There is no Chromium on this machine.")
    build.build()
    build.install(development=True)
    with tempfile.TemporaryDirectory() as folder:
        store, artifacts = Path(folder) / "t.db", Path(folder) / "artifacts"
        with seed.opened(store, artifacts) as backend:
            many = seed.large(backend, RUNS)
            curves = seed.long_curves(backend, CURVES, POINTS)
        with server_process(store, artifacts) as server:
            known = {"URL": server.address, "MANY": many, "CURVES": curves, "CHROMIUM": browser}
            node = build.node_folder() / ("node.exe" if os.name == "nt" else "node")
            script = ROOT / "ui" / "e2e" / "measure.mjs"
            done = subprocess.run(
                [str(node), str(script)], env={**os.environ, **known}, capture_output=True, text=True, check=False
            )
    if done.returncode:
        sys.exit(done.stderr[-3000:])
    figures = [initial_size(), *json.loads(done.stdout.splitlines()[-1])]
    print(f"{'':44}{'measured':>12}{'budget':>12}")
    for (what, (budget, unit)), figure in zip(BUDGETS.items(), figures, strict=True):
        print(f"{what:44}{figure:9.0f} {unit}{budget:9.0f} {unit}{'' if figure <= budget else '   over'}")


if __name__ == "__main__":
    main()
