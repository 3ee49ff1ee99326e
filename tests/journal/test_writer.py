"""The writing side: what it is given is on the disk, in order, whichever segment it falls into."""

import os
import threading
import time
from pathlib import Path

from tidemill.journal import format, segments, state
from tidemill.journal.writer import Writer

SMALL = 16 * 1024


def journal(root: Path) -> Path:
    (found,) = state.journals(root)
    return found


def steps(folder: Path) -> list[int]:
    """The steps of all points in a journal, in the order in which they stand there."""
    found = []
    for number in segments.numbers(folder):
        for record in segments.read(folder, number):
            assert isinstance(record, format.Record), record
            if record.kind == format.POINTS:
                found.append(format.read_points(record.payload).step)
    return found


def test_segments_follow_each_other_without_a_gap(tmp_path: Path) -> None:
    writer = Writer(tmp_path, "http://x", segment_bytes=SMALL)
    for step in range(5000):
        writer.log_points("run", ("a", "b"), (1.0, 2.0), 1, step)
    folder = writer.close()
    assert folder is not None
    assert steps(folder) == list(range(5000))
    numbers = segments.numbers(folder)
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) > 10
    # Cut to what was written, and nothing left over.
    assert all(one.stat().st_size <= SMALL for one in folder.glob("*.seg"))
    assert not (folder / segments.NEXT).exists()


def test_the_next_segment_is_there_before_it_is_needed(tmp_path: Path) -> None:
    writer = Writer(tmp_path, "http://x", segment_bytes=4 * SMALL)
    writer.prepare()
    folder = journal(tmp_path)
    assert segments.numbers(folder) == [1]
    assert not (folder / segments.NEXT).exists()
    for step in range(700):  # more than half of it
        writer.log_points("run", ("a", "b"), (1.0, 2.0), 1, step)
    deadline = time.monotonic() + 10
    while not (folder / segments.NEXT).exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert segments.numbers(folder) == [1]  # readers do not see it
    assert steps(folder) == list(range(700))
    writer.close()
    assert not (folder / segments.NEXT).exists()


def test_a_segment_made_ahead_counts_as_disk_that_is_taken(tmp_path: Path) -> None:
    most = 3 * SMALL + 4096
    writer = Writer(tmp_path, "http://x", segment_bytes=SMALL, most_bytes=most)
    for step in range(5000):
        writer.log_points("run", ("a", "b"), (1.0, 2.0), 1, step)
        if step % 500 == 0:
            assert state.bytes_below(tmp_path) <= most
    assert writer.lost["run"] > 0
    folder = writer.close()
    assert folder is not None
    assert len(steps(folder)) + writer.lost["run"] // 2 == 5000


def test_a_record_larger_than_a_segment_gets_one_of_its_own(tmp_path: Path) -> None:
    writer = Writer(tmp_path, "http://x", segment_bytes=SMALL)
    for _ in range(3):
        assert writer.append(format.call("runs.set_tag", b"x" * 3 * SMALL), "run")
        writer.log_points("run", ("a",), (1.0,), 1, 0)
    folder = writer.close()
    assert folder is not None
    kinds = [one.kind for number in segments.numbers(folder) for one in segments.read(folder, number)]  # type: ignore[union-attr]
    assert kinds.count(format.CALL) == kinds.count(format.POINTS) == 3


def test_threads_share_a_journal(tmp_path: Path) -> None:
    writer = Writer(tmp_path, "http://x", segment_bytes=SMALL)

    def log(name: int) -> None:
        for step in range(2000):
            writer.log_points(f"run{name}", ("a",), (1.0,), 1, step)

    threads = [threading.Thread(target=log, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    folder = writer.close()
    assert folder is not None
    assert sorted(steps(folder)) == sorted(list(range(2000)) * 4)


def test_a_child_leaves_the_parents_segments_alone(tmp_path: Path) -> None:
    writer = Writer(tmp_path, "http://x", segment_bytes=SMALL)
    for step in range(50):  # so that the next one is made, or being made
        writer.log_points("run", ("a",), (1.0,), 1, step)
    child = os.fork()
    if child == 0:
        writer.after_fork_in_child()
        for step in range(1000, 3000):
            writer.log_points("run", ("a",), (1.0,), 1, step)
        writer.close()
        os._exit(0)
    for step in range(50, 1000):
        writer.log_points("run", ("a",), (1.0,), 1, step)
    assert os.waitpid(child, 0)[1] == 0
    own = writer.close()
    assert own is not None
    (other,) = [one for one in state.journals(tmp_path) if one != own]
    assert steps(own) == list(range(1000))
    assert steps(other) == list(range(1000, 3000))


def test_a_segment_that_is_sent_and_removed_at_once_does_no_harm(tmp_path: Path) -> None:
    writer = Writer(tmp_path, "http://x", segment_bytes=SMALL)
    for step in range(3000):
        writer.log_points("run", ("a",), (1.0,), 1, step)
        if step % 100 == 0:
            for number in segments.numbers(journal(tmp_path))[:-1]:
                segments.path_of(journal(tmp_path), number).unlink()
    writer.close()
