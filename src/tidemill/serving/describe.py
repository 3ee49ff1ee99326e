"""The interface of what is served, for programs (OpenAPI 3.1) and for people (a page where a model can be tried).

The page holds no script: its form is answered by `/models/{name}/try`, with a page again. So its
Content-Security-Policy forbids scripts altogether, and nothing a model is called can become one.
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from html import escape
from typing import Any

import msgspec

from tidemill import __version__
from tidemill.serving.fleet import Endpoint
from tidemill.serving.schema import Schema
from tidemill.serving.servable import Servable

Json = dict[str, Any]
_KINDS: dict[str, Json] = {
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer", "format": "int32"},
    "long": {"type": "integer", "format": "int64"},
    "float": {"type": ["number", "null"], "format": "float"},
    "double": {"type": ["number", "null"], "format": "double"},
    "string": {"type": ["string", "null"]},
    "binary": {"type": "string", "contentEncoding": "base64"},
    "datetime": {"type": "string", "format": "date-time"},
}
_ERROR: Json = {"type": "object", "properties": {"error_code": {"type": "string"}, "message": {"type": "string"}}}
_STYLE = """
:root { color-scheme: light dark; --text: #1c2430; --soft: #5b6675; --line: #dfe4ea; --page: #fff; --card: #f6f8fa;
  --link: #0b5cad; }
@media (prefers-color-scheme: dark) { :root { --text: #e4e8ee; --soft: #9aa6b5; --line: #303843; --page: #12161c;
  --card: #1a2029; --link: #7ab7ff; } }
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem 1.25rem; color: var(--text); background: var(--page);
  font: 15px/1.55 system-ui, sans-serif; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2rem; } a { color: var(--link); }
.soft, th { color: var(--soft); } th { text-align: left; font-weight: 600; }
td, th { padding: .2rem 1rem .2rem 0; border-bottom: 1px solid var(--line); }
pre, textarea { font: 13px/1.5 ui-monospace, Menlo, Consolas, monospace; background: var(--card); color: inherit;
  border: 1px solid var(--line); border-radius: 6px; padding: .6rem .8rem; width: 100%; box-sizing: border-box;
  overflow-x: auto; white-space: pre-wrap; }
input { font: inherit; width: 14rem; background: var(--card); color: inherit; border: 1px solid var(--line);
  border-radius: 4px; padding: .15rem .4rem; }
button { font: inherit; padding: .4rem 1.2rem; margin-top: .8rem; }
"""
MOST_FIELDS = 60
"""A model with more columns gets one field for the whole body."""


def document(endpoints: list[Endpoint], with_token: bool) -> Json:
    """The OpenAPI document of these endpoints."""
    paths: Json = {
        "/ping": {"get": _simple("ping", "Whether every model answers.")},
        "/health": {"get": _simple("health", "What is served, and what is wrong.")},
        "/metrics": {"get": _simple("metrics", "Numbers for Prometheus.")},
        "/feedback": {"post": _feedback()},
    }
    for endpoint in endpoints:
        servable = endpoint.pick().servable
        path = f"/models/{endpoint.name}/invocations"
        paths[path] = {"post": _invocation(servable, f"predict_{endpoint.name}")}
        if len(endpoints) == 1:
            paths["/invocations"] = {"post": _invocation(servable, "predict")}
    made: Json = {
        "openapi": "3.1.0",
        "info": {"title": "Tidemill serving", "version": __version__, "description": "Predictions of models."},
        "paths": paths,
    }
    if with_token:
        made["components"] = {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}}
        made["security"] = [{"token": []}]
    return made


def _simple(name: str, text: str) -> Json:
    return {"operationId": name, "summary": text, "responses": {"200": {"description": "It is so."}}}


def _feedback() -> Json:
    fields = {"request_id": {"type": "string"}, "answer": {}, "comment": {"type": "string"}}
    schema = {"type": "object", "required": ["request_id", "answer"], "properties": fields}
    return {
        "operationId": "feedback",
        "summary": "The right answer to a request, for the request log.",
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {"202": {"description": "Noted."}, "404": {"description": "There is no request log."}},
    }


def _invocation(servable: Servable, name: str) -> Json:
    content: Json = {"schema": request_schema(servable)}
    if servable.example is not None:
        content["example"] = msgspec.json.decode(servable.example)
    error = {"description": "What was wrong.", "content": {"application/json": {"schema": _ERROR}}}
    answer = {"type": "object", "required": ["predictions"], "properties": {"predictions": {}}}
    return {
        "operationId": name,
        "summary": f"Predictions of {servable.name}, version {servable.version}.",
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": {
            "200": {"description": "Predictions.", "content": {"application/json": {"schema": answer}}},
            **dict.fromkeys(("400", "401", "413", "429", "503", "504"), error),
        },
    }


def request_schema(servable: Servable) -> Json:
    """The JSON schema of a body of `/invocations`."""
    schema = servable.schema
    params = {str(one.get("name")): _KINDS.get(str(one.get("type")), {}) for one in servable.params or ()}
    more: Json = {"params": {"type": "object", "properties": params}} if params else {}
    if schema is None or not schema.columns:
        keys = (
            ("instances", "inputs")
            if schema is not None
            else ("dataframe_split", "dataframe_records", "instances", "inputs")
        )
        return {"oneOf": [{"type": "object", "required": [key], "properties": {key: {}, **more}} for key in keys]}
    record = {
        "type": "object",
        "properties": {one.name: _KINDS.get(one.kind, {}) for one in schema.columns},
        "required": [one.name for one in schema.columns if one.required],
    }
    records = {"type": "array", "items": record}
    split = {"type": "object", "required": ["data"], "properties": {
        "columns": {"type": "array", "items": {"type": "string"}},
        "data": {"type": "array", "items": {"type": "array"}},
    }}  # fmt: skip
    return {"oneOf": [
        {"type": "object", "required": ["dataframe_records"], "properties": {"dataframe_records": records, **more}},
        {"type": "object", "required": ["dataframe_split"], "properties": {"dataframe_split": split, **more}},
    ]}  # fmt: skip


def model_page(endpoints: list[Endpoint], one: bool, tried: tuple[str, str] | None = None) -> tuple[bytes, bytes]:
    """The page of one model (`tried`: the body that was sent, and the answer), or of all; and its policy."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
    )
    parts = _one_model(endpoints[0], tried) if one and endpoints else _all_models(endpoints)
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Tidemill serving</title><style>{_STYLE}</style></head><body>"
    )
    return (head + "".join(parts) + "</body></html>").encode(), policy.encode()


def _all_models(endpoints: list[Endpoint]) -> Iterator[str]:
    yield f'<h1>Models <span class="soft">Tidemill {escape(__version__)}</span></h1>'
    yield "<table><tr><th>model</th><th>version</th><th>from</th><th></th></tr>"
    for endpoint in endpoints:
        version, name = endpoint.pick().version, escape(endpoint.name)
        yield f"<tr><td>{name}</td><td>{escape(version)}</td><td>{escape(endpoint.address)}</td>"
        yield f'<td><a href="/models/{name}/docs">try it</a></td></tr>'
    yield '</table><p><a href="/openapi.json">openapi.json</a> · <a href="/health">health</a> · '
    yield '<a href="/metrics">metrics</a></p>'


def _one_model(endpoint: Endpoint, tried: tuple[str, str] | None) -> Iterator[str]:
    loaded = endpoint.pick()
    servable, schema, name = loaded.servable, loaded.reader.schema, escape(endpoint.name)
    yield f'<p><a href="/docs">All models</a></p><h1>{name} <span class="soft">version {escape(loaded.version)}</span></h1>'
    if tried is not None:
        yield f"<h2>Answer</h2><pre>{escape(tried[1])}</pre>"
    yield f'<h2>Try it</h2><form method="post" action="/models/{name}/try">'
    fields = _fields(servable, schema)
    if fields and tried is None:
        yield "<table>"
        for column, kind, value in fields:
            yield f'<tr><td><label for="c-{escape(column)}">{escape(column)}</label></td><td><input id="c-{escape(column)}" '
            yield f'name="c-{escape(column)}" value="{escape(value)}"></td><td class="soft">{escape(kind)}</td></tr>'
        yield "</table>"
    else:
        body = tried[0] if tried is not None else _pretty(servable.example or b'{"inputs": []}')
        yield f'<textarea name="body" rows="14" aria-label="Request body">{escape(body)}</textarea>'
    yield "<div><button>Predict</button></div></form>"
    if servable.example is not None:
        command = f"curl http://…/models/{endpoint.name}/invocations -H 'Content-Type: application/json' -d @body.json"
        yield f"<h2>From a program</h2><pre>{escape(command)}</pre><pre>{escape(_pretty(servable.example))}</pre>"
    yield f'<p><a href="/models/{name}/openapi.json">openapi.json</a></p>'


def _fields(servable: Servable, schema: Schema | None) -> list[tuple[str, str, str]]:
    """(column, type, value) for the form: the first row of the example."""
    if schema is None or not schema.columns or len(schema.columns) > MOST_FIELDS:
        return []
    row = _first_row(servable.example, schema)
    return [(one.name, one.kind, _shown(row.get(one.name))) for one in schema.columns]


def _first_row(example: bytes | None, schema: Schema) -> Json:
    if example is None:
        return {}
    body = msgspec.json.decode(example)
    split, records = body.get("dataframe_split"), body.get("dataframe_records")
    if split and split.get("data"):
        return dict(zip(split.get("columns") or schema.names, split["data"][0], strict=False))
    return dict(records[0]) if records else {}


def _shown(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def _pretty(body: bytes) -> str:
    return json.dumps(json.loads(body), indent=2)


def body_of_form(fields: dict[str, str], schema: Schema | None) -> bytes:
    """The `/invocations` body that a submitted form stands for."""
    if "body" in fields:
        return fields["body"].encode()
    record: Json = {}
    for one in schema.columns if schema is not None else ():
        text = fields.get("c-" + one.name, "").strip()
        if one.kind in ("string", "datetime", "binary"):
            record[one.name] = text or None
        elif text:
            try:
                record[one.name] = json.loads(text)
            except ValueError:
                record[one.name] = text
        else:
            record[one.name] = None
    return msgspec.json.encode({"dataframe_records": [record]})
