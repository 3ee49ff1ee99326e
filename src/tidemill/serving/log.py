"""The request log: what was asked and answered, and what the right answer was, in Parquet files.

A request appends one record to a queue with an end and goes on; one thread turns the queue into a file every few seconds.
Where the queue is full, or the disk, records are dropped and counted: serving never waits for its log. Files are written
under another name first, so a reader sees whole files only. What is in the queue when the process is killed is lost.

`requests-<time>-<id>.parquet`: request_id, time (UTC), model, version, status, latency_ms, rows, inputs and outputs (JSON
texts; null where they are larger than the limit), cut (whether they were).
`feedback-<time>-<id>.parquet`: request_id, time, answer (a JSON text), comment.
"""

import logging
import os
import random
import secrets
import threading
import time
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from tidemill.errors import MissingDependency, NotFound
from tidemill.serving.forms import Payload
from tidemill.serving.results import Result

_MOST_WAITING = 20_000
_MOST_A_FILE = 10_000
_HIDDEN = "***"
_log = logging.getLogger("tidemill.serving")
_encode = msgspec.json.Encoder(enc_hook=str).encode


class RequestLog:
    """Writes to `folder`. `sample` is the share of requests that is kept, `most_bytes` the size beyond which inputs or
    outputs are left out, `redact` names columns whose values are not written down.
    """

    def __init__(
        self,
        folder: str,
        *,
        sample: float = 1.0,
        most_bytes: int = 64 * 1024,
        redact: tuple[str, ...] = (),
        seconds: float = 10.0,
    ) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.dropped = 0
        self.written = 0
        self._sample, self._most_bytes, self._redact, self._seconds = sample, most_bytes, frozenset(redact), seconds
        self._requests: deque[tuple[Any, ...]] = deque()
        self._feedback: deque[tuple[Any, ...]] = deque()
        self._wake = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="tidemill-log", daemon=True)
        self._thread.start()

    def request(
        self,
        id_: bytes,
        model: str,
        version: str,
        status: int,
        seconds: float,
        payload: Payload | None,
        result: Result | None,
    ) -> None:
        """Note one request. Never waits."""
        if self._sample < 1 and random.random() >= self._sample:  # noqa: S311 (a share, no secret)
            return
        if len(self._requests) >= _MOST_WAITING:
            self.dropped += 1
            return
        self._requests.append((id_, time.time(), model, version, status, seconds, payload, result))
        if len(self._requests) >= _MOST_A_FILE:
            self._wake.set()

    def feedback(self, request_id: str, answer: bytes, comment: str) -> bool:
        """Note the right answer (JSON) to a request; False where it had to be dropped."""
        if len(self._feedback) >= _MOST_WAITING:
            self.dropped += 1
            return False
        self._feedback.append((request_id, time.time(), answer.decode(), comment))
        return True

    def close(self) -> None:
        """Write what is left."""
        self._closing = True
        self._wake.set()
        self._thread.join(30)

    def _run(self) -> None:
        while True:
            self._wake.wait(self._seconds)
            self._wake.clear()
            last = self._closing
            self._flush(self._requests, "requests", self._row, _REQUESTS)
            self._flush(self._feedback, "feedback", _feedback_row, _FEEDBACK)
            if last and not self._requests and not self._feedback:
                return

    def _flush(self, queue: deque[tuple[Any, ...]], kind: str, row: Any, fields: dict[str, str]) -> None:
        while queue:
            taken = [queue.popleft() for _ in range(min(len(queue), _MOST_A_FILE))]
            try:
                _write(self.folder, kind, [row(*one) for one in taken], fields)
                self.written += len(taken)
            except Exception as error:  # a full disk must not end the thread
                self.dropped += len(taken)
                _log.error("%d records of the request log are lost: %s", len(taken), error)

    def _row(
        self, id_: bytes, at: float, model: str, version: str, status: int, seconds: float, payload: Any, result: Any
    ) -> tuple[Any, ...]:
        inputs = None if payload is None else self._text(payload.form.plain(payload.value))
        outputs = None if result is None else self._text(result.plain)
        cut = (payload is not None and inputs is None) or (result is not None and outputs is None)
        rows = 0 if payload is None else payload.rows
        when = datetime.fromtimestamp(at, UTC)
        return id_.decode(), when, model, version, status, seconds * 1e3, rows, inputs, outputs, cut

    def _text(self, plain: Any) -> str | None:
        if self._redact:
            plain = _redacted(plain, self._redact)
        text = _encode(plain)
        return text.decode() if len(text) <= self._most_bytes else None


_REQUESTS = {
    "request_id": "string", "time": "time", "model": "string", "version": "string", "status": "int", "latency_ms": "float",
    "rows": "int", "inputs": "string", "outputs": "string", "cut": "bool",
}  # fmt: skip
_FEEDBACK = {"request_id": "string", "time": "time", "answer": "string", "comment": "string"}


def _feedback_row(request_id: str, at: float, answer: str, comment: str) -> tuple[Any, ...]:
    return request_id, datetime.fromtimestamp(at, UTC), answer, comment


def _redacted(plain: Any, names: frozenset[str]) -> Any:
    """`plain` with the values of these keys hidden, at any depth."""
    if isinstance(plain, dict):
        return {key: _HIDDEN if key in names else _redacted(value, names) for key, value in plain.items()}
    if isinstance(plain, list):
        return [_redacted(one, names) if isinstance(one, dict | list) else one for one in plain]
    return plain


def _write(folder: Path, kind: str, rows: list[tuple[Any, ...]], fields: dict[str, str]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {
        "string": pa.string(), "time": pa.timestamp("us", "UTC"), "int": pa.int64(), "float": pa.float64(),
        "bool": pa.bool_(),
    }  # fmt: skip
    schema = pa.schema([(name, types[of]) for name, of in fields.items()])
    columns = [pa.array(cells, one.type) for cells, one in zip(zip(*rows, strict=True), schema, strict=True)]
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    target = folder / f"{kind}-{stamp}-{secrets.token_hex(4)}.parquet"
    partial = target.with_suffix(".partial")
    pq.write_table(pa.table(columns, schema=schema), partial, compression="zstd")
    os.replace(partial, target)


def read(folder: "str | os.PathLike[str]", model: str | None = None, *, expand: bool = True) -> Any:
    """See `tidemill.serving.read_log`."""
    try:
        import pandas as pd
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingDependency("pandas", "parquet", "Reading a request log") from None
    place = Path(folder)
    files = sorted(place.glob("requests-*.parquet"))
    if not files:
        raise NotFound(f"'{place}' holds no request log.")
    frame = pa.concat_tables([pq.read_table(one) for one in files]).to_pandas()
    if model is not None:
        frame = frame[frame["model"] == model]
    given = [pq.read_table(one) for one in sorted(place.glob("feedback-*.parquet"))]
    if given:
        told = pa.concat_tables(given).to_pandas().sort_values("time", kind="stable")
        told = told.drop_duplicates("request_id", keep="last")[["request_id", "answer", "comment"]]
        frame = frame.merge(told, on="request_id", how="left")
    else:
        frame = frame.assign(answer=None, comment=None)
    frame = frame.sort_values("time", kind="stable").reset_index(drop=True)
    if expand:
        for name in ("inputs", "outputs", "answer"):
            frame[name] = pd.Series([_value(text) for text in frame[name]], index=frame.index, dtype=object)
    return frame


def _value(text: Any) -> Any:
    return msgspec.json.decode(text) if isinstance(text, str) else None
