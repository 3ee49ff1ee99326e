"""Run by a Python with an unmodified mlflow and no tidemill: loads and calls what Tidemill saved into argv[1]."""

import json
import sys
import warnings

import mlflow
import numpy as np
import pandas as pd

warnings.simplefilter("ignore")
try:
    import tidemill  # noqa: F401
except ImportError:
    pass
else:
    sys.exit("tidemill must not be there")

folder = sys.argv[1]
found = {}
model = mlflow.pyfunc.load_model(f"{folder}/scaler")
frame = pd.DataFrame({"x": [1.0, 2.0], "name": ["a", None]})
found["scaler"] = [list(model.predict(frame)), list(model.predict(frame, {"offset": 0.0}))]
found["signature"] = model.metadata.signature.to_dict()
found["metadata"] = model.metadata.metadata
example = model.metadata.load_input_example(f"{folder}/scaler")
found["example"] = example.to_dict("list")
found["params"] = model.metadata.load_input_example_params(f"{folder}/scaler")
found["environment"] = mlflow.pyfunc.get_model_dependencies(f"{folder}/scaler").rpartition("/")[2]
if int(mlflow.__version__.split(".")[0]) >= 3:
    found["shout"] = mlflow.pyfunc.load_model(f"{folder}/shout").predict(["a", "b"])
found["array"] = mlflow.pyfunc.load_model(f"{folder}/array").predict(np.ones((2, 2))).tolist()
try:
    model.predict(pd.DataFrame({"name": ["a"]}))
except Exception as error:
    found["missing"] = str(error)
print(json.dumps(found))
