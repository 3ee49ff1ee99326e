"""SQLite files that fail: full disks, damage, files of others, wrong addresses."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tidemill.api import runs
from tidemill.errors import InternalError, InvalidParameter, InvalidState, TidemillError, Unavailable
from tidemill.store.backend import SqlBackend
from tidemill.store.database import open_database
from tidemill.testing.databases import embedded
from tidemill.testing.factories import get_run, history_of, latest_of, new_experiment, new_run, params_of
from tidemill.types.metrics import MetricPoint
from tidemill.types.runs import LogBatch, LogMetric, LogParam, Param

ROOM = "The disk that holds {} is full. Nothing was written; free some space and try again."


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tidemill.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqlBackend]:
    with embedded(str(path), path.parent / "artifacts") as backend:
        yield backend


def is_whole(path: Path) -> bool:
    """Whether SQLite finds nothing wrong with a file."""
    with sqlite3.connect(path) as connection:
        found = connection.execute("PRAGMA integrity_check").fetchall()
    connection.close()
    return bool(found == [("ok",)])


class TestFullDisk:
    """No room: nothing is written, the error says so, and with room again everything goes on."""

    def fill(self, store: SqlBackend, run: str) -> list[int]:
        """Log until there is no room; answers the steps that were acknowledged."""
        kept: list[int] = []

        def log() -> None:
            for step in range(100_000):
                points = [MetricPoint(f"metric {number}", step / 7, step, step) for number in range(200)]
                store.call(runs.log_batch, LogBatch(run, points, [Param(f"p{step}", "x" * 500)]))
                kept.append(step)

        with pytest.raises(Unavailable) as caught:
            log()
        assert str(caught.value) == ROOM.format(store.database.address.removeprefix("sqlite:///"))
        return kept

    def check(self, store: SqlBackend, run: str, kept: list[int]) -> None:
        found = get_run(store, run)
        assert set(params_of(found)) == {f"p{step}" for step in kept}
        for number in (0, 199):
            assert [step for _, _, step in history_of(store, run, f"metric {number}")] == kept

    def test_by_its_own_limit(self, store: SqlBackend, path: Path) -> None:
        run = new_run(store)
        store.database.write(store.site, lambda tx: tx.row("PRAGMA max_page_count=400"))
        kept = self.fill(store, run)
        self.check(store, run, kept)
        with pytest.raises(Unavailable):
            store.call(runs.log_batch, LogBatch(run, [], [Param(f"q{n}", "x" * 6000) for n in range(100)]))
        store.database.write(store.site, lambda tx: tx.row("PRAGMA max_page_count=4000000"))
        store.call(runs.log_param, LogParam(run, key="p100000", value="1"))
        assert params_of(get_run(store, run))["p100000"] == "1"
        assert is_whole(path)

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may mount a small disk")
    def test_on_a_small_disk(self, tmp_path: Path) -> None:
        disk = tmp_path / "disk"
        disk.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], capture_output=True).returncode:
            pytest.skip("a small disk cannot be mounted here")
        try:
            with embedded(str(disk / "tidemill.db"), tmp_path / "artifacts") as store:
                run = new_run(store)
                kept = self.fill(store, run)
                assert kept
                self.check(store, run, kept)
                subprocess.run(["mount", "-o", "remount,size=8m", disk], check=True)
                store.call(runs.log_param, LogParam(run, key="after", value="1"))
                assert params_of(get_run(store, run))["after"] == "1"
                assert is_whole(disk / "tidemill.db")
        finally:
            subprocess.run(["umount", disk], check=True)

    def test_no_file_may_grow(self, path: Path) -> None:
        """A limit on the size of files makes writes fail with an I/O error instead."""
        program = """if True:
            import resource, signal, sys
            from tidemill.errors import Unavailable
            from tidemill.testing.databases import embedded
            from tidemill.testing.factories import new_run, get_run, params_of
            from tidemill.api import runs
            from tidemill.types.runs import LogParam
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            with embedded(sys.argv[1], sys.argv[2]) as store:
                run = new_run(store)
                resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, resource.RLIM_INFINITY))
                kept = []
                try:
                    for number in range(10_000):
                        store.call(runs.log_param, LogParam(run, key=f"p{number}", value="x" * 5000))
                        kept.append(f"p{number}")
                except Unavailable as error:
                    assert str(error).startswith("Reading or writing the database "), error
                resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
                assert kept and sorted(params_of(get_run(store, run))) == sorted(kept)
                store.call(runs.log_param, LogParam(run, key="after", value="1"))
                assert "after" in params_of(get_run(store, run))
            """
        subprocess.run([sys.executable, "-c", program, str(path), str(path.parent / "artifacts")], check=True)
        assert is_whole(path)

    def test_tidying_up_is_not_the_callers_failure(self, store: SqlBackend) -> None:
        run = new_run(store)
        for step in range(255):
            store.call(runs.log_metric, LogMetric(run, key="m", value=1.0, timestamp=step, step=step))
        # The next point is the one that makes the log long enough to be folded; a log that cannot be read fails that.
        bad = "UPDATE metric_log SET data = x'00' WHERE id = (SELECT min(id) FROM metric_log)"
        store.database.write(store.site, lambda tx: tx.run(bad))
        store.call(runs.log_metric, LogMetric(run, key="m", value=1.0, timestamp=255, step=255))
        assert latest_of(get_run(store, run)) == {"m": (1.0, 255, 255)}


class TestUnusableFiles:
    """Files that are no database of ours, or no longer."""

    def open(self, path: Path) -> None:
        with embedded(str(path), path.parent / "artifacts"):
            pass

    def test_garbage(self, path: Path) -> None:
        path.write_bytes(os.urandom(20_000))
        with pytest.raises(InternalError) as caught:
            self.open(path)
        assert str(caught.value) == f"The database {path} is damaged or not an SQLite file. Run: tidemill db check"

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(Unavailable) as caught:
            self.open(tmp_path)
        assert str(caught.value).startswith(f"The database {tmp_path} cannot be opened for writing: ")

    def test_below_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("x")
        with pytest.raises(Unavailable) as caught:
            open_database(str(tmp_path / "file" / "tidemill.db"))
        assert str(caught.value).startswith(f"The database {tmp_path}/file/tidemill.db cannot be opened for writing: ")

    def test_another_programs_database(self, path: Path) -> None:
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE runs (x)")
        connection.close()
        with pytest.raises(TidemillError) as caught:
            self.open(path)
        assert str(caught.value).startswith("The database belongs to another program: it has a table 'runs'")
        with sqlite3.connect(path) as connection:
            assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("runs",)]
        connection.close()

    def test_newer_schema(self, path: Path) -> None:
        self.open(path)
        with sqlite3.connect(path) as connection:
            connection.execute("INSERT INTO tidemill_migrations VALUES (999, 0)")
        connection.close()
        with pytest.raises(InvalidState) as caught:
            self.open(path)
        assert str(caught.value).startswith("The database is at schema version 999, newer than this Tidemill knows (")

    def test_damaged_in_the_middle(self, path: Path) -> None:
        with embedded(str(path), path.parent / "artifacts") as store:
            run = new_run(store, params={f"p{number}": "x" * 3000 for number in range(100)})
        size = path.stat().st_size
        with path.open("r+b") as file:
            file.seek(4096 * 4)
            file.write(b"\xff" * (size - 4096 * 4))
        with pytest.raises(InternalError) as caught, embedded(str(path), path.parent / "artifacts") as store:
            get_run(store, run)
        assert str(caught.value) == f"The database {path} is damaged or not an SQLite file. Run: tidemill db check"

    @pytest.mark.parametrize("data", [b"", b"\x01", b"\x01\x05\0\0\0ab", b"\x07\x01\0\0\0", b"\x01\x00\0\0\0extra"])
    def test_damaged_points(self, store: SqlBackend, data: bytes) -> None:
        run = new_run(store, values={"m": 1.0})
        store.database.write(store.site, lambda tx: tx.run("UPDATE metric_log SET data = ?", (data,)))
        with pytest.raises(InternalError) as caught:
            history_of(store, run, "m")
        assert str(caught.value) == "Stored metric points cannot be read. Run: tidemill db check"
        for number in range(20):
            store.call(runs.log_metric, LogMetric(run, key="m", value=1.0, timestamp=number))
        assert get_run(store, run).data.metrics

    def test_closed(self, path: Path) -> None:
        with embedded(str(path), path.parent / "artifacts") as store:
            store.close()
            store.close()
            with pytest.raises(TidemillError):
                new_experiment(store)
            with pytest.raises(TidemillError):
                get_run(store, "nope")


def test_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for address, file in (
        ("a/plain.db", "a/plain.db"),
        ("sqlite:///relative.db", "relative.db"),
        (f"sqlite:///{tmp_path}/absolute.db", "absolute.db"),
        ("with space é.db", "with space é.db"),
    ):
        database = open_database(address)
        assert database.address == f"sqlite:///{tmp_path / file}"
        database.close()
        assert (tmp_path / file).is_file()
    with pytest.raises(InvalidParameter, match=r"^No store for addresses of the kind 'mysql://'\."):
        open_database("mysql://host/db")
