"""Run by a Python with an unmodified mlflow: saves models of several kinds into the folder argv[1]."""

import os
import sys

import mlflow
import pandas as pd
from mlflow.models import infer_signature

folder = sys.argv[1]
os.chdir(folder)


class Scaler(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        with open(context.artifacts["factor"]) as file:
            self.factor = float(file.read())

    def predict(self, context, model_input, params=None):
        return model_input["x"] * self.factor + (params or {}).get("offset", 0.0)


def shout(model_input: list[str]) -> list[str]:
    return [text.upper() for text in model_input]


with open("factor.txt", "w") as file:
    file.write("2.5")
frame = pd.DataFrame({"x": [1.0, 2.0], "name": ["a", None]})
nothing = {"pip_requirements": ["mlflow"]}
signature = infer_signature(frame, frame["x"], {"offset": 0.5})
mlflow.pyfunc.save_model(
    "scaler", python_model=Scaler(), artifacts={"factor": "factor.txt"}, signature=signature,
    input_example=(frame, {"offset": 1.0}), metadata={"team": "tides"}, **nothing,
)  # fmt: skip
if int(mlflow.__version__.split(".")[0]) >= 3:
    mlflow.pyfunc.save_model("shout", python_model=shout, input_example=["a"], **nothing)
