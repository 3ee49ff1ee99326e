"""The audit says what a folder would run, and runs none of it; the gate holds whatever a flavor forgets."""

import gzip
import io
import json
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from tidemill import pyfunc
from tidemill.errors import InvalidParameter, NotFound, Untrusted
from tidemill.models import trust
from tidemill.models.audit import Finding, audit
from tidemill.models.format import ModelFile, inside
from tidemill.models.load import load_native, load_pyfunc


class Bomb:
    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> Any:
        return os.mkdir, (self.path,)


def folder_with(root: Path, section: dict[str, Any], files: dict[str, bytes]) -> Path:
    root.mkdir(exist_ok=True)
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    (root / "MLmodel").write_text(yaml.safe_dump({"flavors": {"python_function": section}}))
    return root


def found_in(folder: Path) -> dict[str, Finding]:
    return {one.path: one for one in audit(folder).findings}


def variants(bomb: Bomb) -> dict[str, bytes]:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("archive/data.pkl", pickle.dumps(bomb, 2))
    return {
        **{f"p{protocol}.pkl": pickle.dumps(bomb, protocol) for protocol in range(6)},
        "packed.joblib": gzip.compress(pickle.dumps(bomb)),
        "weights.pt": archive.getvalue(),
        "second.bin": pickle.dumps("harmless") + pickle.dumps(bomb),
        "behind.dat": pickle.dumps(bomb, 0) + b"\xff\x00junk",
    }


def test_every_kind_of_pickle_is_read_and_none_is_run(tmp_path: Path) -> None:
    files = variants(Bomb(tmp_path / "boom"))
    found = found_in(folder_with(tmp_path / "m", {"loader_module": "mlflow.pyfunc.model"}, files))
    for name in files:
        assert found[name].dangerous in (("posix.mkdir",), ("nt.mkdir",)), name
        assert found[name].runs_code
    assert audit(tmp_path / "m").runs_code
    assert not (tmp_path / "boom").exists()


def test_scripts_code_loaders_and_installs_are_named(tmp_path: Path) -> None:
    section = {"loader_module": "mine.loader", "code": "code", "model_code_path": "/far/away/model.py"}
    files = {
        "model.py": b"import os\nfrom subprocess import run\n",
        "code/mine/loader.py": b"import json",
        "code/broken.py": b"def (",
        "requirements.txt": b"numpy==2.0\n--index-url http://evil\nx @ git+https://h/x",
    }
    found = found_in(folder_with(tmp_path / "m", section, files))
    assert (found["model.py"].kind, found["model.py"].names, found["model.py"].dangerous) == (
        "script",
        ("os", "subprocess"),
        ("os", "subprocess"),
    )
    assert found["code/mine/loader.py"].runs_code
    assert found["code/broken.py"].names == ("?",)
    assert found["mine.loader"].kind == "loader"
    assert [one.text for one in audit(tmp_path / "m").findings if one.kind == "install"] == [
        "rebuilding its environment installs: --index-url http://evil",
        "rebuilding its environment installs: x @ git+https://h/x",
    ]


def test_a_skops_file_shows_its_types(tmp_path: Path) -> None:
    schema = {"__class__": "LinearRegression", "__module__": "sklearn.linear_model", "content": [
        {"__class__": "Popen", "__module__": "subprocess"}]}  # fmt: skip
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("schema.json", json.dumps(schema))
    found = found_in(folder_with(tmp_path / "m", {"loader_module": "mlflow.sklearn"}, {"model.skops": file.getvalue()}))
    assert found["model.skops"].names == ("sklearn.linear_model.LinearRegression", "subprocess.Popen")
    assert found["model.skops"].dangerous == ("subprocess.Popen",)
    assert not found["model.skops"].runs_code


def test_paths_out_of_the_folder_are_named_and_never_opened(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(pickle.dumps(1))
    root = folder_with(tmp_path / "m", {"loader_module": "mlflow.pyfunc.model", "python_model": "../secret"}, {})
    (root / "link").symlink_to(tmp_path / "secret")
    found = found_in(root)
    assert found["../secret"].kind == "path"
    assert found["link"].kind == "link"
    for path in ("../secret", "link", "/etc/passwd", "a/../../secret", "..\\secret", "x\0y"):
        with pytest.raises((InvalidParameter, NotFound)):
            inside(root, path, "data")
    with pytest.raises(InvalidParameter, match="outside the model's folder"):
        load_pyfunc(root, allow_pickle=True)


@pytest.mark.parametrize("section", [
    {"loader_module": "mlflow.pyfunc.model", "python_model": "p2.pkl"},
    {"loader_module": "mlflow.pyfunc.loaders.code_model", "model_code_path": "model.py"},
    {"loader_module": "mine", "code": "code"},
    {"loader_module": "os"},
    {"loader_module": "mlflow.pyfunc.model", "python_model": "p2.pkl", "allow_pickle": True, "trusted": True},
])  # fmt: skip
def test_nothing_of_the_models_own_runs_unless_the_caller_allows_it(tmp_path: Path, section: dict[str, Any]) -> None:
    boom = tmp_path / "boom"
    evil = f"import os\nos.mkdir({str(boom)!r})\n".encode()
    files = {"p2.pkl": pickle.dumps(Bomb(boom)), "model.py": evil, "code/mine.py": evil}
    root = folder_with(tmp_path / "m", section, files)
    with pytest.raises(Untrusted, match="tidemill models audit"):
        load_pyfunc(root)
    with pytest.raises((Untrusted, NotFound)):
        load_native(root)
    assert not boom.exists()


def test_a_flavor_that_forgets_to_ask_is_stopped(tmp_path: Path) -> None:
    content = pickle.dumps(Bomb(tmp_path / "boom"))
    with pytest.raises(Untrusted, match="mkdir"), trust.no_pickles(False):
        pickle.loads(content)
    with pytest.raises(Untrusted), trust.no_pickles(False):
        pickle._loads(content)  # type: ignore[attr-defined]  # the one written in Python
    assert not (tmp_path / "boom").exists()
    with trust.no_pickles(False):
        assert pickle.loads(pickle.dumps({"plain": [1, "x"]})) == {"plain": [1, "x"]}
    with trust.no_pickles(True):
        pickle.loads(content)
    assert (tmp_path / "boom").exists()


def test_a_damaged_mlmodel_is_refused(tmp_path: Path) -> None:
    for text in ("flavors: [1", "- 1", "flavors: {a: 1}", "!!python/object/apply:os.system [id]"):
        (tmp_path / "MLmodel").write_text(text)
        with pytest.raises(InvalidParameter):
            ModelFile.read(tmp_path)


def test_modules_of_the_model_never_stand_in_for_installed_ones(tmp_path: Path) -> None:
    (tmp_path / "yaml.py").write_text("raise SystemExit")
    (tmp_path / "tide_tables.py").write_text("HIGH = 3.5")

    def high(model_input: list[int]) -> list[float]:
        import tide_tables
        import yaml

        assert yaml.safe_load("1") == 1
        return [tide_tables.HIGH for _ in model_input]

    pyfunc.save_model(tmp_path / "m", high, code_paths=[tmp_path / "yaml.py", tmp_path / "tide_tables.py"])
    with pytest.raises(Untrusted, match="modules of its own"):
        load_native(tmp_path / "m")
    assert load_pyfunc(tmp_path / "m", allow_pickle=True).predict([1]) == [3.5]
