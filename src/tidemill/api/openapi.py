"""The interface as an OpenAPI 3.1 document, generated from the operation table."""

import importlib
import inspect
import re
from collections.abc import Iterable
from typing import Any, cast

import msgspec

from tidemill import __version__
from tidemill.api.artifacts import TRANSFERS
from tidemill.api.operation import AnyOperation, Transfer
from tidemill.api.table import OPERATIONS

Json = dict[str, Any]

_REF = "#/components/schemas/"
_ABOUT = (
    "The MLflow REST interface, served by Tidemill. Every path below `/api/` is also served below `/ajax-api/`. "
    "Field names may be snake_case or lowerCamelCase, 64-bit integers may be sent as decimal texts, `null` means "
    "not set, and unknown fields are ignored. In answers, fields that were never set are absent."
)
_SPECIAL_FLOATS = ["NaN", "Infinity", "-Infinity"]
_SAMPLES: Json = {
    "agent": "worker-1",
    "alias": "champion",
    "artifact_directory_path": "model",
    "deployment_id": "1f2e3d4c5b6a79880716253443526170",
    "delivery_id": "0d9f6a52-77ab-4c0e-9d53-b1f4cbb6e8f1",
    "axis": "step",
    "buckets": 300,
    "column": "params.model",
    "datasets": [{"dataset": {"name": "wine", "digest": "3f0c8e21", "source_type": "local", "source": "wine.csv"}}],
    "end_time": 1_760_000_090_000,
    "executors": ["slurm"],
    "experiment_id": "1",
    "experiment_ids": ["1"],
    "experiment_name": "wine",
    "filter": "metrics.loss < 0.5",
    "group_by": ["params.model"],
    "id": "7",
    "job_id": "0d9f6a5277ab4c0e9d53b1f4cbb6e8f1",
    "key": "loss",
    "other_version": "4",
    "max_results": 100,
    "metric_key": "loss",
    "metric_keys": ["loss"],
    "metrics": [{"key": "loss", "value": 0.25, "timestamp": 1_760_000_000_000, "step": 10}],
    "model_id": "m-9d5ed678fe57bcca610140957afab571",
    "model_json": '{"run_id": "0123456789abcdef0123456789abcdef", "artifact_path": "model", "flavors": {}, '
    '"utc_time_created": "2026-01-05 12:00:00"}',
    "name": "wine",
    "new_name": "wine-quality",
    "reason": "best on the spring data",
    "source": "runs:/0123456789abcdef0123456789abcdef/model",
    "stage": "Production",
    "stages": ["Production"],
    "version": "3",
    "params": [{"key": "depth", "value": "6"}],
    "executor": "cluster",
    "path": "model/weights.onnx",
    "run_id": "0123456789abcdef0123456789abcdef",
    "kinds": ["run.failed"],
    "run_ids": ["0123456789abcdef0123456789abcdef"],
    "start_time": 1_760_000_000_000,
    "state": "sort=metrics.loss&columns=params.lr",
    "status": "FINISHED",
    "step": 10,
    "tag_key": "team",
    "tags": [{"key": "team", "value": "forecast"}],
    "timestamp": 1_760_000_000_000,
    "url": "https://example.org/hook",
    "value": 0.25,
    "webhook_id": "6a7f3c1e-93a1-4f2b-8a0e-1f6f6f1f2a11",
}
"""A value to show for each field, by its name. A field of another type than usual overrides it below."""
_OTHER_SAMPLES: dict[tuple[str, str], Any] = {
    ("artifacts.list_files", "path"): "model",
    ("experiments.search", "filter"): "name LIKE 'wine%'",
    ("experiments.set_tag", "key"): "team",
    ("experiments.set_tag", "value"): "forecast",
    ("experiments.delete_tag", "key"): "team",
    ("inputs.log_outputs", "models"): [{"model_id": _SAMPLES["model_id"], "step": 10}],
    ("jobs.report", "state"): "RUNNING",
    ("jobs.submit", "executor"): "local",
    ("webhooks.list_deliveries", "state"): "DEAD",
    ("triggers.list_runs", "state"): "DEAD",
    ("logged_models.finalize", "status"): "LOGGED_MODEL_READY",
    ("approvals.set_policy", "metrics"): [{"metric": "accuracy", "operator": ">=", "value": 0.9}],
    ("approvals.search", "state"): "ASKED",
    ("registered_models.search", "filter"): "name LIKE 'wine%'",
    ("registered_models.set_tag", "key"): "team",
    ("registered_models.set_tag", "value"): "forecast",
    ("registered_models.delete_tag", "key"): "team",
    ("model_versions.search", "filter"): "name = 'wine'",
    ("model_versions.set_tag", "key"): "team",
    ("model_versions.set_tag", "value"): "forecast",
    ("model_versions.delete_tag", "key"): "team",
    ("runs.delete_tag", "key"): "team",
    ("runs.groups", "columns"): ["metrics.loss"],
    ("runs.table", "columns"): ["params.lr", "metrics.loss"],
    ("runs.log_param", "key"): "depth",
    ("runs.log_param", "value"): "6",
    ("runs.set_tag", "key"): "team",
    ("runs.set_tag", "value"): "forecast",
    ("webhooks.create", "status"): "ACTIVE",
    ("webhooks.rotate_secret", "secret"): "choose-a-long-one",
    ("webhooks.update", "status"): "DISABLED",
}


_FILE_ANSWERS = ("download", "run_file", "model_file", "version_file")
_TRANSFER_QUERY: dict[str, dict[str, bool]] = {
    "list_folder": {"path": False},
    "model_file": {"artifact_file_path": True},
    "run_file": {"run_id": True, "path": True},
    "upload_part": {"upload_id": True, "part_number": True},
    "version_file": {"name": True, "version": True, "path": True},
    "upload_run_file": {"run_uuid": True, "path": True},
}
"""The fields that the routes of files take by query, and whether they must be there."""


def _object(**fields: Json) -> Json:
    return {"type": "object", "properties": fields, "required": list(fields)}


_TEXT: Json = {"type": "string", "minLength": 1}
_NUMBER: Json = {"type": "integer", "minimum": 1, "maximum": 10_000}
_TRANSFER_BODY: dict[str, tuple[Json, Json]] = {
    "create_parts": (_object(path=_TEXT, num_parts=_NUMBER), {"path": "weights.bin", "num_parts": 2}),
    "complete_parts": (
        _object(
            path=_TEXT,
            upload_id=_TEXT,
            parts={"type": "array", "items": _object(part_number=_NUMBER, etag={"type": "string"})},
        ),
        {"path": "weights.bin", "upload_id": "8c1f", "parts": [{"part_number": 1, "etag": "5d41402a"}]},
    ),
    "abort_parts": (_object(path=_TEXT, upload_id=_TEXT), {"path": "weights.bin", "upload_id": "8c1f"}),
}
"""Schema and example of the JSON bodies among them."""


def document(prefix: str = "") -> Json:
    """The whole document. `prefix` stands in front of every path."""
    operations = OPERATIONS.values()
    schemas = schemas_of(operations)
    paths: Json = {}
    for op in operations:
        for number, (verb, path) in enumerate(((op.verb, op.path), *op.also)):
            item = _operation(op, verb, path, schemas)
            if number:
                item["operationId"] += f".{verb.lower()}"
            paths.setdefault(prefix + path, {})[verb.lower()] = item
    for row in TRANSFERS:
        path = row.path.replace(":path}", "}")
        paths.setdefault(prefix + path, {})[row.verb.lower()] = _transfer(row, path)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tidemill", "version": __version__, "description": _ABOUT},
        "tags": [_noun(noun) for noun in dict.fromkeys(op.noun for op in operations)],
        "paths": paths,
        "components": {"schemas": _used(schemas, paths)},
    }


def _errors() -> Json:
    """The `responses` entries that every operation shares."""
    content = {"application/json": {"schema": {"$ref": _REF + "Error"}}}
    return {
        "4XX": {"description": "The request is wrong; `message` says what to do.", "content": content},
        "5XX": {"description": "The server could not carry it out; nothing was written.", "content": content},
    }


def example(op: AnyOperation) -> Json:
    """A request that shows the required fields of `op`, and the telling ones of the others."""
    shown = {**_SAMPLES, **{field: value for (name, field), value in _OTHER_SAMPLES.items() if name == op.name}}
    fields = [field.name for field in msgspec.structs.fields(op.input)]
    hidden = {"run_id", "model_id"}.difference(op.required)
    return {name: shown[name] for name in fields if name in shown and name not in hidden}


def _noun(noun: str) -> Json:
    module = importlib.import_module(f"tidemill.api.{noun}")
    return {"name": noun, "description": inspect.cleandoc(module.__doc__ or "")}


def _operation(op: AnyOperation, verb: str, path: str, schemas: Json) -> Json:
    about = inspect.cleandoc(op.input.__doc__ or "")
    summary, _, rest = about.partition("\n\n")
    sample = example(op)
    item: Json = {
        "operationId": op.name,
        "tags": [op.noun],
        "summary": " ".join(summary.split()),
        "x-tidemill-allow": op.allow,
        "x-tidemill-writes": op.writes,
        "x-tidemill-replay": op.replay,
    }
    if rest:
        item["description"] = rest
    schema = cast(Json, schemas[op.input.__name__])
    in_path = [name for name in schema["properties"] if "{" + name + "}" in path]
    parameters = [_parameter(name, "path", schema, True, sample) for name in in_path]
    others = [name for name in schema["properties"] if name not in in_path]
    if verb == "GET":
        required = () if _either_run(op) else op.required
        parameters += [_parameter(name, "query", schema, name in required, sample) for name in others]
    elif others:
        body = {"$ref": _REF + op.input.__name__}
        shown = {name: sample[name] for name in others if name in sample}
        needed = bool(set(op.required) - set(in_path))
        item["requestBody"] = {
            "required": needed or verb == "POST",
            "content": {"application/json": {"schema": body, "example": shown}},
        }
    if parameters:
        item["parameters"] = parameters
    answer = {"application/json": {"schema": {"$ref": _REF + op.output.__name__}}}
    done = inspect.cleandoc(op.output.__doc__ or "").partition("\n\n")[0]
    item["responses"] = {"200": {"description": " ".join(done.split()), "content": answer}, **_errors()}
    return item


def _transfer(row: Transfer, path: str) -> Json:
    """A route on which files travel as they are."""
    asked = _TRANSFER_QUERY.get(row.name, {})
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": _TEXT, "example": _SAMPLES[name]}
        for name in re.findall(r"{(\w+)}", path)
    ] + [{"name": name, "in": "query", "required": need, "schema": _TEXT} for name, need in asked.items()]
    item: Json = {
        "operationId": f"artifacts.{row.name}",
        "tags": ["artifacts"],
        "summary": row.summary,
        "x-tidemill-allow": row.allow,
        "parameters": parameters,
    }
    if row.name in _TRANSFER_BODY:
        schema, sample = _TRANSFER_BODY[row.name]
        item["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema, "example": sample}},
        }
    elif row.verb in ("PUT", "POST"):
        item["requestBody"] = {"required": True, "content": {"application/octet-stream": {}}}
    kind = "application/octet-stream" if row.name in _FILE_ANSWERS else "application/json"
    content = {kind: {} if row.name in _FILE_ANSWERS else {"schema": {"type": "object"}}}
    item["responses"] = {"200": {"description": "Done.", "content": content}, **_errors()}
    if row.name in _FILE_ANSWERS:
        item["responses"]["200"]["description"] = "The file, with its media type by its name."
        item["responses"]["206"] = {"description": "The part that the header Range asked for.", "content": content}
    return item


def _parameter(name: str, place: str, schema: Json, required: bool, sample: Json) -> Json:
    inner = dict(schema["properties"][name])
    if place == "path":
        inner = {"type": "string", "minLength": 1}
    found: Json = {"name": name, "in": place, "required": required, "schema": inner}
    if name in sample:
        found["example"] = sample[name]
    return found


def _either_run(op: AnyOperation) -> bool:
    """Whether the run may be named by `run_uuid` instead of `run_id`."""
    return "run_id" in op.required and any(field.name == "run_uuid" for field in msgspec.structs.fields(op.input))


def schemas_of(operations: Iterable[AnyOperation]) -> Json:
    """The JSON schema of every struct that operations take or answer, by name, and that of an error."""
    kinds = [kind for op in operations for kind in (op.input, op.output)]
    _, raw = msgspec.json.schema_components(kinds, ref_template=_REF + "{name}")
    schemas = {name: cast(Json, _plain(schema)) for name, schema in raw.items()}
    for op in operations:
        _require(op, schemas[op.input.__name__])
    schemas["Error"] = {
        "type": "object",
        "description": "What went wrong. Clients decide by `error_code`; `message` is for people.",
        "properties": {"error_code": {"type": "string"}, "message": {"type": "string"}},
        "required": ["error_code", "message"],
    }
    return schemas


def _require(op: AnyOperation, schema: Json) -> None:
    """Write the table's required fields into an input's schema. An empty text counts as missing."""
    names = [name for name in op.required if "{" + name + "}" not in op.path]
    for name in names:
        field = schema["properties"][name]
        field.pop("default", None)
        if field.get("type") == "string":
            field["minLength"] = 1
    if _either_run(op):
        names.remove("run_id")
        schema["anyOf"] = [{"required": ["run_id"]}, {"required": ["run_uuid"]}]
    if names:
        schema["required"] = names


def _plain(schema: Any) -> Any:
    """A schema of msgspec's in the wire's terms: null is never sent, doubles have three more values."""
    if isinstance(schema, list):
        return [_plain(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _plain(value) for key, value in schema.items()}
    if {"type": "null"} in schema.get("items", {}).get("anyOf", ()):
        # Only in lists, where a place must be kept.
        inner = found["items"]
        found["items"] = {"anyOf": [*inner.get("anyOf", [inner]), {"type": "null"}]}
    choices = found.get("anyOf")
    if choices and {"type": "null"} in choices:
        rest = [one for one in choices if one != {"type": "null"}]
        del found["anyOf"]
        found.pop("default", None)
        found.update(rest[0] if len(rest) == 1 else {"anyOf": rest})
    if found.get("type") == "number":
        del found["type"]
        found["anyOf"] = [{"type": "number"}, {"enum": _SPECIAL_FLOATS}]
    if found.get("type") == "integer":
        found["format"] = "int64"
    if isinstance(found.get("description"), str):
        found["description"] = inspect.cleandoc(found["description"])
    if found.get("additionalProperties") is False:
        del found["additionalProperties"]
    if found.get("required") == []:
        del found["required"]
    if isinstance(found.get("enum"), list) and found["enum"] != _SPECIAL_FLOATS:
        found["type"] = "string"
    return found


def _used(schemas: Json, paths: Json) -> Json:
    """Those schemas that the paths lead to, sorted by name."""
    seen: set[str] = set()
    todo = [paths]
    while todo:
        for name in _references(todo.pop()):
            if name not in seen:
                seen.add(name)
                todo.append(schemas[name])
    return {name: schemas[name] for name in sorted(seen)}


def _references(value: Any) -> Iterable[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "$ref":
                yield inner.removeprefix(_REF)
            else:
                yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)
