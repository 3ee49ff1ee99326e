"""Model versions, as the client has them."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from tidemill.api import model_versions as ops
from tidemill.errors import AlreadyExists, InvalidParameter
from tidemill.tracking.connection import tag_list, text_list
from tidemill.tracking.context import user_name
from tidemill.tracking.entities import ModelVersion, PagedList
from tidemill.tracking.registered_models import RegisteredModelCalls
from tidemill.types.model_versions import (
    CreateModelVersion,
    DeleteModelVersion,
    DeleteModelVersionTag,
    GetDownloadUri,
    GetModelVersion,
    SearchModelVersions,
    SetModelVersionTag,
    Stage,
    TransitionStage,
    UpdateModelVersion,
)


class ModelVersionCalls(RegisteredModelCalls):
    """The client's methods about model versions. Versions are texts; numbers are taken too."""

    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
        run_link: str | None = None,
        description: str | None = None,
        await_creation_for: int | None = None,
        model_id: str | None = None,
    ) -> ModelVersion:
        """Add a version to a registered model. Raises NotFound, and InvalidParameter for a source that is not taken.

        A version is ready when this returns, so there is nothing to wait for; `await_creation_for` is MLflow's.
        """
        arg = CreateModelVersion(
            name, source, run_id or None, tag_list(tags), run_link, description, model_id, user_name()
        )
        return ModelVersion.from_wire(self.call(ops.create, arg).model_version)

    def copy_model_version(self, src_model_uri: str, dst_name: str) -> ModelVersion:
        """Add the version that `models:/<name>/<version>` (or `@<alias>`) names to another registered model.

        That one is made where it is missing; the files are not copied.
        """
        if not src_model_uri.startswith("models:/"):
            raise InvalidParameter(
                f"Unsupported source model URI: '{src_model_uri}'. The `copy_model_version` API only copies models stored "
                "in the 'models:/' scheme."
            )
        with contextlib.suppress(AlreadyExists):
            self.create_registered_model(dst_name)
        return self.create_model_version(dst_name, src_model_uri)

    def get_model_version(self, name: str, version: str | int) -> ModelVersion:
        """One version with its aliases. Raises NotFound."""
        return ModelVersion.from_wire(self.call(ops.get, GetModelVersion(name, str(version))).model_version)

    def update_model_version(self, name: str, version: str | int, description: str | None = None) -> ModelVersion:
        """Replace its description; None clears it."""
        arg = UpdateModelVersion(name, str(version), description)
        return ModelVersion.from_wire(self.call(ops.update, arg).model_version)

    def delete_model_version(self, name: str, version: str | int, reason: str = "") -> None:
        """Delete a version and its aliases. Its number is never given again; files stay."""
        self.call(ops.delete, DeleteModelVersion(name, str(version), user_name(), reason))

    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: int = 10_000,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[ModelVersion]:
        """One page of versions, the last changed first unless `order_by` says otherwise; without their aliases."""
        arg = SearchModelVersions(filter_string or "", max_results, text_list(order_by, "order_by"), page_token or "")
        page = self.call(ops.search, arg)
        return PagedList(map(ModelVersion.from_wire, page.model_versions), page.next_page_token)

    def get_model_version_download_uri(self, name: str, version: str | int) -> str:
        """Where the files of a version are."""
        return self.call(ops.get_download_uri, GetDownloadUri(name, str(version))).artifact_uri

    def get_model_version_stages(self, name: str, version: str | int) -> list[str]:
        """The stages that a version may be in."""
        return [stage.value for stage in Stage]

    def transition_model_version_stage(
        self, name: str, version: str | int, stage: str, archive_existing_versions: bool = False, reason: str = ""
    ) -> ModelVersion:
        """Move a version to `Staging`, `Production`, `Archived` or `None`; the others in it to `Archived` if asked.

        Raises PermissionDenied where a policy asks for an approval.
        """
        arg = TransitionStage(name, str(version), stage, archive_existing_versions, user_name(), reason)
        return ModelVersion.from_wire(self.call(ops.transition_stage, arg).model_version)

    def set_model_version_tag(
        self,
        name: str,
        version: str | int | None = None,
        key: str | None = None,
        value: Any = None,
        stage: str | None = None,
    ) -> None:
        """Set a tag of a version, or of the highest one in `stage`."""
        chosen = self._chosen(name, version, stage)
        self.call(ops.set_tag, SetModelVersionTag(name, chosen, key or "", str(value)))

    def delete_model_version_tag(
        self, name: str, version: str | int | None = None, key: str | None = None, stage: str | None = None
    ) -> None:
        """Delete a tag of a version, or of the highest one in `stage`; no such tag is fine."""
        self.call(ops.delete_tag, DeleteModelVersionTag(name, self._chosen(name, version, stage), key or ""))

    def _chosen(self, name: str, version: str | int | None, stage: str | None) -> str:
        if (version is None) == (stage is None):
            raise InvalidParameter("Name either a version or a stage.")
        if version is not None:
            return str(version)
        found = self.get_latest_versions(name, [stage or ""])
        if not found:
            raise InvalidParameter(f"No version of '{name}' is in stage {stage}.")
        return found[0].version
