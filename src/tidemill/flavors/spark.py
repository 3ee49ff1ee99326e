"""Spark ML: fitted pipelines, as the folder that Spark writes.

Files as MLflow's flavor `spark` has them: `sparkml/`. Spark makes each stage by the class that its file names, so that
without `allow_pickle=True` only Spark's own stages are accepted.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidemill.errors import InvalidParameter
from tidemill.flavors.framework import framework
from tidemill.models.flavor import Predict, Saved
from tidemill.models.format import inside
from tidemill.models.trust import demand, unguarded

_FOLDER = "sparkml"
_OWN = ("org.apache.spark.ml.", "pyspark.ml.")


class Spark:
    """The flavor `spark`: a `pyspark.ml.PipelineModel`, or one fitted stage, which becomes one."""

    name = "spark"

    def save(self, model: Any, folder: Path) -> Saved:
        """Write the pipeline. Spark's driver and executors must see `folder`, as in local mode they do."""
        ml = framework("pyspark.ml", "spark")
        if not isinstance(model, ml.Transformer):
            raise InvalidParameter(f"A {type(model).__name__} is no fitted model of Spark's; save what `fit` returns.")
        pipeline = model if isinstance(model, ml.PipelineModel) else ml.PipelineModel([model])
        pipeline.write().save((folder / _FOLDER).absolute().as_uri())
        native = {
            "pyspark_version": framework("pyspark", "spark").__version__,
            "model_data": _FOLDER,
            "model_class": "pyspark.ml.pipeline.PipelineModel",
        }
        return Saved({"loader_module": "mlflow.spark", "data": _FOLDER}, native, ["pyspark"])

    def load(self, folder: Path, config: Mapping[str, Any], *, allow_pickle: bool = False) -> Any:
        """The pipeline, in the active Spark session, else in a local one."""
        ml = framework("pyspark.ml", "spark")
        path = inside(folder, config.get("model_data") or _FOLDER, "model_data")
        for name in _foreign_stages(path):
            demand(allow_pickle, f"a stage of the class '{name}', which is not Spark's own")
        with unguarded():  # rows come from Spark's JVM as pickles, those of the metadata too
            _session()
            return ml.PipelineModel.load(path.absolute().as_uri())

    def would_run(self, folder: Path, config: Mapping[str, Any]) -> list[tuple[str, str, tuple[str, ...]]]:
        """What loading runs beyond pickles, for an audit: (file, in words, names)."""
        name = str(config.get("model_data") or _FOLDER)
        foreign = tuple(_foreign_stages(inside(folder, name, "model_data")))
        return [(name, "stages that are not Spark's own", foreign)] if foreign else []

    def predictor(self, native: Any, config: Mapping[str, Any]) -> Predict:
        """A pandas frame to the list of its rows' `prediction`."""

        def predict(data: Any, params: dict[str, Any] | None) -> Any:
            rows = native.transform(_session().createDataFrame(data)).select("prediction").collect()
            return [row.prediction for row in rows]

        return predict


def _session() -> Any:
    """The Spark session in use, else a local one that listens on this machine alone."""
    sessions = framework("pyspark.sql", "spark").SparkSession
    if (active := sessions.getActiveSession()) is not None:
        return active
    here = {"spark.ui.enabled": "false", "spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
    return sessions.builder.master("local[1]").config(map=here).getOrCreate()


def _foreign_stages(path: Path) -> list[str]:
    found = []
    for file in path.rglob("metadata/[!._]*"):  # Spark reads every file there that is not hidden
        try:
            named = [
                json.loads(line)["class"] for line in file.read_text(encoding="utf-8").splitlines() if line.strip()
            ]
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise InvalidParameter(f"The pipeline's file '{file.name}' does not say what class it is of.") from error
        found += [str(name) for name in named if not str(name).startswith(_OWN)]
    return found


flavor = Spark()
