"""Model versions: the numbered states of a registered model."""

import enum

from tidemill.types.page import Entity, Int64, Request, Tag


class Stage(enum.StrEnum):
    """The four stages of the MLflow registry, in its order. Requests name them in any case."""

    NONE = "None"
    STAGING = "Staging"
    PRODUCTION = "Production"
    ARCHIVED = "Archived"


class ModelVersion(Entity, frozen=True, kw_only=True):
    """One version. `version` is the text of a whole number from 1 on; times are ms since the epoch.

    `source` is the address as it was given; where its files are, `model_versions.get_download_uri` says.
    """

    name: str
    version: str
    creation_timestamp: int
    last_updated_timestamp: int
    user_id: str | None = None
    current_stage: str
    description: str | None = None
    source: str
    run_id: str | None = None
    status: str
    status_message: str | None = None
    tags: list[Tag] = []
    run_link: str | None = None
    aliases: list[str] = []
    model_id: str | None = None


class CreateModelVersion(Request, frozen=True):
    """Add a version to a registered model. It is READY at once, in stage None."""

    name: str = ""
    source: str = ""
    run_id: str | None = None
    tags: list[Tag] = []
    run_link: str | None = None
    description: str | None = None
    model_id: str | None = None
    user: str = ""


class ModelVersionAnswer(Entity, frozen=True):
    """One model version."""

    model_version: ModelVersion


class GetModelVersion(Request, frozen=True):
    """Read one version."""

    name: str = ""
    version: str = ""


class UpdateModelVersion(Request, frozen=True):
    """Replace the description of a version; absent: clear it."""

    name: str = ""
    version: str = ""
    description: str | None = None


class DeleteModelVersion(Request, frozen=True):
    """Delete a version and the aliases that point at it. Its number is never given again."""

    name: str = ""
    version: str = ""
    user: str = ""
    reason: str = ""


class SearchModelVersions(Request, frozen=True):
    """Find versions, of all registered models unless the filter says otherwise."""

    filter: str = ""
    max_results: Int64 = 200_000
    order_by: list[str] = []
    page_token: str = ""


class ModelVersionPage(Entity, frozen=True):
    """One page of versions, without their aliases; `next_page_token` exactly when there are more."""

    model_versions: list[ModelVersion] = []
    next_page_token: str | None = None


class GetDownloadUri(Request, frozen=True):
    """Ask where the files of a version are."""

    name: str = ""
    version: str = ""


class DownloadUri(Entity, frozen=True):
    """The address of a version's files, resolved through other versions and logged models."""

    artifact_uri: str


class TransitionStage(Request, frozen=True):
    """Move a version to a stage; with `archive_existing_versions` all others in it become Archived."""

    name: str = ""
    version: str = ""
    stage: str = ""
    archive_existing_versions: bool = False
    user: str = ""
    reason: str = ""


class SetModelVersionTag(Request, frozen=True):
    """Set a tag of a version, replacing an older value."""

    name: str = ""
    version: str = ""
    key: str = ""
    value: str = ""


class DeleteModelVersionTag(Request, frozen=True):
    """Delete a tag of a version; no such tag is fine."""

    name: str = ""
    version: str = ""
    key: str = ""
