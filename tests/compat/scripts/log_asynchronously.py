"""Logging from background threads: every function's asynchronous form, then a read of everything."""

import mlflow

mlflow.set_experiment(f"asynchronous {mlflow.__version__}")
mlflow.config.enable_async_logging()
with mlflow.start_run() as run:
    for step in range(300):
        mlflow.log_metric("loss", 1 / (1 + step), step=step)
        if step % 50 == 0:
            mlflow.log_metrics({"a": step, "b": -step}, step=step)
    mlflow.log_params({f"p{n}": n for n in range(250)})
    mlflow.log_param("single", "x")
    mlflow.set_tags({f"t{n}": n for n in range(150)})
    mlflow.set_tag("single", "y")
mlflow.flush_async_logging()
mlflow.config.enable_async_logging(False)

pending = [mlflow.MlflowClient().log_metric(run.info.run_id, "more", n, step=n, synchronous=False) for n in range(20)]
for one in pending:
    one.wait()

found = mlflow.get_run(run.info.run_id)
assert found.info.status == "FINISHED"
assert found.data.params == {f"p{n}": str(n) for n in range(250)} | {"single": "x"}
assert found.data.tags["t149"] == "149"
assert found.data.tags["single"] == "y"
history = mlflow.MlflowClient().get_metric_history(run.info.run_id, "loss")
assert {m.step: m.value for m in history} == {step: 1 / (1 + step) for step in range(300)}
assert len(history) == 300
assert found.data.metrics["a"] == 250
assert len(mlflow.MlflowClient().get_metric_history(run.info.run_id, "more")) == 20
print("asynchronous: all good")
