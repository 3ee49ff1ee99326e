import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sklearn.datasets import load_iris

import tidemill
from tidemill.errors import InvalidParameter, Untrusted

pyspark = pytest.importorskip("pyspark")
if shutil.which("java") is None:
    pytest.skip("Spark needs Java 17", allow_module_level=True)

NAMES = ["a", "b", "c", "d"]


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    from pyspark.sql import SparkSession

    here = {"spark.ui.enabled": "false", "spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
    session = SparkSession.builder.master("local[1]").config(map=here).getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


@pytest.fixture(scope="module")
def rows() -> Any:
    return load_iris(as_frame=True).data.set_axis(NAMES, axis=1)


@pytest.fixture(scope="module")
def fitted(spark: Any, rows: Any) -> Any:
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.feature import VectorAssembler

    frame = spark.createDataFrame(rows.assign(label=load_iris().target))
    return Pipeline(stages=[VectorAssembler(inputCols=NAMES, outputCol="features"), LogisticRegression(maxIter=5)]).fit(
        frame
    )


NATIVE = """
import mlflow.spark
from mlflow.utils._spark_utils import _create_local_spark_session_for_loading_spark_model as local

spark = local()
rows = mlflow.spark.load_model(folder).transform(spark.createDataFrame(given)).collect()
result = [row.prediction for row in rows]
"""


def test_mlflow_loads_what_tidemill_saves(fitted: Any, rows: Any, peer: Any, tmp_path: Path) -> None:
    tidemill.spark.save_model(fitted, tmp_path / "m", input_example=rows.head(2))
    said = peer.run(NATIVE, folder=tmp_path / "m", given=rows)
    code = "import mlflow\nresult = mlflow.pyfunc.load_model(folder).predict(given)"
    assert said == peer.run(code, folder=tmp_path / "m", given=rows)
    assert said == tidemill.pyfunc.load_model(tmp_path / "m").predict(rows)
    assert len(set(said)) == 3


SAVE = """
import mlflow.spark
from pyspark.ml import PipelineModel
from mlflow.utils._spark_utils import _create_local_spark_session_for_loading_spark_model as local

spark = local()
mlflow.spark.save_model(PipelineModel.load(pipeline), folder, pip_requirements=["pyspark"])
"""


def test_tidemill_loads_what_mlflow_saves(fitted: Any, rows: Any, spark: Any, peer: Any, tmp_path: Path) -> None:
    fitted.save((tmp_path / "pipeline").as_uri())
    peer.run(SAVE, folder=tmp_path / "m", pipeline=(tmp_path / "pipeline").as_uri())
    expected = [row.prediction for row in fitted.transform(spark.createDataFrame(rows)).collect()]
    native = tidemill.spark.load_model(tmp_path / "m").transform(spark.createDataFrame(rows))
    assert [row.prediction for row in native.collect()] == expected
    assert tidemill.pyfunc.load_model(tmp_path / "m").predict(rows) == expected


def test_one_stage_becomes_a_pipeline(fitted: Any, tmp_path: Path) -> None:
    tidemill.spark.save_model(fitted.stages[0], tmp_path / "m")
    assert [type(one).__name__ for one in tidemill.spark.load_model(tmp_path / "m").stages] == ["VectorAssembler"]
    with pytest.raises(InvalidParameter, match="save what `fit` returns"):
        tidemill.spark.save_model("pipeline", tmp_path / "n")


def test_a_stage_of_somebody_elses_needs_trust(fitted: Any, tmp_path: Path) -> None:
    tidemill.spark.save_model(fitted, tmp_path / "m")
    [stage] = (tmp_path / "m" / "sparkml" / "stages").glob("1_*")
    [file] = (stage / "metadata").glob("part-*")
    file.write_text(file.read_text().replace("org.apache.spark.ml.classification", "their.code"))
    with pytest.raises(Untrusted, match=r"their\.code"):
        tidemill.spark.load_model(tmp_path / "m")
