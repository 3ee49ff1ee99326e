"""A model as a function of Spark SQL: each executor loads it once and predicts batch by batch."""

import atexit
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tidemill.errors import MissingDependency
from tidemill.models.load import load_pyfunc


def udf(
    spark: Any,
    folder: Path,
    result_type: Any = "double",
    *,
    allow_pickle: bool = False,
    params: Mapping[str, Any] | None = None,
) -> Any:
    """A Spark function that predicts with the model in `folder`, which is sent to all executors.

    Call it with a struct of columns (`predict(struct(*frame.columns))`), or with columns in the order of the signature.
    `result_type` is Spark's type of a prediction, as text or object. The executors need Tidemill and the model's
    packages; Spark's own means bring them there. Raises MissingDependency without PySpark.
    """
    try:
        from pyspark.sql.functions import PandasUDFType, pandas_udf
    except ImportError:
        raise MissingDependency("pyspark", "spark", "A Spark function") from None
    name = f"tidemill-model-{uuid.uuid4().hex}"
    place = Path(tempfile.mkdtemp(prefix="tidemill-models-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)  # executors fetch it when they first need it
    shutil.copytree(folder, place / name)  # Spark keeps sent files by their last name
    spark.sparkContext.addFile(str(place / name), recursive=True)
    predict = _batches(name, allow_pickle, dict(params) if params else None)
    return pandas_udf(predict, result_type, PandasUDFType.SCALAR_ITER)


def _batches(name: str, allow_pickle: bool, params: dict[str, Any] | None) -> Callable[[Any], Iterator[Any]]:
    def predict(batches: Any) -> Iterator[Any]:
        import pandas
        from pyspark import SparkFiles

        model = load_pyfunc(SparkFiles.get(name), allow_pickle=allow_pickle)
        inputs = model.signature.inputs if model.signature is not None else None
        names = inputs.input_names() if inputs is not None else []
        for batch in batches:
            columns = batch if isinstance(batch, tuple) else (batch,)
            if len(columns) == 1 and isinstance(columns[0], pandas.DataFrame):
                frame = columns[0]
            else:
                frame = pandas.concat(columns, axis=1)
                frame.columns = names[: len(columns)] or range(len(columns))
            answer = model.predict(frame, params)
            yield answer.iloc[:, 0] if isinstance(answer, pandas.DataFrame) else pandas.Series(answer)

    return predict
