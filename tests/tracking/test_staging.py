"""Artifacts on their way to a server: what was logged is what arrives, whatever happens to the file afterwards."""

from pathlib import Path

import pytest

import tidemill
from tidemill.errors import InvalidParameter


def test_a_file_that_is_written_again_does_not_change_what_was_logged(server: str, tmp_path: Path) -> None:
    tidemill.set_tracking_uri(server)
    checkpoint = tmp_path / "checkpoint.bin"
    with tidemill.start_run() as run:
        for epoch in range(3):
            with checkpoint.open("wb") as file:
                file.write(b"epoch %d" % epoch)
            tidemill.log_artifact(checkpoint, f"epoch{epoch}")
        checkpoint.unlink()
        tidemill.log_text("first", "note.txt")
        tidemill.log_text("second", "note.txt")
    client = tidemill.Client()
    for epoch in range(3):
        path = client.download_artifacts(run.info.run_id, f"epoch{epoch}/checkpoint.bin", tmp_path / "down")
        assert Path(path).read_bytes() == b"epoch %d" % epoch
    assert Path(client.download_artifacts(run.info.run_id, "note.txt", tmp_path / "down")).read_text() == "second"


def test_a_points_call_refuses_what_no_store_takes(server: str) -> None:

    tidemill.set_tracking_uri(server)
    with tidemill.start_run():
        for key, value, options in (
            ("a*b", 1.0, {}),
            ("", 1.0, {}),
            ("a", "x", {}),
            ("a", 1.0, {"timestamp": -1}),
            ("a", 1.0, {"step": 2**64}),
        ):
            with pytest.raises(InvalidParameter):
                tidemill.log_metrics({key: value}, **options)
            with pytest.raises(InvalidParameter):
                tidemill.log_metric(key, value, **options)
