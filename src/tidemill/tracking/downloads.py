"""`tidemill.artifacts`: artifacts by address, without a client.

An address is `runs:/<run id>/<path>`, `models:/<logged model id>/<path>`, `models:/<name>/<version or stage>/<path>`,
`models:/<name>@<alias>/<path>`, `mlflow-artifacts:/…`, one of a storage (`s3://…`, `file:///…`), or a local path.
"""

import json
import os
import re
from typing import Any

from tidemill.artifacts.uri import ArtifactUri
from tidemill.errors import InvalidParameter
from tidemill.tracking import start
from tidemill.tracking.client import Client
from tidemill.tracking.entities import FileInfo
from tidemill.tracking.files import Files
from tidemill.tracking.media import Image
from tidemill.tracking.registry import version_at

_LOGGED = re.compile("m-[0-9a-f]{32}")


def download_artifacts(
    artifact_uri: str | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    dst_path: "str | os.PathLike[str] | None" = None,
    tracking_uri: str | None = None,
) -> str:
    """Copy a file or folder into the local folder `dst_path` and answer the local path of the copy.

    What: `artifact_uri`, or `artifact_path` (default: everything) of the run `run_id`. Without `dst_path`: a new
    temporary folder, or no copy at all where the artifacts lie on this machine. Raises NotFound.
    """
    files, path = _find(artifact_uri, run_id, artifact_path, tracking_uri)
    return files.download(path, dst_path)


def list_artifacts(
    artifact_uri: str | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    tracking_uri: str | None = None,
) -> list[FileInfo]:
    """The files and folders directly in a folder, sorted, given as in `download_artifacts`. Unknown folders are empty."""
    files, path = _find(artifact_uri, run_id, artifact_path, tracking_uri)
    return files.list(path)


def load_text(artifact_uri: str) -> str:
    """A file as text (UTF-8)."""
    return _read(artifact_uri).decode()


def load_dict(artifact_uri: str) -> Any:
    """A JSON file's content. Raises InvalidParameter for other files."""
    try:
        return json.loads(_read(artifact_uri))
    except ValueError as error:
        raise InvalidParameter(f"'{artifact_uri}' is not JSON: {error}.") from None


def load_image(artifact_uri: str) -> Any:
    """A picture as a PIL image."""
    files, path = _find(artifact_uri, None, None, None)
    return Image(files.download(path)).to_pil()


def _read(uri: str) -> bytes:
    files, path = _find(uri, None, None, None)
    return files.read(path)


def _find(uri: str | None, run_id: str | None, path: str | None, tracking_uri: str | None) -> tuple[Files, str]:
    if (uri is None) == (run_id is None):
        raise InvalidParameter("Exactly one of `artifact_uri` or `run_id` must be specified.")
    client = Client(tracking_uri) if tracking_uri else start.client()
    if run_id is not None:
        return client.files_of(run_id), path or ""
    if path:
        raise InvalidParameter(
            "`artifact_path` cannot be specified if `artifact_uri` is specified; put it into the address."
        )
    parsed = ArtifactUri.parse(str(uri))
    head, _, rest = parsed.path.strip("/").partition("/")
    if parsed.scheme == "runs":
        return client.files_of(head), rest
    if parsed.scheme == "models":
        if not _LOGGED.fullmatch(head) and (rest or not head.startswith("m-")):
            version, inside = version_at(client, str(uri))
            place = client.get_model_version_download_uri(version.name, version.version)
            return _inside(client, place, inside)
        return client.files_at(client.get_logged_model(head).artifact_location), rest
    return _file(client, parsed)


def _inside(client: Client, place: str, path: str) -> tuple[Files, str]:
    """A path below the files of a version."""
    parsed = ArtifactUri.parse(place)
    if parsed.scheme == "runs":
        run_id, _, folder = parsed.path.strip("/").partition("/")
        return client.files_of(run_id), "/".join(filter(None, (folder.rstrip("/"), path)))
    return client.files_at(place), path


def _file(client: Client, parsed: ArtifactUri) -> tuple[Files, str]:
    # What lies there may be a file: it is reached through the folder that it is in.
    folder, _, name = parsed.path.rstrip("/").rpartition("/")
    if not parsed.scheme:
        return client.files_at(os.path.abspath(folder or ("/" if parsed.path.startswith("/") else "."))), name
    root = ArtifactUri(parsed.scheme, parsed.authority, folder or "/", parsed.query, parsed.fragment)
    return client.files_at(str(root)), name
