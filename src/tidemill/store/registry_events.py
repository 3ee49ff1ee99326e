"""Events of the registry. A prompt's changes raise events of prompts instead of those of models, as in MLflow."""

from typing import Any

from tidemill.store.outbox import emit
from tidemill.store.registry_limits import PROMPT_TAG
from tidemill.store.transaction import Tx
from tidemill.types.model_versions import ModelVersion

_OF_PROMPTS = {
    "registered_model": "prompt",
    "registered_model_tag": "prompt_tag",
    "model_version": "prompt_version",
    "model_version_tag": "prompt_version_tag",
    "model_version_alias": "prompt_alias",
}
_TEMPLATE = "mlflow.prompt.text"
_INTERNAL = (PROMPT_TAG, "_mlflow_prompt_type", _TEMPLATE)


def announce(tx: Tx, kind: str, name: str, prompt: int, **data: Any) -> None:
    """One change of a registered model; `kind` as for models, `data` beside the model's name."""
    noun, _, what = kind.partition(".")
    emit(tx, f"{_OF_PROMPTS[noun]}.{what}" if prompt else kind, f"registered_model/{name}", {"name": name, **data})


def announce_model(tx: Tx, name: str, prompt: int, tags: dict[str, str], description: str) -> None:
    """A registered model was created."""
    shown = {key: value for key, value in tags.items() if not prompt or key not in _INTERNAL[:2]}
    announce(tx, "registered_model.created", name, prompt, tags=shown, description=description)


def announce_version(tx: Tx, version: ModelVersion, prompt: int) -> None:
    """A version was created."""
    tags = {tag.key: tag.value for tag in version.tags}
    data: dict[str, Any] = {"version": version.version}
    if prompt:
        data["template"] = tags.get(_TEMPLATE)
        data["tags"] = {key: value for key, value in tags.items() if key not in _INTERNAL}
    else:
        data.update(source=version.source, run_id=version.run_id or None, tags=tags)
    data["description"] = version.description or None
    announce(tx, "model_version.created", version.name, prompt, **data)
