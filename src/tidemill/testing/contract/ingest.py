"""The contract of `runs.ingest`: many points at once, as columns of bytes; all or nothing. Tidemill's own, not MLflow's."""

import math
import random
import struct
from array import array
from collections.abc import Sequence

import pytest

from tidemill.api import columns, runs
from tidemill.api.operation import Backend
from tidemill.errors import InvalidParameter, NotFound
from tidemill.testing.contract.refusals import bad_name, missing, refused
from tidemill.testing.factories import get_run, history_of, latest_of, new_run
from tidemill.types.metrics import MetricPoint
from tidemill.types.runs import DeleteRun, IngestPoints, LogBatch

LEAST, MOST = -(2**63), 2**63 - 1
HIGHEST = 1.7976931348623157e308
Point = tuple[str, float, int, int]


def packed(found: Sequence[Point]) -> bytes:
    """Points (key, value, timestamp, step) as columns."""
    keys = list(dict.fromkeys(key for key, *_ in found))
    filled = columns.empty()._replace(keys=keys)
    for key, value, timestamp, step in found:
        filled.indexes.append(keys.index(key))
        filled.values.append(value)
        filled.timestamps.append(timestamp)
        filled.steps.append(step)
    return columns.pack(filled)


def plain(body: bytes) -> bytes:
    """A body that is not compressed, from what follows its head."""
    return b"TMC1\0" + body


def ingest(backend: Backend, run: str, data: bytes) -> None:
    """Log columns."""
    backend.call(runs.ingest, IngestPoints(run, data))


class TestIngest:
    """What it stores is what a batch would have stored."""

    def test_as_a_batch(self, backend: Backend) -> None:
        dice = random.Random(3)
        values = [math.nan, math.inf, -math.inf, 0.0, -1.5, 5e-324, HIGHEST]
        found = [
            (dice.choice("ab"), dice.choice(values), dice.choice([0, 1, MOST]), dice.choice([LEAST, 0, 1, MOST]))
            for _ in range(300)
        ]
        one, two = new_run(backend), new_run(backend)
        ingest(backend, one, packed(found))
        batch = [MetricPoint(*point) for point in found]
        backend.call(runs.log_batch, LogBatch(two, batch))
        assert repr(sorted(latest_of(get_run(backend, one)).items())) == repr(
            sorted(latest_of(get_run(backend, two)).items())
        )
        for key in "ab":
            assert repr(history_of(backend, one, key)) == repr(history_of(backend, two, key))

    def test_again(self, backend: Backend) -> None:
        run = new_run(backend)
        data = packed([("m", float(n), n, n) for n in range(50)])
        for _ in range(3):
            ingest(backend, run, data)
        assert history_of(backend, run, "m") == [(float(n), n, n) for n in range(50)]

    def test_nothing(self, backend: Backend) -> None:
        run = new_run(backend)
        ingest(backend, run, packed([]))
        assert get_run(backend, run).data.metrics == []

    def test_not_compressed(self, backend: Backend) -> None:
        run = new_run(backend)
        body = struct.pack("<I H2s I I d q q", 1, 2, "ü".encode(), 1, 0, 1.5, 7, -3)
        ingest(backend, run, plain(body))
        assert history_of(backend, run, "ü") == [(1.5, 7, -3)]

    def test_the_largest(self, backend: Backend) -> None:
        run = new_run(backend)
        filled = columns.Columns(
            ["a", "b"],
            array(columns.empty().indexes.typecode, [n % 2 for n in range(columns.MOST_POINTS)]),
            array("d", (n / 3 for n in range(columns.MOST_POINTS))),
            array("q", range(columns.MOST_POINTS)),
            array("q", range(columns.MOST_POINTS)),
        )
        ingest(backend, run, columns.pack(filled))
        assert history_of(backend, run, "b") == [(n / 3, n, n) for n in range(1, columns.MOST_POINTS, 2)]
        filled.indexes.append(0)
        filled.values.append(1.0)
        filled.timestamps.append(1)
        filled.steps.append(1)
        with refused(InvalidParameter, holds="more than 100000"):
            ingest(backend, new_run(backend), columns.pack(filled))


class TestIngestRefusals:
    """What it refuses, leaving nothing."""

    def refuses(self, backend: Backend, run: str, data: bytes, **text: str) -> None:
        """The columns are refused and nothing of them is stored."""
        with refused(InvalidParameter, **text):
            ingest(backend, run, data)
        assert get_run(backend, run).data.metrics == []
        assert history_of(backend, run, "good") == []

    @pytest.mark.parametrize("shown", ["a#b", "a//b", "../a"])
    def test_names(self, backend: Backend, shown: str) -> None:
        data = packed([("good", 1.0, 1, 1), (shown, 1.0, 1, 1)])
        self.refuses(backend, new_run(backend), data, text=bad_name(shown, "name"))

    def test_no_name(self, backend: Backend) -> None:
        data = packed([("good", 1.0, 1, 1), ("", 1.0, 1, 1)])
        self.refuses(backend, new_run(backend), data, text=missing("key"))

    def test_long_name(self, backend: Backend) -> None:
        data = packed([("good", 1.0, 1, 1), ("k" * 251, 1.0, 1, 1)])
        text = "'Metric name' exceeds the maximum length of 250 characters"
        self.refuses(backend, new_run(backend), data, text=text)

    def test_negative_timestamp(self, backend: Backend) -> None:
        data = packed([("good", 1.0, 1, 1), ("m", 2.0, -5, 1)])
        text = "Invalid value -5 for parameter 'timestamp' supplied: metric 'm' (value=2.0)."
        self.refuses(backend, new_run(backend), data, starts=text)

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"TMC1",
            b"TMC2\0" + bytes(8),
            b"TMC1\2" + bytes(8),
            b"TMC1\1nothing compressed",
            packed([("good", 1.0, 1, 1)])[:-3],
            plain(b""),
            plain(bytes(7)),
            plain(bytes(9)),
            plain(struct.pack("<I", 2**32 - 1)),
            plain(struct.pack("<IHsI", 1, 5, b"x", 0)),
            plain(struct.pack("<IH2sI", 1, 2, b"\xff\xfe", 0)),
            plain(struct.pack("<II", 0, 2**32 - 1)),
            plain(struct.pack("<II Idqq", 0, 1, 0, 1.0, 1, 1)),
            plain(struct.pack("<IH4sI", 1, 4, b"good", 1) + struct.pack("<Idqq", 1, 1.0, 1, 1)),
            plain(struct.pack("<IH4sI", 1, 4, b"good", 1) + struct.pack("<Idqq", 0, 1.0, 1, 1)[:-1]),
        ],
    )
    def test_bytes_that_are_no_columns(self, backend: Backend, data: bytes) -> None:
        starts = "Invalid value for parameter 'columns' supplied: these are no columns of points ("
        self.refuses(backend, new_run(backend), data, starts=starts)

    def test_any_damage(self, backend: Backend) -> None:
        """Whatever bytes come: they are taken as a whole, or refused as a whole."""
        dice, run = random.Random(5), new_run(backend)
        good = plain(
            struct.pack("<IH4sI", 1, 4, b"good", 3)
            + struct.pack("<III ddd qqq qqq", 0, 0, 0, 1, 2, 3, 1, 2, 3, 1, 2, 3)
        )
        ingest(backend, run, good)
        for _ in range(60):
            data = bytearray(good)
            for _ in range(dice.randrange(1, 4)):
                data[dice.randrange(len(data))] = dice.randrange(256)
            before = repr(history_of(backend, run, "good"))
            try:
                ingest(backend, run, bytes(data))
            except InvalidParameter:
                assert repr(history_of(backend, run, "good")) == before

    def test_runs(self, backend: Backend) -> None:
        data = packed([("m", 1.0, 1, 1)])
        with refused(NotFound, "Run with id=nope not found"):
            ingest(backend, "nope", data)
        run = new_run(backend)
        backend.call(runs.delete, DeleteRun(run))
        for one in (data, packed([])):
            with refused(InvalidParameter, f"The run {run} must be in the 'active' state. Current state is deleted."):
                ingest(backend, run, one)
        assert history_of(backend, run, "m") == []
