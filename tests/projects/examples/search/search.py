"""A search for the best parameter: trials are runs of the entry point `train`, some at a time."""

import random
import sys
from concurrent.futures import ThreadPoolExecutor

import tidemill

chance = random.Random(7)
with tidemill.start_run() as outer:

    def trial(x):
        done = tidemill.projects.run(".", "train", parameters={"x": x}, synchronous=False)
        assert done.wait()
        return tidemill.get_run(done.run_id)

    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(trial, [chance.uniform(-1, 1) for _ in range(int(sys.argv[1]))]))
    best = min(runs, key=lambda run: run.data.metrics["loss"])
    tidemill.log_metric("best", best.data.metrics["loss"])
    tidemill.set_tag("best run", best.info.run_id)
