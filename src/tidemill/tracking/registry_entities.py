"""Registered models and versions as the Python API has them: tags and aliases are dicts."""

from dataclasses import dataclass, field

from tidemill.types import model_versions, registered_models


@dataclass(frozen=True)
class ModelVersion:
    """One version of a registered model. `version` is a text; times are milliseconds since the epoch.

    `source` is the address that it was registered by, `model_id` the logged model and `run_id` the run that it came
    from, where known ("" or None otherwise). Searches leave `aliases` empty.
    """

    name: str
    version: str
    creation_timestamp: int
    last_updated_timestamp: int
    description: str | None = None
    user_id: str | None = None
    current_stage: str = "None"
    source: str = ""
    run_id: str | None = None
    status: str = "READY"
    status_message: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    run_link: str | None = None
    aliases: list[str] = field(default_factory=list)
    model_id: str | None = None

    @classmethod
    def from_wire(cls, found: model_versions.ModelVersion) -> "ModelVersion":
        """The version that an answer holds."""
        return cls(
            name=found.name,
            version=found.version,
            creation_timestamp=found.creation_timestamp,
            last_updated_timestamp=found.last_updated_timestamp,
            description=found.description,
            user_id=found.user_id,
            current_stage=found.current_stage,
            source=found.source,
            run_id=found.run_id,
            status=found.status,
            status_message=found.status_message,
            tags={tag.key: tag.value for tag in found.tags},
            run_link=found.run_link,
            aliases=found.aliases,
            model_id=found.model_id,
        )

    @property
    def model_uri(self) -> str:
        """The version's address, `models:/<name>/<version>`."""
        return f"models:/{self.name}/{self.version}"


@dataclass(frozen=True)
class RegisteredModel:
    """A registered model. `aliases` maps each alias to a version's text; `latest_versions` holds one of each stage."""

    name: str
    creation_timestamp: int
    last_updated_timestamp: int
    description: str | None = None
    latest_versions: list[ModelVersion] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    user_id: str | None = None

    @classmethod
    def from_wire(cls, found: registered_models.RegisteredModel) -> "RegisteredModel":
        """The registered model that an answer holds."""
        return cls(
            name=found.name,
            creation_timestamp=found.creation_timestamp,
            last_updated_timestamp=found.last_updated_timestamp,
            description=found.description,
            latest_versions=[ModelVersion.from_wire(one) for one in found.latest_versions],
            tags={tag.key: tag.value for tag in found.tags},
            aliases={one.alias: one.version for one in found.aliases},
            user_id=found.user_id,
        )
