"""Where versions come from: the registry, the artifact store, and a cache on the local disk that outlives both.

A version never changes, so its files are fetched once. `served.json` in the cache holds for each address the version that
was last served well: what a start goes by when the registry cannot be reached, or what it names is broken.
"""

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tidemill.api import logged_models, model_versions, registered_models
from tidemill.api.operation import Backend
from tidemill.errors import InvalidParameter, NotFound, TidemillError
from tidemill.serving.address import ModelAddress
from tidemill.tracking.files import files_at
from tidemill.types.logged_models import GetLoggedModel
from tidemill.types.model_versions import GetDownloadUri
from tidemill.types.registered_models import GetLatestVersions, GetVersionByAlias

_KEPT = 4
"""Versions of a model that stay in the cache."""


class Registry:
    """Versions of the registry behind `backend`, at the address `uri`. Blocks: call it in a thread."""

    def __init__(self, backend: Backend, uri: str, cache: "str | os.PathLike[str]") -> None:
        self.backend, self.uri = backend, uri
        self.folder = Path(cache) / hashlib.sha256(uri.encode()).hexdigest()[:16]
        self._served_file = self.folder / "served.json"

    def version_of(self, address: ModelAddress) -> str:
        """The version that an address means now; `local` for files. Raises NotFound and Unavailable."""
        if not address.model:
            return "local"
        if address.version:
            return address.version
        if address.alias:
            found = self.backend.call(registered_models.get_by_alias, GetVersionByAlias(address.model, address.alias))
            return found.model_version.version
        stages = [] if address.stage.lower() == "latest" else [address.stage]
        latest = self.backend.call(registered_models.get_latest_versions, GetLatestVersions(address.model, stages))
        numbers = [int(one.version) for one in latest.model_versions]
        if not numbers:
            raise NotFound(f"No version of '{address.model}' is in stage {address.stage}.")
        return str(max(numbers))

    def folder_of(self, address: ModelAddress, version: str) -> Path:
        """The model folder of a version, on this disk; fetched where it is not there yet."""
        if not address.model:
            return self._fetch_files(address.text)
        place = self.folder / quote(address.model, safe="") / version
        if not place.exists():
            uri = self.backend.call(
                model_versions.get_download_uri, GetDownloadUri(address.model, version)
            ).artifact_uri
            self._download(self._resolved(uri), place)
            self._tidy(place.parent, version)
        return place

    def _fetch_files(self, text: str) -> Path:
        local = Path(text.removeprefix("file://"))
        if "://" not in text.removeprefix("file://") and not text.startswith(("runs:", "models:")):
            if not (local / "MLmodel").exists():
                raise NotFound(f"There is no model in the folder '{local}': it holds no MLmodel.")
            return local
        place = self.folder / "files" / hashlib.sha256(text.encode()).hexdigest()[:24]
        if not place.exists():
            self._download(self._resolved(text), place)
        return place

    def _resolved(self, uri: str) -> str:
        """An address of files, for one of a run or of a logged model."""
        if uri.startswith("models:/m-"):
            model = self.backend.call(logged_models.get, GetLoggedModel(uri.removeprefix("models:/").strip("/")))
            return model.model.info.artifact_uri
        if uri.startswith("runs:/"):
            from tidemill.api import runs
            from tidemill.types.runs import GetRun

            run, _, path = uri.removeprefix("runs:/").partition("/")
            root = self.backend.call(runs.get, GetRun(run)).run.info.artifact_uri
            return f"{root.rstrip('/')}/{path}"
        return uri

    def _download(self, uri: str, place: Path) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        # Beside its place, then renamed: a killed process leaves no half model behind under the right name.
        partial = Path(tempfile.mkdtemp(prefix=".fetch-", dir=place.parent))
        try:
            files_at(uri, self.backend, self.uri).download("", partial)
            if not (partial / "MLmodel").exists():
                raise NotFound(f"There is no model at '{uri}': it holds no MLmodel.")
            os.replace(partial, place)
        except OSError as error:
            if not place.exists():
                raise InvalidParameter(f"The model at '{uri}' cannot be kept in '{place}': {error}.") from None
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _tidy(self, folder: Path, version: str) -> None:
        """Remove the oldest versions of a model, but not those that were served last."""
        kept = {version, *self._served().values()}
        found = [one for one in folder.iterdir() if one.name.isdigit() and one.name not in kept]
        for one in sorted(found, key=lambda one: one.stat().st_mtime, reverse=True)[_KEPT:]:
            shutil.rmtree(one, ignore_errors=True)

    def last_served(self, address: ModelAddress) -> str:
        """The version that was served well under this address before; empty where there is none."""
        return self._served().get(address.text, "")

    def note_served(self, address: ModelAddress, version: str) -> None:
        """Remember a version as one that works."""
        served = self._served()
        if not address.model or served.get(address.text) == version:
            return
        served[address.text] = version
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self._served_file.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps(served, indent=1))
        os.replace(partial, self._served_file)

    def _served(self) -> dict[str, str]:
        try:
            found: Any = json.loads(self._served_file.read_text())
        except (OSError, ValueError):
            return {}
        return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def reachable(registry: Registry, address: ModelAddress) -> tuple[str, TidemillError | None]:
    """The version to serve now: what the registry says, else what was served last; with the reason for the latter.

    Raises what the registry raised where nothing was served before.
    """
    try:
        return registry.version_of(address), None
    except TidemillError as error:
        last = registry.last_served(address)
        if not last:
            raise
        return last, error
