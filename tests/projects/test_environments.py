"""Environments: made once, kept by digest, shared, made again when half done; and clear words where they cannot be."""

import base64
import hashlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import zipfile

import pytest

from tidemill.errors import InvalidParameter, NotFound
from tidemill.projects.definition import load_project
from tidemill.projects.environments import uv
from tidemill.projects.needs import needs_of

needs_uv = pytest.mark.skipif(uv.find() is None, reason="uv is not installed")
MAIN = "entry_points: {main: {command: \"python -c 'import pear; print(pear.VERSION)'\"}}\n"


def wheel(folder, name, version):
    """A wheel of one module that knows its version."""
    folder.mkdir(exist_ok=True)
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"VERSION = '{version}'\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as file:
        for path, text in files.items():
            file.writestr(path, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            record += f"{path},sha256={digest},{len(text)}\n"
        file.writestr(f"{info}/RECORD", record + f"{info}/RECORD,,\n")


@pytest.fixture
def fruit(tmp_path, kit):
    """A project that needs `pear`, which lies in a folder of wheels."""
    folder = kit.project(
        tmp_path / "fruit",
        {
            "MLproject": "name: fruit\npython_env: env/python_env.yaml\n" + MAIN,
            "env/python_env.yaml": "dependencies:\n  - -r requirements.txt\n",
            "env/requirements.txt": "--no-index\n--find-links ../wheels\npear==1.0  # the old one\n",
        },
    )
    for version in ("1.0", "2.0"):
        wheel(folder / "wheels", "pear", version)
    return folder


def environments(tmp_path):
    folder = tmp_path / "cache" / "environments"
    return sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.exists() else []


@needs_uv
def test_an_environment_is_made_once_and_kept(cli, client, fruit, tmp_path):
    done = cli("run", "fruit").works()
    assert done.out == "1.0\n"
    assert "with uv" in done.err
    (name,) = environments(tmp_path)
    run = client.search_runs(["0"])[0]
    assert run.data.tags["tidemill.environment"] == name
    assert run.data.tags["mlflow.project.env"] == "uv"
    record = json.loads(client.files_of(run.info.run_id).read("project/project.json"))
    assert record["environment"]["packages"] == ["pear==1.0"]
    shutil.rmtree(fruit / "wheels")
    again = cli("run", "fruit", "--offline").works()
    assert again.out == "1.0\n"
    assert "with uv" not in again.err


@needs_uv
def test_what_a_named_file_holds_is_part_of_the_digest(cli, fruit, tmp_path):
    cli("run", "fruit").works()
    (fruit / "env" / "requirements.txt").write_text("--no-index\n--find-links ../wheels\npear==2.0\n")
    assert cli("run", "fruit").works().out == "2.0\n"
    assert len(environments(tmp_path)) == 2


@needs_uv
def test_many_at_once_make_one(environment, fruit, tmp_path, kit):
    words = [*kit.command, "run", "fruit"]
    running = [
        subprocess.Popen(
            words, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    said = [process.communicate(timeout=200) for process in running]
    assert [out for out, _ in said] == ["1.0\n"] * 4
    assert sum("with uv" in err for _, err in said) == 1
    assert len(environments(tmp_path)) == 1


@needs_uv
def test_a_half_made_one_is_made_again(cli, fruit, tmp_path):
    cli("run", "fruit").works()
    (name,) = environments(tmp_path)
    folder = tmp_path / "cache" / "environments" / name
    (folder / "tidemill-ready.json").unlink()
    shutil.rmtree(folder / "bin")
    assert cli("run", "fruit").works().out == "1.0\n"


@needs_uv
@pytest.mark.parametrize(
    "line, says",
    [
        ("pear==3.0", "pear==3.0"),
        ("no-such-fruit", "no-such-fruit"),
        ("pear ==", "cannot be made"),
        ("-r none.txt", "none.txt"),
    ],
)
def test_what_cannot_be_solved_is_a_sentence(cli, client, fruit, tmp_path, line, says):
    (fruit / "env" / "requirements.txt").write_text(f"--no-index\n--find-links ../wheels\n{line}\n")
    cli("run", "fruit").fails(1, says)
    assert environments(tmp_path) == []
    assert client.search_runs(["0"]) == []


@needs_uv
def test_a_python_that_is_nowhere_is_a_sentence(cli, fruit):
    (fruit / "env" / "python_env.yaml").write_text("python: '3.2'\ndependencies: [pear]\n")
    cli("run", "fruit", "--offline").fails(1, "cannot be made", "3.2")


def test_pip_fills_a_virtualenv_where_uv_is_not_wanted(cli, client, fruit):
    assert cli("run", "fruit", "--env", "virtualenv").works().out == "1.0\n"
    assert client.search_runs(["0"])[0].data.tags["mlflow.project.env"] == "virtualenv"


def test_local_uses_what_is_there(cli, fruit):
    assert cli("run", "fruit", "--env", "local").code == 1


@needs_uv
def test_conda_files_of_pip_packages_need_no_conda(cli, fruit):
    (fruit / "MLproject").write_text("conda_env: conda.yaml\n" + MAIN)
    (fruit / "conda.yaml").write_text(
        f"channels: [conda-forge]\ndependencies:\n  - python={sys.version_info[0]}.{sys.version_info[1]}\n  - pip\n"
        "  - pip: ['--no-index', '--find-links ./wheels', 'pear==2.0']\n"
    )
    assert cli("run", "fruit", PATH=os.path.dirname(sys.executable) + ":/usr/bin:/bin").works().out == "2.0\n"


CONDA = "dependencies: [python=3.11, r-base=4.3, pip: [pear]]\n"


def test_conda_packages_without_conda_are_a_sentence(cli, fruit):
    (fruit / "MLproject").write_text("conda_env: conda.yaml\n" + MAIN)
    (fruit / "conda.yaml").write_text(CONDA)
    path = os.path.dirname(sys.executable) + ":/usr/bin:/bin"
    cli("run", "fruit", PATH=path).fails(1, "r-base=4.3", "micromamba")
    cli("run", "fruit", "--env", "virtualenv", PATH=path).fails(1, "r-base=4.3", "cannot install")


def program(folder, name, text):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!{sys.executable}\nimport json, os, sys\n{text}")
    (folder / name).chmod(0o755)
    return str(folder) + os.pathsep + os.path.dirname(sys.executable) + ":/usr/bin:/bin"


MICROMAMBA = """
with open(os.environ["SEEN"], "a") as file: file.write(json.dumps(sys.argv[1:]) + "\\n")
if sys.argv[1] == "create":
    prefix = sys.argv[sys.argv.index("--prefix") + 1]
    os.makedirs(prefix + "/bin")
    with open(prefix + "/bin/python", "w") as file: file.write("#!/bin/sh\\necho conda python\\n")
    os.chmod(prefix + "/bin/python", 0o755)
else:
    print(json.dumps([{"name": "python", "version": "3.11.9"}, {"name": "r-base", "version": "4.3"}]))
"""


def test_micromamba_makes_what_conda_is_needed_for(cli, client, fruit, tmp_path):
    (fruit / "MLproject").write_text("conda_env: conda.yaml\n" + MAIN)
    (fruit / "conda.yaml").write_text(CONDA)
    path = program(tmp_path / "programs", "micromamba", MICROMAMBA)
    seen = tmp_path / "seen"
    for _ in range(2):
        assert cli("run", "fruit", PATH=path, SEEN=str(seen)).works().out == "conda python\n"
    assert [json.loads(line)[0] for line in seen.read_text().splitlines()] == ["create", "list"]
    record = json.loads(client.files_of(client.search_runs(["0"])[0].info.run_id).read("project/project.json"))
    assert record["environment"]["packages"] == ["python==3.11.9", "r-base==4.3"]
    assert record["environment"]["python"] == "3.11.9"


DOCKERED = """
docker_env:
  image: example/fruit:1
  volumes: ["/data:/data"]
  environment: [["NEW", "a b; c"], "COPIED"]
entry_points: {main: {parameters: {x: string}, command: "python train.py {x}"}}
"""
DOCKER = """
if sys.argv[1] == "version": print("28.0")
elif sys.argv[1] == "image": print("sha256:abc")
else: print(json.dumps({"argv": sys.argv[1:], "run": os.environ["MLFLOW_RUN_ID"]}))
"""


def test_a_container_gets_the_command_as_arguments(cli, client, fruit, tmp_path):
    (fruit / "MLproject").write_text(DOCKERED)
    path = program(tmp_path / "programs", "docker", DOCKER)
    seen = json.loads(
        cli("run", "fruit", "-P", "x=; rm -rf ~", "--secret", "KEY", KEY="hidden-key", PATH=path).works().out
    )
    run_id = client.search_runs(["0"])[0].info.run_id
    assert seen["run"] == run_id
    argv = seen["argv"]
    assert argv[-4:] == ["example/fruit:1", "python", "train.py", "; rm -rf ~"]
    assert "hidden-key" not in " ".join(argv)
    options = [f"{a} {b}" for a, b in itertools.pairwise(argv)]
    for wanted in ("-e MLFLOW_RUN_ID", "-e KEY", "-e NEW=a b; c", "-e COPIED", "-v /data:/data", "--network host"):
        assert wanted in options, wanted
    assert f"-v {fruit}:/mlflow/projects/code" in options
    assert client.get_run(run_id).data.tags["tidemill.environment"] == "sha256:abc"


def test_no_container_engine_is_a_sentence(cli, fruit, tmp_path):
    (fruit / "MLproject").write_text(DOCKERED)
    cli("run", "fruit", "-P", "x=1", PATH=os.path.dirname(sys.executable) + ":/usr/bin:/bin").fails(
        1, "no container engine"
    )
    silent = program(tmp_path / "programs", "docker", "sys.exit('Cannot connect to the daemon')")
    cli("run", "fruit", "-P", "x=1", PATH=silent).fails(1, "Cannot connect to the daemon")


@pytest.mark.parametrize(
    "files, says",
    [
        ({"MLproject": "entry_points: [main]"}, "must be a table"),
        ({"MLproject": "a: [b"}, "not readable YAML"),
        ({"MLproject": "!!python/object/apply:os.system ['touch owned']"}, "not readable YAML"),
        ({"MLproject": "entry_points: {main: {}}"}, "needs a 'command'"),
        ({"MLproject": "entry_points: {main: {command: x, parameters: {a: shape}}}"}, "has the type 'shape'"),
        ({"MLproject": "python_env: ../python_env.yaml"}, "outside of the project"),
        ({"MLproject": "python_env: none.yaml"}, "no such file"),
        ({"MLproject": "python_env: a\nconda_env: b"}, "more than one environment"),
        ({"MLproject": "docker_env: {image: ''}"}, "needs an 'image'"),
        ({"MLproject": "docker_env: {image: x, environment: [[a]]}"}, "must hold names"),
        ({"pyproject.toml": "[tool.tidemill.project]\ndependencies = 'x'"}, "list of texts"),
        ({"pyproject.toml": "[tool"}, "not readable TOML"),
    ],
)
def test_wrong_files_are_said(tmp_path, kit, files, says):
    with pytest.raises((InvalidParameter, NotFound), match=says):
        load_project(str(kit.project(tmp_path / "p", files)))


@pytest.mark.parametrize("version", ["3.11; touch x", "$(x)", "-x", "3.11\n4", "latest"])
def test_a_python_version_is_a_version(tmp_path, kit, version):
    folder = kit.project(tmp_path / "p", {"python_env.yaml": json.dumps({"python": version})})
    with pytest.raises(InvalidParameter, match="must be a version"):
        needs_of(load_project(str(folder)))
