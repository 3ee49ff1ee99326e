"""The page at `/docs`: the OpenAPI document for people. One static text: no script, nothing fetched from anywhere."""

import base64
import hashlib
import json
from collections.abc import Iterator
from html import escape
from typing import Any

Json = dict[str, Any]

_STYLE = """
:root { color-scheme: light dark; --text: #1c2430; --soft: #5b6675; --line: #dfe4ea; --page: #fff; --card: #f6f8fa;
  --get: #1f6feb; --post: #1a7f37; --patch: #9a6700; --delete: #cf222e; --link: #0b5cad; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e4e8ee; --soft: #9aa6b5; --line: #303843; --page: #12161c; --card: #1a2029;
    --get: #6cb0ff; --post: #56c271; --patch: #e0b040; --delete: #ff7b72; --link: #7ab7ff; } }
* { box-sizing: border-box; }
body { margin: 0; color: var(--text); background: var(--page); font: 15px/1.55 system-ui, sans-serif; }
main, header, nav { max-width: 62rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2.2rem; }
h1 { font-size: 1.7rem; margin: 0 0 .2rem; }
h2 { font-size: 1.2rem; margin: 2.4rem 0 .3rem; padding-top: .6rem; border-top: 1px solid var(--line); }
h3 { font-size: .95rem; margin: 1rem 0 .3rem; }
p { margin: .3rem 0 .8rem; }
a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; }
.soft { color: var(--soft); }
nav ul { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; list-style: none; padding: 0; margin: .8rem 0 0; }
details { border: 1px solid var(--line); border-radius: 6px; margin: .45rem 0; background: var(--card); }
summary { cursor: pointer; padding: .5rem .8rem; display: flex; gap: .7rem; align-items: baseline; flex-wrap: wrap; }
summary:focus-visible { outline: 2px solid var(--link); outline-offset: 1px; }
.inside { padding: 0 .9rem .9rem; border-top: 1px solid var(--line); background: var(--page);
  border-radius: 0 0 6px 6px; }
code, pre { font: 13px/1.5 ui-monospace, Menlo, Consolas, monospace; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: .6rem .8rem;
  overflow-x: auto; }
.verb { font: 700 12px ui-monospace, Menlo, Consolas, monospace; min-width: 4rem; }
.get { color: var(--get); } .post { color: var(--post); } .put, .patch { color: var(--patch); }
.delete { color: var(--delete); }
.path { overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 600; font-size: .85rem; }
"""


def render(document: Json) -> tuple[bytes, bytes]:
    """The page for an OpenAPI document, and the Content-Security-Policy under which it needs nothing else."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    )
    return "".join(_page(document)).encode(), policy.encode()


def _page(document: Json) -> Iterator[str]:
    info = document["info"]
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{escape(info['title'])} API</title><style>{_STYLE}</style></head><body>"
    yield f'<header><h1>{escape(info["title"])} API <span class="soft">{escape(info["version"])}</span></h1>'
    yield f'<p>{_text(info["description"])}</p><p><a href="openapi.json">openapi.json</a></p></header><nav><ul>'
    for tag in document["tags"]:
        yield f'<li><a href="#{escape(tag["name"])}">{_title(tag["name"])}</a></li>'
    yield '<li><a href="#schemas">schemas</a></li></ul></nav><main>'
    for tag in document["tags"]:
        yield f'<section id="{escape(tag["name"])}"><h2>{_title(tag["name"])}</h2>'
        yield f'<p class="soft">{_text(tag["description"])}</p>'
        for path, verbs in document["paths"].items():
            for verb, item in verbs.items():
                if tag["name"] in item["tags"]:
                    yield from _operation(document, path, verb, item)
        yield "</section>"
    yield '<section id="schemas"><h2>Schemas</h2>'
    for name, schema in document["components"]["schemas"].items():
        yield from _schema(name, schema)
    yield "</section></main></body></html>"


def _title(noun: str) -> str:
    return escape(noun.replace("_", " "))


def _text(text: str) -> str:
    """Prose with `code` in backquotes."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts))


def _operation(document: Json, path: str, verb: str, item: Json) -> Iterator[str]:
    yield f'<details id="{escape(item["operationId"])}"><summary><span class="verb {verb}">{verb.upper()}</span>'
    yield f'<code class="path">{escape(path)}</code><span class="soft">{_text(item["summary"])}</span></summary>'
    yield '<div class="inside">'
    if "description" in item:
        yield f"<p>{_text(item['description'])}</p>"
    if "x-tidemill-allow" in item:
        yield f'<p class="soft">Needs the permission <code>{escape(item["x-tidemill-allow"])}</code>.</p>'
    fields = list(_fields(document, item))
    if fields:
        yield "<h3>Fields</h3>" + _table(("name", "in", "type", "default"), fields)
    yield f"<h3>Example</h3><pre>{escape(_curl(path, verb, item))}</pre>"
    yield "<h3>Answer</h3><table>"
    for status, answer in item["responses"].items():
        schemas = [content.get("schema") for content in answer.get("content", {}).values()]
        kind = _kind(schemas[0]) if schemas and schemas[0] else "bytes"
        yield f"<tr><td>{escape(status)}</td><td>{kind}</td><td>{_text(answer['description'])}</td></tr>"
    yield "</table></div></details>"


def _fields(document: Json, item: Json) -> Iterator[tuple[str, str, str, str]]:
    for one in item.get("parameters", ()):
        yield _row(one["name"], one["in"], one["schema"], one["required"])
    for content in item.get("requestBody", {}).get("content", {}).values():
        schema = content.get("schema", {})
        if "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        for field, inner in schema.get("properties", {}).items():
            yield _row(field, "body", inner, field in schema.get("required", ()))


def _row(name: str, place: str, schema: Json, required: bool) -> tuple[str, str, str, str]:
    default = "<b>required</b>" if required else ""
    if "default" in schema:
        default = f"<code>{escape(json.dumps(schema['default']))}</code>"
    return f"<code>{escape(name)}</code>", place, _kind(schema), default


def _kind(schema: Json) -> str:
    """A type in words, linked where it has a name."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#schema-{name}">{name}</a>'
    if schema.get("type") == "array":
        return "list of " + _kind(schema["items"])
    if "anyOf" in schema and "properties" not in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"<code>{escape(str(one))}</code>" for one in schema["enum"])
    return escape(str(schema.get("type", "anything")))


def _schema(name: str, schema: Json) -> Iterator[str]:
    yield f'<details id="schema-{escape(name)}"><summary><code>{escape(name)}</code>'
    yield f'<span class="soft">{_text(schema.get("description", "").partition(chr(10) * 2)[0])}</span></summary>'
    yield '<div class="inside">'
    required = schema.get("required", ())
    rows = [_row(field, "", inner, field in required) for field, inner in schema.get("properties", {}).items()]
    if rows:
        yield _table(("name", "type", "default"), [(field, kind, default) for field, _, kind, default in rows])
    else:
        yield f"<p>{_kind(schema)}</p>"
    yield "</div></details>"


def _table(heads: tuple[str, ...], rows: list[Any]) -> str:
    head = "".join(f"<th>{escape(one)}</th>" for one in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _curl(path: str, verb: str, item: Json) -> str:
    query = []
    for one in item.get("parameters", ()):
        if "example" not in one:
            continue
        if one["in"] == "path":
            path = path.replace("{" + one["name"] + "}", str(one["example"]))
        else:
            values = one["example"] if isinstance(one["example"], list) else [one["example"]]
            query += [" \\\n  --data-urlencode " + _quote(f"{one['name']}={value}") for value in values]
    parts = ["curl" if verb == "get" else f"curl -X {verb.upper()}"]
    if query:
        parts.append("-G")
    parts.append(f"http://127.0.0.1:5000{path}")
    text = " ".join(parts) + "".join(query)
    for kind, content in item.get("requestBody", {}).get("content", {}).items():
        text += f" \\\n  -H 'Content-Type: {kind}'"
        text += (
            f" \\\n  -d {_quote(json.dumps(content['example']))}" if "example" in content else " \\\n  -T weights.bin"
        )
    return text


def _quote(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
