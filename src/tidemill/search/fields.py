"""What can be searched: the entities, attributes and sort keys of each noun, and MLflow's sentence for each mistake.

`RUNS`, `EXPERIMENTS`, `LOGGED_MODELS`, `REGISTERED_MODELS` and `MODEL_VERSIONS` are frozen data. The parser reads
them and knows no noun by name. The sentences are those of the MLflow REST API, whose clients match on them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tidemill.errors import FilterError
from tidemill.types.logged_models import LoggedModelStatus

Kind = Literal["attribute", "metric", "param", "tag", "dataset"]
"""Where a field lives."""

Shape = Literal["metric", "number", "param", "tag", "dataset", "text"]
"""What a field takes: metrics and `number` attributes only numbers; datasets and `text` attributes only text; params
and tags both."""


@dataclass(frozen=True, slots=True)
class Field:
    """What is compared or sorted by. `key` is canonical: aliases are resolved and quotes taken off."""

    kind: Kind
    key: str


@dataclass(frozen=True, slots=True)
class Attribute:
    """A field that every thing of the noun has. `aliases` are other names for it, `values` other names of its values."""

    key: str
    shape: Literal["number", "text"]
    aliases: tuple[str, ...] = ()
    filterable: bool = True
    sortable: bool = True
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wording:
    """The sentences in which nouns differ, as templates for `str.format`."""

    entity: str
    clause: str
    statements: str
    comparator: Mapping[Shape, str]
    not_text: Mapping[Shape, str]
    not_number: Mapping[Shape, str]
    sort_key: str
    sort_kind: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Noun:
    """One kind of thing that can be searched."""

    name: str
    entities: Mapping[str, Kind]
    """What may stand before the first dot of a name. A name without a dot is an attribute."""
    attributes: tuple[Attribute, ...]
    wording: Wording
    sort_kinds: frozenset[Kind] = frozenset({"attribute"})
    sort_whole: bool = False
    """Sort keys are plain names: no entity, no quotes."""
    sort_twice: bool = False
    """Naming a sort key twice is no mistake; the first counts."""
    loose: bool = False
    """Unquoted words are text, and a name may hold signs such as a dash without quotes."""
    quoted_numbers: bool = False
    """Number attributes may be compared with a quoted number."""
    filters: Mapping[str, Attribute] = field(init=False)
    """Attributes by every name that a filter may use."""
    sorts: Mapping[str, Attribute] = field(init=False)
    """Attributes by every name that a sort key may use."""

    def __post_init__(self) -> None:
        named = [(name, one) for one in self.attributes for name in (one.key, *one.aliases)]
        object.__setattr__(self, "filters", {name: one for name, one in named if one.filterable})
        object.__setattr__(self, "sorts", {name: one for name, one in named if one.sortable})


def names(some: Mapping[str, Attribute]) -> str:
    """The names as MLflow lists them: `'a', 'b'`."""
    return ", ".join(f"'{name}'" for name in some)


ATTRIBUTE_KEY = "Invalid attribute key '{key}' specified. Valid keys are '{{{keys}}}'"
DATASET_KEYS = ("name", "digest", "context")
DATASET_KEY = "Invalid dataset key '{key}' specified. Valid keys are '{{{keys}}}'"
UNQUOTED = (
    "Parameter value is either not quoted or unidentified quote types used for string value {value}. "
    "Use either single or double quotes."
)

_SET = "Invalid comparator '{op}' not one of '{{{valid}}}"
_TEXT = "Expected a quoted string value for {what} (e.g. 'my-value'). Got value {{value}}"
_NOT_TEXT: dict[Shape, str] = {
    "param": _TEXT.format(what="parameter"),
    "tag": _TEXT.format(what="tag"),
    "text": "Expected a quoted string value for attributes. Got value {value}",
    "dataset": "Expected a quoted string value for dataset attributes. Got value {value}",
}
_NOT_NUMBER: dict[Shape, str] = {
    "metric": "Expected numeric value type for metric. Found {value}",
    "number": "Expected numeric value type for numeric attribute: {key}. Found {value}",
}
_STATEMENTS = "Search filter contained multiple expression {filter}. Provide AND-ed expression list."
_PLAIN_CLAUSE = "Invalid clause(s) in filter string: {plain}"

RUNS = Noun(
    "runs",
    {
        **dict.fromkeys(("metric", "metrics"), "metric"),
        **dict.fromkeys(("param", "params", "parameter", "parameters"), "param"),
        **dict.fromkeys(("tag", "tags"), "tag"),
        **dict.fromkeys(("attribute", "attributes", "attr", "run"), "attribute"),
        **dict.fromkeys(("dataset", "datasets"), "dataset"),
    },
    (
        Attribute("run_id", "text"),
        Attribute("run_name", "text", ("run name", "Run name", "Run Name")),
        Attribute("user_id", "text"),
        Attribute("status", "text"),
        Attribute("artifact_uri", "text"),
        Attribute("start_time", "number", ("created", "Created")),
        Attribute("end_time", "number"),
        Attribute("duration", "number"),
        Attribute("experiment_id", "text"),
        Attribute("lifecycle_stage", "text"),
    ),
    Wording(
        entity="Invalid entity type '{name}'. Valid values are ['metric', 'parameter', 'tag', 'attribute', 'dataset']",
        clause="Invalid clause(s) in filter string: {quoted}",
        statements=_STATEMENTS,
        comparator={
            "metric": _SET,
            "number": _SET,
            "tag": _SET,
            "dataset": _SET,
            "param": _SET + "'",
            "text": _SET + "'",
        },
        not_text=_NOT_TEXT,
        not_number=_NOT_NUMBER,
        sort_key=ATTRIBUTE_KEY,
        sort_kind="Invalid identifier type '{kind}'",
    ),
    sort_kinds=frozenset({"attribute", "metric", "param", "tag"}),
)

_ATTRIBUTE_AND_TAG: dict[str, Kind] = {"attribute": "attribute", "tag": "tag", "tags": "tag"}
_ATTRIBUTE_AND_TAG_ONLY = "Invalid entity type '{name}'. Valid entity types are ('attribute', 'tag', 'tags')"

EXPERIMENTS = Noun(
    "experiments",
    _ATTRIBUTE_AND_TAG,
    (
        Attribute("name", "text"),
        Attribute("experiment_id", "text"),
        Attribute("creation_time", "number"),
        Attribute("last_update_time", "number"),
        Attribute("artifact_location", "text", sortable=False),
        Attribute("lifecycle_stage", "text", sortable=False),
    ),
    Wording(
        entity=_ATTRIBUTE_AND_TAG_ONLY,
        clause=_PLAIN_CLAUSE,
        statements=_STATEMENTS,
        comparator={"text": _SET + "'", "number": _SET, "tag": "Invalid comparator for tag: {op}"},
        not_text=_NOT_TEXT,
        not_number=_NOT_NUMBER,
        sort_key=ATTRIBUTE_KEY,
        sort_kind="Invalid order_by entity: {kind}",
    ),
    sort_twice=True,
)

_REGISTRY_COMPARATOR: dict[Shape, str] = {
    "text": "Invalid comparator for attribute: {op}",
    "number": "Invalid comparator for attribute {key}: {op}",
    "tag": "Invalid comparator for tag: {op}",
}

REGISTERED_MODELS = Noun(
    "registered models",
    _ATTRIBUTE_AND_TAG,
    (
        Attribute("name", "text"),
        Attribute("last_updated_timestamp", "number", ("timestamp",), filterable=False),
    ),
    Wording(
        entity=_ATTRIBUTE_AND_TAG_ONLY,
        clause=_PLAIN_CLAUSE,
        statements=_STATEMENTS,
        comparator=_REGISTRY_COMPARATOR,
        not_text={
            **_NOT_TEXT,
            "text": "Expected a quoted string value or a list of quoted string values for attributes. Got value {value}",
        },
        not_number=_NOT_NUMBER,
        sort_key="Invalid order by key '{key}' specified. Valid keys are '{{'timestamp', 'name'}}'",
    ),
    sort_whole=True,
)

MODEL_VERSIONS = Noun(
    "model versions",
    _ATTRIBUTE_AND_TAG,
    (
        Attribute("name", "text"),
        Attribute("run_id", "text", sortable=False),
        Attribute("source_path", "text", sortable=False),
        Attribute("version_number", "number"),
        Attribute("creation_timestamp", "number", filterable=False),
        Attribute("last_updated_timestamp", "number", filterable=False),
    ),
    Wording(
        entity=_ATTRIBUTE_AND_TAG_ONLY,
        clause=_PLAIN_CLAUSE,
        statements=_STATEMENTS,
        comparator=_REGISTRY_COMPARATOR,
        not_text={
            **_NOT_TEXT,
            "text": "Only the '{{'version_number', 'creation_timestamp', 'last_updated_timestamp'}}' attributes "
            "support comparison with numeric values.",
        },
        not_number={"number": "Invalid value for numeric attribute '{key}': {value}"},
        sort_key=ATTRIBUTE_KEY,
        sort_kind="Invalid order by key '{key}' specified. Valid keys are {{{keys}}}",
    ),
    quoted_numbers=True,
)

_STATUS_NAMES = {
    name: status
    for number, status in enumerate(LoggedModelStatus)
    for name in (str(number), status.removeprefix("LOGGED_MODEL_"))
}
"""MLflow compares the stored number; people write READY."""

_LOOSE_COMPARATOR = "Invalid comparison operator for {kind}s.{key}: '{op}'. Expected one of ({valid})."

LOGGED_MODELS = Noun(
    "logged models",
    {"attributes": "attribute", "metrics": "metric", "params": "param", "tags": "tag"},
    (
        Attribute("name", "text"),
        Attribute("model_id", "text"),
        Attribute("model_type", "text"),
        Attribute("status", "text", values=_STATUS_NAMES),
        Attribute("source_run_id", "text"),
        Attribute("experiment_id", "text"),
        Attribute("creation_timestamp", "number", ("creation_time",)),
        Attribute("last_updated_timestamp", "number"),
        Attribute("artifact_uri", "text", sortable=False),
    ),
    Wording(
        entity="Invalid entity type: '{name}'. Expected one of ['attributes', 'metrics', 'params', 'tags'].",
        clause=(
            "Invalid filter string: {filter}. Expected a list of comparisons separated by 'AND' "
            "(e.g. 'metrics.loss > 0.1 AND params.lr = 0.01')."
        ),
        statements="Invalid filter string: {filter}. Expected a single SQL expression.",
        comparator=dict.fromkeys(("metric", "number", "param", "tag", "text"), _LOOSE_COMPARATOR),
        not_text=_NOT_TEXT,
        not_number=_NOT_NUMBER,
        sort_key="Invalid order by field name: {key}",
        sort_kind="Invalid order by field name: {key}. Only metrics are supported.",
    ),
    sort_kinds=frozenset({"attribute", "metric"}),
    loose=True,
)


def logged_model_order_field(name: str) -> Field:
    """What a search for logged models is to be sorted by: an attribute, or `metrics.` and a key.

    Raises FilterError for any other name.
    """
    entity, dot, key = name.partition(".")
    if dot and entity == "metrics":
        return Field("metric", unquote(key))
    if not dot and name in LOGGED_MODELS.sorts:
        return Field("attribute", LOGGED_MODELS.sorts[name].key)
    wording = LOGGED_MODELS.wording
    raise FilterError((wording.sort_kind if dot else wording.sort_key).format(key=name), name)


def unquote(text: str) -> str:
    """A key without its quotes, if it has any; inside them a doubled quote stands for one."""
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "`\"'":
        return text[1:-1].replace(text[0] * 2, text[0])
    return text
