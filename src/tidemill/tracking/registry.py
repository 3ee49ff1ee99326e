"""The functions of `import tidemill` about registered models, and what `models:/…` addresses mean."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from tidemill.artifacts.uri import ArtifactUri
from tidemill.errors import AlreadyExists, InvalidParameter, NotFound
from tidemill.tracking import model_cards, start
from tidemill.tracking.client import Client
from tidemill.tracking.entities import ModelVersion, RegisteredModel
from tidemill.tracking.paging import pages
from tidemill.types.model_versions import Stage


def register_model(
    model_uri: str,
    name: str,
    await_registration_for: int | None = None,
    *,
    tags: Mapping[str, Any] | None = None,
) -> ModelVersion:
    """Make the model at `model_uri` the next version of the registered model `name`, which is made where it is missing.

    `model_uri` is `runs:/<run id>/<path>`, `models:/<logged model id>`, `models:/<name>/<version>`, or the address of a
    storage. A version is ready when this returns, so there is nothing to wait for; `await_registration_for` is MLflow's.
    """
    client = start.client()
    with contextlib.suppress(AlreadyExists):
        client.create_registered_model(name)
    source, run_id, model_id = _source(client, str(model_uri))
    return client.create_model_version(name, source, run_id, tags, model_id=model_id)


def _source(client: Client, uri: str) -> tuple[str, str | None, str | None]:
    """The address of the files, the run and the logged model that an address means."""
    parsed = ArtifactUri.parse(uri)
    head, _, path = parsed.path.strip("/").partition("/")
    if parsed.scheme == "models":
        return uri, None, head if not path and head.startswith("m-") else None
    if parsed.scheme != "runs":
        return uri, None, None
    run = client.get_run(head)
    made = [one.model_id for one in run.outputs.model_outputs]
    for model_id in reversed(made):
        model = client.get_logged_model(model_id)
        if path and model.name == path:
            # Logged models have their files in a place of their own, which the run only points to.
            return f"models:/{model_id}", head, model_id
    return str(ArtifactUri.parse(run.info.artifact_uri).join(path)) if path else run.info.artifact_uri, head, None


def model_card(name: str, version: str | int) -> str:
    """What the store in force knows of a version, as Markdown: description, origin, metrics, params, data, history."""
    return model_cards.model_card(start.client(), name, version)


def version_at(client: Client, uri: str) -> tuple[ModelVersion, str]:
    """The version that `models:/<name>/<version, stage or latest>/…` or `models:/<name>@<alias>/…` means, and the rest.

    Raises InvalidParameter for another address and NotFound.
    """
    head, _, rest = ArtifactUri.parse(uri).path.strip("/").partition("/")
    name, at, alias = head.partition("@")
    if at:
        return client.get_model_version_by_alias(name, alias), rest
    which, _, rest = rest.partition("/")
    if which.isdecimal():
        return client.get_model_version(name, which), rest
    if which.lower() == "latest":
        return client.get_model_version_by_alias(name, "latest"), rest
    if which.lower() in (stage.lower() for stage in Stage):
        found = client.get_latest_versions(name, [which])
        if not found:
            raise NotFound(f"No version of '{name}' is in stage {which}.")
        return found[0], rest
    raise InvalidParameter(
        f"'{uri}' names no model: it must be models:/<name>/<version>, models:/<name>@<alias>, models:/<name>/<stage>, "
        "models:/<name>/latest or models:/<logged model id>."
    )


def search_registered_models(
    max_results: int | None = None, filter_string: str | None = None, order_by: Sequence[str] | None = None
) -> list[RegisteredModel]:
    """`Client.search_registered_models`, all pages; at most `max_results` registered models, None: all."""
    client = start.client()
    return pages(max_results, lambda size, at: client.search_registered_models(filter_string, size, order_by, at))


def search_model_versions(
    max_results: int | None = None, filter_string: str | None = None, order_by: Sequence[str] | None = None
) -> list[ModelVersion]:
    """`Client.search_model_versions`, all pages; at most `max_results` versions, None: all."""
    client = start.client()
    return pages(max_results, lambda size, at: client.search_model_versions(filter_string, size, order_by, at))


def set_model_version_tag(
    name: str, version: str | int | None = None, key: str | None = None, value: Any = None
) -> None:
    """`Client.set_model_version_tag` of the store in force."""
    start.client().set_model_version_tag(name, version, key, value)
