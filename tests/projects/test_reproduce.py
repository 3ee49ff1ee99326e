"""Runs made again: the same code, environment, parameters and data; and what differs is said."""

import shutil

import pytest

TRAIN = """
import sys, tidemill
from helper import scale
from tidemill.data import dataset
with tidemill.start_run():
    with open(sys.argv[1]) as file:
        text = file.read()
    tidemill.log_metric("loss", float(sys.argv[2]) * scale() + len(text))
    print("trained")
"""
FILES = {
    "MLproject": """
name: again
entry_points:
  main:
    parameters: {data: path, alpha: {type: float, default: 0.5}}
    command: "python train.py {data} {alpha}"
""",
    "train.py": TRAIN,
    "helper.py": "def scale():\n    return 2\n",
}


@pytest.fixture
def training(tmp_path, kit):
    (tmp_path / "data.csv").write_text("a,b\n")
    return kit.project(tmp_path / "again", FILES)


def reproduced(cli, client, *words):
    before = client.search_runs(["0"])[0].info.run_id
    done = cli("runs", "reproduce", before, *words)
    after = client.search_runs(["0"])[0]
    if done.code == 0:
        assert after.data.tags["tidemill.reproduces"] == before
    return done, after


def test_uncommitted_and_unknown_files_come_back(cli, client, training, tmp_path, kit):
    commit = kit.commit(training)
    kit.project(
        training, {"helper.py": "from more import n\ndef scale():\n    return n\n", "more.py": "n = 3\n", ".env": "K=1"}
    )
    cli("run", "again", "-P", "data=data.csv", "-P", "alpha=2").works()
    kit.git(training, "checkout", "-q", "helper.py")
    (training / "more.py").unlink()
    done, after = reproduced(cli, client)
    assert (done.works().out, "Nothing differs" in done.err) == ("trained\n", True)
    assert after.data.metrics == {"loss": 10.0}
    assert after.data.params["alpha"] == "2"
    assert after.data.tags["mlflow.source.git.commit"] == commit
    again, _ = reproduced(cli, client)
    again.works()


def test_a_folder_without_git_comes_back_when_it_is_gone(cli, client, training, tmp_path):
    cli("run", "again", "-P", "data=data.csv").works()
    shutil.rmtree(training)
    done, after = reproduced(cli, client)
    done.works()
    assert after.data.metrics == {"loss": 5.0}


def test_a_git_address_comes_back_at_its_commit(cli, client, training, tmp_path, kit):
    kit.project(
        training, {"sub/MLproject": FILES["MLproject"], "sub/train.py": TRAIN, "sub/helper.py": FILES["helper.py"]}
    )
    kit.commit(training)
    cli("run", f"file://{training}/.git#sub", "-P", "data=data.csv").works()
    kit.project(training, {"sub/helper.py": "def scale():\n    return 100\n"})
    kit.commit(training)
    done, after = reproduced(cli, client)
    done.works()
    assert after.data.metrics == {"loss": 5.0}


def test_what_differs_is_said(cli, client, training, tmp_path):
    cli("run", "again", "-P", "data=data.csv").works()
    (tmp_path / "data.csv").write_text("a,b,c\n")
    done, _ = reproduced(cli, client)
    assert done.code == 1
    assert "metric loss" in done.out
    assert "5.0" in done.out
    assert "7.0" in done.out
    shown, _ = reproduced(cli, client, "--json", "--tolerance", "10")
    assert shown.code == 0, shown
    assert '"differences": []' in shown.out


def test_data_sets_are_compared(cli, client, training, tmp_path):
    pytest.importorskip("pandas")
    text = TRAIN.replace("print(", "tidemill.log_input(__import__('pandas') and tidemill.data.from_pandas("
                         "__import__('pandas').read_csv(sys.argv[1]), name='rows'))\n    print(")  # fmt: skip
    (training / "train.py").write_text(text)
    (tmp_path / "data.csv").write_text("a,b\n1,2\n")
    cli("run", "again", "-P", "data=data.csv").works()
    reproduced(cli, client)[0].works()
    (tmp_path / "data.csv").write_text("a,b\n1,3\n")
    done, _ = reproduced(cli, client)
    assert done.code == 1
    assert "data rows" in done.out


def test_what_cannot_be_made_again_is_said(cli, client, training, tmp_path):
    plain = client.create_run("0").info.run_id
    cli("runs", "reproduce", plain).fails(1, "was not made by 'tidemill run'")
    (training / "large.bin").write_bytes(b"x" * 6_000_000)
    cli("run", "again", "-P", "data=data.csv").works()
    done, _ = reproduced(cli, client)
    done.fails(1, "too large to keep: large.bin")
    (training / "large.bin").unlink()
    cli("run", "again", "-P", "data=data.csv", TIDEMILL_CAPTURE_CODE="0").works()
    reproduced(cli, client)[0].fails(1, "was not kept")


def test_secrets_must_be_given_again(cli, client, training):
    cli("run", "again", "-P", "data=data.csv", "--secret", "KEY", KEY="hidden").works()
    reproduced(cli, client)[0].fails(1, "--secret KEY")
    run = client.search_runs(["0"])[0].info.run_id
    cli("runs", "reproduce", run, "--secret", "KEY", KEY="hidden").works()
