"""Models by address: found, downloaded and (`log_model`) written as logged models of a run."""

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidemill.artifacts.uri import ArtifactUri, safe_path
from tidemill.errors import AlreadyExists, NotFound
from tidemill.journal.backend import JournalBackend
from tidemill.models.flavor import Flavor
from tidemill.models.format import FILE, ModelFile
from tidemill.models.save import save_model
from tidemill.models.signature import Signature
from tidemill.tracking import run, start
from tidemill.tracking.client import Client
from tidemill.tracking.context import user_name
from tidemill.tracking.downloads import download_artifacts
from tidemill.tracking.entities import LoggedModelOutput, LoggedModelStatus
from tidemill.tracking.model_cache import cached
from tidemill.tracking.registry import version_at
from tidemill.types.model_versions import CreateModelVersion
from tidemill.types.registered_models import CreateRegisteredModel

_LOGGED = re.compile("m-[0-9a-f]{32}")


@dataclass(frozen=True)
class ModelInfo:
    """A model that was logged. `model_uri` is its address, `models:/<model_id>`; `run_id` is None outside of runs.

    `registered_model_version` is the version that was made of it; None where no registered model was named, or where the
    server is away and the version will be made when what was logged is sent.
    """

    model_id: str
    model_uri: str
    name: str
    run_id: str | None
    artifact_path: str
    file: ModelFile
    registered_model_version: str | None = None

    @property
    def signature(self) -> Signature | None:
        """The model's signature, None where it has none."""
        return self.file.signature

    @property
    def flavors(self) -> dict[str, dict[str, Any]]:
        """The sections of its MLmodel."""
        return self.file.flavors

    @property
    def metadata(self) -> dict[str, Any] | None:
        """What was given as metadata."""
        return self.file.metadata

    @property
    def model_uuid(self) -> str:
        """The id in its MLmodel."""
        return self.file.model_uuid


def log_model(
    flavor: "str | Flavor",
    model: Any,
    name: str | None = None,
    *,
    registered_model_name: str | None = None,
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    model_type: str | None = None,
    step: int = 0,
    run_id: str | None = None,
    **options: Any,
) -> ModelInfo:
    """Save `model` and log it as a logged model called `name` (made up where None) of the active run, or of `run_id`.

    Without a run it is logged on its own, in the experiment of new runs. `params`, `tags` and `model_type` are kept with
    it, `step` is the training step it was made at. `registered_model_name` makes a version of that registered model of
    it. `options` are those of `tidemill.models.save.save_model` and of the flavor.
    """
    active = run.active()
    client = active.client if active is not None else start.client()
    source = run_id or (active.info.run_id if active is not None else None)
    if active is not None and source == active.info.run_id:
        inside = active.info.experiment_id
    else:
        inside = client.get_run(source).info.experiment_id if source else start.experiment_in_force()
    made = client.create_logged_model(inside, name, source, tags, params, model_type)
    folder = Path(tempfile.mkdtemp(prefix="tidemill-model-"))
    try:
        where = made.artifact_location
        file = save_model(flavor, model, folder, model_id=made.model_id, run_id=source, artifact_path=where, **options)
        client.log_model_artifacts(made.model_id, folder)
        client.finalize_logged_model(made.model_id, LoggedModelStatus.LOGGED_MODEL_READY)
    except BaseException:
        client.finalize_logged_model(made.model_id, LoggedModelStatus.LOGGED_MODEL_UPLOAD_FAILED)
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if source is not None:
        client.log_outputs(source, [LoggedModelOutput(made.model_id, step)])
    version = _registered(client, registered_model_name, made.model_uri, source, made.model_id)
    return ModelInfo(made.model_id, made.model_uri, made.name, source, where, file, version)


def _registered(client: Client, name: str | None, uri: str, run_id: str | None, model_id: str) -> str | None:
    if name is None:
        return None
    if isinstance(client.backend, JournalBackend):
        user = user_name()
        version = CreateModelVersion(name, uri, run_id, model_id=model_id, user=user)
        answer = client.backend.register(CreateRegisteredModel(name, user=user), version)
        return None if answer is None else answer.model_version.version
    with contextlib.suppress(AlreadyExists):
        client.create_registered_model(name)
    return client.create_model_version(name, uri, run_id, model_id=model_id).version


def resolve_model(uri: "str | os.PathLike[str]", client: Client | None = None) -> Path:
    """The local folder of the model at `uri`; what lies elsewhere is downloaded, and kept if it can never change.

    `uri`: a folder, `runs:/<run id>/<name>`, `models:/<model id>`, `models:/<registered model>/<version>`, `…@<alias>`,
    `…/<stage>` or `…/latest`, or any address of artifacts (`s3://…`, `mlflow-artifacts:/…`, `https://server/…`).
    Raises NotFound where there is no model.
    """
    text = os.fspath(uri)
    parsed = ArtifactUri.parse(text)
    where = client or start.client()
    if parsed.scheme == "models":
        found = _of_models(where, parsed)
    elif parsed.scheme == "runs":
        found = _of_run(where, parsed)
    else:
        found = Path(download_artifacts(text, tracking_uri=where.tracking_uri))
    if not (found / FILE).is_file():
        raise NotFound(f"There is no model at '{text}': it has no file {FILE}.")
    return found


def _of_models(client: Client, uri: ArtifactUri) -> Path:
    head, _, path = uri.path.strip("/").partition("/")
    if _LOGGED.fullmatch(head):
        return _logged(client, head) / safe_path(path)
    version, path = version_at(client, str(uri))
    place = client.get_model_version_download_uri(version.name, version.version)
    parsed = ArtifactUri.parse(place)
    if parsed.scheme == "runs":
        return _of_run(client, parsed) / safe_path(path)
    name = f"{version.name}/{version.version} of {version.creation_timestamp}"
    return _fetched(client, place, name, final=True) / safe_path(path)


def _logged(client: Client, model_id: str) -> Path:
    found = client.get_logged_model(model_id)
    return _fetched(client, found.artifact_location, model_id, found.status == LoggedModelStatus.LOGGED_MODEL_READY)


def _fetched(client: Client, location: str, name: str, final: bool) -> Path:
    """The files at `location`: where they are if they are local, else a copy; kept if they are `final`."""
    if ArtifactUri.parse(location).scheme in ("", "file"):
        return Path(client.files_at(location).download())
    if not final:
        return Path(client.files_at(location).download(to=tempfile.mkdtemp(prefix="tidemill-models-")))
    key = f"{client.tracking_uri} {location} {name}"
    return cached(key, lambda folder: _fill(client, location, folder))


def _fill(client: Client, location: str, folder: Path) -> None:
    client.files_at(location).download("", folder)


def _of_run(client: Client, uri: ArtifactUri) -> Path:
    """A model among the run's files, as older clients log them, or the run's logged model of that name, the latest."""
    run_id, _, path = uri.path.strip("/").partition("/")
    try:
        found = Path(client.files_of(run_id).download(path))
        if (found / FILE).is_file():
            return found
    except NotFound:
        pass
    outputs = client.get_run(run_id).outputs
    made = [client.get_logged_model(one.model_id) for one in (outputs.model_outputs if outputs else ())]
    named = [one for one in made if one.name == path]
    if not named:
        known = ", ".join(sorted({one.name for one in made})) or "none"
        raise NotFound(f"The run {run_id} has no model '{path}'; its logged models are: {known}.")
    return _logged(client, max(named, key=lambda one: one.creation_timestamp).model_id)
