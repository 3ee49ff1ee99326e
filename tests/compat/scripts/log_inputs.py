"""mlflow.data: data sets made from frames and arrays, logged as inputs, found by search."""

import mlflow
import numpy as np
import pandas as pd

mlflow.set_experiment(f"datasets {mlflow.__version__}")
frame = pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": ["a", "b", "c"], "label": [0, 1, 0]})
training = mlflow.data.from_pandas(frame, source="https://example.org/train.csv", name="train", targets="label")
testing = mlflow.data.from_numpy(np.arange(6.0).reshape(3, 2), name="test")

with mlflow.start_run(run_name="both") as both:
    mlflow.log_input(training, context="training", tags={"split": "first"})
    mlflow.log_input(testing, context="testing")
with mlflow.start_run(run_name="one") as one:
    mlflow.log_input(training, context="validation")

found = {item.dataset.name: item for item in mlflow.get_run(both.info.run_id).inputs.dataset_inputs}
assert set(found) == {"train", "test"}
assert {tag.key: tag.value for tag in found["train"].tags} == {"mlflow.data.context": "training", "split": "first"}
assert found["train"].dataset.digest == training.digest
assert '"x"' in found["train"].dataset.schema
assert "num_rows" in found["train"].dataset.profile
source = mlflow.data.get_source(found["train"].dataset)
assert source.to_dict()["url"] == "https://example.org/train.csv"


def names(text):
    return sorted(run.info.run_name for run in mlflow.search_runs(filter_string=text, output_format="list"))


assert names("dataset.name = 'train'") == ["both", "one"]
assert names("datasets.context = 'validation'") == ["one"]
assert names("dataset.name = 'train' AND dataset.context = 'testing'") == ["both"]
assert names(f"datasets.digest = '{testing.digest}'") == ["both"]
assert names("datasets.name LIKE 't%'") == ["both", "one"]
assert names("datasets.name IN ('nothing')") == []

print("datasets: all good")
