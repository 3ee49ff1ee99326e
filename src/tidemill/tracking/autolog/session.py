"""What a watched training writes: into the active run, or into a run of its own that ends with it.

Each method writes one thing; where that fails it is reported once and left out, and the rest is written all the same.
"""

import importlib.util
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from tidemill.clock import now_ms
from tidemill.errors import Unavailable
from tidemill.tracking import fluent, media, run, start, tags
from tidemill.tracking.autolog import values
from tidemill.tracking.entities import DatasetInput, InputTag, Metric
from tidemill.tracking.run import ActiveRun
from tidemill.types.page import Tag
from tidemill.types.runs import Param

if TYPE_CHECKING:
    from tidemill.tracking.autolog.core import Framework

AUTOLOGGING = "mlflow.autologging"
"""The tag of a run that autologging started: the framework's name."""

_FLUSH_SECONDS = 1.0
_FLUSH_POINTS = 1000
_PAUSE_SECONDS = 60.0
_REMEMBERED = 10_000
_AT_ONCE = 8

_lock = threading.Lock()
_trainings: dict[str, int] = {}
"""How many trainings were logged into a run, by its id."""
_last_steps: dict[str, int] = {}
_unavailable_until = 0.0


class Session:
    """One training being logged. `number` is 1 for the first in its run, 2 for the second, and so on.

    What a later training in the same run logs does not replace the first's: its files lie in the folder
    `training-<number>`, its metrics have later steps, and a param that has another value already gets `-<number>` at
    the end of its key.
    """

    def __init__(self, framework: "Framework", active: ActiveRun, is_own: bool) -> None:
        self.framework = framework
        self.run = active
        self.client = active.client
        self.run_id = active.info.run_id
        self.is_own = is_own
        with _lock:
            self.number = _trainings.pop(self.run_id, 0) + 1
            _trainings[self.run_id] = self.number
            if len(_trainings) > _REMEMBERED:
                _trainings.pop(next(iter(_trainings)))
            self.first_step = _last_steps.get(self.run_id, -1) + 1
        self.folder = "" if self.number == 1 else f"training-{self.number}/"
        self._points: list[Metric] = []
        self._params: dict[str, str] = {}
        self._named: set[str] = set()
        self._tags: dict[str, str] = {}
        self._tables: list[str] = []
        self._files: list[tuple[str, bytes]] = []
        self._flushed = time.monotonic()
        self.is_dead = False
        """Whether the store could not be reached; nothing more is written then."""

    @classmethod
    def open(cls, framework: "Framework") -> "Session | None":
        """A session on the active run, or on a new one; None where the options or an unreachable store forbid it."""
        options = framework.options
        active = run.active()
        if options is None or (active is not None and options.exclusive) or time.monotonic() < _unavailable_until:
            return None
        if active is not None:
            return cls(framework, active, False)
        try:
            return cls(framework, start.start_run(tags={AUTOLOGGING: framework.name, **options.extra_tags}), True)
        except Unavailable:
            _pause()
            raise

    @contextmanager
    def part(self, what: str) -> Iterator[None]:
        """Report what fails in the block, which is called `what`, instead of raising it."""
        try:
            yield
        except Exception as error:
            if isinstance(error, Unavailable):
                self.is_dead = True
                _pause()
            self.framework.report(what, error)

    def params(self, given: Mapping[str, Any]) -> None:
        """Note params, as texts of sensible length. They are written with the next `flush`. The first value stays."""
        if self.framework.options is None or not self.framework.options.log_params:
            return
        for key, value in given.items():
            name = values.key(key)
            if name not in self._named:
                with self.part(f"the param {key}"):
                    self._params[name] = values.shown(value)
                    self._named.add(name)

    def tags(self, given: Mapping[str, Any]) -> None:
        """Note tags. They are written with the next `flush`."""
        self._tags.update({values.key(key): values.shown(value) for key, value in given.items()})

    def metrics(self, given: Mapping[str, Any], step: int | None = None) -> None:
        """Note values of metrics at a step of this training, by default its last word on them.

        They are written at once or together with others within about a second. What is no number is left out.
        """
        at = now_ms()
        here = self.number - 1 if step is None else self.first_step + step
        for key, value in given.items():
            number = values.number(value)
            if number is not None:
                self._points.append(Metric(values.key(key), number, at, here))
        if step is not None:
            _last_steps[self.run_id] = max(_last_steps.get(self.run_id, -1), here)
        if len(self._points) >= _FLUSH_POINTS or time.monotonic() - self._flushed > _FLUSH_SECONDS:
            self.flush()

    def score(self, key: str, value: float, step: int) -> None:
        """Note a value that belongs to the trained model, at a step of its own count; written at once."""
        self._points.append(Metric(key, value, now_ms(), self.number - 1 + step))
        self.flush()

    def flush(self) -> None:
        """Write what was noted."""
        self._flushed = time.monotonic()
        points, params, noted = self._points, self._params, self._tags
        self._points, self._params, self._tags = [], {}, {}
        if self.is_dead or not (points or params or noted):
            return
        with self.part("logging params, metrics and tags"):
            if params and not self.is_own:
                params = self._unclashing(params)
            self.client.log_batch(
                self.run_id,
                points,
                [Param(key, value) for key, value in params.items()],
                [Tag(key, value) for key, value in noted.items()],
            )

    def _unclashing(self, params: dict[str, str]) -> dict[str, str]:
        """The params under keys that are free, or have that very value, in the run."""
        present = self.client.get_run(self.run_id).data.params
        found: dict[str, str] = {}
        for key, value in params.items():
            free, number = key, 1
            while present.get(free, value) != value:
                number += 1
                free = f"{key[:240]}-{number}"
            found[free] = value
        return found

    def text(self, text: str, name: str) -> None:
        """Note a text file. Files are written when the session is closed."""
        self._keep(name, lambda: text.encode())

    def json(self, document: Any, name: str) -> None:
        """Note a JSON file."""
        self._keep(name, lambda: msgspec.json.format(values.json_bytes(document)))

    def table(self, columns: Mapping[str, Sequence[Any]], name: str) -> None:
        """Note a table as `load_table` reads it (.json), or as .csv."""
        if name.endswith(".csv"):
            self._keep(name, lambda: values.csv_bytes(columns))
            return
        if self._keep(name, lambda: values.table_bytes(columns)):
            self._tables.append(self.folder + name)

    def picture(self, draw: Callable[..., Any], name: str, *args: Any) -> None:
        """Note the matplotlib figure that `draw(*args)` answers. Without matplotlib there are no pictures."""
        options = self.framework.options
        if options is not None and options.log_pictures and importlib.util.find_spec("matplotlib"):
            self._keep(name, lambda: media.figure_bytes(draw(*args), name))

    def _keep(self, name: str, encode: Callable[[], bytes]) -> bool:
        made = []
        with self.part(f"the file {name}"):
            made.append((name, encode()))
        self._files += made
        return bool(made)

    def _write_files(self) -> None:
        """Write the files together: each waits for a disk or a server, not for this process."""
        files, self._files = self._files, []
        if self.is_dead or not files:
            return
        with ThreadPoolExecutor(_AT_ONCE, "tidemill-autolog") as pool:
            for name, data in files:
                pool.submit(self._write_file, name, data)

    def _write_file(self, name: str, data: bytes) -> None:
        if not self.is_dead:
            with self.part(f"writing {name}"):
                self.client.files_of(self.run_id).write(self.folder + name, data, attempts=1)

    def dataset(self, dataset: Any, context: str) -> None:
        """Link a data set of `tidemill.data` to the run."""
        if self.is_dead:
            return
        with self.part("the data set"):
            link = DatasetInput(tags=[InputTag(tags.DATA_CONTEXT, context)], dataset=fluent.described(dataset))
            self.client.log_inputs(self.run_id, [link])

    def close(self, status: str = "FINISHED") -> None:
        """Write the rest, files too, and end the run if it is this training's own."""
        self._write_files()
        with self.part("noting the tables"):
            self._note_tables()
        self.flush()
        if self.is_own and self.run in run.stack():
            run.end_through(self.run, status)

    def _note_tables(self) -> None:
        if not self._tables:
            return
        noted = [] if self.is_own else self.client.get_run(self.run_id).data.tags.get(tags.LOGGED_TABLES, "[]")
        listed = json.loads(noted) if isinstance(noted, str) else noted
        entries = [{"path": name, "type": "table"} for name in self._tables]
        self._tags[tags.LOGGED_TABLES] = json.dumps([*listed, *(one for one in entries if one not in listed)])


def _pause() -> None:
    """No new sessions for a while: each would wait for a store that does not answer."""
    global _unavailable_until
    _unavailable_until = time.monotonic() + _PAUSE_SECONDS
