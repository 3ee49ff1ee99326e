"""Models: checking the input against the signature, and loading from a registry, beside MLflow's own client.

    python benchmarks/models.py [--env mlflow=/path/venv]

Both work with a Tidemill server on this machine and the same scikit-learn model of about 1 MB (skops); the peer is an
unmodified MLflow in an environment of its own. "Warm": libraries imported, one call made before.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from servers import environment, running

_COMMON = """
import json, statistics, sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np, pandas as pd
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
url = sys.argv[1]

def median(call, times):
    call()
    costs = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        costs.append(time.perf_counter() - start)
    return statistics.median(costs) * 1e3

def frame(width, kind="float64"):
    return pd.DataFrame(np.random.rand(1, width).astype(kind), columns=[f"c{i}" for i in range(width)])

def frames(width, kind, count):
    return iter([frame(width, kind) for _ in range(count)])  # as a server gets them: each a new one

X = np.random.RandomState(0).rand(400, 350)
pipeline = make_pipeline(PCA(), Ridge()).fit(X, X.sum(axis=1))
found = {}
"""
_OURS = (
    _COMMON
    + """
import tidemill
from tidemill.models.enforce import Enforcer
from tidemill.models.signature import infer_signature
tidemill.set_tracking_uri(url)
for width in (10, 1000, 10_000):
    check = Enforcer(infer_signature(frame(width)))
    data, narrow = frames(width, "float64", 21), frames(width, "float32", 21)
    found[f"check, 1 row x {width:,} columns (ms)"] = median(lambda: check.data(next(data)), 20)
    found[f"check and convert, 1 row x {width:,} columns (ms)"] = median(lambda: check.data(next(narrow)), 20)
info = tidemill.sklearn.log_model(pipeline, "pipeline", registered_model_name="bench-ours", pip_requirements=["scikit-learn"])
found["size of the model (MB)"] = info.file.model_size_bytes / 1e6
found["load a scikit-learn model, warm (ms)"] = median(lambda: tidemill.sklearn.load_model("models:/bench-ours/1"), 15)
found["load it as a function, warm (ms)"] = median(lambda: tidemill.pyfunc.load_model("models:/bench-ours/1"), 15)
print(json.dumps(found))
"""
)
_THEIRS = (
    _COMMON
    + """
import logging, mlflow
from mlflow.models import infer_signature
from mlflow.models.utils import _enforce_schema
logging.disable(logging.WARNING)
mlflow.set_tracking_uri(url)
for width in (10, 1000, 10_000):
    schema = infer_signature(frame(width)).inputs
    data, narrow = frames(width, "float64", 6), frames(width, "float32", 6)
    found[f"check, 1 row x {width:,} columns (ms)"] = median(lambda: _enforce_schema(next(data), schema), 5)
    found[f"check and convert, 1 row x {width:,} columns (ms)"] = median(lambda: _enforce_schema(next(narrow), schema), 5)
mlflow.sklearn.log_model(pipeline, name="pipeline", registered_model_name="bench-theirs", pip_requirements=["scikit-learn"],
                         serialization_format="skops")
found["size of the model (MB)"] = 0
found["load a scikit-learn model, warm (ms)"] = median(lambda: mlflow.sklearn.load_model("models:/bench-theirs/1"), 5)
found["load it as a function, warm (ms)"] = median(lambda: mlflow.pyfunc.load_model("models:/bench-theirs/1"), 5)
print(json.dumps(found))
"""
)


def measure(python: str, program: str, url: str) -> dict[str, float]:
    done = subprocess.run([python, "-c", program, url], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--env", action="append", default=[], metavar="NAME=PATH")
    args = parser.parse_args()
    given = {name: Path(path) for name, _, path in (item.partition("=") for item in args.env)}
    peer = environment("mlflow", given)
    assert peer is not None
    with running("tidemill", None) as (url, _):
        ours = measure(sys.executable, _OURS, url)
        theirs = measure(str(peer / "bin/python"), _THEIRS, url)
    print("| | Tidemill | MLflow | times less |\n|---|---:|---:|---:|")
    for figure, value in ours.items():
        other = theirs[figure]
        ratio = f"{other:,.2f} | {other / value:,.0f}×" if other else "same | –"
        print(f"| {figure} | {value:,.2f} | {ratio} |")


if __name__ == "__main__":
    main()
