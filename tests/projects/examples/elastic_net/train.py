"""An elastic net on the wine data, logged with MLflow's own client."""

import sys

import mlflow
import numpy as np
from sklearn.datasets import load_wine
from sklearn.linear_model import ElasticNet
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score
from sklearn.model_selection import train_test_split

alpha, l1_ratio = float(sys.argv[1]), float(sys.argv[2])
data, target = load_wine(return_X_y=True)
train_x, test_x, train_y, test_y = train_test_split(data, target, random_state=42)

with mlflow.start_run() as run:
    model = ElasticNet(alpha=alpha, l1_ratio=l1_ratio, random_state=42).fit(train_x, train_y)
    found = model.predict(test_x)
    mlflow.log_metric("rmse", float(np.sqrt(mean_squared_error(test_y, found))))
    mlflow.log_metric("mae", float(mean_absolute_error(test_y, found)))
    mlflow.log_metric("r2", float(r2_score(test_y, found)))
    mlflow.log_dict({"coefficients": model.coef_.tolist()}, "model.json")
    mlflow.set_tag("client", mlflow.__version__)
    print("run", run.info.run_id)
