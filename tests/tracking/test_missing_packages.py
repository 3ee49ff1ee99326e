"""What works without the optional packages, and what the rest says: the packages are made impossible to import."""

from collections.abc import Callable
from subprocess import CompletedProcess

Script = Callable[..., "CompletedProcess[str]"]

PROGRAM = """
import sys
for name in ("pandas", "polars", "numpy", "PIL", "yaml", "matplotlib", "pyarrow"):
    sys.modules[name] = None
import tidemill

with tidemill.start_run() as run:
    tidemill.log_metric("m", 1)
    tidemill.log_dict({"a": [1]}, "config.yaml")
    tidemill.log_table({"a": [1, 2]}, "t.json")

print(tidemill.search_runs()[0]["metrics.m"])
print(tidemill.artifacts.load_dict(f"runs:/{run.info.run_id}/config.yaml"))
print(tidemill.load_table("t.json"))
for what in (
    lambda: tidemill.search_runs(output_format="pandas"),
    lambda: tidemill.search_runs(output_format="polars"),
    lambda: tidemill.Image("a.png"),
    lambda: tidemill.data.from_numpy([1]),
    lambda: tidemill.Client().log_table(run.info.run_id, {"a": 1}, "t.parquet"),
):
    try:
        what()
    except tidemill.MlflowException as error:
        print(error)
"""


def test_without_optional_packages(script: Script) -> None:
    lines = script(PROGRAM).stdout.splitlines()
    assert lines == [
        "1.0",
        "{'a': [1]}",
        "[{'a': 1}, {'a': 2}]",
        "output_format='pandas' needs the package 'pandas'. Install it with: pip install 'tidemill[pandas]'",
        "output_format='polars' needs the package 'polars'. Install it with: pip install 'tidemill[polars]'",
        "Logging a picture needs the package 'pillow'. Install it with: pip install 'tidemill[images]'",
        "Describing arrays needs the package 'numpy'. Install it with: pip install 'tidemill[images]'",
        "A .parquet table needs the package 'pyarrow'. Install it with: pip install 'tidemill[parquet]'",
    ]
