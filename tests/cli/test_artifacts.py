from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(params=["embedded", "served"])
def run_of(request: pytest.FixtureRequest, cli: Any, filled: Path) -> list[str]:
    """Where to look, and the run that has files."""
    uri = ["--uri", request.getfixturevalue("served")] if request.param == "served" else []
    run_id = cli(*uri, "runs", "search", "--filter", "params.lr = '0.1'", "--json").works().json[0]["run_id"]
    return [*uri, run_id]


def call(cli: Any, run_of: list[str], verb: str, *words: str) -> Any:
    return cli(*run_of[:-1], "artifacts", verb, run_of[-1], *words)


def test_list(cli: Any, run_of: list[str]) -> None:
    top = call(cli, run_of, "list").works()
    assert [line.split() for line in top.lines] == [["notes/"], ["top.txt", "2", "kB"]]
    assert top.err == "1 file, 2 kB\n"
    assert "a.txt" in call(cli, run_of, "list", "-r").works().out
    assert call(cli, run_of, "list", "notes").works().lines == ["a.txt  5 B"]
    found = call(cli, run_of, "list", "notes", "--json").works().json
    assert found == [{"path": "notes/a.txt", "is_dir": False, "file_size": 5}]
    nothing = call(cli, run_of, "list", "nowhere").works()
    assert (nothing.out, nothing.err) == ("", "There is nothing in 'nowhere'.\n")


def test_download(cli: Any, run_of: list[str], tmp_path: Path) -> None:
    assert call(cli, run_of, "download", "notes/a.txt").works().out == "notes/a.txt\n"
    assert (tmp_path / "notes" / "a.txt").read_text() == "hello"
    assert call(cli, run_of, "download", "notes", "-o", "here").works().out == "here/notes\n"
    assert (tmp_path / "here" / "notes" / "a.txt").read_text() == "hello"
    assert call(cli, run_of, "download").works().out == "apple\n"
    assert (tmp_path / "apple" / "top.txt").read_text() == "x" * 2000


def test_upload(cli: Any, run_of: list[str], tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "b.txt").write_text("b")
    assert call(cli, run_of, "upload", "folder").works().out == ""
    call(cli, run_of, "upload", "folder/b.txt", "deep/er").works()
    found = [one["path"] for one in call(cli, run_of, "list", "-r", "--json").works().json if not one["is_dir"]]
    assert found == ["deep/er/b.txt", "folder/b.txt", "notes/a.txt", "top.txt"]


@pytest.mark.parametrize("path", ["nope", "../../../tidemill.db", "/etc/passwd", "notes/%2e%2e/x", "notes/\x01"])
def test_what_is_not_there_or_not_the_run_s(cli: Any, run_of: list[str], tmp_path: Path, path: str) -> None:
    before = set(tmp_path.iterdir())
    call(cli, run_of, "download", path, "-o", "goal").fails(1)
    assert not list((tmp_path / "goal").rglob("*.db")) if (tmp_path / "goal").exists() else True
    assert set(tmp_path.iterdir()) - before <= {tmp_path / "goal"}


def test_bad_uploads(cli: Any, run_of: list[str], tmp_path: Path) -> None:
    call(cli, run_of, "upload", "missing.txt").fails(1, "no file or folder 'missing.txt'")
    (tmp_path / "ok.txt").write_text("x")
    call(cli, run_of, "upload", "ok.txt", "../..").fails(1)
    cli("artifacts", "upload", "nothing", "ok.txt").fails(1, "no run 'nothing'")
