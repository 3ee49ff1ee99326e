"""Registered models: names under which model versions are published, with tags and aliases."""

from tidemill.types.model_versions import ModelVersion
from tidemill.types.page import Entity, Int64, Request, Tag


class Alias(Entity, frozen=True):
    """A name that points at one version of a registered model, such as `champion`."""

    alias: str
    version: str


class RegisteredModel(Entity, frozen=True, kw_only=True):
    """A registered model. `latest_versions` holds the highest version of each stage. Times are ms since the epoch."""

    name: str
    creation_timestamp: int
    last_updated_timestamp: int
    user_id: str | None = None
    description: str | None = None
    latest_versions: list[ModelVersion] = []
    tags: list[Tag] = []
    aliases: list[Alias] = []


class CreateRegisteredModel(Request, frozen=True):
    """Create a registered model without versions."""

    name: str = ""
    tags: list[Tag] = []
    description: str | None = None
    user: str = ""


class RegisteredModelAnswer(Entity, frozen=True):
    """One registered model."""

    registered_model: RegisteredModel


class GetRegisteredModel(Request, frozen=True):
    """Read one registered model."""

    name: str = ""


class RenameRegisteredModel(Request, frozen=True):
    """Give a registered model another name; versions, tags, aliases and history follow it."""

    name: str = ""
    new_name: str = ""
    user: str = ""


class UpdateRegisteredModel(Request, frozen=True):
    """Replace the description of a registered model; absent: clear it."""

    name: str = ""
    description: str | None = None


class DeleteRegisteredModel(Request, frozen=True):
    """Delete a registered model with all its versions."""

    name: str = ""
    user: str = ""


class SearchRegisteredModels(Request, frozen=True):
    """Find registered models. Prompts are among them only where the filter asks for them."""

    filter: str = ""
    max_results: Int64 = 100
    order_by: list[str] = []
    page_token: str = ""


class RegisteredModelPage(Entity, frozen=True):
    """One page of registered models; `next_page_token` exactly when there are more."""

    registered_models: list[RegisteredModel] = []
    next_page_token: str | None = None


class GetLatestVersions(Request, frozen=True):
    """Read the highest version of each stage; no `stages`: of all four."""

    name: str = ""
    stages: list[str] = []


class LatestVersions(Entity, frozen=True):
    """The highest version of each stage that has one."""

    model_versions: list[ModelVersion] = []


class SetRegisteredModelTag(Request, frozen=True):
    """Set a tag of a registered model, replacing an older value."""

    name: str = ""
    key: str = ""
    value: str = ""


class DeleteRegisteredModelTag(Request, frozen=True):
    """Delete a tag of a registered model; no such tag is fine."""

    name: str = ""
    key: str = ""


class SetAlias(Request, frozen=True):
    """Point an alias at a version, moving it where it pointed at another."""

    name: str = ""
    alias: str = ""
    version: str = ""
    user: str = ""
    reason: str = ""


class DeleteAlias(Request, frozen=True):
    """Delete an alias; no such alias is fine."""

    name: str = ""
    alias: str = ""
    user: str = ""
    reason: str = ""


class GetVersionByAlias(Request, frozen=True):
    """Read the version that an alias points at; `latest` is the newest in stage None, else in any stage."""

    name: str = ""
    alias: str = ""
