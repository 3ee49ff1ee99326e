"""Artifacts: files below a run, a logged model or the proxied root."""

from tidemill.types.page import Entity, Int64, Request


class FileInfo(Entity, frozen=True):
    """One file or folder. `path` is relative to what was listed's root; `file_size` in bytes, None for folders."""

    path: str
    is_dir: bool
    file_size: int | None = None


class ListArtifacts(Request, frozen=True):
    """List one folder of a run's artifacts. `path` is relative to the run's artifact root."""

    run_id: str = ""
    run_uuid: str = ""
    path: str = ""
    page_token: str = ""


class ArtifactList(Entity, frozen=True):
    """The files of one folder, sorted by path, and the address of the root they are relative to."""

    root_uri: str
    files: list[FileInfo] = []
    next_page_token: str | None = None


class PresignUpload(Request, frozen=True):
    """Ask for an address to upload one file straight to the store; `expiration` in seconds."""

    run_id: str = ""
    path: str = ""
    expiration: Int64 = 900


class PresignedUpload(Entity, frozen=True):
    """Where and with which headers to PUT the bytes."""

    presigned_url: str
    headers: dict[str, str] = {}
