"""Models run on Spark and Ray, where these are installed."""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tidemill import pyfunc

FRAME = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [10.0, 20.0, 30.0], "z": ["x", "y", "z"]})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    def total(model_input: Any, params: Any = None) -> Any:
        return model_input["a"] + model_input["b"] * params["factor"]

    pyfunc.save_model(tmp_path / "m", total, input_example=(FRAME[["a", "b"]], {"factor": 1.0}))
    return tmp_path / "m"


@pytest.mark.filterwarnings("ignore")
def test_spark(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyspark")
    if not shutil.which("java"):
        pytest.skip("there is no Java")
    from pyspark.sql import SparkSession
    from pyspark.sql.functions import struct

    for name in ("PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON"):
        monkeypatch.setenv(name, sys.executable)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    spark = builder.config("spark.driver.host", "127.0.0.1").getOrCreate()
    try:
        table = spark.createDataFrame(FRAME)
        predict = pyfunc.spark_udf(spark, str(folder), allow_pickle=True, params={"factor": 2})
        rows = table.select(predict(struct("z", "a", "b")).alias("p"), predict("a", "b").alias("q")).collect()
    finally:
        spark.stop()
    assert [(row.p, row.q) for row in rows] == [(21.0, 21.0), (42.0, 42.0), (63.0, 63.0)]


@pytest.mark.filterwarnings("ignore")
def test_ray(folder: Path) -> None:
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=1, include_dashboard=False, runtime_env={"env_vars": {"PYTHONPATH": os.pathsep.join(sys.path)}})
    try:
        made = pyfunc.ray_predictor(str(folder), allow_pickle=True, with_input=True)
        found = ray.data.from_pandas(FRAME).map_batches(made, batch_format="pandas", concurrency=1).to_pandas()
    finally:
        ray.shutdown()
    assert found["prediction"].tolist() == [11.0, 22.0, 33.0]
    assert found.columns.tolist() == ["a", "b", "z", "prediction"]


def test_a_ray_class_is_a_plain_one(folder: Path) -> None:
    made = pyfunc.ray_predictor(str(folder), allow_pickle=True, params={"factor": 3})()
    assert made(FRAME)["prediction"].tolist() == [31.0, 62.0, 93.0]
