"""Fits a line to the data."""

import csv
import sys

import mlflow

with mlflow.start_run(), open(sys.argv[1], newline="") as file:
    rows = [(float(row["x"]), float(row["y"])) for row in csv.DictReader(file)]
    mean_x, mean_y = (sum(column) / len(rows) for column in zip(*rows, strict=True))
    slope = sum((x - mean_x) * (y - mean_y) for x, y in rows) / sum((x - mean_x) ** 2 for x, y in rows)
    mlflow.log_metric("slope", slope)
    mlflow.log_param("alpha", sys.argv[2])
