"""Registered models, as the client has them."""

from collections.abc import Mapping, Sequence
from typing import Any

from tidemill.api import registered_models as ops
from tidemill.tracking.connection import Connection, tag_list, text_list
from tidemill.tracking.context import user_name
from tidemill.tracking.entities import ModelVersion, PagedList, RegisteredModel
from tidemill.types.registered_models import (
    CreateRegisteredModel,
    DeleteAlias,
    DeleteRegisteredModel,
    DeleteRegisteredModelTag,
    GetLatestVersions,
    GetRegisteredModel,
    GetVersionByAlias,
    RenameRegisteredModel,
    SearchRegisteredModels,
    SetAlias,
    SetRegisteredModelTag,
    UpdateRegisteredModel,
)


class RegisteredModelCalls(Connection):
    """The client's methods about registered models. `reason` goes into the history, with this machine's user name."""

    def create_registered_model(
        self, name: str, tags: Mapping[str, Any] | None = None, description: str | None = None
    ) -> RegisteredModel:
        """Create a registered model without versions. Raises AlreadyExists where the name is taken."""
        arg = CreateRegisteredModel(name, tag_list(tags), description, user_name())
        return RegisteredModel.from_wire(self.call(ops.create, arg).registered_model)

    def get_registered_model(self, name: str) -> RegisteredModel:
        """The registered model of this name. Raises NotFound."""
        return RegisteredModel.from_wire(self.call(ops.get, GetRegisteredModel(name)).registered_model)

    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        """Give it another name; versions, tags, aliases and history follow. Raises AlreadyExists and NotFound."""
        arg = RenameRegisteredModel(name, new_name, user_name())
        return RegisteredModel.from_wire(self.call(ops.rename, arg).registered_model)

    def update_registered_model(self, name: str, description: str | None = None) -> RegisteredModel:
        """Replace its description; None clears it."""
        arg = UpdateRegisteredModel(name, description)
        return RegisteredModel.from_wire(self.call(ops.update, arg).registered_model)

    def delete_registered_model(self, name: str) -> None:
        """Delete it with its versions, tags, aliases and history. Files stay."""
        self.call(ops.delete, DeleteRegisteredModel(name, user_name()))

    def search_registered_models(
        self,
        filter_string: str | None = None,
        max_results: int = 100,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[RegisteredModel]:
        """One page of registered models, by name unless `order_by` says otherwise. See docs/reference/search.md."""
        arg = SearchRegisteredModels(
            filter_string or "", max_results, text_list(order_by, "order_by"), page_token or ""
        )
        page = self.call(ops.search, arg)
        return PagedList(map(RegisteredModel.from_wire, page.registered_models), page.next_page_token)

    def get_latest_versions(self, name: str, stages: Sequence[str] | None = None) -> list[ModelVersion]:
        """The highest version of each of these stages, by default of all."""
        arg = GetLatestVersions(name, text_list(stages, "stages"))
        return [ModelVersion.from_wire(one) for one in self.call(ops.get_latest_versions, arg).model_versions]

    def set_registered_model_tag(self, name: str, key: str, value: Any) -> None:
        """Set a tag, replacing an older value."""
        self.call(ops.set_tag, SetRegisteredModelTag(name, key, str(value)))

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Delete a tag; no such tag is fine."""
        self.call(ops.delete_tag, DeleteRegisteredModelTag(name, key))

    def set_registered_model_alias(self, name: str, alias: str, version: str | int, reason: str = "") -> None:
        """Point an alias at a version, moving it where it pointed at another.

        Raises PermissionDenied where a policy asks for an approval.
        """
        self.call(ops.set_alias, SetAlias(name, alias, str(version), user_name(), reason))

    def delete_registered_model_alias(self, name: str, alias: str, reason: str = "") -> None:
        """Delete an alias; no such alias is fine."""
        self.call(ops.delete_alias, DeleteAlias(name, alias, user_name(), reason))

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """The version that an alias points at; `latest` is the highest. Raises InvalidParameter for an unknown alias."""
        return ModelVersion.from_wire(self.call(ops.get_by_alias, GetVersionByAlias(name, alias)).model_version)
