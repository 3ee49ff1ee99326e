"""The file routes in the OpenAPI document: what travels as bytes, and the JSON of uploads in parts."""

import re
from typing import Any

from tidemill.api.artifacts import TRANSFERS
from tidemill.api.openapi import Json, error_answers
from tidemill.api.operation import Transfer

_BYTES: Json = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_TEXT: Json = {"type": "string"}
_UPLOAD: Json = {"path": _TEXT, "upload_id": _TEXT}
_PART: Json = {"type": "object", "properties": {"part_number": {"type": "integer"}, "etag": _TEXT}}
_QUERY = {
    "list_folder": {"path": False},
    "upload_part": {"upload_id": True, "part_number": True},
    "run_file": {"run_id": True, "path": True},
    "model_file": {"artifact_file_path": True},
    "upload_run_file": {"run_uuid": True, "path": True},
}
"""Query parameters of each route, and whether they are required."""
_BODIES: Json = {
    "create_parts": {"path": _TEXT, "num_parts": {"type": "integer", "minimum": 1, "maximum": 10_000}},
    "complete_parts": {**_UPLOAD, "parts": {"type": "array", "items": _PART}},
    "abort_parts": _UPLOAD,
}
_SENDS_BYTES = ("upload", "upload_part", "upload_run_file")
_ANSWERS_BYTES = ("download", "run_file", "model_file")


def file_paths() -> dict[str, Json]:
    """OpenAPI path items of the file routes, by path."""
    items: dict[str, Json] = {}
    for row in TRANSFERS:
        path = re.sub(r"\{(\w+):path\}", r"{\1}", row.path)
        items.setdefault(path, {})[row.verb.lower()] = _item(row, path)
    return items


def _item(row: Transfer, path: str) -> Json:
    item: Json = {
        "operationId": f"artifacts.{row.name}",
        "tags": ["artifacts"],
        "summary": row.summary,
        "x-tidemill-allow": row.allow,
        "responses": {"200": {"description": "Done.", "content": _answer(row)}, **error_answers()},
    }
    parameters = [_parameter(name, "path", True) for name in re.findall(r"\{(\w+)\}", path)]
    parameters += [_parameter(name, "query", needed) for name, needed in _QUERY.get(row.name, {}).items()]
    if parameters:
        item["parameters"] = parameters
    if row.name in _SENDS_BYTES:
        item["requestBody"] = {"required": True, "content": _BYTES}
    elif row.name in _BODIES:
        fields: Json = _BODIES[row.name]
        schema = {"type": "object", "properties": fields, "required": [name for name in fields if name != "parts"]}
        item["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return item


def _parameter(name: str, place: str, required: bool) -> Json:
    schema: dict[str, Any] = {"type": "integer", "minimum": 1} if name == "part_number" else {"type": "string"}
    if place == "path":
        schema["minLength"] = 1
    return {"name": name, "in": place, "required": required, "schema": schema}


def _answer(row: Transfer) -> Json:
    return _BYTES if row.name in _ANSWERS_BYTES else {"application/json": {"schema": {"type": "object"}}}
