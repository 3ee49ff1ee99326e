"""The registry through the client and the functions, embedded and over HTTP."""

from pathlib import Path

import pytest

import tidemill
from tidemill import Client
from tidemill.entities import Metric, Param
from tidemill.errors import InvalidParameter, NotFound, PermissionDenied
from tidemill.testing.factories import unique
from tidemill.tracking.approvals import metric_check
from tidemill.tracking.context import user_name
from tidemill.tracking.entities import PagedList
from tidemill.types.approvals import MetricCheck


@pytest.fixture
def name(client: Client) -> str:
    """A registered model's name."""
    return client.create_registered_model(unique("wine"), {"a": 1}, "about").name


def test_registered_models_live_and_die(client: Client, name: str) -> None:
    found = client.get_registered_model(name)
    assert (found.tags, found.description, found.user_id) == ({"a": "1"}, "about", user_name())
    client.set_registered_model_tag(name, "b", 2)
    client.delete_registered_model_tag(name, "a")
    assert client.update_registered_model(name, "more").description == "more"
    new = client.rename_registered_model(name, f"{name}-new")
    assert (new.name, new.tags) == (f"{name}-new", {"b": "2"})
    page = client.search_registered_models(f"name LIKE '{name}%'", max_results=1)
    assert isinstance(page, PagedList)
    assert [one.name for one in page] == [f"{name}-new"]
    assert page.token is None
    client.delete_registered_model(f"{name}-new")
    with pytest.raises(NotFound):
        client.get_registered_model(f"{name}-new")


def test_versions_live_and_die(client: Client, name: str) -> None:
    first = client.create_model_version(name, "s3://b/one", tags={"k": 1}, description="first")
    assert (first.version, first.tags, first.description, first.model_uri) == (
        "1",
        {"k": "1"},
        "first",
        f"models:/{name}/1",
    )
    client.create_model_version(name, "s3://b/two")
    assert client.update_model_version(name, 2, "second").description == "second"
    client.set_model_version_tag(name, 1, "x", 5)
    client.transition_model_version_stage(name, 2, "staging")
    client.set_model_version_tag(name, key="y", value="z", stage="Staging")
    client.delete_model_version_tag(name, "1", "k")
    assert client.get_model_version(name, 1).tags == {"x": "5"}
    assert client.get_model_version(name, "2").tags == {"y": "z"}
    with pytest.raises(InvalidParameter):
        client.set_model_version_tag(name, key="y", value="z")
    client.set_registered_model_alias(name, "champion", 1)
    assert client.get_model_version_by_alias(name, "champion").version == "1"
    assert client.get_registered_model(name).aliases == {"champion": "1"}
    client.delete_registered_model_alias(name, "champion")
    latest = client.get_latest_versions(name)
    assert [(one.version, one.current_stage) for one in latest] == [("1", "None"), ("2", "Staging")]
    copy = client.copy_model_version(f"models:/{name}/2", f"{name}-copy")
    assert (copy.name, copy.source) == (f"{name}-copy", f"models:/{name}/2")
    assert client.get_model_version_download_uri(copy.name, copy.version) == "s3://b/two"
    with pytest.raises(InvalidParameter, match="Unsupported source model URI"):
        client.copy_model_version("runs:/x/y", "other")
    assert client.get_model_version_stages(name, 1) == ["None", "Staging", "Production", "Archived"]
    client.delete_model_version(name, 1)
    assert [one.version for one in client.search_model_versions(f"name = '{name}'")] == ["2"]


def test_functions_and_addresses(client: Client, tmp_path: Path) -> None:
    tidemill.set_tracking_uri(client.tracking_uri)
    name = unique("wine")
    (tmp_path / "MLmodel").write_text("flavors: {}")
    with tidemill.start_run() as run:
        tidemill.log_artifact(tmp_path / "MLmodel", "model")
    version = tidemill.register_model(f"runs:/{run.info.run_id}/model", name, tags={"k": "v"})
    assert (version.version, version.run_id, version.tags) == ("1", run.info.run_id, {"k": "v"})
    assert version.source == f"{run.info.artifact_uri}/model"
    client.set_registered_model_alias(name, "champion", 1)
    client.transition_model_version_stage(name, 1, "Production")
    for which in ("/1", "@champion", "/Production", "/latest"):
        folder = tidemill.artifacts.download_artifacts(f"models:/{name}{which}")
        assert (Path(folder) / "MLmodel").read_text() == "flavors: {}"
        assert tidemill.artifacts.load_text(f"models:/{name}{which}/MLmodel") == "flavors: {}"
    with pytest.raises(NotFound):
        tidemill.artifacts.download_artifacts(f"models:/{name}/Staging")
    with pytest.raises(InvalidParameter):
        tidemill.artifacts.download_artifacts(f"models:/{name}")
    tidemill.set_model_version_tag(name, 1, "x", "y")
    assert [one.tags["x"] for one in tidemill.search_model_versions(filter_string=f"name = '{name}'")] == ["y"]
    for _ in range(3):
        tidemill.register_model(f"models:/{name}@champion", name)
    assert len(tidemill.search_model_versions(3, f"name = '{name}'")) == 3
    assert [one.name for one in tidemill.search_registered_models(filter_string=f"name = '{name}'")] == [name]


def test_a_logged_model_becomes_a_version(client: Client, tmp_path: Path) -> None:
    tidemill.set_tracking_uri(client.tracking_uri)
    name = unique("wine")
    (tmp_path / "MLmodel").write_text("flavors: {}")
    with tidemill.start_run() as run:
        model = tidemill.initialize_logged_model("net")
        client.log_model_artifact(model.model_id, str(tmp_path / "MLmodel"))
        tidemill.finalize_logged_model(model.model_id, "READY")
        tidemill.log_outputs([tidemill.entities.LoggedModelOutput(model.model_id, 0)])
    for uri in (f"models:/{model.model_id}", f"runs:/{run.info.run_id}/net"):
        version = tidemill.register_model(uri, name)
        assert (version.model_id, version.run_id) == (model.model_id, run.info.run_id)
    assert Path(tidemill.artifacts.download_artifacts(f"models:/{name}/2"), "MLmodel").exists()


def test_approvals_and_records(client: Client, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run = client.create_run(client.create_experiment(unique()))
    client.log_batch(run.info.run_id, [Metric("accuracy", 0.95, 1)], [Param("depth", "3")])
    for _ in range(2):
        client.create_model_version(name, f"runs:/{run.info.run_id}/model", run.info.run_id, description="**deep**")
    policy = client.protect(
        name, alias="champion", checks=["accuracy >= 0.9", "accuracy >= current"], approvers=["boss"]
    )
    assert client.list_policies(name) == [policy]
    with pytest.raises(PermissionDenied, match="tidemill registry ask"):
        client.set_registered_model_alias(name, "champion", 1)
    monkeypatch.setenv("LOGNAME", "anna")
    request = client.ask_approval(name, 1, alias="champion", reason="<b>why | not</b>")
    assert [one.green for one in request.checks] == [True, True]
    with pytest.raises(PermissionDenied, match="boss"):
        client.grant_approval(request.id)
    other = client.ask_approval(name, 2, alias="champion")
    assert [one.id for one in client.search_approvals(name, "asked")] == [other.id, request.id]
    assert client.withdraw_approval(other.id).state == "WITHDRAWN"
    monkeypatch.setenv("LOGNAME", "boss")
    assert client.grant_approval(request.id).state == "GRANTED"
    third = client.ask_approval(name, 2, alias="champion")
    assert client.refuse_approval(third.id, "no").decision == "no"
    assert client.get_approval(third.id).state == "REFUSED"
    (hold,) = client.get_model_history(name, alias="champion")
    assert (hold.version, hold.set_by, hold.set_reason) == ("1", "boss", "<b>why | not</b>")
    lineage = client.get_lineage(name, 1)
    assert lineage.run is not None
    assert lineage.run.run_id == run.info.run_id
    assert client.compare_model_versions(name, 1, 2).metrics[0].left == 0.95
    tidemill.set_tracking_uri(client.tracking_uri)
    card = tidemill.model_card(name, 1)
    assert card.startswith(f"# {name}, version 1\n\nabout\n\n**deep**\n")
    for text in ("| accuracy | 0.95 |", "| depth | 3 |", "| aliases | champion |", "&lt;b&gt;why \\| not&lt;/b&gt; |"):
        assert text in card, card
    assert "## Data" not in card
    client.unprotect(name, alias="champion")
    client.set_registered_model_alias(name, "champion", 2)


@pytest.mark.parametrize(
    ("text", "check"),
    [
        ("accuracy >= 0.9", MetricCheck("accuracy", ">=", 0.9)),
        ("f1 score<1e-3", MetricCheck("f1 score", "<", 0.001)),
        ("accuracy on test > current", MetricCheck("accuracy", ">", None, "test")),
        (" a/b <= -1 ", MetricCheck("a/b", "<=", -1.0)),
    ],
)
def test_checks_in_words(text: str, check: MetricCheck) -> None:
    assert metric_check(text) == check


@pytest.mark.parametrize("text", ["", "accuracy", "accuracy = 1", "accuracy > x", ">= 1", "a >= 1 2"])
def test_words_that_are_no_checks(text: str) -> None:
    with pytest.raises(InvalidParameter, match="is no check"):
        metric_check(text)


def test_a_real_models_signature_decides(client: Client, name: str) -> None:
    pd = pytest.importorskip("pandas")
    linear = pytest.importorskip("sklearn.linear_model")
    tidemill.set_tracking_uri(client.tracking_uri)
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [1, 2, 4], "y": [0, 1, 1]})
    for columns in (["a"], ["a"], ["a", "b"]):
        with tidemill.start_run():
            model = linear.LogisticRegression().fit(frame[columns], frame["y"])
            tidemill.log_metric("accuracy", model.score(frame[columns], frame["y"]))
            tidemill.sklearn.log_model(
                model,
                "net",
                input_example=frame[columns],
                pip_requirements=["scikit-learn"],
                registered_model_name=name,
            )
    client.set_registered_model_alias(name, "champion", 1)
    client.protect(name, alias="champion", checks=["accuracy >= current"], signature=True, own_requests=True)
    red = client.ask_approval(name, 3, alias="champion")
    assert [one.found for one in red.checks if not one.green] == ["the input b is new and required"]
    with pytest.raises(InvalidParameter, match="the input b is new and required"):
        client.grant_approval(red.id)
    assert client.grant_approval(client.ask_approval(name, 2, alias="champion").id).state == "GRANTED"
    compared = client.compare_model_versions(name, 2, 3)
    assert [(one.key, one.left) for one in compared.schema] == [("input b", None)]
    assert (compared.compatible, compared.notes) == (False, [])
    assert compared.size.left
    lineage = client.get_lineage(name, 2)
    assert lineage.logged_model is not None
    assert lineage.environment is not None
    assert "scikit-learn" in lineage.environment.requirements
    assert "## Requirements" in tidemill.model_card(name, 2)
    expected = linear.LogisticRegression().fit(frame[["a"]], frame["y"]).predict(frame[["a"]])
    assert list(tidemill.sklearn.load_model(f"models:/{name}@champion").predict(frame[["a"]])) == list(expected)
