"""What all flavors have in common: absent frameworks, flavors of other packages, models logged with a run."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import tidemill
from tidemill.models.audit import audit
from tidemill.models.flavor import Flavor, find_flavor
from tidemill.models.format import ModelFile

NAMES = {
    "sklearn": "scikit-learn",
    "pytorch": "torch",
    "onnx": "onnx",
    "xgboost": "xgboost",
    "lightgbm": "lightgbm",
    "catboost": "catboost",
    "keras": "keras",
    "statsmodels": "statsmodels",
    "transformers": "transformers",
    "spacy": "spacy",
    "prophet": "prophet",
    "spark": "pyspark",
}
MODULES = {"sklearn": "sklearn", "pytorch": "torch", "spark": "pyspark"}


@pytest.mark.parametrize("name", NAMES)
def test_every_flavor_is_found(name: str) -> None:
    found = find_flavor(name)
    assert isinstance(found, Flavor)
    assert found.name == name
    for door in ("save_model", "log_model", "load_model"):
        assert callable(getattr(getattr(tidemill, name), door))


ABSENT = """
import sys
from pathlib import Path

names = {names!r}
for module in {modules!r}.values():
    sys.modules[module] = None
import tidemill
from tidemill.errors import MissingDependency
from tidemill.models.flavor import find_flavor

Path("model").mkdir()
for name in names:
    for act in (lambda flavor: flavor.save(1, Path("model")), lambda flavor: flavor.load(Path("model"), {{"data": "."}})):
        try:
            act(find_flavor(name))
        except MissingDependency as error:
            print(error)
"""


def test_an_absent_framework_says_what_to_install(tmp_path: Path) -> None:
    modules = {name: MODULES.get(name, name) for name in NAMES}
    program = ABSENT.format(names=list(NAMES), modules=modules)
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    said = done.stdout.splitlines()
    for number, (name, package) in enumerate(NAMES.items()):
        extra = {"pytorch": "torch"}.get(name, name)
        for line in said[2 * number : 2 * number + 2]:
            assert f"needs the package '{package}'. Install it with: pip install 'tidemill[{extra}]'" in line


def test_an_audit_knows_what_flavors_would_run(tmp_path: Path) -> None:
    graph, stages = tmp_path / "graph", tmp_path / "stages"
    for folder, name, section in (
        (graph, "pytorch", {"model_data": "data"}),
        (stages, "spark", {"model_data": "sparkml"}),
    ):
        folder.mkdir()
        ModelFile(flavors={name: section}).write(folder)
    (graph / "data").mkdir()
    assert not audit(graph).runs_code
    (graph / "data" / "model.pt2").write_bytes(b"")
    [found] = audit(graph).findings
    assert (found.kind, found.path, found.runs_code) == ("flavor", "data/model.pt2", True)
    (stages / "sparkml" / "metadata").mkdir(parents=True)
    file = stages / "sparkml" / "metadata" / "part-0"
    file.write_text('{"class": "org.apache.spark.ml.PipelineModel"}')
    assert not audit(stages).findings
    file.write_text('{"class": "their.code.Stage"}')
    [found] = audit(stages).findings
    assert (found.path, found.names, found.runs_code) == ("sparkml", ("their.code.Stage",), True)


PACKAGE = """
import json

from tidemill.models.flavor import Saved


class Table:
    name = "table"

    def save(self, model, folder, **options):
        (folder / "table.json").write_text(json.dumps(model))
        return Saved({"loader_module": "outside_table"}, {"file": "table.json"})

    def load(self, folder, config, *, allow_pickle=False, **options):
        return json.loads((folder / config["file"]).read_text())

    def predictor(self, native, config):
        return lambda data, params: [native[one] for one in data]
"""

USE = """
from tidemill.models.load import load_native
from tidemill.models.save import save_model

save_model("table", {"a": 1}, "model")
print(load_native("model", "table"), load_native("model"))
"""


def test_another_package_adds_a_flavor(tmp_path: Path) -> None:
    package = tmp_path / "site"
    about = package / "outside_table-1.0.dist-info"
    about.mkdir(parents=True)
    (package / "outside_table.py").write_text(PACKAGE)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: outside-table\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[tidemill.flavors]\ntable = outside_table:Table\n")
    program = f"import sys; sys.path.append({str(package)!r})\n" + textwrap.dedent(USE)
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "{'a': 1} {'a': 1}\n"


def test_a_model_is_logged_with_its_run(tmp_path: Path) -> None:
    pytest.importorskip("skops")
    tidemill.set_tracking_uri(tmp_path / "store")
    x, y = load_iris(return_X_y=True, as_frame=True)
    model = LogisticRegression(max_iter=50).fit(x, y)
    with tidemill.start_run() as run:
        info = tidemill.sklearn.log_model(model, "classifier", input_example=x.head(2), params={"max_iter": 50})
        older = tidemill.sklearn.log_model(model, artifact_path="older", pyfunc_predict_fn="predict_proba")
    assert info.signature is not None
    assert info.signature.inputs is not None
    for uri in (info.model_uri, f"runs:/{run.info.run_id}/classifier"):
        assert tidemill.sklearn.load_model(uri).predict(x).tolist() == model.predict(x).tolist()
    proba = tidemill.pyfunc.load_model(older.model_uri).predict(x)
    assert proba.tolist() == model.predict_proba(x).tolist()


def test_requirements_that_are_known_need_no_process(tmp_path: Path) -> None:
    pytest.importorskip("skops")
    x, y = load_iris(return_X_y=True, as_frame=True)
    model = LogisticRegression(max_iter=50).fit(x, y)
    pickle = {"serialization_format": "cloudpickle"}
    kinds = {"skops": {}, "asked": pickle, "not asked": {**pickle, "infer_requirements": False}}
    for name, options in kinds.items():
        tidemill.sklearn.save_model(model, tmp_path / name, **options)
        lines = (tmp_path / name / "requirements.txt").read_text().splitlines()
        packages = {line.partition("==")[0] for line in lines}
        assert {"numpy", "pandas", "scikit-learn", "scipy"} <= packages
        assert "joblib" in packages  # imported by scikit-learn, or required by it
        assert "pytest" not in packages
