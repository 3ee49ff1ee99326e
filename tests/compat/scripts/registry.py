"""The model registry, function by function, with MLflow's client alone."""

import mlflow
import numpy as np
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sklearn.linear_model import LinearRegression

V3 = int(mlflow.__version__.split(".")[0]) >= 3
client = MlflowClient()
name = f"wine {mlflow.__version__}"


def refused(code, function, *args, **named):
    found = None
    try:
        function(*args, **named)
    except MlflowException as error:
        found = error
    assert found is not None, f"{function.__name__}{args} was not refused"
    assert found.error_code == code, f"{found.error_code}: {found}"
    return str(found)


# Registered models.
model = client.create_registered_model(name, {"team": "forecast"}, "about")
assert (model.name, model.tags, model.description) == (name, {"team": "forecast"}, "about")
refused("RESOURCE_ALREADY_EXISTS", client.create_registered_model, name)
refused("RESOURCE_DOES_NOT_EXIST", client.get_registered_model, "nobody")
client.set_registered_model_tag(name, "colour", "red")
client.delete_registered_model_tag(name, "team")
assert client.get_registered_model(name).tags == {"colour": "red"}
assert client.update_registered_model(name, "more").description == "more"
assert [one.name for one in client.search_registered_models(f"name = '{name}'")] == [name]
assert [one.name for one in mlflow.search_registered_models(filter_string=f"name = '{name}'")] == [name]

# A model of a run, registered, moved about, loaded by each of its addresses.
x = np.array([[1.0], [2.0], [3.0]])
with mlflow.start_run() as run:
    fitted = LinearRegression().fit(x, x[:, 0] * 2)
    named = {"name": "net"} if V3 else {"artifact_path": "net"}
    info = mlflow.sklearn.log_model(fitted, **named, input_example=x, registered_model_name=name)
    mlflow.log_metric("r2", 1.0)
assert int(info.registered_model_version) == 1
again = mlflow.register_model(info.model_uri, name, tags={"k": "v"})
assert (again.name, str(again.version), again.tags["k"]) == (name, "2", "v")
assert again.run_id == run.info.run_id
if V3:
    noted = client.get_logged_model(info.model_id)
    assert '"version": 2' in noted.tags["mlflow.modelVersions"]
client.set_registered_model_alias(name, "champion", "1")
client.transition_model_version_stage(name, "2", "Production", archive_existing_versions=True)
assert str(client.get_model_version_by_alias(name, "champion").version) == "1"
assert client.get_model_version(name, "1").aliases == ["champion"]
assert {alias: int(version) for alias, version in client.get_registered_model(name).aliases.items()} == {"champion": 1}
assert [(one.current_stage, int(one.version)) for one in client.get_latest_versions(name, ["Production"])] == [
    ("Production", 2)
]
for address in ("/1", "@champion", "/Production", "/latest"):
    loaded = mlflow.pyfunc.load_model(f"models:/{name}{address}")
    assert np.allclose(loaded.predict(x), [2.0, 4.0, 6.0])
assert np.allclose(mlflow.sklearn.load_model(f"models:/{name}/2").predict(x), [2.0, 4.0, 6.0])

# Copies, tags, searches.
copy = client.copy_model_version(f"models:/{name}@champion", f"{name} copy")
assert np.allclose(mlflow.pyfunc.load_model(f"models:/{copy.name}/{copy.version}").predict(x), [2.0, 4.0, 6.0])
client.set_model_version_tag(name, "1", "checked", "yes")
client.set_model_version_tag(name, key="live", value="yes", stage="Production")
client.update_model_version(name, "1", "the first")
found = client.search_model_versions(f"name = '{name}' and tags.checked = 'yes'")
assert [(int(one.version), one.description, one.tags["checked"]) for one in found] == [(1, "the first", "yes")]
assert {
    int(one.version) for one in client.search_model_versions(f"run_id = '{run.info.run_id}' and name = '{name}'")
} == {1, 2}
client.delete_model_version_tag(name, "1", "checked")
assert "checked" not in client.get_model_version(name, "1").tags
refused("INVALID_PARAMETER_VALUE", client.get_model_version_by_alias, name, "gone")
refused("INVALID_PARAMETER_VALUE", client.set_registered_model_alias, name, "latest", "1")
refused("INVALID_PARAMETER_VALUE", client.create_model_version, name, "file:///etc/passwd")
refused("INVALID_PARAMETER_VALUE", client.create_model_version, name, "s3://bucket/../etc")
for number in range(7):
    client.create_registered_model(f"{name} page {number}")
token, names = None, []
while token != "":
    page = client.search_registered_models(
        f"name LIKE '{name} page%'", max_results=3, order_by=["name DESC"], page_token=token
    )
    names += [one.name for one in page]
    token = page.token or ""
assert names == [f"{name} page {number}" for number in range(6, -1, -1)]

# The end of them.
client.delete_registered_model_alias(name, "champion")
client.delete_model_version(name, "1")
refused("RESOURCE_DOES_NOT_EXIST", client.get_model_version, name, "1")
client.rename_registered_model(name, f"{name} renamed")
renamed = client.get_registered_model(f"{name} renamed")
assert [int(one.version) for one in renamed.latest_versions] == [2]
client.delete_registered_model(f"{name} renamed")
refused("RESOURCE_DOES_NOT_EXIST", client.get_registered_model, f"{name} renamed")

# Prompts are registered models with a tag of their own.
if V3:
    mlflow.genai.register_prompt(name=f"greeting-{mlflow.__version__}", template="Hello {{name}}")
    mlflow.genai.register_prompt(name=f"greeting-{mlflow.__version__}", template="Good day {{name}}")
    mlflow.genai.set_prompt_alias(f"greeting-{mlflow.__version__}", alias="live", version=2)
    prompt = mlflow.genai.load_prompt(f"prompts:/greeting-{mlflow.__version__}@live")
    assert prompt.format(name="Ada") == "Good day Ada"
    assert not client.search_registered_models(f"name = 'greeting-{mlflow.__version__}'")
    assert [one.name for one in mlflow.genai.search_prompts()] == [f"greeting-{mlflow.__version__}"]
    refused("RESOURCE_ALREADY_EXISTS", client.create_registered_model, f"greeting-{mlflow.__version__}")

print("registry: all good")
