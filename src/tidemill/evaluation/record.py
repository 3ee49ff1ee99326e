"""Writing an evaluation to its run: metrics, tables, pictures, and which model was judged on which data."""

import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from tidemill.errors import NotFound, Unavailable
from tidemill.evaluation.checks import Check
from tidemill.tracking import run, start, tables
from tidemill.tracking.autolog import values
from tidemill.tracking.autolog.evaluation import Evaluation
from tidemill.tracking.caution import caution
from tidemill.tracking.client import Client
from tidemill.tracking.entities import DatasetInput, InputTag, LoggedModelInput
from tidemill.tracking.fluent import described
from tidemill.tracking.tags import DATA_CONTEXT, LOGGED_TABLES

PASSED_TAG = "tidemill.evaluation.passed"
"""The tag of a run that says whether the checks of its last evaluation passed."""


@contextlib.contextmanager
def record(dataset: Any, model_id: str | None) -> Iterator["Record"]:
    """Where to write: the active run, or one that lasts as long as the evaluation."""
    outer = run.active()
    with contextlib.nullcontext(outer) if outer is not None else start.start_run() as active:
        made = Record(active.client, active.info.run_id, dataset, model_id)
        yield made
        made.note_tables()


class Record:
    """The run that an evaluation is written to. `artifacts` are the paths written so far, by name."""

    def __init__(self, client: Client, run_id: str, dataset: Any, model_id: str | None) -> None:
        self.run_id = run_id
        self.model_id = model_id
        self.artifacts: dict[str, str] = {}
        self._tables: list[str] = []
        self._client = client
        self._dataset = dataset
        if model_id is not None:
            with contextlib.suppress(Unavailable):
                try:
                    client.get_logged_model(model_id)
                except NotFound:  # a model from elsewhere: nothing here can be linked to it
                    self.model_id = None
        context = [InputTag(DATA_CONTEXT, "eval")]
        inputs = [DatasetInput(tags=context, dataset=described(dataset))]
        client.log_inputs(run_id, inputs, [LoggedModelInput(self.model_id)] if self.model_id else None)

    def metrics(self, found: Mapping[str, float]) -> None:
        """Log metrics of the run, and of the model on this data."""
        name, digest = self._dataset.name, self._dataset.digest
        keyed = {values.key(key): value for key, value in found.items()}
        self._client.log_metrics(self.run_id, keyed, dataset_name=name, dataset_digest=digest, model_id=self.model_id)

    def evaluation(self, found: Evaluation, prefix: str) -> None:
        """Write tables and pictures."""
        for name, columns in found.tables.items():
            self.table(prefix + name, columns)
        for name, (draw, *args) in found.pictures.items():
            with self._tolerant(f"the picture '{name}'"):
                self.figure(prefix + name, draw(*args))

    def table(self, name: str, columns: Any) -> None:
        """Write a table as `<name>.json`, over the one of an evaluation before this."""
        path = f"{name}.json"
        self._client.files_of(self.run_id).write(path, tables.Table.of(columns).encode(path))
        self._tables.append(path)
        self.artifacts[name] = path

    def note_tables(self) -> None:
        """Let the run say which of its files are tables, so that `load_table` finds them."""
        try:
            noted = json.loads(self._client.get_run(self.run_id).data.tags.get(LOGGED_TABLES, "[]"))
        except Unavailable:  # offline: a run that was only made here has noted nothing yet
            noted = []
        fresh = [entry for path in self._tables if (entry := {"path": path, "type": "table"}) not in noted]
        if fresh:
            self._client.set_tag(self.run_id, LOGGED_TABLES, json.dumps([*noted, *fresh]))

    def figure(self, name: str, figure: Any) -> None:
        """Write a figure as `<name>.png`."""
        self._client.log_figure(self.run_id, figure, f"{name}.png")
        self.artifacts[name] = f"{name}.png"

    def checks(self, found: Sequence[Check], prefix: str) -> None:
        """Write what was checked, and whether all of it passed."""
        rows = [asdict(check) for check in found]
        self.table(f"{prefix}checks", {key: [row[key] for row in rows] for key in rows[0]})
        self._client.set_tag(self.run_id, PASSED_TAG, "true" if all(check.passed for check in found) else "false")

    def own(self, makers: Sequence[Callable[..., Any]], frame: Any, metrics: Mapping[str, float], prefix: str) -> None:
        """Write what functions of the caller's make: each is called with a frame, the metrics and an empty folder.

        It answers a dict of names to figures, tables, dicts, texts, or paths of files that it wrote.
        """
        for maker in makers:
            with tempfile.TemporaryDirectory() as folder:
                for name, value in (maker(frame, dict(metrics), folder) or {}).items():
                    self._write(f"{prefix}{name}", value)

    def _write(self, name: str, value: Any) -> None:
        is_path = isinstance(value, os.PathLike) or (isinstance(value, str) and os.path.isfile(value))
        if is_path:
            self._client.log_artifact(self.run_id, value)
            self.artifacts[name] = os.path.basename(os.fspath(value))
        elif hasattr(value, "savefig") or hasattr(value, "write_image"):
            self.figure(name, value)
        elif hasattr(value, "columns"):
            self.table(name, value)
        elif isinstance(value, str):
            self._client.log_text(self.run_id, value, f"{name}.txt")
            self.artifacts[name] = f"{name}.txt"
        else:
            self._client.log_dict(self.run_id, value, f"{name}.json")
            self.artifacts[name] = f"{name}.json"

    @contextlib.contextmanager
    def _tolerant(self, what: str) -> Iterator[None]:
        """A picture that cannot be drawn (matplotlib is missing) costs that picture alone."""
        try:
            yield
        except ImportError as error:
            caution(f"{what} of the evaluation is missing: {error}")
