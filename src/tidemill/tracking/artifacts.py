"""Artifacts, as the client has them: files of runs and logged models, and objects written as files."""

import json
import os
import posixpath
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from tidemill.api import runs as run_ops
from tidemill.artifacts.uri import ArtifactUri
from tidemill.clock import now_ms
from tidemill.errors import InvalidParameter, NotFound
from tidemill.journal.backend import JournalBackend
from tidemill.journal.known import UNKNOWN
from tidemill.tracking import media, tables, tags
from tidemill.tracking.entities import FileInfo
from tidemill.tracking.files import Files, files_at
from tidemill.tracking.logged_models import LoggedModelCalls
from tidemill.tracking.runs import RunCalls
from tidemill.tracking.staging import StagedFiles
from tidemill.types.runs import GetRun

_REMEMBERED = 1000


class ArtifactCalls(RunCalls, LoggedModelCalls):
    """The client's methods about files. Paths of artifacts are relative to the run's root and separated by `/`."""

    def __init__(self, uri: "str | os.PathLike[str] | None" = None) -> None:
        super().__init__(uri)
        self._run_uris: OrderedDict[str, str] = OrderedDict()

    def files_of(self, run_id: str) -> Files:
        """The files of a run. Raises NotFound."""
        if isinstance(self.backend, JournalBackend):
            return StagedFiles(self.backend, f"runs/{run_id}", lambda: self.files_at(self.artifact_uri(run_id)))
        return self.files_at(self.artifact_uri(run_id))

    def artifact_uri(self, run_id: str, path: str = "") -> str:
        """The address of a run's artifacts, or of one of them. Nothing need be there. Raises NotFound for the run."""
        uri = self._run_uris.get(run_id)
        if uri is None:
            uri = self.call(run_ops.get, GetRun(run_id)).run.info.artifact_uri
            self.remember_artifact_uri(run_id, uri)
        return str(ArtifactUri.parse(uri).join(path)) if path else uri

    def remember_artifact_uri(self, run_id: str, uri: str) -> None:
        """Where a run's artifacts lie never changes: knowing it saves a call."""
        if uri.startswith(UNKNOWN):
            return
        self._run_uris[run_id] = uri
        if len(self._run_uris) > _REMEMBERED:
            self._run_uris.popitem(last=False)

    def files_at(self, uri: str) -> Files:
        """The files below an address of artifacts, such as `s3://bucket/folder` or a run's `artifact_uri`."""
        backend = self.backend.target if isinstance(self.backend, JournalBackend) else self.backend
        return files_at(uri, backend, self.tracking_uri)

    def log_artifact(self, run_id: str, local_path: "str | os.PathLike[str]", artifact_path: str | None = None) -> None:
        """Copy a local file, or a folder with its name, to the run, into its folder `artifact_path` (default: the root)."""
        self.files_of(run_id).upload(local_path, artifact_path or "")

    def log_artifacts(self, run_id: str, local_dir: "str | os.PathLike[str]", artifact_path: str | None = None) -> None:
        """Copy all that a local folder holds to the run, into its folder `artifact_path` (default: the root)."""
        self.files_of(run_id).upload_folder(local_dir, artifact_path or "")

    def log_text(self, run_id: str, text: str, artifact_file: str) -> None:
        """Write `text` as the run's file `artifact_file`, in UTF-8."""
        if not isinstance(text, str):
            raise InvalidParameter(f"log_text takes a text, not a {type(text).__name__}.")
        self.files_of(run_id).write(artifact_file, text.encode())

    def log_dict(self, run_id: str, dictionary: Any, artifact_file: str) -> None:
        """Write a dict or list as the run's file `artifact_file`: YAML for .yml and .yaml, else JSON.

        Without PyYAML a .yaml file holds JSON, which YAML readers understand.
        """
        self.files_of(run_id).write(artifact_file, _dict_bytes(dictionary, artifact_file))

    def log_figure(
        self, run_id: str, figure: Any, artifact_file: str, *, save_kwargs: Mapping[str, Any] | None = None
    ) -> None:
        """Write a matplotlib or plotly figure as the run's file `artifact_file`, whose ending chooses the format."""
        self.files_of(run_id).write(artifact_file, media.figure_bytes(figure, artifact_file, save_kwargs))

    def log_image(
        self,
        run_id: str,
        image: Any,
        artifact_file: str | None = None,
        key: str | None = None,
        step: int | None = None,
        timestamp: int | None = None,
        synchronous: bool | None = None,
    ) -> None:
        """Write a picture: as the file `artifact_file`, or as one of the series `key` at `step` (default 0).

        `image` is a tidemill.Image or whatever makes one (NumPy array, PIL image). Of a series' picture a small copy
        is written too. The picture is stored when the call returns, whatever `synchronous` says.
        """
        if (artifact_file is None) == (key is None):
            raise InvalidParameter("log_image takes either artifact_file or key, exactly one of them.")
        picture = media.Image(image)
        if artifact_file is not None:
            if step is not None or timestamp is not None:
                raise InvalidParameter("log_image takes step and timestamp only together with key.")
            self.files_of(run_id).write(artifact_file, picture.encoded(artifact_file))
            return
        path = media.step_path(str(key), step or 0, timestamp or now_ms())
        files = self.files_of(run_id)
        files.write(f"{path}.png", picture.encoded(f"{path}.png"))
        files.write(f"{path}+compressed.webp", picture.thumbnail())
        self.set_tag(run_id, tags.LOGGED_IMAGES, "True")

    def log_table(self, run_id: str, data: Any, artifact_file: str) -> None:
        """Write a table (a dict of columns, or a data frame) as `artifact_file` (.json or .parquet); append if it is there."""
        table, files = tables.Table.of(data), self.files_of(run_id)
        name = tables.check_table_name(artifact_file)
        try:
            table = tables.Table.decode(name, files.read(name)).append(table)
        except NotFound:
            self._note_table(run_id, name)
        files.write(name, table.encode(name))

    def _note_table(self, run_id: str, name: str) -> None:
        noted = json.loads(self.get_run(run_id).data.tags.get(tags.LOGGED_TABLES, "[]"))
        entry = {"path": name, "type": "table"}
        if entry not in noted:
            self.set_tag(run_id, tags.LOGGED_TABLES, json.dumps([*noted, entry]))

    def load_table(
        self,
        experiment_id: str,
        artifact_file: str,
        run_ids: Sequence[str] | None = None,
        extra_columns: Sequence[str] | None = None,
    ) -> Any:
        """The tables `artifact_file` of these runs (default: all of the experiment that have it) as one data frame.

        `extra_columns` may name fields of the run's info, such as `run_id`. A list of dicts without pandas and polars.
        """
        runs = self._runs_with_tables(experiment_id, artifact_file, run_ids)
        found: tables.Table | None = None
        for run in runs:
            table = tables.Table.decode(artifact_file, self.files_of(run.info.run_id).read(artifact_file))
            for column in extra_columns or ():
                if not hasattr(run.info, column):
                    raise InvalidParameter(f"A run's info has no field '{column}' for an extra column.")
                table.columns[column] = [getattr(run.info, column)] * table.size
            found = table if found is None else found.append(table)
        if found is None:
            raise NotFound(f"No run of experiment {experiment_id} has the table '{artifact_file}'.")
        return found.frame()

    def _runs_with_tables(self, experiment_id: str, name: str, run_ids: Sequence[str] | None) -> list[Any]:
        if run_ids is not None:
            return [self.get_run(run_id) for run_id in run_ids]
        found, token = [], None
        noted = f"tags.`{tags.LOGGED_TABLES}` LIKE '%\"table\"%'"
        while True:
            page = self.search_runs([experiment_id], noted, page_token=token)
            found += [run for run in page if name in _table_names(run.data.tags[tags.LOGGED_TABLES])]
            token = page.token
            if token is None:
                return found

    def list_artifacts(self, run_id: str, path: str | None = None) -> list[FileInfo]:
        """The files and folders directly in the run's folder `path` (default: the root), sorted by path."""
        return self.files_of(run_id).list(path or "")

    def download_artifacts(self, run_id: str, path: str, dst_path: "str | os.PathLike[str] | None" = None) -> str:
        """Copy a run's file or folder into the local folder `dst_path` and answer the local path of the copy.

        Without `dst_path`: a new temporary folder, or no copy at all where the artifacts lie on this machine.
        """
        return self.files_of(run_id).download(path, dst_path)

    def log_model_artifact(self, model_id: str, local_path: "str | os.PathLike[str]") -> None:
        """Copy a local file to a logged model."""
        self.files_of_model(model_id).upload(local_path)

    def log_model_artifacts(self, model_id: str, local_dir: "str | os.PathLike[str]") -> None:
        """Copy all that a local folder holds to a logged model."""
        self.files_of_model(model_id).upload_folder(local_dir)

    def list_logged_model_artifacts(self, model_id: str, path: str | None = None) -> list[FileInfo]:
        """The files and folders directly in the logged model's folder `path` (default: the root), sorted by path."""
        return self.files_of_model(model_id).list(path or "")

    def files_of_model(self, model_id: str) -> Files:
        """The files of a logged model. Raises NotFound."""

        def direct() -> Files:
            return self.files_at(self.get_logged_model(model_id).artifact_location)

        if isinstance(self.backend, JournalBackend):
            return StagedFiles(self.backend, f"models/{model_id}", direct)
        return direct()


def _table_names(noted: str) -> list[str]:
    return [entry["path"] for entry in json.loads(noted)]


def _dict_bytes(value: Any, name: str) -> bytes:
    try:
        text = json.dumps(value, indent=2, default=tables.plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidParameter(f"'{name}' cannot be written as JSON: {error}.") from None
    if posixpath.splitext(name)[1].lower() in (".yml", ".yaml"):
        try:
            import yaml
        except ImportError:
            pass  # JSON is YAML too
        else:
            text = yaml.safe_dump(json.loads(text), sort_keys=False, allow_unicode=True)
    return text.encode()
