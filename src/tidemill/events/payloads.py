"""What receivers are sent: MLflow's payloads to the letter for its events, the event itself for Tidemill's own."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from tidemill.types.events import Event

_EXAMPLE = {
    "name": "example_model",
    "version": "1",
    "source": "models:/123",
    "run_id": "abcd1234abcd5678",
    "tags": {"example_key": "example_value"},
    "alias": "example_alias",
    "key": "example_key",
    "value": "example_value",
    "template": "Hello {{name}}!",
}
_DESCRIPTIONS = {
    "registered_model.created": "An example registered model",
    "model_version.created": "An example model version",
    "prompt.created": "An example prompt",
    "prompt_version.created": "An example prompt version",
}
FIELDS: dict[str, tuple[str, ...]] = {
    "registered_model.created": ("name", "tags", "description"),
    "model_version.created": ("name", "version", "source", "run_id", "tags", "description"),
    "model_version_tag.set": ("name", "version", "key", "value"),
    "model_version_tag.deleted": ("name", "version", "key"),
    "model_version_alias.created": ("name", "alias", "version"),
    "model_version_alias.deleted": ("name", "alias"),
    "prompt.created": ("name", "tags", "description"),
    "prompt_version.created": ("name", "version", "template", "tags", "description"),
    "prompt_tag.set": ("name", "key", "value"),
    "prompt_tag.deleted": ("name", "key"),
    "prompt_version_tag.set": ("name", "version", "key", "value"),
    "prompt_version_tag.deleted": ("name", "version", "key"),
    "prompt_alias.created": ("name", "alias", "version"),
    "prompt_alias.deleted": ("name", "alias"),
}
"""The data of each of MLflow's events, field by field."""


def payload(event: Event) -> str:
    """The body for an event."""
    entity, _, action = event.kind.partition(".")
    when = datetime.fromtimestamp(event.time / 1000, UTC).isoformat()
    found: dict[str, Any] = {"entity": entity, "action": action, "timestamp": when}
    fields = FIELDS.get(event.kind)
    if fields is None:
        found.update(data=event.data, event_id=event.id, subject=event.subject)
    else:
        found["data"] = {name: event.data.get(name) for name in fields}
    return msgspec.json.encode(found).decode()


def example(kind: str, time: int) -> Event:
    """An event of this kind that has not happened, with MLflow's example data. `time` in ms since the epoch."""
    fields = FIELDS.get(kind)
    if fields is None:
        return Event(0, time, kind, "example", {"example": True})
    data: dict[str, Any] = {**_EXAMPLE, "description": _DESCRIPTIONS.get(kind)}
    if kind.startswith("prompt"):
        data["name"] = "example_prompt"
    return Event(0, time, kind, "example", {name: data[name] for name in fields})
