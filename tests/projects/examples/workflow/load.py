"""Writes the data as an artifact."""

import sys

import mlflow

with mlflow.start_run():
    rows = [f"{x},{2 * x + 1}" for x in range(int(sys.argv[1]))]
    mlflow.log_text("x,y\n" + "\n".join(rows) + "\n", "data/rows.csv")
